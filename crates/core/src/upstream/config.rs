//! A cluster's configuration as workers use it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use super::auto_names::AutoNames;
use super::load_weights::LoadWeights;
use super::original_dst::OriginalDst;
use super::proxy_protocol::ProxyProtocol;
use super::socket::ConnectOptions;
use super::transport_sockets::TransportSockets;
use crate::address::Address;
use crate::compile::{each, At, CompileError, Result};
use crate::hash_policy::{ClusterHashPolicies, HashPolicies};
use crate::http2::config::Http2Config;
use crate::lb::{
    HashSettings, LbSettings, OverrideHost, SlowStart, SubsetSettings, TableSettings, ZoneSettings,
};
use crate::matcher::Regexes;
use crate::mesh::MetadataExchange;
use crate::proto;
use crate::proto::cluster::UpstreamProtocol;
use crate::proto::LbPolicy;
use crate::tls::Contexts;

/// Envoy's default of per_connection_buffer_limit_bytes; also stands for its 0, which is no limit there.
const DEFAULT_BUFFER_LIMIT: usize = 1 << 20;

/// Immutable; a changed cluster gets a new one.
pub struct ClusterConfig {
    pub name: Arc<str>,
    /// The name in logs and stats: `alt_stat_name`, or the name.
    pub observability_name: Arc<str>,
    pub stats_block: u32,
    pub discovery: proto::Discovery,
    pub lb: LbSettings,
    /// Hosts weigh by the load that they report.
    pub load_weights: Option<LoadWeights>,
    /// None: requests name no hosts.
    pub override_host: Option<OverrideHost>,
    /// None: the policy does not hash.
    pub hash_policies: Option<ClusterHashPolicies>,
    pub subsets: Option<Arc<SubsetSettings>>,
    pub connect_timeout: Duration,
    /// None: an idle connection stays.
    pub idle_timeout: Option<Duration>,
    pub max_connection_duration: Option<Duration>,
    /// Of a request on a connection, its response included.
    pub max_stream_duration: Option<Duration>,
    /// 0: no limit.
    pub max_requests_per_connection: u64,
    pub per_connection_buffer_limit: usize,
    pub max_response_headers_bytes: usize,
    pub max_response_headers_count: usize,
    pub track_request_response_sizes: bool,
    pub track_timeout_budgets: bool,
    pub http1: proto::Http1Options,
    pub protocol: UpstreamProtocol,
    /// Where `protocol` follows the client: tunnels of TCP clients speak HTTP/2.
    pub tunnels_speak_http2: bool,
    /// Present where HTTP/2 may be spoken.
    pub http2: Option<Arc<Http2Config>>,
    pub metadata: Option<Arc<serde_json::Value>>,
    pub connect: ConnectOptions,
    pub sockets: TransportSockets,
    /// AGGREGATE: names of clusters.
    pub members: Vec<Arc<str>>,
    /// Hosts are where clients went.
    pub original_dst: Option<OriginalDst>,
    /// Connections begin with a PROXY header.
    pub proxy_protocol: Option<ProxyProtocol>,
    /// What requests decide of TLS.
    pub auto_names: Option<AutoNames>,
    /// TCP clients' connections to hosts begin with it.
    pub exchange: Option<Arc<MetadataExchange>>,
    /// Connections of TCP clients end when their host fails its health checks, or is ejected.
    pub closes_on_failure: bool,
    /// How long a host stays unused that no configuration names; none: there are no such hosts.
    pub dynamic_hosts: Option<Duration>,
}

