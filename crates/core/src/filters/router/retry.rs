//! Whether, when and where a failed attempt is made again.
//! <https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/router_filter#x-envoy-retry-on>

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::failure::{Failure, TimeoutKind};
use super::scopes;
use crate::headers::{HeaderId, Headers};
use crate::http::flags::ResponseFlags;
use crate::http::stream::Stream;
use crate::lb::RetryPriority;
use crate::proto::{ClusterStat, VirtualClusterStat};
use crate::random::Random;
use crate::route::{RetryOn, RetryPolicy};
use crate::upstream::{Cluster, Host, Priority, RetryPermit};

/// It says that the request came in TLS early data, and is made again at once.
const TOO_EARLY: u16 = 425;

/// What came of an attempt, as conditions see it.
pub enum Outcome<'a> {
    Response(u16, &'a Headers),
    Failure(&'a Failure),
    /// It takes longer than an attempt may, and goes on beside the next one.
    Late,
}

/// What decides the length of a pause.
#[derive(Clone, Copy)]
enum Pause {
    None,
    Exponential,
    RateLimited,
}

pub struct Retries {
    policy: Option<Arc<RetryPolicy>>,
    left: u32,
    made: u32,
    /// Held while a retry is under way, for the circuit breaker.
    permit: Option<RetryPermit>,
    /// Between a failed attempt and the next: why it takes as long as it does, for the counters.
    pausing: Option<Pause>,
    /// The attempt under way was followed by another before: it is not made again.
    followed: bool,
    pub tried: Vec<Arc<Host>>,
    /// Boxed: few policies have one.
    priority: Option<Box<RetryPriority>>,
}

impl Retries {
    pub fn new(policy: Option<Arc<RetryPolicy>>) -> Self {
        let policy = policy.filter(|policy| policy.retries_any());
        let left = policy.as_ref().map_or(0, |policy| policy.num_retries);
        let frequency = policy.as_ref().and_then(|policy| policy.previous_priorities);
        Self {
            policy,
            left,
            made: 0,
            permit: None,
            pausing: None,
            followed: false,
            tried: Vec::new(),
            priority: frequency.map(|frequency| Box::new(RetryPriority::new(frequency))),
        }
    }

    pub fn policy(&self) -> Option<&Arc<RetryPolicy>> {
        self.policy.as_ref()
    }

    /// What decides the priority of a retry, where the policy says so.
    pub fn priority(&self) -> Option<&RetryPriority> {
        self.priority.as_deref()
    }

    pub fn is_wanted(&self) -> bool {
        self.policy.is_some()
    }

    pub fn made(&self) -> u32 {
        self.made
    }

    /// Notes the host of an attempt, for `previous_hosts`.
    pub fn note(&mut self, host: &Arc<Host>) {
        if self.policy.as_ref().is_some_and(|policy| policy.previous_hosts) {
            self.tried.push(host.clone());
        }
    }

    /// The pause before another attempt; `None`: the outcome stands.
    pub fn next(
        &mut self,
        stream: &mut Stream,
        cluster: &Cluster,
        priority: Priority,
        outcome: &Outcome<'_>,
    ) -> Option<Duration> {
        if self.followed {
            return None;
        }
        self.permit = None;
        let policy = self.policy.clone()?;
        if !is_retriable(&policy, outcome) {
            if self.made > 0 {
                cluster.block().inc(ClusterStat::ClusterUpstreamRqRetrySuccess);
                scopes::inc(stream, VirtualClusterStat::VirtualClusterUpstreamRqRetrySuccess);
            }
            return None;
        }
        if self.left == 0 {
            cluster.block().inc(ClusterStat::ClusterUpstreamRqRetryLimitExceeded);
            scopes::inc(stream, VirtualClusterStat::VirtualClusterUpstreamRqRetryLimitExceeded);
            stream.info.flags |= ResponseFlags::UPSTREAM_RETRY_LIMIT_EXCEEDED;
            return None;
        }
        self.left -= 1;
        let Some(permit) = cluster.retry(priority) else {
            cluster.block().inc(ClusterStat::ClusterUpstreamRqRetryOverflow);
            scopes::inc(stream, VirtualClusterStat::VirtualClusterUpstreamRqRetryOverflow);
            stream.info.flags |= ResponseFlags::UPSTREAM_OVERFLOW;
            return None;
        };
        self.permit = Some(permit);
        self.made += 1;
        let (pause, length) = self.pause(&policy, outcome, &stream.worker.random);
        self.pausing = Some(pause);
        Some(length)
    }

    /// An attempt is the latest again that others, or a pause, may have followed.
    pub fn resume(&mut self, followed: bool) {
        self.followed = followed;
        self.pausing = None;
    }

    /// Whether the policy is about such an outcome, retries left or not.
    pub fn concern(&self, outcome: &Outcome<'_>) -> bool {
        self.policy.as_ref().is_some_and(|policy| is_retriable(policy, outcome))
    }

    /// A response stands: there is no retry under way any more.
    pub fn end(&mut self) {
        self.permit = None;
    }

    /// The pause is over: only now the retry counts.
    pub fn begin(&mut self, stream: &Stream, cluster: &Cluster) {
        let block = cluster.block();
        block.inc(ClusterStat::ClusterUpstreamRqRetry);
        scopes::inc(stream, VirtualClusterStat::VirtualClusterUpstreamRqRetry);
        match self.pausing.take() {
            Some(Pause::Exponential) => {
                block.inc(ClusterStat::ClusterUpstreamRqRetryBackoffExponential);
            }
            Some(Pause::RateLimited) => {
                block.inc(ClusterStat::ClusterUpstreamRqRetryBackoffRatelimited);
            }
            Some(Pause::None) | None => {}
        }
    }

    /// No attempt is under way, another is to come.
    pub fn is_pausing(&self) -> bool {
        self.pausing.is_some()
    }

    fn pause(
        &self,
        policy: &RetryPolicy,
        outcome: &Outcome<'_>,
        random: &Random,
    ) -> (Pause, Duration) {
        if let Outcome::Response(status, headers) = outcome {
            if *status == TOO_EARLY {
                return (Pause::None, Duration::ZERO);
            }
            if let Some(length) = rate_limited(policy, headers, random) {
                return (Pause::RateLimited, length);
            }
        }
        let base = policy.backoff_base.as_millis().max(1) as u64;
        let most = (policy.backoff_max.as_millis() as u64).max(base);
        let window = base.saturating_mul((1u64 << self.made.min(32)) - 1).min(most);
        (Pause::Exponential, Duration::from_millis(random.below(window.max(1))))
    }
}

/// The pause that a response asks for, with up to half as much again.
fn rate_limited(policy: &RetryPolicy, headers: &Headers, random: &Random) -> Option<Duration> {
    let backoff = policy.rate_limited_backoff.as_ref()?;
    let asked = backoff.reset_headers.iter().find_map(|reset| {
        let number: u64 = headers.get_str(&reset.name)?.trim().parse().ok()?;
        match reset.unix_timestamp {
            false => Some(Duration::from_secs(number)),
            true => {
                let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
                Duration::from_secs(number).checked_sub(now)
            }
        }
    })?;
    let ms = asked.as_millis() as u64;
    let taken = ms > 1 && asked <= backoff.max_interval;
    taken.then(|| Duration::from_millis(ms + random.below(ms / 2)))
}

pub fn is_retriable(policy: &RetryPolicy, outcome: &Outcome<'_>) -> bool {
    match outcome {
        Outcome::Response(status, headers) => response_is_retriable(policy, *status, headers),
        Outcome::Failure(failure) => failure_is_retriable(policy.conditions, failure),
        Outcome::Late => true,
    }
}

fn response_is_retriable(policy: &RetryPolicy, status: u16, headers: &Headers) -> bool {
    let on = policy.conditions;
    let limited = headers.contains(HeaderId::XEnvoyRatelimited);
    if limited {
        return on.contains(RetryOn::ENVOY_RATELIMITED);
    }
    (on.contains(RetryOn::FIVE_XX) && (500..600).contains(&status))
        || (on.contains(RetryOn::GATEWAY_ERROR) && (502..=504).contains(&status))
        || (on.contains(RetryOn::RETRIABLE_4XX) && status == 409)
        || (on.contains(RetryOn::RETRIABLE_STATUS_CODES)
            && policy.retriable_status_codes.contains(&status))
        || (on.contains(RetryOn::RETRIABLE_HEADERS)
            && policy.retriable_headers.iter().any(|matcher| matcher.matches(headers)))
        || grpc_is_retriable(on, headers)
}

fn grpc_is_retriable(on: RetryOn, headers: &Headers) -> bool {
    let Some(status) = headers.get(HeaderId::GrpcStatus) else { return false };
    let condition = match status {
        b"1" => RetryOn::GRPC_CANCELLED,
        b"4" => RetryOn::GRPC_DEADLINE_EXCEEDED,
        b"8" => RetryOn::GRPC_RESOURCE_EXHAUSTED,
        b"13" => RetryOn::GRPC_INTERNAL,
        b"14" => RetryOn::GRPC_UNAVAILABLE,
        _ => return false,
    };
    on.contains(condition)
}

fn failure_is_retriable(on: RetryOn, failure: &Failure) -> bool {
    match failure {
        Failure::Connect { .. } => on.intersects(
            RetryOn::FIVE_XX
                | RetryOn::GATEWAY_ERROR
                | RetryOn::CONNECT_FAILURE
                | RetryOn::RESET
                | RetryOn::RESET_BEFORE_REQUEST,
        ),
        Failure::Terminated | Failure::Protocol => {
            on.intersects(RetryOn::FIVE_XX | RetryOn::GATEWAY_ERROR | RetryOn::RESET)
        }
        Failure::Reset { refused } => {
            on.intersects(RetryOn::FIVE_XX | RetryOn::GATEWAY_ERROR | RetryOn::RESET)
                || (*refused && on.contains(RetryOn::REFUSED_STREAM))
        }
        Failure::Timeout(
            TimeoutKind::PerTry | TimeoutKind::PerTryIdle | TimeoutKind::UpstreamDuration,
        ) => on.intersects(RetryOn::FIVE_XX | RetryOn::GATEWAY_ERROR | RetryOn::RESET),
        _ => false,
    }
}
