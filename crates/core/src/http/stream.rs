//! One request and its response, from head to access log.

use std::borrow::Cow;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::connection_manager::Manager;
use super::downstream::Downstream;
use super::flags::ResponseFlags;
use super::manager::response;
use super::redirects::Redirects;
use super::stream_info::{ConnectionInfo, Protocol, StreamInfo};
use crate::clock;
use crate::filters::bodies::{self, Bodies};
use crate::filters::delegate::StandIn;
use crate::filters::istio_stats::Call;
use crate::filters::{self, Head};
use crate::formatter::{is_grpc, FormatContext, Formatter, LogType};
use crate::headers::{HeaderId, Headers, Side};
use crate::http::local_reply::ReplyTo;
use crate::http1::encode::ResponseFrame;
use crate::http1::request::RequestHead;
use crate::http1::BodyLength;
use crate::overload::{Point, TimerKind};
use crate::proto::{HttpHistogram, HttpStat, ListenerHttpStat};
use crate::route::{ClusterChoice, Route, RouteContext};
use crate::stats::Block;
use crate::tracing;
use crate::upstream::Cluster;
use crate::worker::Worker;

/// What logs tell of a response that is an upstream's.
pub const VIA_UPSTREAM: &str = "via_upstream";

/// An answer that the proxy gives itself.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub body: Cow<'static, [u8]>,
    pub flags: ResponseFlags,
    pub details: Cow<'static, str>,
    pub headers: Headers,
    /// For gRPC clients, where it does not follow from the status.
    pub grpc_status: Option<u32>,
}

impl Answer {
    pub fn new(status: u16, body: &'static str, details: &'static str) -> Self {
        Self {
            status,
            body: Cow::Borrowed(body.as_bytes()),
            flags: ResponseFlags::empty(),
            details: Cow::Borrowed(details),
            headers: Headers::new(),
            grpc_status: None,
        }
    }

    pub fn flag(mut self, flags: ResponseFlags) -> Self {
        self.flags |= flags;
        self
    }

    pub fn header(mut self, id: HeaderId, value: impl AsRef<[u8]>) -> Self {
        self.headers.append(id, value.as_ref());
        self
    }
}

pub struct Stream {
    pub worker: Rc<Worker>,
    pub manager: Rc<Manager>,
    pub info: StreamInfo,
    pub head: RequestHead,
    pub request: Headers,
    pub response: Headers,
    /// Of the response, once its body has ended.
    pub trailers: Headers,
    /// Of the request, once filters have seen the end of its body.
    pub request_trailers: Headers,
    /// Redirects that were followed, or not, in place of the client; None where no route does so.
    pub(super) redirects: Option<Box<Redirects>>,
    /// What filters do with the bodies; None where no filter wants them.
    pub bodies: Option<Box<Bodies>>,
    /// What stands for filters that have others in their place.
    pub stand_ins: Vec<StandIn>,
    /// Whether the client speaks gRPC, where a filter may have changed the content type since.
    pub grpc: Option<bool>,
    pub route: Option<Arc<Route>>,
    /// The cluster that the route chose.
    pub choice: Option<ClusterChoice>,
    pub cluster: Option<Rc<Cluster>>,
    /// What the connection to it offers by ALPN in place of what the cluster says.
    pub alpn: Option<Arc<[String]>>,
    /// Of the filters that tell of calls.
    pub calls: Vec<Call>,
    /// What counts the request beside its cluster: its virtual cluster, the stat_prefix of its route.
    pub scopes: Vec<Arc<Block>>,
    pub internal: bool,
    pub random: u64,
    /// The whole request was read.
    pub request_done: Option<Instant>,
    pub last_activity: Instant,
    /// The head of the response was written: no other answer is possible.
    pub responded: bool,
    /// The head of the response was written before all of the request had come.
    pub early: bool,
    /// An upgrade or CONNECT that may pass, and is counted as one.
    pub upgraded: bool,
    /// The place of the filters that are for this kind of upgrade alone.
    pub upgrade_filters: Option<usize>,
    /// The upstream has agreed to it: both bodies are open streams.
    pub tunnel: bool,
    /// An upstream was waited for: the answer, if there is one, is not given at once.
    pub waited: bool,
    /// The connection ends with this response.
    pub close: bool,
    /// The listener drains: the client is to go elsewhere.
    pub drain: bool,
    /// The client may still have to read the answer when the connection closes.
    pub linger: bool,
    /// The response was not written whole.
    pub broken: bool,
    /// It was counted and logged.
    ended: bool,
}