impl ClusterConfig {
    /// Takes everything of `message` but its endpoints, breakers and DNS settings.
    ///
    /// # Errors
    /// A bind address or a socket option that cannot be used, with its path.
    pub fn compile(message: &proto::Cluster, contexts: &Contexts) -> Result<Self> {
        let name: Arc<str> = message.name.as_str().into();
        let observability_name = match message.observability_name.is_empty() {
            true => name.clone(),
            false => message.observability_name.as_str().into(),
        };
        let sockets = TransportSockets::compile(message, contexts)?;
        let lb = lb_settings(message);
        Ok(Self {
            name,
            observability_name,
            stats_block: message.stats_block,
            discovery: message.discovery(),
            lb,
            load_weights: message
                .lb
                .as_ref()
                .and_then(|options| options.load_weights.as_ref())
                .map(LoadWeights::compile),
            override_host: message
                .lb
                .as_ref()
                .and_then(|options| options.override_host.as_ref())
                .map(OverrideHost::compile),
            hash_policies: lb.hashing.map(|_| hash_policies(message)).transpose()?,
            subsets: message
                .subsets
                .as_ref()
                .map(SubsetSettings::compile)
                .transpose()
                .at("subsets")?,
            connect_timeout: Duration::from_millis(message.connect_timeout_ms),
            idle_timeout: off_at_zero(message.idle_timeout_ms),
            max_connection_duration: off_at_zero(message.max_connection_duration_ms),
            max_stream_duration: off_at_zero(message.max_stream_duration_ms),
            max_requests_per_connection: message.max_requests_per_connection.into(),
            per_connection_buffer_limit: message.per_connection_buffer_limit_bytes as usize,
            max_response_headers_bytes: message.max_response_headers_bytes as usize,
            max_response_headers_count: message.max_response_headers_count as usize,
            track_request_response_sizes: message.track_request_response_sizes,
            track_timeout_budgets: message.track_timeout_budgets,
            http1: message.http1.clone().unwrap_or_default(),
            protocol: message.upstream_protocol(),
            tunnels_speak_http2: message.tunnels_speak_http2,
            http2: message.http2.as_ref().map(|options| {
                let (bytes, count) =
                    (message.max_response_headers_bytes, message.max_response_headers_count);
                Http2Config::compile(options, bytes as usize, count as usize)
            }),
            metadata: metadata(&message.metadata_json)?,
            connect: connect_options(message)?,
            members: message.members.iter().map(|name| name.as_str().into()).collect(),
            original_dst: message.original_dst.as_ref().map(OriginalDst::compile),
            proxy_protocol: message
                .proxy_protocol
                .as_ref()
                .map(ProxyProtocol::compile)
                .transpose()
                .at("proxy_protocol")?,
            auto_names: message.auto_names.as_ref().map(AutoNames::compile),
            exchange: message
                .metadata_exchange
                .as_ref()
                .map(|exchange| Arc::new(MetadataExchange::compile(exchange))),
            closes_on_failure: message.close_connections_on_host_health_failure,
            dynamic_hosts: dynamic_hosts(message, &sockets),
            sockets,
        })
    }

    /// That of a host which is named without one.
    pub fn default_port(&self) -> u16 {
        match self.sockets.matching(None).tls {
            Some(_) => 443,
            None => 80,
        }
    }

    /// Bytes that wait to be written to a host before no more are read for it.
    pub fn buffer_limit(&self) -> usize {
        match self.per_connection_buffer_limit {
            0 => DEFAULT_BUFFER_LIMIT,
            limit => limit,
        }
    }
}

/// What is the own of clients that have gone, and names that requests give, are of no use for long without a
/// connection.
const UNUSED_HOSTS: Duration = Duration::from_secs(5);

fn dynamic_hosts(message: &proto::Cluster, sockets: &TransportSockets) -> Option<Duration> {
    let original = message.original_dst.as_ref();
    let interval = original.map(|it| Duration::from_millis(it.cleanup_interval_ms));
    let apart = message.proxy_protocol.is_some()
        || message.auto_names.is_some()
        || sockets.take_along()
        || sockets.any_is_secured();
    interval.or_else(|| apart.then_some(UNUSED_HOSTS))
}

fn off_at_zero(ms: u64) -> Option<Duration> {
    (ms > 0).then(|| Duration::from_millis(ms))
}

fn hash_policies(message: &proto::Cluster) -> Result<ClusterHashPolicies> {
    let regexes = Regexes::default();
    let hashing = message.lb.as_ref().and_then(|options| options.hashing.as_ref());
    let of_balancer = hashing.map_or(&[][..], |hashing| &hashing.hash_policy);
    Ok(ClusterHashPolicies {
        of_balancer: HashPolicies::compile(of_balancer, &regexes).at("lb.hashing")?,
        of_protocol: HashPolicies::compile(&message.hash_policy, &regexes)?,
    })
}

