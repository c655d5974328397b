//! Network filters: what takes a connection's bytes. A kind is one file here and one line in each `match`.
//!
//! The last filter of a chain serves the connection; those before it judge it. A chain of one filter costs
//! nothing for the others.

mod connection_limit;
mod direct_response;
mod echo;
mod filters;
mod local_ratelimit;
mod rbac;
mod serve;
mod set_filter_state;
mod sni_dynamic_forward_proxy;
pub mod tcp_proxy;

use std::rc::Rc;
use std::sync::Arc;

use crate::access_log::Sinks;
use crate::compile::{At, CompileError, Result};
use crate::http::connection_manager::Manager;
use crate::http::manager::ManagerConfig;
use crate::listener::Drain;
use crate::matcher::Regexes;
use crate::mesh::metrics::Metrics;
use crate::mesh::MetadataExchange;
use crate::proto::{self, network_filter::Kind};
use crate::worker::Worker;

use connection_limit::{ConnectionLimit, ConnectionLimitConfig};
use filters::Step;
use local_ratelimit::{LocalRateLimit, LocalRateLimitConfig};
use rbac::{NetworkRbac, NetworkRbacConfig};
use set_filter_state::SetFilterState;
use sni_dynamic_forward_proxy::SniDynamicForwardProxy;
use tcp_proxy::{TcpProxy, TcpProxyConfig};

pub use serve::serve;

/// Filter state that names the cluster of a tcp_proxy.
pub const CLUSTER_KEY: &str = "envoy.tcp_proxy.cluster";

/// The filters of a chain. Immutable, shared by all workers.
pub struct NetworkFilters {
    before: Vec<BeforeConfig>,
    last: LastConfig,
}

enum BeforeConfig {
    ConnectionLimit(Arc<ConnectionLimitConfig>),
    IstioStats(Arc<Metrics>),
    LocalRateLimit(Arc<LocalRateLimitConfig>),
    MetadataExchange(Arc<MetadataExchange>),
    Rbac(Arc<NetworkRbacConfig>),
    SetFilterState(Arc<SetFilterState>),
    SniCluster,
    SniDynamicForwardProxy(Arc<SniDynamicForwardProxy>),
}

enum LastConfig {
    Http(Arc<ManagerConfig>),
    TcpProxy(Arc<TcpProxyConfig>),
    Echo,
    DirectResponse(Arc<[u8]>),
}

enum Compiled {
    Before(BeforeConfig),
    Last(LastConfig),
}

/// The filters of a chain in one worker.
pub struct Program {
    pub before: Box<[Step]>,
    pub last: Last,
    /// The sides say who they are before their first byte.
    pub exchange: Option<Arc<MetadataExchange>>,
}

impl Program {
    /// Nothing is to be done before the last filter.
    pub fn is_last_alone(&self) -> bool {
        self.before.is_empty() && self.exchange.is_none()
    }
}

/// The one that serves connections.
pub enum Last {
    Http(Rc<Manager>),
    TcpProxy(Rc<TcpProxy>),
    Echo,
    DirectResponse(Arc<[u8]>),
}

impl NetworkFilters {
    /// None when there are no filters.
    ///
    /// # Errors
    /// A filter that is not known, or what cannot be taken of it; none that serves the connection at the end.
    pub fn compile(
        messages: &[proto::NetworkFilter],
        sinks: &Sinks,
        regexes: &Regexes,
    ) -> Result<Option<Self>> {
        let mut before = Vec::new();
        let mut last = None;
        for (index, message) in messages.iter().enumerate() {
            let place = format_args!("filters[{index}]");
            match Compiled::new(message, sinks, regexes).at(place)? {
                Compiled::Before(filter) if last.is_none() => before.push(filter),
                Compiled::Last(filter) if last.is_none() => last = Some(filter),
                _ => return Err(CompileError::new("it comes after one that serves").at(place)),
            }
        }
        match last {
            Some(last) => Ok(Some(Self { before, last })),
            None if before.is_empty() => Ok(None),
            None => Err(CompileError::new("no filter serves the connection").at("filters")),
        }
    }

    /// Begins what they do beside connections. Once they have, it changes nothing.
    pub fn start(&self, worker: &Rc<Worker>) {
        for filter in &self.before {
            if let BeforeConfig::SniDynamicForwardProxy(proxy) = filter {
                proxy.start(worker);
            }
        }
        if let LastConfig::Http(config) = &self.last {
            config.start(worker);
        }
    }

