//! The ring of RING_HASH: each host stands at many points of it; a hash leads to the next point.

use std::io::Write;

use super::placement::Placement;
use super::TableStats;
use crate::hash::{murmur2, xxhash64};

/// Hashes the name of one point.
pub(super) type Hash = fn(&[u8]) -> u64;

pub(super) fn xxhash(name: &[u8]) -> u64 {
    xxhash64(name, 0)
}

pub(super) fn murmur(name: &[u8]) -> u64 {
    murmur2(name)
}

pub(super) struct Ring {
    /// Where the points are, in ascending order.
    points: Box<[u64]>,
    /// The index of the host at each point.
    hosts: Box<[u32]>,
    pub stats: TableStats,
}

impl Ring {
    /// A ring of the least size in `limits` at which the host with the smallest share has a whole number of
    /// points, but of no more than the greatest.
    pub fn new(
        hosts: &[Placement],
        (minimum, maximum): (u64, u64),
        hash: Hash,
        use_hostname: bool,
    ) -> Self {
        let smallest = hosts.iter().map(|placement| placement.share).fold(1.0, f64::min);
        let whole = (smallest * minimum as f64).ceil() / smallest;
        let scale = whole.min(maximum as f64);
        let size = scale.ceil() as u64;
        let mut ring: Vec<(u64, u32)> = Vec::with_capacity(size as usize);
        let mut stats = TableStats { size, fewest: size, most: 0 };
        // Points are whole: what one host has too many of, or too few, is made good by the next.
        let mut target = 0.0;
        let mut name = Vec::new();
        for (index, placement) in hosts.iter().enumerate() {
            target += scale * placement.share;
            name.clear();
            name.extend_from_slice(placement.key(use_hostname).as_bytes());
            name.push(b'_');
            let prefix = name.len();
            let mut number = 0_u64;
            while (ring.len() as f64) < target {
                name.truncate(prefix);
                // Writing to a vector does not fail.
                let _ = write!(name, "{number}");
                ring.push((hash(&name), index as u32));
                number += 1;
            }
            stats.fewest = stats.fewest.min(number);
            stats.most = stats.most.max(number);
        }
        ring.sort_by_key(|(point, _)| *point);
        let (points, hosts): (Vec<_>, Vec<_>) = ring.into_iter().unzip();
        Self { points: points.into(), hosts: hosts.into(), stats }
    }

    /// The index of the host for `hash`; another attempt goes one point further.
    pub fn find(&self, hash: u64, attempt: u32) -> usize {
        let next = self.points.partition_point(|point| *point < hash) + attempt as usize;
        let place = next % self.points.len().max(1);
        self.hosts.get(place).map_or(0, |index| *index as usize)
    }
}
