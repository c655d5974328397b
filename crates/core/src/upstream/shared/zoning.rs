//! What a cluster has to do with zone-aware routing: it follows the hosts of the local cluster, or is it.

use std::sync::Arc;

use tokio::sync::watch;

use super::{ClusterShared, Surroundings};
use crate::lb::Local;
use crate::proto::LbPolicy;
use crate::runtime::SharedRuntime;
use crate::upstream::{ClusterConfig, LocalNode};

pub(super) enum Zoning {
    Apart,
    IsLocal(Arc<LocalNode>),
    Follows(Following),
}

pub(super) struct Following {
    node: Arc<LocalNode>,
    runtime: SharedRuntime,
    /// Since before the hosts of the local cluster were first looked at.
    changes: watch::Receiver<()>,
}

impl Zoning {
    pub fn new(config: &ClusterConfig, with: &Surroundings<'_>) -> Self {
        let Some(node) = with.node.as_ref().filter(|node| !node.cluster().is_empty()) else {
            return Self::Apart;
        };
        if node.cluster() == &*config.name {
            return Self::IsLocal(node.clone());
        }
        let by_zone = matches!(
            config.lb.policy,
            LbPolicy::RoundRobin | LbPolicy::LeastRequest | LbPolicy::Random
        );
        if !by_zone
            || config.lb.provided
            || config.original_dst.is_some()
            || !config.members.is_empty()
        {
            return Self::Apart;
        }
        let (runtime, changes) = (with.runtime.clone(), node.changes());
        Self::Follows(Following { node: node.clone(), runtime, changes })
    }

    pub fn is_followed_here(&self) -> bool {
        matches!(self, Self::Follows(_))
    }

    /// Calls `work` with the local cluster as it is, where this one follows it.
    pub fn with_local<T>(&self, work: impl FnOnce(Option<&Local<'_>>) -> T) -> T {
        let Self::Follows(following) = self else { return work(None) };
        let sets = following.node.sets();
        let (locality, runtime) = (following.node.locality(), &following.runtime);
        work(Some(&Local { sets: &sets, locality, runtime }))
    }
}

impl ClusterShared {
    /// It has to follow the local cluster, in the endpoint thread.
    pub fn follows_local(&self) -> bool {
        self.zoning.is_followed_here()
    }

    /// Settles zones anew whenever the local cluster changes.
    pub async fn follow_local(&self) {
        let Zoning::Follows(following) = &self.zoning else { return };
        let mut changes = following.changes.clone();
        while changes.changed().await.is_ok() {
            self.renew();
        }
    }

    /// It is in use from now on: what hosts it begins with, if any, others may know.
    pub fn introduce(&self) {
        if self.host_sets().hosts().next().is_some() {
            self.tell_followers();
        }
    }

    /// Lets the other clusters know of its hosts, if it is the local one.
    pub(super) fn tell_followers(&self) {
        if let Zoning::IsLocal(node) = &self.zoning {
            node.publish(self.host_sets());
        }
    }
}
