//! Forwarding a request to a cluster: attempts until one gives a response that stands.

use std::rc::Rc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::Arc;
use std::time::Duration;

use super::attempt::{connect, Parties, Replay, Upstream};
use super::failure::{Failure, TimeoutKind};
use super::relay::relay;
use super::retry::{Outcome, Retries};
use super::scopes;
use super::timeouts::{attempt_count, Timeouts};
use super::Router;
use crate::clock;
use crate::filters;
use crate::headers::HeaderId;
use crate::http::downstream::Downstream;
use crate::http::flags::ResponseFlags;
use crate::http::stream::{Answer, Stream};
use crate::http1::response::ResponseHead;
use crate::http1::{BodyLength, Encoding};
use crate::lb::LbContext;
use crate::proto::{ClusterHistogram, ClusterStat, HttpStat, VirtualClusterStat};
use crate::route::{Forward, RetryPolicy, Route};
use crate::stats::Origin;
use crate::timer::Timer;
use crate::upstream::{ClosedBy, Cluster, Host, Priority};

/// Forwards the request. An answer: no response of an upstream stands.
pub async fn forward(
    router: &Router,
    stream: &mut Stream,
    down: &mut Downstream,
    timer: &Timer,
    route: &Arc<Route>,
    forward: &Forward,
) -> Option<Answer> {
    let cluster = match prepare(stream, route, forward) {
        Ok(cluster) => cluster,
        Err(answer) => return Some(answer),
    };
    let policy = RetryPolicy::effective(forward.retry_policy.as_ref(), &mut stream.request);
    let mut timeouts = Timeouts::resolve(router, stream, forward, policy.as_deref());
    if !router.suppress_envoy_headers {
        timeouts.announce(stream);
    }
    rewrite(router, stream, route);
    let retries = Retries::new(policy);
    let limit = route
        .request_body_buffer_limit
        .map_or(cluster.config().per_connection_buffer_limit, |limit| limit as usize);
    let mut replay = Replay { wanted: retries.is_wanted(), limit, ..Replay::default() };
    let priority = if forward.high_priority { Priority::High } else { Priority::Default };
    let parties = Parties { stream, down, timer, timeouts: &mut timeouts, replay: &mut replay };
    let mut forwarding = Forwarding { router, route, forward, cluster, priority, retries, parties };
    forwarding.run().await
}