/// Stands for the head of a request that could not be read.
const NO_HEAD: RequestHead = RequestHead {
    http10: false,
    body: BodyLength::Empty,
    keep_alive: false,
    upgrade: false,
    expect_continue: false,
    is_head: false,
    is_connect: false,
    size: 0,
    field_bytes: 0,
};

impl Stream {
    // In place of a copy: it is large.
    #[inline(always)]
    pub fn new(
        worker: Rc<Worker>,
        manager: Rc<Manager>,
        connection: Rc<ConnectionInfo>,
        start: Instant,
    ) -> Self {
        let mut info = StreamInfo::new(connection, start, clock::wall());
        info.protocol = Some(Protocol::Http11);
        info.stream_id = worker.next_id();
        info.protocol = Some(Protocol::Http11);
        let random = worker.random.next();
        let (request, response) = (worker.headers.take(), worker.headers.take());
        Self {
            worker,
            manager,
            info,
            head: NO_HEAD,
            request,
            response,
            trailers: Headers::new(),
            request_trailers: Headers::new(),
            redirects: None,
            bodies: None,
            stand_ins: Vec::new(),
            grpc: None,
            route: None,
            choice: None,
            cluster: None,
            alpn: None,
            calls: Vec::new(),
            scopes: Vec::new(),
            internal: false,
            random,
            request_done: None,
            last_activity: start,
            responded: false,
            early: false,
            upgraded: false,
            upgrade_filters: None,
            tunnel: false,
            waited: false,
            close: false,
            drain: false,
            linger: false,
            broken: false,
            ended: false,
        }
    }

    /// Takes the head of the request.
    pub fn begin(&mut self, head: RequestHead) {
        self.head = head;
        self.close = !head.keep_alive;
        if head.http10 {
            self.info.protocol = Some(Protocol::Http10);
        }
        self.info.header_bytes_received = head.field_bytes as u64;
        if head.body == BodyLength::Empty {
            self.request_complete();
        }
    }

    /// It is no request of a client: neither the connection manager nor its access logs are told of it.
    pub fn leave_uncounted(&mut self) {
        self.ended = true;
    }

    /// Trailers of the client, and for it, are passed on.
    pub fn passes_trailers(&self) -> bool {
        self.manager.config.http1_trailers || self.is_http2()
    }

    /// The client speaks HTTP/2.
    pub fn is_http2(&self) -> bool {
        self.info.protocol == Some(Protocol::Http2)
    }

    pub fn request_complete(&mut self) {
        if self.request_done.is_none() {
            let now = clock::now();
            self.request_done = Some(now);
            self.info.last_rx = Some(now);
        }
    }

