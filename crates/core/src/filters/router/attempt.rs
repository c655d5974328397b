//! One attempt: a host, a connection, the request on its way, the head of the response.

use std::future::{poll_fn, Future};
use std::pin::pin;
use std::rc::Rc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::Arc;
use std::task::{ready, Context, Poll};
use std::time::{Duration, Instant};

use super::failure::{ConnectFailure, Failure};
use super::scopes;
use super::timeouts::Timeouts;
use super::wire::{Http1Wire, Http2Wire, Wire};
use super::{charge, metadata, Router};
use crate::body::{poll_pump, BodySink, Flow, PumpError, ReadError};
use crate::clock;
use crate::filters::bodies::{poll_whole_request, Filtered};
use crate::headers::HeaderId;
use crate::http::downstream::Downstream;
use crate::http::stream::{count_class, Answer, Stream};
use crate::http::stream_info::{Attempt, Protocol, UpstreamInfo};
use crate::http1::encode::ResponseFrame;
use crate::http1::response::ResponseHead;
use crate::http1::BodyLength;
use crate::proto::{ClusterStat, VirtualClusterStat};
use crate::timer::Timer;
use crate::upstream::{
    Acquire, Carrier, ClosedBy, Cluster, ConnectError, Host, Overflow, Priority,
};

/// How long an answer may take before the departure of a new connection's client is looked for.
const PATIENCE: Duration = Duration::from_millis(5);

/// The part of the client's body that was sent and may have to be sent again.
#[derive(Default)]
pub struct Replay {
    pub bytes: Vec<u8>,
    /// Too much was sent to keep: no retry.
    pub overflowed: bool,
    pub limit: usize,
    /// A retry is possible at all.
    pub wanted: bool,
}

/// A request in flight on a connection.
pub struct Upstream {
    pub wire: Wire,
    pub cluster: Rc<Cluster>,
    pub host: Arc<Host>,
    /// The request went out whole.
    pub sent: bool,
    /// Bytes of `Replay` still to be sent.
    replayed: usize,
    /// Metadata of the response goes to the client.
    pub metadata_passed: bool,
}

/// What the phases of an attempt share.
pub struct Parties<'a> {
    pub router: &'a Router,
    pub stream: &'a mut Stream,
    pub down: &'a mut dyn Downstream,
    pub timer: &'a Timer,
    pub timeouts: &'a mut Timeouts,
    pub replay: &'a mut Replay,
    /// The client has part of a response already: no attempt is made again.
    pub committed: bool,
    /// What follows an upgrade or CONNECT stays where it is, for the upstream has not agreed.
    pub holding: bool,
}

impl Drop for Upstream {
    /// An exchange that nobody waits for any more ends in the middle.
    fn drop(&mut self) {
        self.wire.abort(ClosedBy::Local);
        if self.counts() {
            self.cluster.block().dec(ClusterStat::ClusterUpstreamRqActive);
            self.host.stats.rq_active.fetch_sub(1, Relaxed);
        }
    }
}

/// Takes a connection to `host`, waiting for one while the client stays.
pub async fn connect(
    parties: &mut Parties<'_>,
    cluster: &Rc<Cluster>,
    host: &Arc<Host>,
    priority: Priority,
) -> Result<Upstream, Failure> {
    begin_attempt(&mut parties.stream.info.upstream, host);
    let carrier = match cluster.acquire(host, priority, parties.stream.is_http2()) {
        Err(overflow) => {
            if overflow != Overflow::Requests {
                // No connection was looked at, so Envoy names no host.
                parties.stream.info.upstream.host = None;
            }
            return Err(Failure::Overflow);
        }
        Ok(Acquire::Ready(carrier)) => carrier,
        Ok(Acquire::Pending(pending)) => {
            parties.stream.waited = true;
            let mut pending = pin!(pending);
            let start = clock::now();
            let outcome = poll_fn(|cx| match pending.as_mut().poll(cx) {
                Poll::Ready(outcome) => Poll::Ready(outcome.map_err(failed)),
                Poll::Pending => {
                    if let Err(answer) = parties.read_ahead(cx) {
                        return Poll::Ready(Err(Failure::Answered(answer)));
                    }
                    parties.poll_interrupted(cx).map(Err)
                }
            })
            .await;
            parties.stream.info.upstream.pool_ready_after = Some(clock::since(start));
            outcome?
        }
    };
    let wire = wire(parties.stream, cluster, carrier);
    Ok(Upstream::new(parties.stream, cluster.clone(), host.clone(), wire))
}

