//! Forwarding a request to a cluster: attempts until one gives a response that stands.

mod again;
mod attempting;
mod choosing;
mod failing;
mod hedged;
mod redirecting;

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

use self::again::{discard, Verdict};
use self::hedged::Next;
use super::attempt::Upstream;
use super::failure::Failure;
use super::hedging::Stop;
use super::parties::{Parties, Replay};
use super::relay::{relay, send_head};
use super::retry::Retries;
use super::timeouts::{attempt_count, Timeouts};
use super::Router;
use super::{log, scopes, usage};
use crate::clock;
use crate::filters::{self, Head};
use crate::headers::HeaderId;
use crate::http::downstream::Downstream;
use crate::http::flags::ResponseFlags;
use crate::http::stream::{Answer, Stream, VIA_UPSTREAM};
use crate::http1::response::ResponseHead;
use crate::http1::BodyLength;
use crate::overload::Point;
use crate::proto::{ClusterHistogram, HttpStat};
use crate::route::{Forward, RetryPolicy, Route};
use crate::timer::Timer;
use crate::tls::TlsNames;
use crate::upstream::{ClosedBy, Cluster, Priority};

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
    if stream.manager.overload.sheds(Point::HttpDownstreamFilterCheck) {
        stream.manager.block.inc(HttpStat::HttpRqOverloadLocalReply);
        return Some(Answer::new(503, "envoy overloaded", "overload"));
    }
    let policy = RetryPolicy::effective(forward.retry_policy.as_ref(), &mut stream.request);
    let mut timeouts = Timeouts::resolve(router, stream, forward, policy.as_deref());
    timeouts.announce(router, stream);
    rewrite(router, stream, route);
    if stream.manager.config.scheme_match_upstream {
        stream.request.set(HeaderId::Scheme, b"http");
    }
    let retries = Retries::new(policy);
    let limit = route
        .request_body_buffer_limit
        .map_or(stream.manager.config.buffer_limit, |limit| limit as usize);
    let wanted = retries.is_wanted() || forward.internal_redirect.is_some();
    let mut replay = Replay { wanted, limit, ..Replay::default() };
    let priority = if forward.high_priority { Priority::High } else { Priority::Default };
    let ends_connect = forward.ends_connect(&stream.request);
    let holding = stream.head.is_tunnel();
    let mut names = cluster.config().auto_names.as_ref().map(|auto| auto.of(&stream.request));
    if let Some(alpn) = &stream.alpn {
        names.get_or_insert_default().alpn = Some(alpn.clone());
    }
    let parties = Parties {
        router,
        stream,
        down,
        timer,
        timeouts: &mut timeouts,
        replay: &mut replay,
        committed: false,
        holding,
        earlier: Vec::new(),
        load_taken: false,
        sizes: cluster.config().track_request_response_sizes,
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
        tried_named: Cell::new(0),
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
    /// How many of the hosts that the request names were tried.
    tried_named: Cell<usize>,
    /// Set-Cookie values that keep the client with its host.
    cookies: Vec<Vec<u8>>,
}

impl Forwarding<'_> {
    async fn run(&mut self) -> Option<Answer> {
        if let Some(dropped) = self.drop() {
            return self.fail(&dropped);
        }
        let mut next = Next::Attempt;
        loop {
            next = match self.go_on(next).await {
                Ok((up, head)) if self.parties.gets_head_alone(&head) => {
                    self.parties.leave_earlier(None);
                    self.parties.refuse_handshake(up, &head);
                    log::attempt(&mut self.parties, &self.cluster, head.status, None);
                    return None;
                }
                Ok((mut up, head)) => match self.judge(&mut up, &head) {
                    Verdict::Stands => {
                        let instead = self.respond(&mut up, &head).await;
                        log::attempt(&mut self.parties, &self.cluster, head.status, None);
                        return instead;
                    }
                    Verdict::Redirects => {
                        discard(up, &head);
                        log::attempt(&mut self.parties, &self.cluster, head.status, None);
                        return None;
                    }
                    Verdict::Next(next) => {
                        self.end_attempt(false);
                        discard(up, &head);
                        log::attempt(&mut self.parties, &self.cluster, head.status, None);
                        next
                    }
                },
                Err(Stop::Late(up, kind)) => self.hedge(*up, kind),
                Err(Stop::Overtaken(earlier)) => Next::Resume(earlier),
                Err(Stop::Failed(failure)) => match self.reconsider(&failure) {
                    Some(next) => next,
                    None => return self.fail(&failure),
                },
            };
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

    /// Passes the response on. An answer: a filter gives one in place of it.
    async fn respond(&mut self, up: &mut Upstream, head: &ResponseHead) -> Option<Answer> {
        let stream = &mut *self.parties.stream;
        self.parties.timeouts.answered();
        stream.info.response_code = head.status;
        stream.info.details = VIA_UPSTREAM.into();
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
        let flags = stream.info.flags;
        let broken =
            stream.broken || flags.contains(ResponseFlags::DOWNSTREAM_CONNECTION_TERMINATION);
        if !broken || flags.contains(ResponseFlags::UPSTREAM_REQUEST_TIMEOUT) {
            usage::of_request(&self.parties, &self.cluster);
        }
        if broken || stream.info.health_check {
            return;
        }
        let took = stream.request_done.map_or(0, |done| clock::since(done).as_millis() as u64);
        let histogram = match stream.internal {
            true => ClusterHistogram::InternalUpstreamRqTime,
            false => ClusterHistogram::ExternalUpstreamRqTime,
        };
        self.cluster.block().record(histogram, took);
        if let Some(host) = &stream.info.upstream.host {
            self.cluster.record_zone_time(host, took);
        }
        scopes::record_time(stream, took);
    }
}