fn lb_settings(message: &proto::Cluster) -> LbSettings {
    let options = message.lb.clone().unwrap_or_default();
    LbSettings {
        policy: message.lb_policy(),
        choice_count: options.choice_count.max(2),
        full_scan: options.full_scan,
        slow_start: options.slow_start.as_ref().and_then(slow_start),
        active_request_bias: options.active_request_bias,
        panic_threshold: options.panic_threshold_percent.round() as u32,
        fail_traffic_on_panic: options.fail_traffic_on_panic,
        locality_weighted: options.locality_weighted,
        zones: options.zone_aware.as_ref().map_or_else(ZoneSettings::default, zone_settings),
        named_by_requests: options.override_host.is_some(),
        provided: message.discovery() == proto::Discovery::DynamicForwardProxy,
        hashing: hash_settings(message.lb_policy(), &options.hashing.unwrap_or_default()),
    }
}

fn zone_settings(message: &proto::ZoneAware) -> ZoneSettings {
    ZoneSettings {
        routing_enabled: message.routing_enabled_percent.into(),
        min_cluster_size: message.min_cluster_size,
        force_local_min_size: message.force_local_min_size.map(u64::from),
        by_weight: message.by_weight,
    }
}

fn slow_start(message: &proto::SlowStart) -> Option<SlowStart> {
    Some(SlowStart {
        window: off_at_zero(message.window_ms)?,
        aggression: message.aggression,
        least: message.min_weight_percent / 100.0,
    })
}

fn hash_settings(policy: LbPolicy, message: &proto::Hashing) -> Option<HashSettings> {
    let table = match policy {
        LbPolicy::RingHash => TableSettings::Ring {
            minimum: message.minimum_ring_size,
            maximum: message.maximum_ring_size,
            murmur: message.murmur_hash_2,
        },
        LbPolicy::Maglev => TableSettings::Maglev { size: message.table_size },
        LbPolicy::RoundRobin
        | LbPolicy::LeastRequest
        | LbPolicy::Random
        | LbPolicy::ClientSideWeightedRoundRobin => return None,
    };
    Some(HashSettings {
        use_hostname: message.use_hostname,
        balance_factor: message.balance_factor,
        table,
    })
}

fn connect_options(message: &proto::Cluster) -> Result<ConnectOptions> {
    let extra = message.extra_bind_source.as_ref().map(bind_source).transpose();
    let bind_source = message.bind_source.as_ref().map(bind_source).transpose();
    let options = each(&message.socket_options, "socket_options", |option| {
        let name = i32::try_from(option.name)
            .map_err(|_| CompileError::new(format!("{} is not an option", option.name)))?;
        let level = i32::try_from(option.level)
            .map_err(|_| CompileError::new(format!("{} is not a level", option.level)))?;
        Ok(super::socket::SocketOption { level, name, value: option.value.clone() })
    })?;
    Ok(ConnectOptions {
        keepalive: message.tcp_keepalive,
        bind_source: bind_source.at("bind_source")?,
        extra_bind_source: extra.at("extra_bind_source")?,
        options: options.into(),
    })
}

fn bind_source(message: &proto::SocketAddress) -> Result<SocketAddr> {
    let kind = proto::address::Kind::Socket(message.clone());
    let address = Address::compile(&proto::Address { kind: Some(kind), ..Default::default() })?;
    address.ip().ok_or_else(|| CompileError::new("not an IP address"))
}

/// Metadata as `{"filter": {...}}`; none when empty.
pub(super) fn metadata(json: &str) -> Result<Option<Arc<serde_json::Value>>> {
    if json.is_empty() {
        return Ok(None);
    }
    let value = serde_json::from_str(json);
    let value = value.map_err(|e| CompileError::new(e.to_string()).at("metadata_json"))?;
    Ok(Some(Arc::new(value)))
}
