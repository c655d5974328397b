//! The life of a client's HTTP/1 connection: read a head, answer it, and again.

use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use super::admit::{answer, answer_again};
use super::count::{count_outcome, ConnectionCount, End, Spoken};
use super::exchange::flush_end;
use super::linger::linger;
use super::Accepted;
use crate::body::BodySink;
use crate::buffer::Buffer;
use crate::clock;
use crate::headers::Side;
use crate::http::downstream::Http1Downstream;
use crate::http::flags::ResponseFlags;
use crate::http::stream::{Answer, Stream};
use crate::http::stream_info::Protocol;
use crate::http1::request::{self, RequestHead};
use crate::http1::{BodyDecoder, CodecError};
use crate::overload::{Point, TimerKind};
use crate::proto::HttpStat;
use crate::timer::Timer;
use crate::transport::Transport;

/// What came instead of, or as, the next request.
enum Next {
    Request(Box<Stream>),
    Invalid(Box<Stream>, CodecError),
    /// It gets an answer, and is the last one.
    Last(Box<Stream>, Answer),
    Closed,
    Idle,
    /// The connection is closed, for resources are short.
    Shed,
    Drained,
    /// The client speaks HTTP/2.
    Http2,
}

/// The client speaks HTTP/2.
struct Http2;

/// How a client begins that speaks HTTP/2 (RFC 9113 section 3.4): what Envoy looks at of it.
const PREFACE: &[u8] = b"PRI * HTTP/2";

struct Server {
    accepted: Accepted,
    down: Http1Downstream,
    timer: Timer,
    requests: u64,
    active: bool,
    count: Rc<ConnectionCount>,
    /// Since when no further request is wanted, for a reason of this connection alone.
    drain_since: Option<Instant>,
    /// The next response is the last one, for resources are short.
    leaving: bool,
}

/// Serves a connection that speaks HTTP/1 to its end; or gives it back, with what was read of it, when its first
/// bytes are those of HTTP/2.
pub async fn serve(
    accepted: &Accepted,
    transport: Transport,
    count: &Rc<ConnectionCount>,
) -> Option<(Transport, Buffer)> {
    let mut server = Server {
        accepted: accepted.clone(),
        down: Http1Downstream::new(transport, accepted.manager.block.clone()),
        timer: accepted.worker.timers.timer(),
        requests: 0,
        active: false,
        count: count.clone(),
        drain_since: None,
        leaving: false,
    };
    let end = match server.run().await {
        Ok(end) => end,
        Err(Http2) => return Some((server.down.transport, server.down.reader.buffer)),
    };
    if server.down.was_reset() {
        accepted.connection.tally.was_reset();
    }
    let left = end == End::Local && linger(accepted, &mut server.down.transport).await;
    server.count.end(if left { End::Remote } else { end }, server.active);
    None
}

impl Server {
    async fn run(&mut self) -> Result<End, Http2> {
        let mut idle_since = clock::now();
        loop {
            match self.next(idle_since).await {
                Next::Request(stream) => {
                    let end = Box::pin(self.handle(stream)).await;
                    if let Some(end) = end {
                        return Ok(end);
                    }
                }
                Next::Invalid(stream, error) => {
                    self.refuse_message(stream, error).await;
                    return Ok(End::Local);
                }
                Next::Last(stream, answer) => {
                    self.finish(stream, Some(answer)).await;
                    return Ok(End::Local);
                }
                Next::Closed => return Ok(self.end_of_closed()),
                Next::Idle | Next::Shed => return Ok(End::AtOnce),
                Next::Drained => return Ok(End::Local),
                Next::Http2 => return Err(Http2),
            }
            idle_since = clock::now();
        }
    }

    /// How a connection ended that has no more to read: this side has closed one whose handshake took too long.
    fn end_of_closed(&self) -> End {
        match self.accepted.connection.tls.as_ref().is_some_and(|tls| tls.timed_out.get()) {
            true => End::AtOnce,
            false => End::Remote,
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
            let received = self.down.reader.bytes().len();
            if received > 0 {
                let next = match self.may_be_http2() {
                    true => (received >= PREFACE.len()).then_some(Next::Http2),
                    false => self.take_head(stream),
                };
                if let Some(next) = next {
                    return Poll::Ready(next);
                }
            }
            match self.down.reader.poll_fill(&mut self.down.transport, cx) {
                Poll::Ready(Ok(0) | Err(_)) => {
                    if let Some(mut stream) = stream.take() {
                        stream.info.flags |= ResponseFlags::DOWNSTREAM_CONNECTION_TERMINATION;
                        stream.info.details = "downstream_remote_disconnect".into();
                        self.end_stream(&mut stream);
                        self.active = true;
                    }
                    return Poll::Ready(Next::Closed);
                }
                Poll::Ready(Ok(_)) => {
                    let first = !self.count.has_spoken();
                    self.heard();
                    if let Some(next) = self.shed(first, stream) {
                        return Poll::Ready(next);
                    }
                }
                Poll::Pending => return self.poll_waiting(cx, idle_since, stream),
            }
        }
    }