    pub fn context(&self, log_type: LogType) -> FormatContext<'_> {
        FormatContext {
            info: &self.info,
            request: Some(&self.request),
            response: Some(&self.response),
            trailers: Some(&self.trailers),
            local_reply_body: b"",
            log_type,
        }
    }

    /// Writes what a format makes of the request and its response, one of which stands in `headers`.
    pub fn format(&self, formatter: &Formatter, side: Side, headers: &Headers, out: &mut Vec<u8>) {
        let context = self.context(LogType::NotSet);
        let context = match side {
            Side::Request => FormatContext { request: Some(headers), ..context },
            Side::Response => FormatContext { response: Some(headers), ..context },
        };
        formatter.format(&context, out);
    }

    /// Calls `with` with what routing needs.
    pub fn with_route_context<R>(&self, with: impl FnOnce(&Headers, &RouteContext<'_>) -> R) -> R {
        let runtime = self.worker.current_runtime();
        let tls = self.request.get(HeaderId::XForwardedProto) == Some(b"https");
        let secured = self.info.connection.tls.as_ref();
        let context = RouteContext {
            runtime: &runtime,
            random: self.random,
            internal: self.internal,
            tls,
            certificate_presented: secured.is_some_and(|secured| secured.is_presented()),
            certificate_validated: secured.is_some_and(|secured| secured.is_validated()),
            info: &self.info,
        };
        with(&self.request, &context)
    }

    /// Puts an answer of the proxy's own in the output of `down`.
    pub fn answer(&mut self, down: &mut dyn Downstream, answer: Answer) {
        self.info.flags |= answer.flags;
        self.info.details = answer.details;
        match answer.headers.is_empty() {
            true => self.response.clear(),
            false => self.response = answer.headers,
        }
        // The route changes an answer before it has a status, a length and a content type, as in Envoy.
        self.info.response_code = 0;
        self.route_response();
        let runtime = self.worker.runtime();
        let mut to = ReplyTo {
            grpc: self.grpc.unwrap_or_else(|| is_grpc(&self.request)),
            grpc_status: answer.grpc_status,
            info: &mut self.info,
            request: &self.request,
            response: &mut self.response,
            runtime: &runtime,
            random: &self.worker.random,
        };
        let replies = &self.manager.config.local_replies;
        let body = replies.apply(answer.status, answer.body.into_owned(), &mut to);
        if answer.status == 400 && !self.manager.config.stream_error_on_invalid_message {
            self.close = true;
            self.linger = true;
        }
        let body = match self.pass_answer(body) {
            Ok(body) => body,
            Err(instead) => {
                // Another answer in place of this one passes no filter.
                self.bodies.get_or_insert_default().begin_response(true);
                return self.answer(down, *instead);
            }
        };
        self.send_head(down, body.is_empty());
        self.linger |= self.close && !self.waited;
        if down.send_whole_body(&body) {
            self.info.bytes_sent += body.len() as u64;
        }
    }

    /// Passes an answer of the proxy's own through the filters, as long as no other response did: its body.
    fn pass_answer(&mut self, body: Vec<u8>) -> Result<Vec<u8>, Box<Answer>> {
        if bodies::has_begun(self) {
            return Ok(body);
        }
        let end = body.is_empty();
        let head = filters::response(self, end)?;
        let Some(mut bodies) = self.bodies.take() else { return Ok(body) };
        let passed = match end && head == Head::Pass {
            true => Ok(body),
            false => bodies.filter_answer(self, body),
        };
        self.bodies = Some(bodies);
        passed
    }

    /// Changes the status of the response.
    pub fn set_status(&mut self, status: u16) {
        self.info.response_code = status;
        let mut digits = itoa::Buffer::new();
        self.response.set(HeaderId::Status, digits.format(status).as_bytes());
    }

    /// How many bytes of a body a filter may keep.
    pub fn buffer_limit(&self) -> usize {
        match self.manager.config.buffer_limit {
            0 => usize::MAX,
            limit => limit,
        }
    }

    /// Applies the route's changes to the response.
    pub fn route_response(&mut self) {
        if let Some(route) = &self.route {
            let choice = self.choice.as_ref();
            route.mutate_response(&mut self.response, &self.request, choice, &self.info);
        }
    }

    /// Writes the head of `self.response` to the output of `down`, with the manager's changes.
    pub fn send_head(&mut self, down: &mut dyn Downstream, end: bool) {
        let status = self.info.response_code;
        let manager = self.manager.clone();
        response::finish(
            &manager.config,
            &mut self.response,
            &self.request,
            self.tunnel && self.head.upgrade,
            &self.worker.date,
            self.worker.wall_clock(),
        );
        self.decide_close();
        // As Envoy: a tunnel by another status than 200 is told that its connection ends, as it does.
        let switched = self.tunnel && matches!(status, 101 | 200);
        match (self.close && !switched, self.head.http10 && !switched) {
            _ if self.is_http2() => {}
            (true, _) => self.response.set(HeaderId::Connection, b"close"),
            (false, true) => self.response.set(HeaderId::Connection, b"keep-alive"),
            (false, false) => {}
        }
        tracing::tell_operation(self);
        let frame = ResponseFrame {
            status,
            end,
            to_head: self.head.is_head && !self.tunnel,
            to_connect: self.tunnel && self.head.is_connect,
            http10: self.head.http10,
            case: manager.config.header_case,
        };
        self.info.header_bytes_sent += down.send_head(&self.response, &frame);
        self.responded = true;
        self.info.first_tx = Some(clock::now());
    }

    /// How long the stream may be idle now, of what is configured.
    pub fn idle_timeout(&self, full: Option<Duration>) -> Option<Duration> {
        full.map(|full| self.manager.overload.timeout(TimerKind::HttpDownstreamStreamIdle, full))
    }

    fn decide_close(&mut self) {
        let unframed = self.head.http10 && !self.response.contains(HeaderId::ContentLength);
        if !self.close && !self.tunnel && self.is_drained() {
            self.manager.block.inc(HttpStat::HttpDownstreamCxDrainClose);
            self.close = true;
            self.drain = true;
        }
        self.early = self.request_done.is_none();
        self.close |= unframed || self.early;
    }

    /// The response ends its connection, because the listener drains or resources are short.
    fn is_drained(&self) -> bool {
        if self.manager.drain.is_on(&self.worker) {
            return true;
        }
        let short = self.manager.overload.sheds(Point::DisableHttpKeepalive);
        if short {
            self.manager.block.inc(HttpStat::HttpDownstreamCxOverloadDisableKeepalive);
        }
        short
    }

    /// Counts the response and writes the access logs.
    pub fn complete(&mut self) {
        self.ended = true;
        self.manager.block.dec(HttpStat::HttpDownstreamRqActive);
        if self.upgraded {
            self.manager.block.dec(HttpStat::HttpDownstreamCxUpgradesActive);
        }
        self.info.end = Some(clock::now());
        match self.info.health_check {
            true => self.manager.block.inc(HttpStat::HttpTracingHealthCheck),
            false if self.is_redirected() => {}
            false => count_class(&self.manager, self.info.response_code),
        }
        let elapsed = clock::since(self.info.start).as_millis() as u64;
        self.manager.block.record(HttpHistogram::DownstreamRqTime, elapsed);
        self.log(LogType::DownstreamEnd);
        if self.manager.config.tells {
            filters::complete(self);
        }
        tracing::finish(self);
    }

    /// Writes the access logs.
    pub fn log(&self, log_type: LogType) {
        if self.manager.config.access_logs.is_empty() {
            return;
        }
        let runtime = self.worker.runtime();
        let context = self.context(log_type);
        for log in &self.manager.config.access_logs {
            log.write(&context, &self.worker, &runtime);
        }
    }
}

