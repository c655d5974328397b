//! The timeouts of one forwarded request.
//! <https://www.envoyproxy.io/docs/envoy/latest/faq/configuration/timeouts>

use std::time::{Duration, Instant};

use super::failure::TimeoutKind;
use super::{grpc_timeout, Router};
use crate::clock;
use crate::headers::{HeaderId, Headers};
use crate::http::stream::Stream;
use crate::http::upgrade;
use crate::route::{is_grpc, Forward, RetryPolicy};

#[derive(Debug, Default)]
pub struct Timeouts {
    pub route: Option<Duration>,
    pub per_try: Option<Duration>,
    pub per_try_idle: Option<Duration>,
    pub stream_idle: Option<Duration>,
    request: Option<Duration>,
    max_duration: Option<Duration>,
    /// When the current attempt had its connection.
    pub attempt_start: Option<Instant>,
    pub upstream_activity: Option<Instant>,
    /// When the current attempt has to be over, its response included.
    pub upstream_end: Option<Instant>,
    /// When a WebSocket was asked for: its answer is due as if the request ended there.
    asked: Option<Instant>,
    /// An attempt that takes too long goes on beside the next one.
    pub hedges: bool,
    /// The upstream of a gRPC request is told by grpc-timeout as well.
    tells_grpc: bool,
    /// The client asks for 204 where it would be told of a timeout.
    pub alternative_response: bool,
}

/// Reads and removes a header with a number of milliseconds.
fn take_ms(headers: &mut Headers, id: HeaderId) -> Option<u64> {
    let value = headers.get_str(id).and_then(|text| text.parse().ok());
    headers.remove(id);
    value
}

impl Timeouts {
    /// Timeouts of the route and of the request's own headers, which are removed.
    pub fn resolve(
        router: &Router,
        stream: &mut Stream,
        forward: &Forward,
        retry: Option<&RetryPolicy>,
    ) -> Self {
        let headers = &mut stream.request;
        let of_grpc = forward.grpc_timeout.as_ref().filter(|_| is_grpc(headers));
        let mut route = match of_grpc {
            Some(of_grpc) => grpc_timeout::of_response(of_grpc, headers),
            None => forward.timeout,
        };
        let mut per_try = retry.and_then(|policy| policy.per_try_timeout);
        if let Some(ms) = take_ms(headers, HeaderId::XEnvoyUpstreamRqTimeoutMs) {
            route = (ms > 0).then(|| Duration::from_millis(ms));
        }
        if router.respect_expected_timeout {
            if let Some(ms) = take_ms(headers, HeaderId::XEnvoyExpectedRqTimeoutMs) {
                route = (ms > 0).then(|| Duration::from_millis(ms));
            }
        }
        if let Some(ms) = take_ms(headers, HeaderId::XEnvoyUpstreamRqPerTryTimeoutMs) {
            per_try = (ms > 0).then(|| Duration::from_millis(ms));
        }
        if per_try.zip(route).is_some_and(|(per_try, route)| per_try >= route) {
            per_try = None;
        }
        let alternative_response = headers.remove(HeaderId::XEnvoyUpstreamRqTimeoutAltResponse);
        headers.remove(HeaderId::XEnvoyUpstreamAltStatName);
        let manager = &stream.manager.config.timeouts;
        let max_duration = grpc_timeout::limit(forward, headers, manager.max_stream);
        Self {
            route,
            per_try,
            per_try_idle: retry.and_then(|policy| policy.per_try_idle_timeout),
            stream_idle: forward.idle_timeout.unwrap_or(manager.stream_idle),
            request: manager.request,
            max_duration,
            attempt_start: None,
            upstream_activity: None,
            upstream_end: None,
            hedges: retry.and_then(|policy| policy.hedge).unwrap_or(forward.hedge),
            tells_grpc: of_grpc.is_some(),
            asked: upgrade::is_websocket(&stream.head, headers).then(clock::now),
            alternative_response,
        }
    }

