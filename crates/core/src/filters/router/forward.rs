//! Forwarding a request to a cluster: attempts until one gives a response that stands.

use std::rc::Rc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::Arc;
use std::time::Duration;

use super::attempt::{connect, Parties, Replay, Upstream};
use super::failure::{Failure, TimeoutKind};
use super::hash::hash;
use super::outlier::report_connection;
use super::relay::{relay, send_head};
use super::retry::{Outcome, Retries};
use super::timeouts::{attempt_count, Timeouts};
use super::tunnel::connect_tcp;
use super::Router;
use super::{charge, log, mirror, scopes};
use crate::clock;
use crate::filters::{self, Head};
use crate::headers::HeaderId;
use crate::http::downstream::Downstream;
use crate::http::flags::ResponseFlags;
use crate::http::stream::{Answer, Stream};
use crate::http1::response::ResponseHead;
use crate::http1::BodyLength;
use crate::lb::LbContext;
use crate::proto::{ClusterHistogram, ClusterStat, HttpStat, VirtualClusterStat};
use crate::route::{Forward, RetryPolicy, Route};
use crate::timer::Timer;
use crate::tls::TlsNames;
use crate::upstream::{ClosedBy, Cluster, Host, Priority};

/// Forwards the request. An answer: no response of an upstream stands.
pub async fn forward(
    router: &Router,
    stream: &mut Stream,
    down: &mut dyn Downstream,
    timer: &Timer,
    route: &Arc<Route>,
    forward: &Forward,
) -> Option<Answer> {
    let cluster = match prepare(stream, route, forward.cluster_not_found_status) {
        Ok(cluster) => cluster,
        Err(answer) => return Some(answer),
    };
    let policy = RetryPolicy::effective(forward.retry_policy.as_ref(), &mut stream.request);
    let mut timeouts = Timeouts::resolve(router, stream, forward, policy.as_deref());
    if !router.suppress_envoy_headers {
        timeouts.announce(stream);
    }
    rewrite(router, stream, route);
    if stream.manager.config.scheme_match_upstream {
        stream.request.set(HeaderId::Scheme, b"http");
    }
    let retries = Retries::new(policy);
    let limit = route
        .request_body_buffer_limit
        .map_or(stream.manager.config.buffer_limit, |limit| limit as usize);
    let mut replay = Replay { wanted: retries.is_wanted(), limit, ..Replay::default() };
    let priority = if forward.high_priority { Priority::High } else { Priority::Default };
    let ends_connect = forward.ends_connect(&stream.request);
    let holding = stream.head.is_tunnel();
    let names = cluster.config().auto_names.as_ref().map(|auto| auto.of(&stream.request));
    let parties = Parties {
        router,
        stream,
        down,
        timer,
        timeouts: &mut timeouts,
        replay: &mut replay,
        committed: false,
        holding,
    };
    let cookies = Vec::new();
    let mut forwarding = Forwarding {
        router,
        route,
        forward,
        cluster,
        priority,
        retries,
        parties,
        ends_connect,
        names,
        cookies,
    };
    forwarding.run().await
}

/// Finds the cluster, or says why there is none.
fn prepare(stream: &mut Stream, route: &Route, not_found: u16) -> Result<Rc<Cluster>, Answer> {
    match stream.cluster.take() {
        Some(cluster) => {
            scopes::choose(stream, route);
            Ok(cluster)
        }
        None => {
            stream.manager.block.inc(HttpStat::HttpNoCluster);
            let answer = Answer::new(not_found, "", "cluster_not_found");
            Err(answer.flag(ResponseFlags::NO_CLUSTER_FOUND))
        }
    }
}

/// Applies the route's changes to the request.
fn rewrite(router: &Router, stream: &mut Stream, route: &Arc<Route>) {
    if let Some(choice) = &stream.choice {
        let keep_original = !router.suppress_envoy_headers;
        route.mutate_request(&mut stream.request, choice, &stream.info, keep_original);
    }
}

struct Forwarding<'a> {
    router: &'a Router,
    route: &'a Arc<Route>,
    forward: &'a Forward,
    cluster: Rc<Cluster>,
    priority: Priority,
    retries: Retries,
    parties: Parties<'a>,
    /// The upstream gets the body alone, over TCP.
    ends_connect: bool,
    /// What the request decides of TLS, where it does.
    names: Option<TlsNames>,
    /// Set-Cookie values that keep the client with its host.
    cookies: Vec<Vec<u8>>,
}

