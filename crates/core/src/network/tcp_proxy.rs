//! envoy.filters.network.tcp_proxy: joins a client's connection to one of a cluster.
//! <https://www.envoyproxy.io/docs/envoy/latest/configuration/listeners/network_filters/tcp_proxy_filter>

mod connect;
mod find;
mod flow;
mod met;
mod relay;
mod session;
mod telling;
#[cfg(test)]
mod tests;
mod tunnel;
mod upstream;

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use super::filters::{Closed, Gate};
use crate::access_log::{AccessLog, Sinks};
use crate::compile::{each, At, CompileError, Result};
use crate::connection::Tlv;
use crate::formatter::LogType;
use crate::hash_policy::HashPolicies;
use crate::http::manager::duration;
use crate::http::stream_info::ConnectionInfo;
use crate::lb::Criteria;
use crate::listener::Listener;
use crate::matcher::Regexes;
use crate::mesh::metrics::Metrics;
use crate::mesh::MetadataExchange;
use crate::on_demand::OnDemandClusters;
use crate::proto::{self, weighted_cluster::Specifier, TcpStat};
use crate::random::Random;
use crate::stats::{Block, BlockKind};
use crate::transport::Transport;
use crate::worker::Worker;

use met::Met;
use session::Session;
use tunnel::Tunnel;

/// Immutable, shared by all workers.
pub struct TcpProxyConfig {
    stats_block: u32,
    clusters: Vec<ProxyCluster>,
    /// Of the clusters that have none of their own.
    metadata_match: Option<Criteria>,
    /// None: an idle connection stays.
    idle_timeout: Option<Duration>,
    max_connect_attempts: u32,
    max_duration: Option<Duration>,
    access_logs: Vec<AccessLog>,
    log_on_start: bool,
    log_on_connected: bool,
    log_interval: Option<Duration>,
    /// Of the time between attempts: the first, and the longest.
    backoff: Option<(Duration, Duration)>,
    /// Percent of `max_duration` that may be added to it.
    jitter: f64,
    /// The upstream is connected once the client has sent something, of which so much is taken before.
    early_data: Option<usize>,
    tunnel: Option<Tunnel>,
    /// Where a cluster comes from that there is not.
    on_demand: Option<OnDemandClusters>,
    tlvs: Vec<Tlv>,
    hash_policy: Option<HashPolicies>,
}

struct ProxyCluster {
    name: Arc<str>,
    /// The sum of the weights up to here.
    end: u64,
    metadata_match: Option<Criteria>,
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
                let criteria = Criteria::compile(&cluster.metadata_match_json);
                clusters.push(ProxyCluster {
                    name: name.as_str().into(),
                    end: total,
                    metadata_match: criteria.at("metadata_match_json")?,
                });
            }
        }
        if total == 0 {
            return Err(CompileError::new("a cluster is missing"));
        }
        Ok(Self {
            stats_block: message.stats_block,
            clusters,
            metadata_match: Criteria::compile(&message.metadata_match_json)
                .at("metadata_match_json")?,
            idle_timeout: duration(message.idle_timeout_ms),
            max_connect_attempts: message.max_connect_attempts.max(1),
            max_duration: duration(message.max_downstream_connection_duration_ms),
            access_logs: each(&message.access_logs, "access_logs", |log| {
                AccessLog::compile(log, sinks)
            })?,
            log_on_start: message.flush_access_log_on_start,
            log_on_connected: message.flush_access_log_on_connected,
            log_interval: duration(message.access_log_flush_interval_ms),
            backoff: duration(message.backoff_base_ms)
                .map(|base| (base, Duration::from_millis(message.backoff_max_ms).max(base))),
            jitter: message.max_duration_jitter,
            early_data: message.connect_on_data.then_some(message.max_early_data_bytes as usize),
            tunnel: message.tunnel.as_ref().map(Tunnel::compile).transpose().at("tunnel")?,
            on_demand: message.on_demand.as_ref().map(OnDemandClusters::compile),
            tlvs: each(&message.proxy_protocol_tlvs, "proxy_protocol_tlvs", Tlv::compile)?,
            hash_policy: HashPolicies::compile(&message.hash_policy, &Regexes::default())?,
        })
    }

    /// How long a connection may last.
    fn longest(&self, random: &Random) -> Option<Duration> {
        let longest = self.max_duration?;
        let most = longest.as_secs_f64() * self.jitter / 100.0;
        let share = random.below(1 << 20) as f64 / f64::from(1 << 20);
        Some(longest + Duration::from_secs_f64(most * share))
    }

    /// A cluster by the weights.
    fn choose_cluster(&self, random: &Random) -> &ProxyCluster {
        let total = self.clusters.last().map_or(1, |cluster| cluster.end);
        let value = if self.clusters.len() > 1 { random.below(total) } else { 0 };
        let place = self.clusters.partition_point(|cluster| cluster.end <= value);
        &self.clusters[place.min(self.clusters.len() - 1)]
    }
}

/// A TCP proxy in one worker.
pub struct TcpProxy {
    config: Arc<TcpProxyConfig>,
    block: Arc<Block>,
    /// Clients and this side say who they are.
    exchange: Option<Arc<MetadataExchange>>,
    /// What tells of its connections.
    metrics: Box<[Arc<Metrics>]>,
}

impl TcpProxy {
    pub fn new(
        worker: &Worker,
        config: &Arc<TcpProxyConfig>,
        exchange: Option<Arc<MetadataExchange>>,
        metrics: Box<[Arc<Metrics>]>,
    ) -> Self {
        let block = worker.block(config.stats_block, BlockKind::Tcp);
        Self { config: config.clone(), block, exchange, metrics }
    }
}

/// Serves one connection to its end.
pub async fn serve(
    worker: Rc<Worker>,
    listener: Rc<Listener>,
    proxy: Rc<TcpProxy>,
    transport: Transport,
    connection: Rc<ConnectionInfo>,
    gate: Option<Box<Gate>>,
) {
    proxy.block.inc(TcpStat::TcpDownstreamCxTotal);
    let mut session = Session::new(worker, listener, proxy, connection);
    session.gate = gate;
    if session.proxy.config.log_on_start {
        session.log(LogType::TcpConnectionStart);
    }
    let mut transport = Met::new(transport);
    let Some(early) = session.early_data(&mut transport).await else { return };
    if let Some(upstream) = session.connect().await {
        session.connected(&upstream);
        session.relay(transport, upstream, early).await;
    }
}

/// Logs a connection that a filter before this one has closed.
pub fn refuse(
    worker: Rc<Worker>,
    listener: Rc<Listener>,
    proxy: Rc<TcpProxy>,
    connection: Rc<ConnectionInfo>,
    closed: &Closed,
) {
    proxy.block.inc(TcpStat::TcpDownstreamCxTotal);
    closed.note(&mut Session::new(worker, listener, proxy, connection).info);
}