/// Finds the cluster, or says why there is none.
fn prepare(stream: &mut Stream, route: &Route, forward: &Forward) -> Result<Rc<Cluster>, Answer> {
    let choice = stream.with_route_context(|request, context| forward.cluster(request, context));
    let name = choice.as_ref().map(|choice| choice.name.clone());
    stream.choice = choice;
    let cluster = name.as_deref().and_then(|name| stream.worker.clusters.get(name));
    match cluster {
        Some(cluster) => {
            stream.info.cluster = Some(cluster.config().observability_name.clone());
            stream.info.cluster_metadata = cluster.config().metadata.clone();
            scopes::choose(stream, route);
            Ok(cluster)
        }
        None => {
            stream.manager.block.inc(HttpStat::HttpNoCluster);
            let answer = Answer::new(forward.cluster_not_found_status, "", "cluster_not_found");
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
}

impl Forwarding<'_> {
    async fn run(&mut self) -> Option<Answer> {
        if let Some(shed) = self.cluster.sheds() {
            return self.fail(&Failure::Shed(shed));
        }
        loop {
            let failure = match self.attempt().await {
                Ok((mut up, head)) => match self.judge(&mut up, &head) {
                    None => {
                        self.respond(&mut up, &head).await;
                        return None;
                    }
                    Some(pause) => {
                        up.abort(ClosedBy::Local);
                        self.wait(pause).await.err()
                    }
                },
                Err(failure) => match self.reconsider(&failure) {
                    None => Some(failure),
                    Some(pause) => self.wait(pause).await.err(),
                },
            };
            if let Some(failure) = failure {
                return self.fail(&failure);
            }
        }
    }

    async fn attempt(&mut self) -> Result<(Upstream, ResponseHead), Failure> {
        let stream = &mut *self.parties.stream;
        stream.info.attempts += 1;
        if self.route.include_request_attempt_count() {
            attempt_count(&mut stream.request, stream.info.attempts);
        }
        let host = self.choose_host().ok_or(Failure::NoHost)?;
        self.retries.note(&host);
        if self.forward.auto_host && !host.hostname.is_empty() {
            let stream = &mut *self.parties.stream;
            let keep_original = !self.router.suppress_envoy_headers;
            self.route.set_host(&mut stream.request, host.hostname.as_bytes(), keep_original);
        }
        let mut up = connect(&mut self.parties, &self.cluster, &host, self.priority).await?;
        match up.exchange(&mut self.parties).await {
            Ok(head) => Ok((up, head)),
            Err(failure) => {
                count_failed_attempt(&up, &failure);
                if matches!(failure, Failure::Timeout(TimeoutKind::Route)) {
                    let stat = VirtualClusterStat::VirtualClusterUpstreamRqTimeout;
                    scopes::inc(self.parties.stream, stat);
                }
                let unread = up.reader.bytes().len() as u64;
                self.parties.stream.info.upstream.wire_bytes_received += unread;
                up.abort(match failure {
                    Failure::Terminated => ClosedBy::Remote,
                    _ => ClosedBy::Local,
                });
                Err(failure)
            }
        }
    }

    fn choose_host(&self) -> Option<Arc<Host>> {
        let policy = self.retries.policy();
        let context = LbContext {
            avoid: &self.retries.tried,
            max_attempts: policy.map_or(1, |policy| policy.host_selection_max_attempts),
            avoid_canary: policy.is_some_and(|policy| policy.omit_canary_hosts)
                && self.retries.made() > 0,
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
        self.count_response(head.status, Some(up));
        pause
    }

    fn reconsider(&mut self, failure: &Failure) -> Option<Duration> {
        if !self.can_retry() {
            return None;
        }
        let stream = &mut *self.parties.stream;
        let outcome = Outcome::Failure(failure);
        let pause = self.retries.next(stream, &self.cluster, self.priority, &outcome)?;
        if !matches!(failure, Failure::Connect { .. }) {
            self.count_response(failure.answer(false, true, "").status, None);
        }
        Some(pause)
    }

    /// What was sent can be sent again.
    fn can_retry(&self) -> bool {
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
        if !self.router.suppress_envoy_headers {
            self.parties.timeouts.announce(self.parties.stream);
        }
        Ok(())
    }

    fn count_response(&self, status: u16, up: Option<&Upstream>) {
        let stream = &*self.parties.stream;
        let origin = if stream.internal { Origin::Internal } else { Origin::External };
        let block = self.cluster.block();
        block.response(origin, status);
        scopes::response(stream, status);
        if up.is_some_and(|up| up.host.canary) {
            block.response(Origin::Canary, status);
        }
        if let Some(host) = &stream.info.upstream.host {
            let counter = if status >= 500 { &host.stats.rq_error } else { &host.stats.rq_success };
            counter.fetch_add(1, Relaxed);
        }
    }

    /// Passes the response on.
    async fn respond(&mut self, up: &mut Upstream, head: &ResponseHead) {
        let stream = &mut *self.parties.stream;
        let down = &mut *self.parties.down;
        let waited = stream.request_done.map_or(Duration::ZERO, clock::since);
        let ms = waited.as_millis() as u64;
        stream.info.response_code = head.status;
        stream.info.details = "via_upstream".into();
        if !self.router.suppress_envoy_headers {
            let mut digits = itoa::Buffer::new();
            let text = digits.format(ms).as_bytes();
            stream.response.set(HeaderId::XEnvoyUpstreamServiceTime, text);
        }
        if self.route.include_attempt_count_in_response() {
            attempt_count(&mut stream.response, stream.info.attempts);
        }
        stream.route_response();
        filters::response(stream);
        let end = matches!(head.body, BodyLength::Empty | BodyLength::Length(0));
        stream.send_head(down, end);
        if end {
            down.writer.encoding = Encoding::None;
        }
        down.writer.closing = stream.close && stream.request_done.is_some();
        relay(&mut self.parties, up, head).await;
        self.record_time();
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
        if matches!(failure, Failure::Connect { .. }) {
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
            Failure::ClientBody(_) => stream.close = true,
            Failure::Timeout(TimeoutKind::StreamIdle) => {
                stream.manager.block.inc(HttpStat::HttpDownstreamRqIdleTimeout);
            }
            Failure::Timeout(TimeoutKind::Request) => {
                stream.manager.block.inc(HttpStat::HttpDownstreamRqTimeout);
            }
            Failure::Timeout(TimeoutKind::MaxDuration) => {
                stream.manager.block.inc(HttpStat::HttpDownstreamRqMaxDurationReached);
            }
            _ => {}
        }
        let transport = stream.info.upstream.transport_failure_reason.clone();
        let done = stream.request_done.is_some();
        let mut answer = failure.answer(self.retries.made() > 0, done, &transport);
        let of_upstream = !matches!(
            failure,
            Failure::ClientBody(_)
                | Failure::Timeout(
                    TimeoutKind::StreamIdle | TimeoutKind::Request | TimeoutKind::MaxDuration
                )
        );
        if matches!(failure, Failure::Overflow) {
            answer = answer.header(HeaderId::XEnvoyOverloaded, "true");
        }
        if self.route.include_attempt_count_in_response() && of_upstream {
            let attempts = self.parties.stream.info.attempts.to_string();
            answer = answer.header(HeaderId::XEnvoyAttemptCount, attempts);
        }
        if of_upstream {
            self.count_response(answer.status, None);
        }
        Some(answer)
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
        Failure::Protocol => ClusterStat::ClusterUpstreamCxProtocolError,
        _ => return,
    };
    block.inc(stat);
    if matches!(failure, Failure::Timeout(_)) {
        up.host.stats.rq_timeout.fetch_add(1, Relaxed);
    }
}
