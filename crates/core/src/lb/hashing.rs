//! RING_HASH and MAGLEV: a hash leads to the same host as long as the hosts stay the same. Hosts are placed
//! as Envoy places them, so that both send the same key to the same host.
//! <https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/load_balancing/load_balancers>
//!
//! A table is made once an update, for all workers, and stays while its hosts and their weights do.

mod bounded;
mod maglev;
mod placement;
mod ring;

use std::sync::{Arc, OnceLock};

use self::bounded::Bounds;
use self::maglev::Maglev;
use self::placement::{placements, Placement};
use self::ring::Ring;
use super::{Asker, LbContext, LbSettings, Loads};
use crate::proto::ClusterStat;
use crate::stats::Block;
use crate::upstream::{Host, HostSets};

pub use bounded::Order;

/// How the hosts of a cluster are placed.
#[derive(Clone, Copy, Debug)]
pub struct HashSettings {
    /// A host is known by its name, not by its address.
    pub use_hostname: bool,
    /// Percent of its share that a host may have of the active requests; 0: there is no bound.
    pub balance_factor: u32,
    pub table: TableSettings,
}

#[derive(Clone, Copy, Debug)]
pub enum TableSettings {
    Ring {
        minimum: u64,
        maximum: u64,
        murmur: bool,
    },
    /// A prime.
    Maglev {
        size: u64,
    },
}

/// What a table tells about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct TableStats {
    size: u64,
    /// The places of the host that has the fewest, and of the one that has the most.
    fewest: u64,
    most: u64,
}

enum Table {
    Ring(Ring),
    Maglev(Maglev),
}

/// The hosts of one priority and their table.
struct PriorityTable {
    hosts: Box<[Placement]>,
    table: OnceLock<Table>,
}

/// The tables of a cluster, or of a subset of its hosts.
pub struct Tables {
    settings: HashSettings,
    loads: Loads,
    priorities: Vec<Arc<PriorityTable>>,
}

impl Tables {
    /// Tables are made when they are first used; those of `previous` whose hosts are the same are kept.
    pub fn new(
        sets: &HostSets,
        settings: &LbSettings,
        hashing: HashSettings,
        previous: Option<&Self>,
    ) -> Self {
        let loads = Loads::of(sets, settings.panic_threshold);
        let priorities = sets.priorities.iter().enumerate().map(|(index, priority)| {
            let hosts = placements(priority, loads.panic[index], settings.locality_weighted);
            let old = previous.and_then(|previous| previous.priorities.get(index));
            match old.filter(|old| placement::same(&old.hosts, &hosts)) {
                Some(old) => old.clone(),
                None => Arc::new(PriorityTable { hosts: hosts.into(), table: OnceLock::new() }),
            }
        });
        let priorities = priorities.collect();
        Self { settings: hashing, loads, priorities }
    }

    /// Makes the tables that there are not yet, so that no request waits for one.
    pub fn build(&self) {
        self.priorities.iter().for_each(|priority| {
            priority.table(&self.settings);
        });
    }

    /// Writes the gauges of the last priority that has hosts, as Envoy does.
    pub fn write_stats(&self, block: &Block) {
        let with_hosts = |priority: &&Arc<PriorityTable>| !priority.hosts.is_empty();
        let Some(last) = self.priorities.iter().rev().find(with_hosts) else { return };
        match last.table(&self.settings) {
            Table::Ring(Ring { stats, .. }) => {
                block.set(ClusterStat::ClusterRingHashLbSize, stats.size);
                block.set(ClusterStat::ClusterRingHashLbMinHashesPerHost, stats.fewest);
                block.set(ClusterStat::ClusterRingHashLbMaxHashesPerHost, stats.most);
            }
            Table::Maglev(Maglev { stats, .. }) => {
                block.set(ClusterStat::ClusterMaglevLbMinEntriesPerHost, stats.fewest);
                block.set(ClusterStat::ClusterMaglevLbMaxEntriesPerHost, stats.most);
            }
        }
    }

    /// The host for the hash of `context`, or for a random one. `order` is room that choices of one
    /// worker share.
    pub fn choose(
        &self,
        context: &LbContext<'_>,
        asker: &Asker<'_>,
        order: &Order,
    ) -> Option<&Arc<Host>> {
        let hash = context.hash.unwrap_or_else(|| asker.random.next());
        let (index, _) = self.loads.choose(hash);
        if *self.loads.panic.get(index)? {
            (asker.count)(ClusterStat::ClusterLbHealthyPanic);
        }
        let priority = self.priorities.get(index)?;
        let find = |attempt| self.find(priority, hash, attempt, asker, order);
        let mut host = find(0)?;
        for attempt in 1..=context.max_attempts {
            if !context.refuses(host) {
                break;
            }
            host = find(attempt)?;
        }
        Some(host)
    }

    fn find<'a>(
        &'a self,
        priority: &'a PriorityTable,
        hash: u64,
        attempt: u32,
        asker: &Asker<'_>,
        order: &Order,
    ) -> Option<&'a Arc<Host>> {
        if priority.hosts.is_empty() {
            return None;
        }
        let found = match priority.table(&self.settings) {
            Table::Ring(ring) => ring.find(hash, attempt),
            Table::Maglev(maglev) => maglev.find(hash, attempt),
        };
        let found = match self.settings.balance_factor {
            0 => found,
            factor => {
                let bounds = Bounds::new(&priority.hosts, (asker.active_requests)(), factor);
                bounds.find(found, hash, order)
            }
        };
        priority.hosts.get(found).map(|placement| &placement.host)
    }
}

impl PriorityTable {
    fn table(&self, settings: &HashSettings) -> &Table {
        self.table.get_or_init(|| match settings.table {
            TableSettings::Ring { minimum, maximum, murmur } => {
                let hash = if murmur { ring::murmur } else { ring::xxhash };
                let limits = (minimum, maximum);
                Table::Ring(Ring::new(&self.hosts, limits, hash, settings.use_hostname))
            }
            TableSettings::Maglev { size } => {
                Table::Maglev(Maglev::new(&self.hosts, size, settings.use_hostname))
            }
        })
    }
}

#[cfg(test)]
mod tests;