    /// The upstream has agreed to a tunnel, which lasts as long as it is used.
    pub fn open_tunnel(&mut self) {
        self.route = None;
        self.per_try = None;
        self.request = None;
    }

    /// An attempt is over: its own limits hold no more.
    pub fn end_attempt(&mut self) {
        self.attempt_start = None;
        self.upstream_activity = None;
        self.upstream_end = None;
    }

    /// The head of the response has come: what is left are the limits of the whole, and how long its body may pause.
    pub fn answered(&mut self) {
        self.attempt_start = None;
        if self.hedges {
            self.per_try_idle = None;
        }
    }

    /// The attempt takes longer than it may, but goes on.
    pub fn leave_late(&mut self) {
        self.attempt_start = None;
        self.upstream_activity = None;
    }

    /// x-envoy-expected-rq-timeout-ms: how long the upstream has for this attempt. The first has all of it.
    pub fn announce(&self, router: &Router, stream: &mut Stream) {
        if router.suppress_envoy_headers && !self.tells_grpc {
            return;
        }
        let waited = stream.request_done.filter(|_| stream.info.attempts > 0);
        let elapsed = waited.map_or(Duration::ZERO, clock::since);
        let left = self.route.map(|route| route.saturating_sub(elapsed));
        let per_try = self.per_try.filter(|_| !self.hedges);
        let expected = [left, per_try].into_iter().flatten().min();
        let Some(expected) = expected.map(|expected| expected.max(Duration::from_millis(1))) else {
            return;
        };
        if !router.suppress_envoy_headers {
            let ms = expected.as_millis() as u64;
            let mut digits = itoa::Buffer::new();
            let text = digits.format(ms).as_bytes();
            stream.request.set(HeaderId::XEnvoyExpectedRqTimeoutMs, text);
        }
        if self.tells_grpc {
            stream.request.set(HeaderId::GrpcTimeout, grpc_timeout::write(expected).as_bytes());
        }
    }

    fn deadlines(&self, stream: &Stream) -> [(TimeoutKind, Option<Instant>); 7] {
        let done = stream.request_done.or(self.asked);
        let tried = self.attempt_start.zip(done).map(|(attempt, done)| attempt.max(done));
        let from = |start: Option<Instant>, timeout: Option<Duration>| {
            start.zip(timeout).map(|(start, timeout)| start + timeout)
        };
        let idle = stream.idle_timeout(self.stream_idle);
        let request = if stream.request_done.is_none() { self.request } else { None };
        [
            (TimeoutKind::Route, from(done, self.route)),
            (TimeoutKind::PerTry, from(tried, self.per_try)),
            (TimeoutKind::PerTryIdle, from(self.upstream_activity, self.per_try_idle)),
            (TimeoutKind::StreamIdle, from(Some(stream.last_activity), idle)),
            (TimeoutKind::Request, from(Some(stream.info.start), request)),
            (TimeoutKind::MaxDuration, from(Some(stream.info.start), self.max_duration)),
            (TimeoutKind::UpstreamDuration, self.upstream_end),
        ]
    }

    pub fn nearest(&self, stream: &Stream) -> Option<Instant> {
        self.deadlines(stream).into_iter().filter_map(|(_, at)| at).min()
    }

    /// The timeout that has passed: the nearest one.
    pub fn expired(&self, stream: &Stream) -> TimeoutKind {
        self.deadlines(stream)
            .into_iter()
            .filter_map(|(kind, at)| Some((at?, kind)))
            .min_by_key(|(at, _)| *at)
            .map_or(TimeoutKind::StreamIdle, |(_, kind)| kind)
    }
}

/// The header that carries an attempt's number.
pub fn attempt_count(headers: &mut Headers, attempts: u32) {
    let mut digits = itoa::Buffer::new();
    headers.set(HeaderId::XEnvoyAttemptCount, digits.format(attempts).as_bytes());
}
