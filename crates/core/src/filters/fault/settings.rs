//! What faults are injected: as configured, as headers of the request ask, as runtime overrides.
//! <https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/fault_filter#runtime>

use std::time::Duration;

use serde_json::{Map, Value};

use super::share::{Asked, Share};
use crate::compile::{each, At, CompileError, Result};
use crate::headers::{HeaderId, HeaderName};
use crate::http::stream::Stream;
use crate::matcher::{HeaderMatcher, Regexes};
use crate::proto::{self, fault_abort, fault_delay, fault_rate_limit};
use crate::route::Action;
use crate::runtime::{Number, Runtime};

const DELAY_HEADER: &str = "x-envoy-fault-delay-request";
const ABORT_HEADER: &str = "x-envoy-fault-abort-request";
const GRPC_ABORT_HEADER: &str = "x-envoy-fault-abort-grpc-request";
const RATE_HEADER: &str = "x-envoy-fault-throughput-response";

/// Of the filter or of a route.
pub struct FaultSettings {
    upstream_cluster: String,
    headers: Vec<HeaderMatcher>,
    downstream_nodes: Vec<String>,
    delay: Option<Delay>,
    abort: Option<Abort>,
    rate_limit: Option<RateLimit>,
    max_active: Number,
    pub counts_downstream_clusters: bool,
    /// Left in dynamic metadata by requests with a fault.
    pub metadata: Map<String, Value>,
}

/// A number of the configuration, or the header that has it.
enum Amount {
    Fixed(u64),
    Header(HeaderName),
}

struct Delay {
    share: Share,
    millis: Amount,
    key: String,
}

struct Abort {
    share: Share,
    /// Tried in this order.
    http_status: Option<Amount>,
    grpc_status: Option<Amount>,
    http_key: String,
    grpc_key: String,
    body: String,
}

struct RateLimit {
    share: Share,
    kbps: Amount,
}

/// How a request ends at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AbortStatus {
    Http(u16),
    Grpc(u32),
}

impl Amount {
    fn header(name: &str) -> Self {
        Self::Header(HeaderName::new(name))
    }

    fn of(&self, asked: &Asked<'_>) -> Option<u64> {
        match self {
            Self::Fixed(number) => Some(*number),
            Self::Header(name) => asked.number(name),
        }
    }
}

impl Delay {
    fn compile(message: &proto::FaultDelay) -> Result<Self> {
        let millis = match message.kind {
            Some(fault_delay::Kind::FixedMs(millis)) => Amount::Fixed(millis),
            Some(fault_delay::Kind::ByHeader(_)) => Amount::header(DELAY_HEADER),
            None => return Err(CompileError::new("a delay is missing")),
        };
        let share = Share::compile(message.share.as_ref())?;
        Ok(Self { share, millis, key: message.runtime_key.clone() })
    }
}

impl Abort {
    fn compile(message: &proto::FaultAbort) -> Result<Self> {
        let (http_status, grpc_status) = match message.kind {
            Some(fault_abort::Kind::HttpStatus(code)) => (Some(Amount::Fixed(code.into())), None),
            Some(fault_abort::Kind::GrpcStatus(code)) => (None, Some(Amount::Fixed(code.into()))),
            Some(fault_abort::Kind::ByHeader(_)) => {
                (Some(Amount::header(ABORT_HEADER)), Some(Amount::header(GRPC_ABORT_HEADER)))
            }
            None => return Err(CompileError::new("a status is missing")),
        };
        Ok(Self {
            share: Share::compile(message.share.as_ref())?,
            http_status,
            grpc_status,
            http_key: message.http_runtime_key.clone(),
            grpc_key: message.grpc_runtime_key.clone(),
            body: message.body.clone(),
        })
    }
}

impl RateLimit {
    fn compile(message: &proto::FaultRateLimit) -> Result<Self> {
        let kbps = match message.kind {
            Some(fault_rate_limit::Kind::Kbps(kbps)) => Amount::Fixed(kbps),
            Some(fault_rate_limit::Kind::ByHeader(_)) => Amount::header(RATE_HEADER),
            None => return Err(CompileError::new("a rate is missing")),
        };
        Ok(Self { share: Share::compile(message.share.as_ref())?, kbps })
    }
}

