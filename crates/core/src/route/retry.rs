//! When a failed attempt is made again: policies of routes, and what request headers add to them.
//! <https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/router_filter#x-envoy-retry-on>

use std::sync::Arc;
use std::time::Duration;

use bitflags::bitflags;

use crate::compile::{each, CompileError, Result};
use crate::headers::{HeaderId, HeaderName, Headers};
use crate::matcher::{HeaderMatcher, Regexes};
use crate::proto;

bitflags! {
    /// Conditions of a retry.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct RetryOn: u32 {
        const FIVE_XX = 1;
        const GATEWAY_ERROR = 1 << 1;
        const RESET = 1 << 2;
        const RESET_BEFORE_REQUEST = 1 << 3;
        const CONNECT_FAILURE = 1 << 4;
        const ENVOY_RATELIMITED = 1 << 5;
        const RETRIABLE_4XX = 1 << 6;
        const REFUSED_STREAM = 1 << 7;
        const RETRIABLE_STATUS_CODES = 1 << 8;
        const RETRIABLE_HEADERS = 1 << 9;
        const HTTP3_POST_CONNECT_FAILURE = 1 << 10;
        const GRPC_CANCELLED = 1 << 11;
        const GRPC_DEADLINE_EXCEEDED = 1 << 12;
        const GRPC_INTERNAL = 1 << 13;
        const GRPC_RESOURCE_EXHAUSTED = 1 << 14;
        const GRPC_UNAVAILABLE = 1 << 15;
    }
}

const HTTP_CONDITIONS: &[(&str, RetryOn)] = &[
    ("5xx", RetryOn::FIVE_XX),
    ("gateway-error", RetryOn::GATEWAY_ERROR),
    ("reset", RetryOn::RESET),
    ("reset-before-request", RetryOn::RESET_BEFORE_REQUEST),
    ("connect-failure", RetryOn::CONNECT_FAILURE),
    ("envoy-ratelimited", RetryOn::ENVOY_RATELIMITED),
    ("retriable-4xx", RetryOn::RETRIABLE_4XX),
    ("refused-stream", RetryOn::REFUSED_STREAM),
    ("retriable-status-codes", RetryOn::RETRIABLE_STATUS_CODES),
    ("retriable-headers", RetryOn::RETRIABLE_HEADERS),
    ("http3-post-connect-failure", RetryOn::HTTP3_POST_CONNECT_FAILURE),
];

const GRPC_CONDITIONS: &[(&str, RetryOn)] = &[
    ("cancelled", RetryOn::GRPC_CANCELLED),
    ("deadline-exceeded", RetryOn::GRPC_DEADLINE_EXCEEDED),
    ("internal", RetryOn::GRPC_INTERNAL),
    ("resource-exhausted", RetryOn::GRPC_RESOURCE_EXHAUSTED),
    ("unavailable", RetryOn::GRPC_UNAVAILABLE),
];

/// Conditions by name; unknown names count for nothing.
fn conditions<'a>(names: impl Iterator<Item = &'a str>, known: &[(&str, RetryOn)]) -> RetryOn {
    names
        .filter_map(|name| known.iter().find(|(known, _)| *known == name.trim()))
        .fold(RetryOn::empty(), |all, (_, condition)| all | *condition)
}

/// `envoy.config.route.v3.RetryPolicy`.
#[derive(Clone, Default)]
pub struct RetryPolicy {
    pub conditions: RetryOn,
    pub num_retries: u32,
    pub per_try_timeout: Option<Duration>,
    pub per_try_idle_timeout: Option<Duration>,
    pub backoff_base: Duration,
    pub backoff_max: Duration,
    pub retriable_status_codes: Vec<u16>,
    pub retriable_headers: Vec<HeaderMatcher>,
    retriable_request_headers: Vec<HeaderMatcher>,
    pub previous_hosts: bool,
    pub omit_canary_hosts: bool,
    /// After how many attempts their priorities are left out.
    pub previous_priorities: Option<u32>,
    pub host_selection_max_attempts: u32,
    pub rate_limited_backoff: Option<RateLimitedBackoff>,
    /// What the request itself says of hedging (x-envoy-hedge-on-per-try-timeout).
    pub hedge: Option<bool>,
}

/// A pause that the response asks for.
#[derive(Clone)]
pub struct RateLimitedBackoff {
    pub reset_headers: Vec<ResetHeader>,
    /// A longer pause is not taken from the response.
    pub max_interval: Duration,
}

#[derive(Clone)]
pub struct ResetHeader {
    pub name: HeaderName,
    /// The value is a time in seconds since 1970, not a number of seconds.
    pub unix_timestamp: bool,
}

fn duration(ms: u64) -> Option<Duration> {
    (ms > 0).then(|| Duration::from_millis(ms))
}

