//! The life of a client's HTTP/1 connection: read a head, answer it, and again.

use std::cell::Cell;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use super::downstream::Downstream;
use super::flags::ResponseFlags;
use super::manager::request::{prepare, Refusal, RefusalKind};
use super::stream::{count_class, Answer, Manager, Stream};
use super::stream_info::ConnectionInfo;
use crate::clock;
use crate::filters;
use crate::formatter::LogType;
use crate::headers::{HeaderId, Side};
use crate::http1::request::{self, RequestHead};
use crate::http1::{BodyDecoder, CodecError};
use crate::proto::{HttpHistogram, HttpStat, ProcessStat};
use crate::timer::Timer;
use crate::transport::Transport;
use crate::worker::Worker;

/// Bytes of pipelined requests that are read while an answer is awaited.
const PIPELINE_LIMIT: usize = 64 * 1024;
/// Bytes that a client may still send while its connection closes.
const LINGER_LIMIT: usize = 1024 * 1024;

/// What came instead of, or as, the next request.
enum Next {
    Request(Box<Stream>),
    Invalid(Box<Stream>, CodecError),
    TimedOut(Box<Stream>, Answer),
    Closed,
    Idle,
    Drained,
}

/// How a connection ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Remote,
    Local,
    /// After the answer, without waiting for the client.
    AtOnce,
}

struct Server {
    worker: Rc<Worker>,
    manager: Rc<Manager>,
    connection: Rc<ConnectionInfo>,
    down: Downstream,
    timer: Timer,
    requests: u64,
    active: bool,
    /// The client has sent something.
    spoken: Rc<Cell<bool>>,
    /// Since when no further request is wanted, for a reason of this connection alone.
    drain_since: Option<Instant>,
}

/// Serves one connection to its end.
pub async fn serve(
    worker: Rc<Worker>,
    manager: Rc<Manager>,
    transport: Transport,
    connection: Rc<ConnectionInfo>,
) {
    let timer = worker.timers.timer();
    let block = manager.block.clone();
    let mut server = Server {
        worker,
        manager,
        connection,
        down: Downstream::new(transport),
        timer,
        requests: 0,
        active: false,
        spoken: Rc::default(),
        drain_since: None,
    };
    let count = ConnectionCount::new(&server);
    let end = server.run().await;
    if end == End::Local {
        server.linger().await;
    }
    count.end(&server, end);
    drop(block);
}

/// Counts a connection, and its end even when its task is dropped.
struct ConnectionCount {
    manager: Rc<Manager>,
    start: Instant,
    spoken: Rc<Cell<bool>>,
    ended: bool,
}

impl ConnectionCount {
    fn new(server: &Server) -> Self {
        let block = &server.manager.block;
        block.inc(HttpStat::HttpDownstreamCxTotal);
        block.inc(HttpStat::HttpDownstreamCxActive);
        Self {
            manager: server.manager.clone(),
            start: server.connection.start,
            spoken: server.spoken.clone(),
            ended: false,
        }
    }

    fn end(mut self, server: &Server, end: End) {
        self.ended = true;
        let block = &self.manager.block;
        let (plain, active) = match end {
            End::Remote => (
                HttpStat::HttpDownstreamCxDestroyRemote,
                HttpStat::HttpDownstreamCxDestroyRemoteActiveRq,
            ),
            _ => (
                HttpStat::HttpDownstreamCxDestroyLocal,
                HttpStat::HttpDownstreamCxDestroyLocalActiveRq,
            ),
        };
        block.inc(plain);
        if server.active {
            block.inc(active);
            block.inc(HttpStat::HttpDownstreamCxDestroyActiveRq);
        }
    }
}

impl Drop for ConnectionCount {
    fn drop(&mut self) {
        let block = &self.manager.block;
        block.inc(HttpStat::HttpDownstreamCxDestroy);
        block.dec(HttpStat::HttpDownstreamCxActive);
        if !self.ended {
            block.inc(HttpStat::HttpDownstreamCxDestroyLocal);
        }
        let length = clock::since(self.start).as_millis() as u64;
        block.record(HttpHistogram::DownstreamCxLengthMs, length);
        if self.spoken.get() {
            block.dec(HttpStat::HttpDownstreamCxHttp1Active);
        }
    }
}