impl Drop for Stream {
    /// A request whose connection this side closed in the middle of it is counted and logged as well.
    fn drop(&mut self) {
        if !self.ended {
            self.manager.block.inc(HttpStat::HttpDownstreamRqRxReset);
            self.info.flags |= ResponseFlags::DOWNSTREAM_CONNECTION_TERMINATION;
            self.info.details = "downstream_local_disconnect".into();
            self.complete();
        }
        let kept = &self.worker.headers;
        kept.give(std::mem::take(&mut self.request));
        kept.give(std::mem::take(&mut self.response));
    }
}

/// Counts a response by its class, in the connection manager's stats and in the listener's.
pub fn count_class(manager: &Manager, status: u16) {
    use ListenerHttpStat as Listener;
    if status == 0 {
        return;
    }
    let class = match status / 100 {
        1 => Some((HttpStat::HttpDownstreamRq1xx, Listener::ListenerHttpDownstreamRq1xx)),
        2 => Some((HttpStat::HttpDownstreamRq2xx, Listener::ListenerHttpDownstreamRq2xx)),
        3 => Some((HttpStat::HttpDownstreamRq3xx, Listener::ListenerHttpDownstreamRq3xx)),
        4 => Some((HttpStat::HttpDownstreamRq4xx, Listener::ListenerHttpDownstreamRq4xx)),
        5 => Some((HttpStat::HttpDownstreamRq5xx, Listener::ListenerHttpDownstreamRq5xx)),
        _ => None,
    };
    manager.block.inc(HttpStat::HttpDownstreamRqCompleted);
    if let Some((stat, _)) = class {
        manager.block.inc(stat);
    }
    if let Some(block) = &manager.listener_http {
        block.inc(Listener::ListenerHttpDownstreamRqCompleted);
        if let Some((_, stat)) = class {
            block.inc(stat);
        }
    }
}