    /// What becomes of a connection from which bytes came while resources are short.
    fn shed(&mut self, first: bool, pending: &mut Option<Box<Stream>>) -> Option<Next> {
        if self.accepted.manager.overload.is_calm() {
            return None;
        }
        let overload = self.accepted.manager.overload.clone();
        if first && self.accepted.sheds_codec() {
            return Some(Next::Shed);
        }
        if self.may_be_http2() {
            return None;
        }
        // These two are for HTTP/2 by their names, and hold for both in Envoy.
        if overload.sheds(Point::Http2ServerGoAwayAndCloseOnDispatch) {
            return Some(Next::Shed);
        }
        self.leaving |= overload.sheds(Point::Http2ServerGoAwayOnDispatch);
        if !overload.sheds(Point::Http1ServerAbortDispatch) {
            return None;
        }
        self.accepted.manager.block.inc(HttpStat::HttpDownstreamRqOverloadClose);
        let stream = pending.take().unwrap_or_else(|| self.new_stream());
        let answer = Answer::new(500, "Internal Server Error", "overload");
        Some(Next::Last(stream, answer.flag(ResponseFlags::DOWNSTREAM_PROTOCOL_ERROR)))
    }

    /// Counts what was read of the client.
    fn heard(&mut self) {
        let block = &self.accepted.manager.block;
        let count = std::mem::take(&mut self.down.reader.received);
        block.add(HttpStat::HttpDownstreamCxRxBytesTotal, count);
        self.accepted.connection.tally.received(count);
        self.down.note_buffered(0);
        if count > 0 && !self.may_be_http2() {
            self.count.heard(Spoken::Http1);
        }
    }

    /// What was read so far is how HTTP/2 begins.
    fn may_be_http2(&self) -> bool {
        let bytes = self.down.reader.bytes();
        let length = bytes.len().min(PREFACE.len());
        self.requests == 0
            && self.accepted.manager.config.detects_http2()
            && bytes[..length] == PREFACE[..length]
    }

    /// Counts a request that begins.
    fn begin_stream(&mut self) {
        let block = &self.accepted.manager.block;
        block.inc(HttpStat::HttpDownstreamRqTotal);
        block.inc(HttpStat::HttpDownstreamRqHttp1Total);
        block.inc(HttpStat::HttpDownstreamRqActive);
        self.active = true;
    }

    fn new_stream(&mut self) -> Box<Stream> {
        self.begin_stream();
        let Accepted { worker, manager, connection } = self.accepted.clone();
        Box::new(Stream::new(worker, manager, connection, clock::now()))
    }

