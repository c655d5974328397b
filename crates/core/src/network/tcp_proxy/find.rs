//! `on_demand`: a cluster that there is not yet is asked for.
//! <https://www.envoyproxy.io/docs/envoy/latest/configuration/listeners/network_filters/tcp_proxy_filter>

use std::rc::Rc;

use super::session::{within, Session};
use crate::clock;
use crate::on_demand::OnDemandClusters;
use crate::proto::TcpStat;
use crate::upstream::Cluster;

impl Session {
    /// Waits for a cluster; what there is then. None when the connection has lasted too long.
    pub async fn ask_for_cluster(
        &mut self,
        clusters: &OnDemandClusters,
        name: &str,
    ) -> Option<Option<Rc<Cluster>>> {
        let worker = self.worker.clone();
        self.proxy.block.inc(TcpStat::TcpOnDemandClusterAttempt);
        let limit = clock::now() + clusters.timeout;
        let mut in_time = true;
        let ask = clusters.ask(name.as_bytes());
        if let Some(waiter) = ask.and_then(|ask| worker.waiting.join(&worker.shared.asks, ask)) {
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
