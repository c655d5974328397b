//! Subset load balancing: hosts by the values of their metadata, so that a request finds those that it asks
//! for at once.
//! <https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/load_balancing/subsets>

mod balancer;
mod build;
mod settings;

use std::sync::Arc;

use ahash::AHashMap;

use super::criteria::Criterion;
use super::{LbSettings, Local, Prepared, ZoneCounts};
use crate::proto::ClusterStat;
use crate::stats::Block;
use crate::upstream::{Host, HostSets};

pub(super) use balancer::SubsetBalancer;
pub use settings::SubsetSettings;

/// The subsets of a cluster's hosts at one moment, shared by all workers.
pub struct Subsets {
    settings: Arc<SubsetSettings>,
    /// What holds within a subset.
    inner: LbSettings,
    root: Node,
    subsets: Vec<Subset>,
    /// All hosts, where a fallback asks for them.
    any: Option<Arc<Prepared>>,
    /// Hosts that match the default subset, where a fallback asks for them.
    default: Option<Arc<Prepared>>,
    /// Hosts left out of subsets of one host each, which have another.
    duplicates: u64,
    /// How many subsets the previous update did not have, and how many it had more.
    pub created: u64,
    pub removed: u64,
}

enum Subset {
    Hosts(Arc<Prepared>),
    One(Arc<Host>),
}

/// Hosts whose metadata has a value, by the name and the value (as JSON) of what may follow it.
#[derive(Default)]
struct Node {
    children: AHashMap<Box<str>, AHashMap<Box<str>, Node>>,
    subset: Option<usize>,
}

impl Node {
    fn child(&self, name: &str, value: &str) -> Option<&Self> {
        self.children.get(name)?.get(value)
    }

    fn find<'a>(&self, path: impl IntoIterator<Item = (&'a str, &'a str)>) -> Option<usize> {
        let mut node = self;
        for (name, value) in path {
            node = node.child(name, value)?;
        }
        node.subset
    }
}

impl Subsets {
    /// Subsets that `previous` has already keep what they have prepared, as far as their hosts stay the same.
    pub fn new(
        sets: &Arc<HostSets>,
        settings: &Arc<SubsetSettings>,
        lb: &LbSettings,
        local: Option<&Local<'_>>,
        previous: Option<&Self>,
    ) -> Self {
        build::build(sets, settings, lb, local, previous)
    }

    fn find(&self, asked: &[&Criterion]) -> Option<usize> {
        self.root.find(asked.iter().map(|criterion| (&*criterion.name, &*criterion.value)))
    }

    pub fn zone_counts(&self) -> ZoneCounts {
        let subsets = self.subsets.iter().filter_map(|subset| match subset {
            Subset::Hosts(prepared) => Some(prepared),
            Subset::One(_) => None,
        });
        subsets.chain(&self.any).chain(&self.default).map(|it| it.zone_counts()).sum()
    }

    /// Writes the gauges. `balancers`: in Envoy each thread has subsets of its own.
    pub fn write_stats(&self, block: &Block, balancers: u64) {
        block.set(ClusterStat::ClusterLbSubsetsActive, balancers * self.subsets.len() as u64);
        let stat = ClusterStat::ClusterLbSubsetsSingleHostPerSubsetDuplicate;
        block.set(stat, self.duplicates);
        // Tables of subsets write the same gauges, in Envoy in no certain order.
        if let Some(Subset::Hosts(last)) = self.subsets.last() {
            last.write_stats(block, balancers);
        }
    }
}

#[cfg(test)]
mod tests;
