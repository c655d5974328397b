//! `on_demand`: a cluster that there is not yet is asked for.
//! <https://www.envoyproxy.io/docs/envoy/latest/configuration/listeners/network_filters/tcp_proxy_filter>

use std::rc::Rc;
use std::time::Duration;

use super::session::{within, Session};
use crate::clock;
use crate::on_demand::Ask;
use crate::proto::{self, on_demand::Kind, TcpStat};
use crate::upstream::Cluster;

/// Where unknown clusters come from.
pub struct OnDemandClusters {
    /// A serialized ConfigSource.
    source: Box<[u8]>,
    timeout: Duration,
}

impl OnDemandClusters {
    pub fn compile(message: &proto::OnDemandFilter) -> Self {
        Self {
            source: message.clusters.as_slice().into(),
            timeout: Duration::from_millis(message.timeout_ms),
        }
    }
}

impl Session {
    /// Waits for a cluster; what there is then. None when the connection has lasted too long.
    pub async fn ask_for_cluster(
        &mut self,
        clusters: &OnDemandClusters,
        name: &str,
    ) -> Option<Option<Rc<Cluster>>> {
        let worker = self.worker.clone();
        self.proxy.block.inc(TcpStat::TcpOnDemandClusterAttempt);
        let ask = Ask {
            kind: Kind::Cluster,
            source: clusters.source.clone(),
            name: name.as_bytes().into(),
        };
        let limit = clock::now() + clusters.timeout;
        let mut in_time = true;
        if let Some(waiter) = worker.waiting.join(&worker.shared.asks, ask) {
            let timer = worker.timers.timer();
            let answered = within(&timer, Some(limit), waiter.answered.notified());
            in_time = self.in_time(answered).await?.is_some();
        }
        let found = worker.clusters.get(name);
        self.proxy.block.inc(match (&found, in_time) {
            (Some(_), _) => TcpStat::TcpOnDemandClusterSuccess,
            (None, true) => TcpStat::TcpOnDemandClusterMissing,
            (None, false) => TcpStat::TcpOnDemandClusterTimeout,
        });
        Some(found)
    }
}
