//! Virtual clusters: requests of a virtual host that are counted on their own.

use std::sync::Arc;

use crate::compile::{each, Result};
use crate::headers::Headers;
use crate::matcher::{HeaderMatcher, Regexes};
use crate::proto;

/// The virtual clusters of a virtual host, and the one for all other requests.
#[derive(Default)]
pub struct VirtualClusters {
    clusters: Vec<VirtualCluster>,
    /// Name and VirtualClusterStat of all other requests.
    other: (Arc<str>, u32),
}

/// One virtual cluster.
struct VirtualCluster {
    name: Arc<str>,
    headers: Vec<HeaderMatcher>,
    stats_block: u32,
}

/// Where a request is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VirtualClusterMatch<'a> {
    pub name: &'a Arc<str>,
    /// VirtualClusterStat.
    pub stats_block: u32,
}

impl VirtualClusters {
    pub(super) fn compile(message: &proto::VirtualHost, regexes: &Regexes) -> Result<Self> {
        let clusters = each(&message.virtual_clusters, "virtual_clusters", |cluster| {
            Ok(VirtualCluster {
                name: cluster.name.as_str().into(),
                headers: each(&cluster.headers, "headers", |m| HeaderMatcher::compile(m, regexes))?,
                stats_block: cluster.stats_block,
            })
        })?;
        Ok(Self { clusters, other: ("other".into(), message.stats_block) })
    }

    /// The first virtual cluster whose matchers all hold, or `other`; `None` when there are none.
    pub fn of(&self, request: &Headers) -> Option<VirtualClusterMatch<'_>> {
        if self.clusters.is_empty() {
            return None;
        }
        let found =
            self.clusters.iter().find(|cluster| cluster.headers.iter().all(|m| m.matches(request)));
        Some(match found {
            Some(cluster) => {
                VirtualClusterMatch { name: &cluster.name, stats_block: cluster.stats_block }
            }
            None => VirtualClusterMatch { name: &self.other.0, stats_block: self.other.1 },
        })
    }
}