/// What carries the request, whose connection is noted.
fn wire(stream: &mut Stream, cluster: &Cluster, carrier: Carrier) -> Wire {
    let info = &mut stream.info.upstream;
    info.note_connection(&carrier);
    match carrier {
        Carrier::Http1(pooled) => {
            info.protocol = Some(Protocol::Http11);
            info.connection_requests = pooled.requests;
            Wire::Http1(Http1Wire::new(stream, cluster, pooled))
        }
        Carrier::Http2(pooled) => {
            info.protocol = Some(Protocol::Http2);
            info.connection_requests = pooled.requests;
            Wire::Http2(Http2Wire::new(stream, pooled))
        }
    }
}

/// Makes room for what the attempt will tell, and remembers where the one before it went.
pub(super) fn begin_attempt(info: &mut UpstreamInfo, host: &Arc<Host>) {
    if info.host.is_none() && info.earlier_attempts.is_empty() {
        info.host = Some(host.clone());
        info.pool_ready_after = Some(Duration::ZERO);
        return;
    }
    let before = std::mem::take(info);
    let mut earlier_attempts = before.earlier_attempts;
    if let Some(host) = before.host {
        earlier_attempts.push(Attempt { host, connection_id: before.connection_id });
    }
    *info = UpstreamInfo {
        host: Some(host.clone()),
        earlier_attempts,
        pool_ready_after: Some(Duration::ZERO),
        ..Default::default()
    };
}

pub(super) fn failed(error: ConnectError) -> Failure {
    match error {
        ConnectError::Overflow => Failure::Overflow,
        ConnectError::Timeout => {
            Failure::Connect { kind: ConnectFailure::Timeout, reason: "".into() }
        }
        ConnectError::Remote(reason) => {
            Failure::Connect { kind: ConnectFailure::Remote, reason: reason.to_string().into() }
        }
        ConnectError::Local(reason) => {
            Failure::Connect { kind: ConnectFailure::Local, reason: reason.to_string().into() }
        }
    }
}

impl Parties<'_> {
    /// Takes what the client has sent of a body that goes nowhere, so that its connection can live on.
    pub fn discard_body(&mut self) {
        if self.stream.bodies.is_some() {
            let trailers = self.stream.passes_trailers();
            Filtered::request(&mut *self.down, self.stream, trailers).discard();
            return;
        }
        // A body that is malformed leaves the request unfinished, which closes the connection.
        if let Ok((count, whole)) = self.down.discard_body() {
            self.stream.info.bytes_received += count;
            if whole {
                self.stream.request_complete();
            }
        }
    }

    /// The client sends nothing that is wanted now: it is looked at only to see whether it leaves.
    fn only_watched(&self) -> bool {
        self.holding || self.stream.request_done.is_some()
    }

    /// Shows what comes of the body to the filters while the connection is awaited: one may refuse it.
    fn read_ahead(&mut self, cx: &mut Context<'_>) -> Result<(), Box<Answer>> {
        if self.holding || self.stream.bodies.is_none() {
            return Ok(());
        }
        let limit = self.stream.buffer_limit();
        match poll_whole_request(cx, &mut *self.down, self.stream, limit) {
            Poll::Ready(Err(ReadError::Answered(answer))) => Err(answer),
            // Another error comes back when the body is sent.
            _ => Ok(()),
        }
    }

    /// The client left, when all of its request has come.
    pub fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match self.only_watched() {
            true => self.down.poll_gone(cx),
            false => Poll::Pending,
        }
    }

    /// The client left, or a timeout passed.
    pub fn poll_interrupted(&mut self, cx: &mut Context<'_>) -> Poll<Failure> {
        loop {
            let watch_at = self.watch_at();
            if self.only_watched()
                && watch_at.is_none_or(|at| at <= clock::now())
                && self.down.poll_gone(cx).is_ready()
            {
                return Poll::Ready(Failure::ClientGone);
            }
            let limit = self.timeouts.nearest(self.stream);
            let watch_at = self.watch_at();
            ready!(self.timer.poll(cx, limit.into_iter().chain(watch_at).min()));
            if watch_at.is_none_or(|at| limit.is_some_and(|limit| limit <= at)) {
                return Poll::Ready(Failure::Timeout(self.timeouts.expired(self.stream)));
            }
        }
    }

    /// When to begin to watch a client that the loop does not know yet: most answers are there before.
    fn watch_at(&self) -> Option<Instant> {
        let wanted = self.only_watched() && self.down.can_watch();
        wanted.then(|| self.stream.info.start + PATIENCE)
    }
}