    /// Makes what serves connections. `drain` tells when they are to end.
    pub fn program(&self, worker: &Worker, drain: &Rc<Drain>) -> Program {
        let last = match &self.last {
            LastConfig::Http(config) => {
                Last::Http(Rc::new(Manager::new(worker, config.clone(), drain.clone())))
            }
            LastConfig::TcpProxy(config) => {
                let exchange = self.exchange();
                Last::TcpProxy(Rc::new(TcpProxy::new(worker, config, exchange, self.metrics())))
            }
            LastConfig::Echo => Last::Echo,
            LastConfig::DirectResponse(body) => Last::DirectResponse(body.clone()),
        };
        let before = self.before.iter().filter_map(|config| config.step(worker)).collect();
        Program { before, last, exchange: self.exchange() }
    }

    fn exchange(&self) -> Option<Arc<MetadataExchange>> {
        self.before.iter().find_map(|config| match config {
            BeforeConfig::MetadataExchange(exchange) => Some(exchange.clone()),
            _ => None,
        })
    }

    /// What tells of connections.
    fn metrics(&self) -> Box<[Arc<Metrics>]> {
        let metrics = self.before.iter().filter_map(|config| match config {
            BeforeConfig::IstioStats(metrics) => Some(metrics.clone()),
            _ => None,
        });
        metrics.collect()
    }
}

impl Compiled {
    fn new(message: &proto::NetworkFilter, sinks: &Sinks, regexes: &Regexes) -> Result<Self> {
        Ok(match &message.kind {
            Some(Kind::HttpConnectionManager(manager)) => Self::Last(LastConfig::Http(Arc::new(
                ManagerConfig::compile(manager, sinks, regexes)?,
            ))),
            Some(Kind::TcpProxy(proxy)) => Self::Last(LastConfig::TcpProxy(Arc::new(
                TcpProxyConfig::compile(proxy, sinks).at("tcp_proxy")?,
            ))),
            Some(Kind::Echo(_)) => Self::Last(LastConfig::Echo),
            Some(Kind::DirectResponse(response)) => {
                Self::Last(LastConfig::DirectResponse(response.body.as_slice().into()))
            }
            Some(Kind::ConnectionLimit(limit)) => Self::Before(BeforeConfig::ConnectionLimit(
                Arc::new(ConnectionLimitConfig::compile(limit)),
            )),
            Some(Kind::IstioStats(stats)) => Self::Before(BeforeConfig::IstioStats(Arc::new(
                Metrics::compile(stats).at("istio_stats")?,
            ))),
            Some(Kind::MetadataExchange(exchange)) => Self::Before(BeforeConfig::MetadataExchange(
                Arc::new(MetadataExchange::compile(exchange)),
            )),
            Some(Kind::LocalRatelimit(limit)) => Self::Before(BeforeConfig::LocalRateLimit(
                Arc::new(LocalRateLimitConfig::compile(limit).at("local_ratelimit")?),
            )),
            Some(Kind::Rbac(rbac)) => Self::Before(BeforeConfig::Rbac(Arc::new(
                NetworkRbacConfig::compile(rbac, regexes).at("rbac")?,
            ))),
            Some(Kind::SetFilterState(state)) => Self::Before(BeforeConfig::SetFilterState(
                Arc::new(SetFilterState::compile(state).at("set_filter_state")?),
            )),
            Some(Kind::SniCluster(_)) => Self::Before(BeforeConfig::SniCluster),
            Some(Kind::SniDynamicForwardProxy(proxy)) => {
                Self::Before(BeforeConfig::SniDynamicForwardProxy(Arc::new(
                    SniDynamicForwardProxy::compile(proxy).at("sni_dynamic_forward_proxy")?,
                )))
            }
            None => {
                let reason = format!("network filter {:?} is unknown", message.name);
                return Err(CompileError::new(reason));
            }
        })
    }
}

impl BeforeConfig {
    /// None for one that has its part in what the last filter does.
    fn step(&self, worker: &Worker) -> Option<Step> {
        Some(match self {
            Self::IstioStats(_) | Self::MetadataExchange(_) => return None,
            Self::ConnectionLimit(config) => {
                Step::ConnectionLimit(ConnectionLimit::new(worker, config.clone()))
            }
            Self::LocalRateLimit(config) => {
                Step::LocalRateLimit(LocalRateLimit::new(worker, config.clone()))
            }
            Self::Rbac(config) => Step::Rbac(Rc::new(NetworkRbac::new(worker, config.clone()))),
            Self::SetFilterState(config) => Step::SetFilterState(config.clone()),
            Self::SniCluster => Step::SniCluster,
            Self::SniDynamicForwardProxy(config) => Step::SniDynamicForwardProxy(config.clone()),
        })
    }
}