impl Server {
    async fn run(&mut self) -> End {
        let mut idle_since = clock::now();
        loop {
            match self.next(idle_since).await {
                Next::Request(stream) => {
                    let end = Box::pin(self.handle(stream)).await;
                    if let Some(end) = end {
                        return end;
                    }
                }
                Next::Invalid(stream, error) => {
                    self.refuse_message(stream, error).await;
                    return End::Local;
                }
                Next::TimedOut(stream, answer) => {
                    self.finish(stream, Some(answer)).await;
                    return End::Local;
                }
                Next::Closed => return End::Remote,
                Next::Idle => return End::AtOnce,
                Next::Drained => return End::Local,
            }
            idle_since = clock::now();
        }
    }

    /// Waits for the head of the next request.
    async fn next(&mut self, idle_since: Instant) -> Next {
        let mut stream: Option<Box<Stream>> = None;
        self.down.reader.buffer.release();
        poll_fn(|cx| self.poll_next(cx, idle_since, &mut stream)).await
    }

    fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
        idle_since: Instant,
        stream: &mut Option<Box<Stream>>,
    ) -> Poll<Next> {
        loop {
            if !self.down.reader.bytes().is_empty() {
                if let Some(next) = self.take_head(stream) {
                    return Poll::Ready(next);
                }
            }
            match self.down.reader.poll_fill(&mut self.down.transport, cx) {
                Poll::Ready(Ok(0) | Err(_)) => {
                    if let Some(mut stream) = stream.take() {
                        stream.info.flags |= ResponseFlags::DOWNSTREAM_CONNECTION_TERMINATION;
                        stream.info.details = "downstream_remote_disconnect".into();
                        self.end_stream(stream);
                        self.active = true;
                    }
                    return Poll::Ready(Next::Closed);
                }
                Poll::Ready(Ok(_)) => self.heard(),
                Poll::Pending => return self.poll_waiting(cx, idle_since, stream),
            }
        }
    }

    /// Counts what was read of the client.
    fn heard(&mut self) {
        let block = &self.manager.block;
        let count = std::mem::take(&mut self.down.reader.received);
        block.add(HttpStat::HttpDownstreamCxRxBytesTotal, count);
        if count > 0 && !self.spoken.replace(true) {
            block.inc(HttpStat::HttpDownstreamCxHttp1Total);
            block.inc(HttpStat::HttpDownstreamCxHttp1Active);
        }
    }

    /// Tries to take a head from the bytes that are there.
    fn take_head(&mut self, pending: &mut Option<Box<Stream>>) -> Option<Next> {
        let stream = pending.get_or_insert_with(|| {
            let block = &self.manager.block;
            block.inc(HttpStat::HttpDownstreamRqTotal);
            block.inc(HttpStat::HttpDownstreamRqHttp1Total);
            block.inc(HttpStat::HttpDownstreamRqActive);
            self.active = true;
            Box::new(Stream::new(
                self.worker.clone(),
                self.manager.clone(),
                self.connection.clone(),
                clock::now(),
            ))
        });
        stream.request.clear();
        let limits = &self.manager.config.limits;
        let parsed = request::parse(self.down.reader.bytes(), limits, &mut stream.request);
        let next = match parsed {
            Ok(None) => return None,
            Ok(Some(head)) => {
                stream.request.join_singles(Side::Request);
                self.down.reader.buffer.consume(head.size);
                self.down.reader.decoder = body_decoder(&head, limits);
                pending.as_mut()?.begin(head);
                Next::Request(pending.take()?)
            }
            Err(error) => {
                let mut stream = pending.take()?;
                stream.head.size = self.down.reader.bytes().len();
                Next::Invalid(stream, error)
            }
        };
        Some(next)
    }

    /// Nothing to read: which timeout, if any, has passed.
    fn poll_waiting(
        &mut self,
        cx: &mut Context<'_>,
        idle_since: Instant,
        stream: &mut Option<Box<Stream>>,
    ) -> Poll<Next> {
        let timeouts = &self.manager.config.timeouts;
        let now_expired = |deadline: Option<Instant>| deadline.is_some_and(|at| at <= clock::now());
        let Some(pending) = stream.as_ref() else { return self.poll_idle(cx, idle_since) };
        let start = pending.info.start;
        let at = |timeout: Option<Duration>| timeout.map(|timeout| start + timeout);
        let (headers, whole, idle) =
            (at(timeouts.request_headers), at(timeouts.request), at(timeouts.stream_idle));
        let deadline = [headers, whole, idle].into_iter().flatten().min();
        if self.timer.poll(cx, deadline).is_pending() {
            return Poll::Pending;
        }
        let block = &self.manager.block;
        let answer = if now_expired(headers) {
            block.inc(HttpStat::HttpDownstreamRqHeaderTimeout);
            Answer::new(408, "request header timeout", "request_header_timeout")
        } else if now_expired(whole) {
            block.inc(HttpStat::HttpDownstreamRqTimeout);
            Answer::new(408, "request timeout", "request_overall_timeout")
        } else {
            block.inc(HttpStat::HttpDownstreamRqIdleTimeout);
            Answer::new(408, "stream timeout", "stream_idle_timeout")
                .flag(ResponseFlags::STREAM_IDLE_TIMEOUT)
        };
        match stream.take() {
            Some(stream) => Poll::Ready(Next::TimedOut(stream, answer)),
            None => Poll::Ready(Next::Closed),
        }
    }

    /// Between requests: a connection that is idle or old drains first, unless it was never used.
    fn poll_idle(&mut self, cx: &mut Context<'_>, idle_since: Instant) -> Poll<Next> {
        let timeouts = &self.manager.config.timeouts;
        loop {
            let own = self.drain_since.map(|since| since + timeouts.drain);
            let all = self.manager.drain_end(&self.worker);
            let drained = [own, all].into_iter().flatten().min();
            let fresh = self.drain_since.is_none();
            let idle = timeouts.idle.filter(|_| fresh).map(|idle| idle_since + idle);
            let old = timeouts.max_connection.filter(|_| fresh);
            let old = old.map(|max| self.connection.start + max);
            let deadline = [idle, drained, old].into_iter().flatten().min();
            if self.timer.poll(cx, deadline).is_pending() {
                return Poll::Pending;
            }
            let now = clock::now();
            if drained.is_some_and(|at| at <= now) {
                return Poll::Ready(Next::Drained);
            }
            self.manager.block.inc(match old.is_some_and(|at| at <= now) {
                true => HttpStat::HttpDownstreamCxMaxDurationReached,
                false => HttpStat::HttpDownstreamCxIdleTimeout,
            });
            if !self.spoken.get() {
                return Poll::Ready(Next::Idle);
            }
            self.drain_since = Some(now);
        }
    }

    /// Answers one request. `None`: the connection may carry another.
    async fn handle(&mut self, mut stream: Box<Stream>) -> Option<End> {
        self.requests += 1;
        let max = self.manager.config.max_requests_per_connection;
        if max > 0 && self.requests >= max {
            self.manager.block.inc(HttpStat::HttpDownstreamCxMaxRequestsReached);
            stream.close = true;
        }
        stream.close |= self.drain_since.is_some();
        let answer = match self.admit(&mut stream) {
            Ok(()) => {
                if self.manager.config.log_on_new_request {
                    stream.log(LogType::DownstreamStart);
                }
                filters::run(&mut stream, &mut self.down, &self.timer).await
            }
            Err(answer) => Some(answer),
        };
        let gone = stream.info.flags.contains(ResponseFlags::DOWNSTREAM_CONNECTION_TERMINATION);
        if gone {
            self.end_stream(stream);
            self.active = true;
            return Some(End::Remote);
        }
        self.finish(stream, answer).await
    }

    /// The connection manager's own checks; an answer when the request is not to be routed.
    fn admit(&mut self, stream: &mut Stream) -> Result<(), Answer> {
        let config = self.manager.config.clone();
        if stream.head.expect_continue && !config.proxy_100_continue {
            stream.request.remove(HeaderId::Expect);
            self.down.writer.output.extend_from_slice(b"HTTP/1.1 100 Continue\r\n\r\n");
            count_class(&self.manager, 100);
        }
        let head = stream.head;
        let prepared =
            prepare(&config, &mut stream.request, &head, &mut stream.info, &self.worker.random)
                .map_err(|refusal| self.refusal(stream, refusal))?;
        stream.internal = prepared.internal;
        let dropped = prepared.dropped_underscores;
        if dropped > 0 {
            self.worker
                .process
                .add(ProcessStat::ProcessHttp1DroppedHeadersWithUnderscores, dropped);
        }
        if let Some(id) = stream.request.get(HeaderId::XRequestId) {
            stream.random = super::request_id::stable_random(id).unwrap_or(stream.random);
        }
        Ok(())
    }

    fn refusal(&self, stream: &mut Stream, refusal: Refusal) -> Answer {
        let block = &self.manager.block;
        match refusal.reason {
            RefusalKind::NonRelativePath => block.inc(HttpStat::HttpDownstreamRqNonRelativePath),
            RefusalKind::PathNormalization => {
                block.inc(HttpStat::HttpDownstreamRqFailedPathNormalization);
            }
            RefusalKind::PathRedirect => {
                block.inc(HttpStat::HttpDownstreamRqRedirectedWithNormalizedPath);
            }
            RefusalKind::Underscore => {
                let stat = ProcessStat::ProcessHttp1RequestsRejectedWithUnderscoresInHeaders;
                self.worker.process.inc(stat);
                block.inc(HttpStat::HttpDownstreamCxProtocolError);
                stream.request.clear();
                stream.request_done = None;
                return Answer::new(400, "Bad Request", refusal.details)
                    .flag(ResponseFlags::DOWNSTREAM_PROTOCOL_ERROR);
            }
            RefusalKind::Protocol => {}
        }
        let answer = Answer::new(refusal.status, "", refusal.details);
        match refusal.location {
            Some(location) => answer.header(HeaderId::Location, location),
            None => answer,
        }
    }

    async fn refuse_message(&mut self, mut stream: Box<Stream>, error: CodecError) {
        self.manager.block.inc(HttpStat::HttpDownstreamCxProtocolError);
        stream.request.clear();
        let answer = Answer::new(error.status(), error.body(), error.details())
            .flag(ResponseFlags::DOWNSTREAM_PROTOCOL_ERROR);
        self.finish(stream, Some(answer)).await;
    }

    /// Writes what remains of the response, then counts and logs the request. `None`: the connection may
    /// carry another.
    async fn finish(&mut self, mut stream: Box<Stream>, answer: Option<Answer>) -> Option<End> {
        if let Some(answer) = answer {
            stream.answer(&mut self.down, answer);
        }
        self.down.writer.closing =
            stream.close && !stream.linger && !stream.broken && !stream.early;
        let deadline = stream.manager.config.timeouts.stream_idle.map(|idle| clock::now() + idle);
        let flushed = poll_fn(|cx| match self.down.poll_flush(cx) {
            Poll::Ready(result) => Poll::Ready(result.is_ok()),
            Poll::Pending => self.timer.poll(cx, deadline).map(|()| false),
        })
        .await;
        stream.broken |= !flushed;
        stream.linger |= stream.broken || stream.early || stream.request_done.is_none();
        let end = match (stream.linger, stream.close) {
            (true, _) => Some(End::Local),
            (false, true) => Some(End::AtOnce),
            (false, false) => None,
        };
        stream.info.last_tx = Some(clock::now());
        self.end_stream(stream);
        end
    }

    fn end_stream(&mut self, mut stream: Box<Stream>) {
        self.heard();
        let block = &self.manager.block;
        let gone = stream.info.flags.contains(ResponseFlags::DOWNSTREAM_CONNECTION_TERMINATION);
        let unread = stream.request_done.is_none();
        if (unread || stream.early) && !gone && !stream.broken {
            block.inc(HttpStat::HttpDownstreamRqResponseBeforeRqComplete);
        }
        if gone || unread || stream.broken {
            block.inc(HttpStat::HttpDownstreamRqRxReset);
        }
        if stream.broken && !gone {
            block.inc(HttpStat::HttpDownstreamRqTxReset);
        }
        let written = std::mem::take(&mut self.down.writer.total);
        block.add(HttpStat::HttpDownstreamCxTxBytesTotal, written);
        self.active = false;
        stream.info.wire_bytes_sent = written;
        let body = std::mem::take(&mut self.down.reader.total);
        stream.info.wire_bytes_received = stream.head.size as u64 + body;
        stream.complete();
    }

    /// Waits a little for the client to close first, so that it can read the whole answer.
    async fn linger(&mut self) {
        let wait = self.manager.config.timeouts.delayed_close;
        if wait.is_zero() {
            return;
        }
        let deadline = clock::now() + wait;
        let mut budget = LINGER_LIMIT;
        poll_fn(|cx| {
            while budget > 0 {
                self.down.reader.buffer.clear();
                match self.down.reader.poll_fill(&mut self.down.transport, cx) {
                    Poll::Ready(Ok(0) | Err(_)) => return Poll::Ready(()),
                    Poll::Ready(Ok(count)) => budget = budget.saturating_sub(count),
                    Poll::Pending => break,
                }
            }
            let expired = self.timer.poll(cx, Some(deadline));
            if expired.is_ready() {
                self.manager.block.inc(HttpStat::HttpDownstreamCxDelayedCloseTimeout);
            }
            expired
        })
        .await;
    }
}

fn body_decoder(head: &RequestHead, limits: &request::RequestLimits) -> BodyDecoder {
    BodyDecoder::new(head.body, limits.max_head_bytes, limits.max_headers)
}

/// How much of a client's pipelined requests may be read ahead.
pub const fn pipeline_limit() -> usize {
    PIPELINE_LIMIT
}