impl Upstream {
    pub(super) fn new(
        stream: &mut Stream,
        cluster: Rc<Cluster>,
        host: Arc<Host>,
        wire: Wire,
    ) -> Self {
        scopes::inc(stream, VirtualClusterStat::VirtualClusterUpstreamRqTotal);
        let up = Self { wire, cluster, host, sent: false, replayed: 0, metadata_passed: false };
        if up.counts() {
            up.cluster.block().inc(ClusterStat::ClusterUpstreamRqTotal);
            up.cluster.block().inc(ClusterStat::ClusterUpstreamRqActive);
            up.host.stats.rq_total.fetch_add(1, Relaxed);
            up.host.stats.rq_active.fetch_add(1, Relaxed);
        }
        up
    }

    /// A TCP connection counts what it is opened for itself.
    fn counts(&self) -> bool {
        !matches!(self.wire, Wire::Tcp(_))
    }

    /// Sends the request and waits for the head of the response, which goes to `stream.response`.
    pub async fn exchange(&mut self, parties: &mut Parties<'_>) -> Result<ResponseHead, Failure> {
        let stream = &mut *parties.stream;
        let end = stream.head.body == BodyLength::Empty;
        stream.info.upstream.header_bytes_sent = self.wire.send_head(&stream.request, end);
        metadata::pass_to_upstream(parties.down, self);
        stream.waited = true;
        let now = clock::now();
        stream.info.upstream.first_tx = Some(now);
        parties.timeouts.attempt_start = Some(now);
        parties.timeouts.upstream_activity = Some(now);
        let longest = self.cluster.config().max_stream_duration;
        parties.timeouts.upstream_end = longest.map(|longest| now + longest);
        poll_fn(|cx| self.poll_exchange(parties, cx)).await
    }

    fn poll_exchange(
        &mut self,
        parties: &mut Parties<'_>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<ResponseHead, Failure>> {
        if parties.holding {
            if let Poll::Ready(Err(_)) = self.wire.poll_flush(cx) {
                self.wire.stop_sending();
            }
        } else if !self.sent {
            if let Poll::Ready(Err(failure)) = self.poll_send(parties, cx) {
                return Poll::Ready(Err(failure));
            }
        }
        if let Poll::Ready(result) = self.poll_head(parties, cx) {
            return Poll::Ready(result);
        }
        parties.poll_interrupted(cx).map(Err)
    }

    /// Sends what is there of the request. Ready when all of it went out, or the upstream takes no more.
    pub fn poll_send(
        &mut self,
        parties: &mut Parties<'_>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), Failure>> {
        while self.replayed < parties.replay.bytes.len() {
            match self.wire.poll_write_body(cx, &parties.replay.bytes[self.replayed..]) {
                Poll::Ready(Ok(count)) => self.replayed += count,
                Poll::Ready(Err(_)) => return self.stop_sending(),
                Poll::Pending => return Poll::Pending,
            }
        }
        let failure = match ready!(self.poll_rest(parties, cx)) {
            Ok(()) => {
                self.note_sent(parties.stream);
                return Poll::Ready(Ok(()));
            }
            Err(PumpError::Sink(_)) => return self.stop_sending(),
            Err(PumpError::Source(ReadError::Codec(error))) => Failure::ClientBody(error),
            Err(PumpError::Source(ReadError::Answered(answer))) => Failure::Answered(answer),
            Err(PumpError::Source(_)) => Failure::ClientGone,
        };
        Poll::Ready(Err(failure))
    }