    /// Tries to take a head from the bytes that are there.
    fn take_head(&mut self, pending: &mut Option<Box<Stream>>) -> Option<Next> {
        let stream = match pending {
            Some(stream) => stream,
            None => pending.insert(self.new_stream()),
        };
        stream.request.clear();
        let limits = &self.accepted.manager.config.limits;
        let parsed = request::parse(self.down.reader.bytes(), limits, &mut stream.request);
        let next = match parsed {
            Ok(None) => {
                self.accepted.connection.tally.speaks(Protocol::Http11);
                return None;
            }
            Ok(Some(head)) => {
                stream.request.join_singles(Side::Request);
                self.down.reader.buffer.consume(head.size);
                self.down.reader.decoder = body_decoder(&head, limits);
                pending.as_mut()?.begin(head);

                let protocol = if head.http10 { Protocol::Http10 } else { Protocol::Http11 };
                self.accepted.connection.tally.speaks(protocol);
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
        let timeouts = &self.accepted.manager.config.timeouts;
        let now_expired = |deadline: Option<Instant>| deadline.is_some_and(|at| at <= clock::now());
        let Some(pending) = stream.as_ref() else { return self.poll_idle(cx, idle_since) };
        let start = pending.info.start;
        let at = |timeout: Option<Duration>| timeout.map(|timeout| start + timeout);
        let idle = self.limit(TimerKind::HttpDownstreamStreamIdle, timeouts.stream_idle);
        let (headers, whole, idle) = (at(timeouts.request_headers), at(timeouts.request), at(idle));
        let deadline = [headers, whole, idle].into_iter().flatten().min();
        if self.timer.poll(cx, deadline).is_pending() {
            return Poll::Pending;
        }
        let block = &self.accepted.manager.block;
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
            Some(stream) => Poll::Ready(Next::Last(stream, answer)),
            None => Poll::Ready(Next::Closed),
        }
    }

    /// How long a timeout is now.
    fn limit(&self, kind: TimerKind, full: Option<Duration>) -> Option<Duration> {
        full.map(|full| self.accepted.manager.overload.timeout(kind, full))
    }

    /// Between requests: a connection that is idle or old drains first, unless it was never used.
    fn poll_idle(&mut self, cx: &mut Context<'_>, idle_since: Instant) -> Poll<Next> {
        let timeouts = &self.accepted.manager.config.timeouts;
        loop {
            let own = self.drain_since.map(|since| since + timeouts.drain);
            let all = self.accepted.manager.drain_end(&self.accepted.worker);
            let drained = [own, all].into_iter().flatten().min();
            let fresh = self.drain_since.is_none();
            let idle = self.limit(TimerKind::HttpDownstreamConnectionIdle, timeouts.idle);
            let idle = idle.filter(|_| fresh).map(|idle| idle_since + idle);
            let old = self.limit(TimerKind::HttpDownstreamConnectionMax, timeouts.max_connection);
            let old = old.filter(|_| fresh);
            let old = old.map(|max| self.accepted.connection.start + max);
            let deadline = [idle, drained, old].into_iter().flatten().min();
            if self.timer.poll(cx, deadline).is_pending() {
                return Poll::Pending;
            }
            let now = clock::now();
            if drained.is_some_and(|at| at <= now) {
                return Poll::Ready(Next::Drained);
            }
            self.accepted.manager.block.inc(match old.is_some_and(|at| at <= now) {
                true => HttpStat::HttpDownstreamCxMaxDurationReached,
                false => HttpStat::HttpDownstreamCxIdleTimeout,
            });
            if !self.count.has_spoken() {
                return Poll::Ready(Next::Idle);
            }
            self.drain_since = Some(now);
        }
    }

    /// Answers one request. `None`: the connection may carry another.
    async fn handle(&mut self, mut stream: Box<Stream>) -> Option<End> {
        self.note_request(&mut stream);
        stream.close |= self.drain_since.is_some() || self.leaving;
        let mut given = answer(&mut stream, &mut self.down, &self.timer).await;
        while stream.is_redirected() {
            self.end_stream(&mut stream);
            let Some(next) = stream.take_redirect() else { break };
            let read = stream.info.wire_bytes_received;
            stream = next;
            stream.head.size = read as usize;
            self.begin_stream();
            self.note_request(&mut stream);
            given = answer_again(&mut stream, &mut self.down, &self.timer).await;
        }
        let gone = stream.info.flags.contains(ResponseFlags::DOWNSTREAM_CONNECTION_TERMINATION);
        if gone {
            self.end_stream(&mut stream);
            self.active = true;
            return Some(End::Remote);
        }
        self.finish(stream, given).await
    }

    /// A connection may carry so many requests.
    fn note_request(&mut self, stream: &mut Stream) {
        self.requests += 1;
        let max = self.accepted.manager.config.max_requests_per_connection;
        if max > 0 && self.requests >= max {
            self.accepted.manager.block.inc(HttpStat::HttpDownstreamCxMaxRequestsReached);
            stream.close = true;
        }
    }

    async fn refuse_message(&mut self, mut stream: Box<Stream>, error: CodecError) {
        self.accepted.manager.block.inc(HttpStat::HttpDownstreamCxProtocolError);
        stream.request.clear();
        self.accepted.connection.tally.flag(ResponseFlags::DOWNSTREAM_PROTOCOL_ERROR);
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
        let start = clock::now();
        let flushed = poll_fn(|cx| match self.down.poll_flush(cx) {
            Poll::Ready(result) => Poll::Ready(result.is_ok()),
            Poll::Pending => self.timer.poll(cx, flush_end(&stream, start)).map(|()| false),
        })
        .await;
        stream.broken |= !flushed;
        stream.linger |= stream.broken || stream.early || stream.request_done.is_none();
        let end = match (stream.linger, stream.close) {
            (true, _) => Some(End::Local),
            (false, true) => {
                self.accepted.connection.tally.closes("deferred_close_on_drained_connection");
                Some(End::AtOnce)
            }
            (false, false) => None,
        };
        stream.info.last_tx = Some(clock::now());
        self.end_stream(&mut stream);
        end
    }

    fn end_stream(&mut self, stream: &mut Stream) {
        self.heard();
        let block = &self.accepted.manager.block;
        let gone = stream.info.flags.contains(ResponseFlags::DOWNSTREAM_CONNECTION_TERMINATION);
        count_outcome(stream, gone);
        let written = std::mem::take(&mut self.down.writer.total);
        block.add(HttpStat::HttpDownstreamCxTxBytesTotal, written);
        self.accepted.connection.tally.sent(written);
        self.down.note_buffered(0);
        self.active = false;
        stream.info.wire_bytes_sent = written;
        let body = std::mem::take(&mut self.down.reader.total);
        stream.info.wire_bytes_received = stream.head.size as u64 + body;
        stream.complete();
    }
}

fn body_decoder(head: &RequestHead, limits: &request::RequestLimits) -> BodyDecoder {
    BodyDecoder::new(head.body, limits.max_head_bytes, limits.max_headers)
}
