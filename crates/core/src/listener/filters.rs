//! Listener filters: they look at a connection before its filter chain is chosen. A kind is one file here and
//! one line in each `match`.
//!
//! They see the first bytes by MSG_PEEK, so that whatever serves the connection reads all of it, and a listener
//! without them is not touched.
//! <https://www.envoyproxy.io/docs/envoy/latest/configuration/listeners/listener_filters/listener_filters>

pub mod client_hello;
mod fingerprint;
mod http_inspector;
mod inspect;
mod local_ratelimit;
mod original_dst;
mod predicate;
pub mod proxy_header;
mod proxy_protocol;
mod tls_inspector;

use crate::address::Address;
use crate::compile::{At, CompileError, Result};
use crate::connection::{ConnectionState, Inspected};
use crate::proto::{self, listener_filter::Kind};
use crate::transport::Transport;
use crate::worker::Worker;

pub use inspect::{inspect, Refusal};
use local_ratelimit::LocalRateLimit;
use original_dst::OriginalDst;
use predicate::Predicate;
use proxy_protocol::{ProxyProtocol, ProxyProtocolConfig};
use tls_inspector::TlsInspector;

/// A listener filter. Immutable, shared by all workers.
pub struct ListenerFilter {
    disabled: Option<Predicate>,
    config: Config,
}

enum Config {
    TlsInspector(proto::TlsInspector),
    HttpInspector(proto::HttpInspector),
    ProxyProtocol(std::sync::Arc<ProxyProtocolConfig>),
    OriginalDst,
    LocalRateLimit(local_ratelimit::Config),
}

/// The same in one worker.
pub struct Program {
    disabled: Option<Predicate>,
    step: Step,
}

enum Step {
    TlsInspector(TlsInspector),
    HttpInspector(http_inspector::HttpInspector),
    ProxyProtocol(ProxyProtocol),
    OriginalDst(OriginalDst),
    LocalRateLimit(LocalRateLimit),
}

/// A connection as its filters see and change it.
pub struct Subject {
    pub transport: Transport,
    pub remote: Address,
    pub local: Address,
    pub inspected: Inspected,
    pub state: ConnectionState,
}

/// What a filter makes of a new connection.
pub enum OnAccept {
    Continue,
    /// It wants to see that many bytes, or as many as it can have.
    Peek(usize),
    Close,
}

/// What a filter makes of the bytes that it has seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnData {
    /// It has seen enough.
    Done,
    /// The first bytes were for it alone.
    Take(usize),
    /// More bytes, up to that many in all.
    More(usize),
    Close,
}

impl ListenerFilter {
    /// # Errors
    /// A filter that is not known, or what cannot be taken of it.
    pub fn compile(message: &proto::ListenerFilter) -> Result<Self> {
        let config = match &message.kind {
            Some(Kind::TlsInspector(tls)) => Config::TlsInspector(*tls),
            Some(Kind::HttpInspector(http)) => Config::HttpInspector(*http),
            Some(Kind::ProxyProtocol(proxy)) => Config::ProxyProtocol(std::sync::Arc::new(
                ProxyProtocolConfig::compile(proxy).at("proxy_protocol")?,
            )),
            Some(Kind::OriginalDst(_)) => Config::OriginalDst,
            Some(Kind::LocalRatelimit(limit)) => {
                Config::LocalRateLimit(local_ratelimit::Config::compile(limit)?)
            }
            None => {
                return Err(CompileError::new(format!(
                    "listener filter {:?} is unknown",
                    message.name
                )))
            }
        };
        let disabled = message.disabled.as_ref().map(Predicate::compile).transpose();
        Ok(Self { disabled: disabled.at("disabled")?, config })
    }

    /// Makes what looks at connections in a worker.
    pub fn program(&self, worker: &Worker) -> Program {
        let step = match &self.config {
            Config::TlsInspector(config) => Step::TlsInspector(TlsInspector::new(worker, config)),
            Config::HttpInspector(config) => {
                Step::HttpInspector(http_inspector::HttpInspector::new(worker, config))
            }
            Config::ProxyProtocol(config) => {
                Step::ProxyProtocol(ProxyProtocol::new(worker, config.clone()))
            }
            Config::OriginalDst => Step::OriginalDst(OriginalDst),
            Config::LocalRateLimit(config) => {
                Step::LocalRateLimit(LocalRateLimit::new(worker, config))
            }
        };
        Program { disabled: self.disabled.clone(), step }
    }
}

impl Program {
    fn accept(&self, worker: &Worker, subject: &mut Subject) -> OnAccept {
        if self.disabled.as_ref().is_some_and(|disabled| disabled.holds(subject)) {
            return OnAccept::Continue;
        }
        match &self.step {
            Step::TlsInspector(tls) => tls.accept(),
            Step::HttpInspector(_) => http_inspector::accept(subject),
            Step::ProxyProtocol(_) => OnAccept::Peek(proxy_header::LONGEST_V1),
            Step::OriginalDst(original) => original.accept(subject),
            Step::LocalRateLimit(limit) => limit.accept(worker),
        }
    }

    fn data(&self, worker: &Worker, subject: &mut Subject, bytes: &[u8]) -> OnData {
        match &self.step {
            Step::TlsInspector(tls) => tls.data(subject, bytes),
            Step::HttpInspector(http) => http.data(subject, bytes),
            Step::ProxyProtocol(proxy) => proxy.data(worker, subject, bytes),
            Step::OriginalDst(_) | Step::LocalRateLimit(_) => OnData::Done,
        }
    }
}
