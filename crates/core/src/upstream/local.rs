//! This proxy among others: where it runs, and the cluster that it is a member of.
//! <https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/bootstrap/v3/bootstrap.proto>: local_cluster_name

use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::sync::watch;

use super::host::Locality;
use super::HostSets;
use crate::proto;

pub struct LocalNode {
    /// The name of the local cluster; empty: there is none.
    cluster: String,
    locality: Option<Locality>,
    /// Of the local cluster.
    sets: ArcSwap<HostSets>,
    changed: watch::Sender<()>,
}

impl LocalNode {
    pub fn compile(message: &proto::Node) -> Self {
        let locality = message.locality.as_ref().map(|locality| Locality {
            region: locality.region.clone(),
            zone: locality.zone.clone(),
            sub_zone: locality.sub_zone.clone(),
        });
        Self {
            cluster: message.local_cluster.clone(),
            locality,
            sets: ArcSwap::default(),
            changed: watch::Sender::default(),
        }
    }

    pub fn cluster(&self) -> &str {
        &self.cluster
    }

    pub fn locality(&self) -> Option<&Locality> {
        self.locality.as_ref()
    }

    /// The name of its zone; may be empty.
    pub fn zone(&self) -> &str {
        self.locality.as_ref().map_or("", |locality| &locality.zone)
    }

    /// The hosts of the local cluster.
    pub fn sets(&self) -> Arc<HostSets> {
        self.sets.load_full()
    }

    /// Told whenever the hosts of the local cluster, or their health, change from now on.
    pub fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    pub fn publish(&self, sets: Arc<HostSets>) {
        self.sets.store(sets);
        self.changed.send_replace(());
    }
}
