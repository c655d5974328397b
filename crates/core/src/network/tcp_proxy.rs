//! envoy.filters.network.tcp_proxy: joins a client's connection to one of a cluster.
//! <https://www.envoyproxy.io/docs/envoy/latest/configuration/listeners/network_filters/tcp_proxy_filter>

mod connect;
mod flow;
mod relay;
mod session;
#[cfg(test)]
mod tests;

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use crate::access_log::{AccessLog, Sinks};
use crate::compile::{each, CompileError, Result};
use crate::formatter::LogType;
use crate::http::manager::duration;
use crate::http::stream_info::ConnectionInfo;
use crate::listener::Listener;
use crate::proto::{self, weighted_cluster::Specifier, TcpStat};
use crate::random::Random;
use crate::stats::{Block, BlockKind};
use crate::transport::Transport;
use crate::worker::Worker;

use session::Session;

/// Immutable, shared by all workers.
pub struct TcpProxyConfig {
    stats_block: u32,
    /// With the sum of the weights up to each.
    clusters: Vec<(Arc<str>, u64)>,
    /// None: an idle connection stays.
    idle_timeout: Option<Duration>,
    max_connect_attempts: u32,
    max_duration: Option<Duration>,
    access_logs: Vec<AccessLog>,
    log_on_start: bool,
    log_on_connected: bool,
    log_interval: Option<Duration>,
}

impl TcpProxyConfig {
    /// # Errors
    /// No cluster, or an access log that cannot be.
    pub fn compile(message: &proto::TcpProxy, sinks: &Sinks) -> Result<Self> {
        let mut total = 0;
        let mut clusters = Vec::new();
        for cluster in &message.clusters {
            if let Some(Specifier::Name(name)) = &cluster.specifier {
                total += u64::from(cluster.weight);
                clusters.push((name.as_str().into(), total));
            }
        }
        if total == 0 {
            return Err(CompileError::new("a cluster is missing"));
        }
        Ok(Self {
            stats_block: message.stats_block,
            clusters,
            idle_timeout: duration(message.idle_timeout_ms),
            max_connect_attempts: message.max_connect_attempts.max(1),
            max_duration: duration(message.max_downstream_connection_duration_ms),
            access_logs: each(&message.access_logs, "access_logs", |log| {
                AccessLog::compile(log, sinks)
            })?,
            log_on_start: message.flush_access_log_on_start,
            log_on_connected: message.flush_access_log_on_connected,
            log_interval: duration(message.access_log_flush_interval_ms),
        })
    }

    /// A cluster by the weights.
    fn choose_cluster(&self, random: &Random) -> &Arc<str> {
        let total = self.clusters.last().map_or(1, |(_, total)| *total);
        let value = if self.clusters.len() > 1 { random.below(total) } else { 0 };
        let place = self.clusters.partition_point(|(_, end)| *end <= value);
        &self.clusters[place.min(self.clusters.len() - 1)].0
    }
}

/// A TCP proxy in one worker.
pub struct TcpProxy {
    config: Arc<TcpProxyConfig>,
    block: Arc<Block>,
}

impl TcpProxy {
    pub fn new(worker: &Worker, config: Arc<TcpProxyConfig>) -> Self {
        Self { block: worker.block(config.stats_block, BlockKind::Tcp), config }
    }
}

/// Serves one connection to its end.
pub async fn serve(
    worker: Rc<Worker>,
    listener: Rc<Listener>,
    proxy: Rc<TcpProxy>,
    transport: Transport,
    connection: Rc<ConnectionInfo>,
) {
    proxy.block.inc(TcpStat::TcpDownstreamCxTotal);
    let mut session = Session::new(worker, listener, proxy, connection);
    if session.proxy.config.log_on_start {
        session.log(LogType::TcpConnectionStart);
    }
    if let Some(upstream) = session.connect().await {
        session.connected(&upstream);
        session.relay(transport, upstream).await;
    }
}