impl RetryPolicy {
    /// Fails on an unknown condition and on a regex that is not valid.
    pub(super) fn compile(message: &proto::RetryPolicy, regexes: &Regexes) -> Result<Self> {
        let matchers =
            |matchers, field| each(matchers, field, |m| HeaderMatcher::compile(m, regexes));
        let on = each(&message.retry_on, "retry_on", |name| condition(name))?;
        Ok(Self {
            conditions: on.into_iter().collect(),
            num_retries: message.num_retries,
            per_try_timeout: duration(message.per_try_timeout_ms),
            per_try_idle_timeout: duration(message.per_try_idle_timeout_ms),
            backoff_base: Duration::from_millis(message.backoff_base_ms),
            backoff_max: Duration::from_millis(message.backoff_max_ms),
            retriable_status_codes: status_codes(message.retriable_status_codes.iter().copied()),
            retriable_headers: matchers(&message.retriable_headers, "retriable_headers")?,
            retriable_request_headers: matchers(
                &message.retriable_request_headers,
                "retriable_request_headers",
            )?,
            previous_hosts: message.previous_hosts,
            omit_canary_hosts: message.omit_canary_hosts,
            previous_priorities: message.previous_priorities_update_frequency,
            host_selection_max_attempts: message.host_selection_max_attempts,
            rate_limited_backoff: message
                .rate_limited_backoff
                .as_ref()
                .map(RateLimitedBackoff::compile),
            hedge: None,
        })
    }

    /// The policy of a request without one of its route: nothing is retried unless headers ask for it.
    fn none() -> Self {
        Self {
            num_retries: 1,
            backoff_base: Duration::from_millis(25),
            backoff_max: Duration::from_millis(250),
            host_selection_max_attempts: 1,
            ..Self::default()
        }
    }

    /// The policy for one request: that of its route with what the x-envoy-retry-* headers ask. Those headers
    /// are removed. `None` when there is neither.
    pub fn effective(route: Option<&Arc<Self>>, request: &mut Headers) -> Option<Arc<Self>> {
        const NAMES: [HeaderId; 6] = [
            HeaderId::XEnvoyRetryOn,
            HeaderId::XEnvoyRetryGrpcOn,
            HeaderId::XEnvoyMaxRetries,
            HeaderId::XEnvoyHedgeOnPerTryTimeout,
            HeaderId::XEnvoyRetriableHeaderNames,
            HeaderId::XEnvoyRetriableStatusCodes,
        ];
        let asks = request.iter().any(|(id, _, _)| NAMES.contains(&id));
        if !asks && route.is_none_or(|policy| policy.applies_to(request)) {
            return route.cloned();
        }
        let mut policy = route.map_or_else(Self::none, |policy| (**policy).clone());
        policy.add_from(request);
        request.retain(|id, _, _| !NAMES.contains(&id));
        if !policy.applies_to(request) {
            policy.conditions = RetryOn::empty();
        }
        Some(Arc::new(policy))
    }

    /// False when it only holds limits of attempts.
    pub fn retries_any(&self) -> bool {
        !self.conditions.is_empty()
    }

    /// True unless the policy is for other requests only.
    fn applies_to(&self, request: &Headers) -> bool {
        self.retriable_request_headers.is_empty()
            || self.retriable_request_headers.iter().any(|matcher| matcher.matches(request))
    }

    fn add_from(&mut self, request: &Headers) {
        let list = |id| request.get_str(id).into_iter().flat_map(|value| value.split(','));
        self.conditions |= conditions(list(HeaderId::XEnvoyRetryOn), HTTP_CONDITIONS);
        self.conditions |= conditions(list(HeaderId::XEnvoyRetryGrpcOn), GRPC_CONDITIONS);
        let max = request.get_str(HeaderId::XEnvoyMaxRetries);
        if let Some(max) = max.and_then(|value| value.trim().parse().ok()) {
            self.num_retries = max;
        }
        self.hedge = match request.get(HeaderId::XEnvoyHedgeOnPerTryTimeout) {
            Some(b"true") => Some(true),
            Some(b"false") => Some(false),
            _ => None,
        };
        let codes = list(HeaderId::XEnvoyRetriableStatusCodes);
        self.retriable_status_codes
            .extend(status_codes(codes.filter_map(|c| c.trim().parse().ok())));
        let names = list(HeaderId::XEnvoyRetriableHeaderNames).map(str::trim);
        self.retriable_headers
            .extend(names.filter(|name| !name.is_empty()).map(HeaderMatcher::present));
    }
}

impl RetryPolicy {
    /// Whether every name of a list of x-envoy-retry-on is known.
    pub fn knows_conditions(list: &str) -> bool {
        list.split(',').all(|name| HTTP_CONDITIONS.iter().any(|(known, _)| *known == name.trim()))
    }

    /// The same for x-envoy-retry-grpc-on.
    pub fn knows_grpc_conditions(list: &str) -> bool {
        list.split(',').all(|name| GRPC_CONDITIONS.iter().any(|(known, _)| *known == name.trim()))
    }
}

fn condition(name: &str) -> Result<RetryOn> {
    let all = || HTTP_CONDITIONS.iter().chain(GRPC_CONDITIONS);
    let found = all().find(|(known, _)| *known == name).map(|(_, condition)| *condition);
    found.ok_or_else(|| CompileError::new(format!("no such retry condition: {name}")))
}

fn status_codes(codes: impl Iterator<Item = u32>) -> Vec<u16> {
    codes.filter_map(|code| u16::try_from(code).ok()).collect()
}

impl RateLimitedBackoff {
    fn compile(message: &proto::RateLimitedBackoff) -> Self {
        let reset = |header: &proto::rate_limited_backoff::ResetHeader| ResetHeader {
            name: HeaderName::new(&header.name),
            unix_timestamp: header.unix_timestamp,
        };
        Self {
            reset_headers: message.reset_headers.iter().map(reset).collect(),
            max_interval: Duration::from_millis(message.max_interval_ms),
        }
    }
}
