//! The table of MAGLEV: hosts fill it in turn, each at the places that it prefers.
//! <https://research.google/pubs/maglev-a-fast-and-reliable-software-network-load-balancer/>, section 3.4

use std::borrow::Cow;

use super::placement::Placement;
use super::TableStats;
use crate::hash::xxhash64;

const FREE: u32 = u32::MAX;

pub(super) struct Maglev {
    /// The index of the host at each place.
    table: Box<[u32]>,
    pub stats: TableStats,
}

/// A host while the table is filled.
struct Filling<'a> {
    key: Cow<'a, str>,
    index: u32,
    share: f64,
    /// The place that it wants next, and how far it is from there to the one after.
    place: u64,
    skip: u64,
    /// What its turns have to sum to before it gets another place.
    target: f64,
    count: u64,
}

impl<'a> Filling<'a> {
    fn new(placement: &'a Placement, index: u32, size: u64, use_hostname: bool) -> Self {
        let key = placement.key(use_hostname);
        Self {
            place: xxhash64(key.as_bytes(), 0) % size,
            skip: xxhash64(key.as_bytes(), 1) % (size - 1).max(1) + 1,
            key,
            index,
            share: placement.share,
            target: 0.0,
            count: 0,
        }
    }

    fn take_place(&mut self, table: &mut [u32]) {
        let size = table.len() as u64;
        while table[self.place as usize] != FREE {
            self.place = (self.place + self.skip) % size;
        }
        table[self.place as usize] = self.index;
        self.place = (self.place + self.skip) % size;
        self.count += 1;
    }
}

impl Maglev {
    /// A table of `size`, which is a prime; of one place if there is one host, as Envoy has it. The order
    /// of `hosts` plays no part.
    pub fn new(hosts: &[Placement], size: u64, use_hostname: bool) -> Self {
        let size = if hosts.len() == 1 { 1 } else { size.max(1) };
        let mut filling: Vec<_> = (0_u32..)
            .zip(hosts)
            .map(|(index, host)| Filling::new(host, index, size, use_hostname))
            .collect();
        filling.sort_by(|a, b| a.key.cmp(&b.key));
        let greatest = hosts.iter().map(|placement| placement.share).fold(0.0, f64::max);
        let mut table = vec![FREE; size as usize];
        let mut left = if hosts.is_empty() { 0 } else { size };
        let mut turn = 0.0;
        while left > 0 {
            turn += 1.0;
            for host in &mut filling {
                if left == 0 || turn * host.share < host.target {
                    continue;
                }
                host.target += greatest;
                host.take_place(&mut table);
                left -= 1;
            }
        }
        let counts = || filling.iter().map(|host| host.count);
        let stats = TableStats {
            size,
            fewest: counts().min().unwrap_or(size),
            most: counts().max().unwrap_or(0),
        };
        Self { table: table.into(), stats }
    }

    /// The index of the host for `hash`; another attempt is one with another hash.
    pub fn find(&self, hash: u64, attempt: u32) -> usize {
        let hash = match attempt {
            0 => hash,
            attempt => hash ^ (u64::MAX - u64::from(attempt) + 1),
        };
        let place = hash % self.table.len().max(1) as u64;
        self.table.get(place as usize).map_or(0, |index| *index as usize)
    }
}
