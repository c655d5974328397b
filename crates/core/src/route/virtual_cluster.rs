//! Virtual clusters: requests of a virtual host that are counted on their own.

use crate::compile::{each, Result};
use crate::headers::Headers;
use crate::matcher::{HeaderMatcher, Regexes};
use crate::proto;

/// The virtual clusters of a virtual host, and the one for all other requests.
pub struct VirtualClusters {
    clusters: Vec<VirtualCluster>,
    other: u32,
}

/// One virtual cluster.
struct VirtualCluster {
    name: String,
    headers: Vec<HeaderMatcher>,
    stats_block: u32,
}

/// Where a request is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VirtualClusterMatch<'a> {
    pub name: &'a str,
    /// VirtualClusterStat.
    pub stats_block: u32,
}

impl VirtualClusters {
    pub(super) fn compile(message: &proto::VirtualHost, regexes: &Regexes) -> Result<Self> {
        let clusters = each(&message.virtual_clusters, "virtual_clusters", |cluster| {
            Ok(VirtualCluster {
                name: cluster.name.clone(),
                headers: each(&cluster.headers, "headers", |m| HeaderMatcher::compile(m, regexes))?,
                stats_block: cluster.stats_block,
            })
        })?;
        Ok(Self { clusters, other: message.stats_block })
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
            None => VirtualClusterMatch { name: "other", stats_block: self.other },
        })
    }
}