    /// Moves what the client still sends, and keeps it for another attempt as far as one is wanted.
    fn poll_rest(
        &mut self,
        parties: &mut Parties<'_>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), PumpError>> {
        let replay = &mut *parties.replay;
        let stream = &mut *parties.stream;
        let before = stream.info.bytes_received;
        let keep = replay.wanted && !replay.overflowed;
        let trailers = self.wire.passes_trailers() && stream.passes_trailers();
        let mut moved = 0;
        let mut flow = Flow {
            moved: &mut moved,
            copy: keep.then_some(&mut replay.bytes),
            trailers,
            case: self.wire.case(),
        };
        let pumped = match stream.bodies.is_some() {
            false => poll_pump(cx, parties.down, &mut self.wire, &mut flow),
            true => {
                let trailers = stream.passes_trailers();
                let mut source = Filtered::request(&mut *parties.down, stream, trailers);
                poll_pump(cx, &mut source, &mut self.wire, &mut flow)
            }
        };
        if stream.bodies.is_none() {
            stream.info.bytes_received += moved;
        }
        if keep {
            self.replayed = replay.bytes.len();
            if replay.bytes.len() > replay.limit {
                replay.overflowed = true;
                replay.bytes = Vec::new();
                self.replayed = 0;
            }
        }
        if stream.info.bytes_received != before {
            stream.last_activity = clock::now();
        }
        pumped
    }

    fn note_sent(&mut self, stream: &mut Stream) {
        self.sent = true;
        stream.info.upstream.wire_bytes_sent = self.wire.written();
        self.count_traffic();
        stream.request_complete();
        let now = clock::now();
        stream.info.upstream.last_tx = Some(now);
        stream.last_activity = now;
    }

    /// The upstream takes no more: its response, if there is one, is still read.
    fn stop_sending(&mut self) -> Poll<Result<(), Failure>> {
        self.wire.stop_sending();
        Poll::Pending
    }

    /// Counts what was written and read.
    pub fn count_traffic(&mut self) {
        let (written, read) = self.wire.take_traffic();
        let block = self.cluster.block();
        block.add(ClusterStat::ClusterUpstreamCxTxBytesTotal, written);
        block.add(ClusterStat::ClusterUpstreamCxRxBytesTotal, read);
    }

    fn poll_head(
        &mut self,
        parties: &mut Parties<'_>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<ResponseHead, Failure>> {
        loop {
            match ready!(self.wire.poll_head(cx, &mut parties.stream.response)) {
                Ok(head) => {
                    self.note_head(parties.stream, &head);
                    if head.status >= 200 || head.status == 101 {
                        return Poll::Ready(Ok(head));
                    }
                    self.inform(parties, &head);
                }
                Err(failure) => return Poll::Ready(Err(failure)),
            }
        }
    }

    fn note_head(&self, stream: &mut Stream, head: &ResponseHead) {
        if head.close_notify {
            self.cluster.block().inc(ClusterStat::ClusterUpstreamCxCloseNotify);
        }
        let now = clock::now();
        stream.last_activity = now;
        stream.info.upstream.first_rx = Some(now);
        stream.info.upstream.header_bytes_received += head.field_bytes as u64;
        stream.info.upstream.wire_bytes_received += head.size as u64;
    }

    /// Gives the connection back when it can carry another request, else closes it.
    pub fn release(&mut self, head: &ResponseHead) {
        if !self.sent && self.wire.shares_connection() {
            // The rest of the request is not wanted any more.
            return self.abort(ClosedBy::Local);
        }
        self.count_traffic();
        self.wire.release(head, self.sent);
    }

    /// Ends the exchange in the middle of a request.
    pub fn abort(&mut self, by: ClosedBy) {
        self.count_traffic();
        self.wire.abort(by);
    }

    /// A 1xx response. As with Envoy, the first one of a response counts, and is passed on if the connection
    /// manager is to do so.
    fn inform(&mut self, parties: &mut Parties<'_>, head: &ResponseHead) {
        let stream = &mut *parties.stream;
        if !matches!(head.status, 100 | 102..=104) || parties.committed {
            return;
        }
        charge::answer(parties.router, stream, &self.cluster, head.status, self.host.canary);
        parties.committed = true;
        if stream.head.http10 || !stream.manager.config.proxy_100_continue {
            return;
        }
        stream.response.remove(HeaderId::Connection);
        let frame = ResponseFrame {
            status: head.status,
            end: true,
            to_head: false,
            to_connect: false,
            http10: false,
            case: stream.manager.config.header_case,
        };
        parties.down.inform(&stream.response, &frame);
        count_class(&stream.manager, head.status);
    }
}