impl FaultSettings {
    /// # Errors
    /// A part that cannot be taken, with its path.
    pub fn compile(message: &proto::FaultSettings, regexes: &Regexes) -> Result<Self> {
        let rate_limit = message.rate_limit.as_ref().map(RateLimit::compile).transpose();
        let metadata = match message.metadata_json.as_str() {
            "" => Map::new(),
            text => serde_json::from_str(text).map_err(|e| CompileError::new(e.to_string()))?,
        };
        Ok(Self {
            upstream_cluster: message.upstream_cluster.clone(),
            headers: each(&message.headers, "headers", |h| HeaderMatcher::compile(h, regexes))?,
            downstream_nodes: message.downstream_nodes.clone(),
            delay: message.delay.as_ref().map(Delay::compile).transpose().at("delay")?,
            abort: message.abort.as_ref().map(Abort::compile).transpose().at("abort")?,
            rate_limit: rate_limit.at("rate_limit")?,
            max_active: Number::new(
                message.max_active_runtime_key.clone(),
                message.max_active.unwrap_or(u64::MAX),
            ),
            counts_downstream_clusters: !message.disable_downstream_cluster_stats,
            metadata,
        })
    }

    /// Whether faults are meant for requests such as this one.
    pub fn concern(&self, stream: &Stream) -> bool {
        let node = || stream.request.get_str(HeaderId::XEnvoyDownstreamServiceNode);
        (self.upstream_cluster.is_empty() || goes_to(stream, &self.upstream_cluster))
            && (self.downstream_nodes.is_empty()
                || node().is_some_and(|node| self.downstream_nodes.iter().any(|n| n == node)))
            && self.headers.iter().all(|header| header.matches(&stream.request))
    }

    /// For how long a request waits, if it does.
    pub fn delay(&self, asked: &Asked<'_>) -> Option<Duration> {
        let delay = self.delay.as_ref()?;
        if !delay.share.hit(asked, Some("delay.fixed_delay_percent")) {
            return None;
        }
        let millis = asked.runtime.number(&delay.key, delay.millis.of(asked)?);
        let millis = match asked.cluster_key("delay.fixed_duration_ms") {
            Some(own) => asked.runtime.number(&own, millis),
            None => millis,
        };
        (millis > 0).then(|| Duration::from_millis(millis))
    }

    /// How a request ends, and the body of its answer, if it does at once.
    pub fn abort(&self, asked: &Asked<'_>) -> Option<(AbortStatus, &str)> {
        let abort = self.abort.as_ref()?;
        if !abort.share.hit(asked, Some("abort.abort_percent")) {
            return None;
        }
        let http = abort.http_status.as_ref().and_then(|status| status.of(asked));
        let http = http.filter(|status| (200..600).contains(status));
        let status = match http {
            Some(status) => {
                let status = asked.overridden(&abort.http_key, "abort.http_status", status);
                AbortStatus::Http(u16::try_from(status).ok()?)
            }
            None => {
                let status = abort.grpc_status.as_ref()?.of(asked)?;
                let status = asked.overridden(&abort.grpc_key, "abort.grpc_status", status);
                AbortStatus::Grpc(u32::try_from(status).ok()?)
            }
        };
        Some((status, &abort.body))
    }

    /// How many bytes of the response may pass in a second, if they are limited.
    pub fn response_rate(&self, asked: &Asked<'_>) -> Option<u64> {
        let limit = self.rate_limit.as_ref()?;
        if !limit.share.hit(asked, None) {
            return None;
        }
        limit.kbps.of(asked).filter(|kbps| *kbps > 0).map(|kbps| kbps.saturating_mul(1024))
    }

    /// How many requests may have a fault at the same time.
    pub fn max_active(&self, runtime: &Runtime) -> u64 {
        self.max_active.of(runtime)
    }

    /// Responses are slowed down: a fault is not over with its delay.
    pub fn limits_responses(&self) -> bool {
        self.rate_limit.is_some()
    }
}

/// The route sends the request to this cluster.
fn goes_to(stream: &Stream, cluster: &str) -> bool {
    let forwards = |action: &Action| matches!(action, Action::Forward(_));
    stream.route.as_ref().is_some_and(|route| forwards(&route.action))
        && stream.choice.as_ref().is_some_and(|choice| &*choice.name == cluster)
}