impl Forwarding<'_> {
    async fn run(&mut self) -> Option<Answer> {
        if let Some(dropped) = self.drop() {
            return self.fail(&dropped);
        }
        loop {
            let failure = match self.attempt().await {
                Ok((up, head)) if self.parties.gets_head_alone(&head) => {
                    self.parties.refuse_handshake(up, &head);
                    log::attempt(self.router, self.parties.stream, head.status, None);
                    return None;
                }
                Ok((mut up, head)) => match self.judge(&mut up, &head) {
                    None => {
                        let instead = self.respond(&mut up, &head).await;
                        log::attempt(self.router, self.parties.stream, head.status, None);
                        return instead;
                    }
                    Some(pause) => {
                        self.discard(up, &head);
                        log::attempt(self.router, self.parties.stream, head.status, None);
                        self.wait(pause).await.err()
                    }
                },
                Err(failure) => {
                    log::attempt(self.router, self.parties.stream, 0, Some(&failure));
                    match self.reconsider(&failure) {
                        None => Some(failure),
                        Some(pause) => self.wait(pause).await.err(),
                    }
                }
            };
            if let Some(failure) = failure {
                return self.fail(&failure);
            }
        }
    }

    /// Whether this request is one of those that the cluster turns away.
    fn drop(&self) -> Option<Failure> {
        let share = self.cluster.drop_share();
        if share <= 0.0 {
            return None;
        }
        let all = share >= 1.0;
        let lot = self.parties.stream.worker.random.below(u64::from(u32::MAX)) as f64;
        (all || lot < share * f64::from(u32::MAX)).then_some(Failure::Dropped { all })
    }

    async fn attempt(&mut self) -> Result<(Upstream, ResponseHead), Failure> {
        let stream = &mut *self.parties.stream;
        stream.info.attempts += 1;
        if self.route.include_request_attempt_count() {
            attempt_count(&mut stream.request, stream.info.attempts);
        }
        let host = self.choose_host().ok_or(Failure::NoHost)?;
        self.retries.note(&host);
        if self.parties.stream.info.attempts == 1 && !self.parties.holding {
            let limit = self.parties.timeouts.route;
            let mirrors = &self.forward.mirrors;
            mirror::start(self.router, self.parties.stream, mirrors, limit);
        }
        if self.forward.auto_host && !host.hostname.is_empty() {
            let stream = &mut *self.parties.stream;
            let keep_original = !self.router.suppress_envoy_headers;
            self.route.set_host(&mut stream.request, host.hostname.as_bytes(), keep_original);
        }
        let connected = match self.ends_connect {
            true => connect_tcp(&mut self.parties, &self.cluster, &host).await,
            false => connect(&mut self.parties, &self.cluster, &host, self.priority).await,
        };
        report_connection(&self.cluster, &host, &connected);
        let mut up = connected?;
        match up.exchange(&mut self.parties).await {
            Ok(head) => {
                up.report_answer(&self.parties, &head);
                Ok((up, head))
            }
            Err(failure) => {
                count_failed_attempt(&up, &failure);
                up.report_failure(&self.parties, &failure);
                if matches!(failure, Failure::Timeout(TimeoutKind::Route)) {
                    let stat = VirtualClusterStat::VirtualClusterUpstreamRqTimeout;
                    scopes::inc(self.parties.stream, stat);
                }
                self.parties.stream.info.upstream.wire_bytes_received += up.wire.unread();
                up.abort(up.wire.ended_by());
                Err(failure)
            }
        }
    }

    fn choose_host(&mut self) -> Option<Arc<Host>> {
        let policy = self.retries.policy();
        let stream = &*self.parties.stream;
        let (request, info) = (&stream.request, &stream.info);
        let hash = hash(&self.cluster, self.forward, request, info, &mut self.cookies);
        let context = LbContext {
            hash,
            criteria: self.forward.criteria(stream.choice.as_ref()),
            avoid: &self.retries.tried,
            max_attempts: policy.map_or(1, |policy| policy.host_selection_max_attempts),
            avoid_canary: policy.is_some_and(|policy| policy.omit_canary_hosts)
                && self.retries.made() > 0,
            connection: Some(&stream.info.connection),
            headers: Some(&stream.request),
            metadata: stream.info.dynamic_metadata.as_deref(),
            names: self.names.as_ref(),
            ..LbContext::default()
        };
        self.cluster.choose_host(&context)
    }

    /// A response arrived: the pause before a retry, or `None` when it stands.
    fn judge(&mut self, up: &mut Upstream, head: &ResponseHead) -> Option<Duration> {
        let stream = &mut *self.parties.stream;
        let response = std::mem::take(&mut stream.response);
        let outcome = Outcome::Response(head.status, &response);
        let possible = self.can_retry();
        let stream = &mut *self.parties.stream;
        let pause = match possible {
            true => self.retries.next(stream, &self.cluster, self.priority, &outcome),
            false => None,
        };
        stream.response = response;
        if pause.is_some() {
            charge::retried(&self.cluster, head.status);
        } else {
            charge::answer(self.router, stream, &self.cluster, head.status, up.host.canary);
            charge::host(stream, head.status < 500);
        }
        pause
    }

    /// Leaves a response that does not stand. Its connection lives on if nothing more of it is to come.
    fn discard(&mut self, mut up: Upstream, head: &ResponseHead) {
        self.parties.timeouts.end_attempt();
        if self.route.include_is_timeout_retry_header() {
            self.parties.stream.request.set(HeaderId::XEnvoyIsTimeoutRetry, b"false");
        }
        match up.sent && matches!(head.body, BodyLength::Empty | BodyLength::Length(0)) {
            true => up.release(head),
            false => up.abort(ClosedBy::Local),
        }
    }

    fn reconsider(&mut self, failure: &Failure) -> Option<Duration> {
        if !failure.is_of_upstream() || !self.can_retry() {
            return None;
        }
        let stream = &mut *self.parties.stream;
        let outcome = Outcome::Failure(failure);
        let pause = self.retries.next(stream, &self.cluster, self.priority, &outcome)?;
        charge::host(stream, false);
        self.parties.timeouts.end_attempt();
        if self.route.include_is_timeout_retry_header() {
            let late = if failure.is_of_attempts() { "true" } else { "false" };
            stream.request.set(HeaderId::XEnvoyIsTimeoutRetry, late.as_bytes());
        }
        Some(pause)
    }

    /// What was sent can be sent again.
    fn can_retry(&self) -> bool {
        if self.parties.committed {
            return false;
        }
        let replay = &self.parties.replay;
        if replay.wanted && replay.overflowed {
            self.cluster.block().inc(ClusterStat::ClusterRetryOrShadowAbandoned);
        }
        !replay.overflowed
    }

    async fn wait(&mut self, pause: Duration) -> Result<(), Failure> {
        let deadline = clock::now() + pause;
        let parties = &mut self.parties;
        std::future::poll_fn(|cx| {
            if clock::now() >= deadline {
                return std::task::Poll::Ready(Ok(()));
            }
            if parties.poll_gone(cx).is_ready() {
                return std::task::Poll::Ready(Err(Failure::ClientGone));
            }
            let limit = parties.timeouts.nearest(parties.stream);
            let nearest = limit.map_or(deadline, |limit| limit.min(deadline));
            match parties.timer.poll(cx, Some(nearest)) {
                std::task::Poll::Pending => std::task::Poll::Pending,
                std::task::Poll::Ready(()) if nearest == deadline => std::task::Poll::Ready(Ok(())),
                std::task::Poll::Ready(()) => std::task::Poll::Ready(Err(Failure::Timeout(
                    parties.timeouts.expired(parties.stream),
                ))),
            }
        })
        .await?;
        self.retries.begin(self.parties.stream, &self.cluster);
        if !self.router.suppress_envoy_headers {
            self.parties.timeouts.announce(self.parties.stream);
        }
        Ok(())
    }

    /// Passes the response on. An answer: a filter gives one in place of it.
    async fn respond(&mut self, up: &mut Upstream, head: &ResponseHead) -> Option<Answer> {
        let stream = &mut *self.parties.stream;
        self.parties.timeouts.attempt_start = None;
        stream.info.response_code = head.status;
        stream.info.details = "via_upstream".into();
        let waited = stream.request_done.filter(|_| !self.router.suppress_envoy_headers);
        if let Some(done) = waited {
            let mut digits = itoa::Buffer::new();
            let text = digits.format(clock::since(done).as_millis() as u64).as_bytes();
            stream.response.set(HeaderId::XEnvoyUpstreamServiceTime, text);
        }
        if self.route.include_attempt_count_in_response() {
            attempt_count(&mut stream.response, stream.info.attempts);
        }
        self.parties.open_tunnel(head.status);
        let stream = &mut *self.parties.stream;
        for cookie in &self.cookies {
            stream.response.append(HeaderId::SetCookie, cookie);
        }
        let down = &mut *self.parties.down;
        stream.route_response();
        let end = matches!(head.body, BodyLength::Empty | BodyLength::Length(0));
        if let Some(bodies) = &mut stream.bodies {
            bodies.begin_response(end);
        }
        match filters::response(stream, end) {
            Ok(Head::Pass) => send_head(stream, down, end),
            Ok(Head::Hold) => {}
            Err(answer) => {
                match up.sent && end {
                    true => up.release(head),
                    false => up.abort(ClosedBy::Local),
                }
                return Some(*answer);
            }
        }
        let instead = relay(&mut self.parties, up, head).await;
        if self.parties.holding {
            self.parties.discard_body();
        }
        self.record_time();
        instead
    }

    fn record_time(&self) {
        let stream = &*self.parties.stream;
        let took = stream.request_done.map_or(0, |done| clock::since(done).as_millis() as u64);
        let histogram = match stream.internal {
            true => ClusterHistogram::InternalUpstreamRqTime,
            false => ClusterHistogram::ExternalUpstreamRqTime,
        };
        self.cluster.block().record(histogram, took);
        scopes::record_time(stream, took);
    }

    /// No attempt gave a response that stands.
    fn fail(&mut self, failure: &Failure) -> Option<Answer> {
        if self.parties.holding || matches!(failure, Failure::Connect { .. }) {
            self.parties.discard_body();
        }
        let stream = &mut *self.parties.stream;
        stream.info.flags |= failure.flag();
        if let Failure::Connect { reason, .. } = failure {
            stream.info.upstream.transport_failure_reason = reason.clone();
        }
        match failure {
            Failure::ClientGone => {
                stream.info.details = "downstream_remote_disconnect".into();
                return None;
            }
            Failure::ClientBody(_) => {
                stream.close = true;
                stream.manager.block.inc(HttpStat::HttpDownstreamCxProtocolError);
            }
            Failure::Timeout(kind) => charge::manager_timeout(stream, *kind),
            Failure::Dropped { .. } | Failure::Overflow => charge::dropped(&self.cluster, failure),
            _ => {}
        }
        let transport = stream.info.upstream.transport_failure_reason.clone();
        let done = stream.request_done.is_some();
        let retried = self.retries.made() > 0;
        let mut answer = failure.answer(retried, self.parties.committed, done, &transport);
        if failure.is_of_attempts() && self.parties.timeouts.alternative_response {
            answer.status = 204;
            answer.body = "".as_bytes().into();
        }
        if matches!(failure, Failure::Overflow) {
            answer = answer.header(HeaderId::XEnvoyOverloaded, "true");
        }
        if failure.answers_for_upstream() {
            if self.route.include_attempt_count_in_response() {
                let attempts = self.parties.stream.info.attempts.to_string();
                answer = answer.header(HeaderId::XEnvoyAttemptCount, attempts);
            }
            self.charge_failure(failure, answer.status);
        }
        Some(answer)
    }

    fn charge_failure(&self, failure: &Failure, status: u16) {
        if self.retries.is_pausing() {
            return;
        }
        let stream = &*self.parties.stream;
        if !self.parties.committed {
            charge::answer(self.router, stream, &self.cluster, status, false);
        }
        if !matches!(failure, Failure::NoHost) {
            charge::host(stream, false);
        }
    }
}

fn count_failed_attempt(up: &Upstream, failure: &Failure) {
    let block = up.cluster.block();
    let stat = match failure {
        Failure::Timeout(TimeoutKind::Route) => ClusterStat::ClusterUpstreamRqTimeout,
        Failure::Timeout(TimeoutKind::PerTry) => ClusterStat::ClusterUpstreamRqPerTryTimeout,
        Failure::Timeout(TimeoutKind::PerTryIdle) => {
            ClusterStat::ClusterUpstreamRqPerTryIdleTimeout
        }
        Failure::Timeout(TimeoutKind::UpstreamDuration) => {
            ClusterStat::ClusterUpstreamRqMaxDurationReached
        }
        Failure::Protocol if !up.wire.shares_connection() => {
            ClusterStat::ClusterUpstreamCxProtocolError
        }
        _ => return,
    };
    block.inc(stat);
    if stat != ClusterStat::ClusterUpstreamRqMaxDurationReached
        && matches!(failure, Failure::Timeout(_))
    {
        up.host.stats.rq_timeout.fetch_add(1, Relaxed);
    }
}
