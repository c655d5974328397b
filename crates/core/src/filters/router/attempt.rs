//! One attempt: a host, a connection, the request on its way, the head of the response.

use std::future::{poll_fn, Future};
use std::pin::pin;
use std::rc::Rc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::Arc;
use std::task::{ready, Context, Poll};
use std::time::Duration;

use super::failure::{ConnectFailure, Failure, TimeoutKind};
use super::hedging::Stop;
use super::parties::Parties;
use super::wire::{Http1Wire, Http2Wire, Wire};
use super::{charge, metadata, scopes, usage};
use crate::body::{poll_pump, BodySink, Flow, PumpError, ReadError};
use crate::clock;
use crate::filters::bodies::Filtered;
use crate::headers::HeaderId;
use crate::http::stream::{count_class, Stream};
use crate::http::stream_info::{Protocol, UpstreamInfo};
use crate::http1::encode::ResponseFrame;
use crate::http1::response::ResponseHead;
use crate::http1::BodyLength;
use crate::proto::{ClusterStat, VirtualClusterStat};
use crate::upstream::{
    Acquire, Carrier, ClosedBy, Cluster, ConnectError, Host, Overflow, Priority,
};

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
    /// Its host was told that it takes too long.
    pub late: bool,
    /// Another attempt has followed it: it is not made again.
    pub followed: bool,
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
) -> Result<Upstream, Stop> {
    begin_attempt(&mut parties.stream.info.upstream, host);
    let carrier = match cluster.acquire(host, priority, parties.stream.is_http2()) {
        Err(overflow) => {
            if overflow != Overflow::Requests {
                // No connection was looked at, so Envoy names no host.
                parties.stream.info.upstream.host = None;
            }
            return Err(Failure::Overflow.into());
        }
        Ok(Acquire::Ready(carrier)) => carrier,
        Ok(Acquire::Pending(pending)) => {
            parties.stream.waited = true;
            let mut pending = pin!(pending);
            let start = clock::now();
            let outcome = poll_fn(|cx| match pending.as_mut().poll(cx) {
                Poll::Ready(outcome) => Poll::Ready(outcome.map_err(|error| failed(error).into())),
                Poll::Pending => {
                    if let Err(answer) = parties.read_ahead(cx) {
                        return Poll::Ready(Err(Failure::Answered(answer).into()));
                    }
                    parties.poll_stopped(cx).map(Err)
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

/// Makes room for what the attempt will tell. As in Envoy, logs know nothing of those before it.
pub(super) fn begin_attempt(info: &mut UpstreamInfo, host: &Arc<Host>) {
    if info.host.is_some() {
        *info = UpstreamInfo::default();
    }
    info.host = Some(host.clone());
    info.begun = Some(clock::now());
    info.pool_ready_after = Some(Duration::ZERO);
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

impl Upstream {
    pub(super) fn new(
        stream: &mut Stream,
        cluster: Rc<Cluster>,
        host: Arc<Host>,
        wire: Wire,
    ) -> Self {
        scopes::inc(stream, VirtualClusterStat::VirtualClusterUpstreamRqTotal);
        let up = Self {
            wire,
            cluster,
            host,
            sent: false,
            replayed: 0,
            metadata_passed: false,
            late: false,
            followed: false,
        };
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

    /// Sends the head of the request; from now on the attempt has its own limits.
    pub fn begin(&mut self, parties: &mut Parties<'_>) {
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
    }

    /// Sends the rest of the request and waits for the head of the response, which goes to `stream.response`.
    pub async fn exchange(&mut self, parties: &mut Parties<'_>) -> Result<ResponseHead, Stop> {
        poll_fn(|cx| match self.poll_response(parties, cx) {
            Poll::Ready(result) => Poll::Ready(result.map_err(Stop::Failed)),
            Poll::Pending => parties.poll_stopped(cx).map(Err),
        })
        .await
    }

    /// Sends what is there of the request. Ready when the head of the response has come, or none will.
    pub fn poll_response(
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
        self.poll_head(parties, cx)
    }

    /// Sends what is there of the request. Ready when all of it went out, or the upstream takes no more.
    pub fn poll_send(
        &mut self,
        parties: &mut Parties<'_>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), Failure>> {
        while self.replayed < parties.replay.bytes.len() {
            match self.wire.poll_write_body(cx, &parties.replay.bytes[self.replayed..]) {
                Poll::Ready(Ok(count)) => {
                    self.replayed += count;
                    parties.stream.info.upstream.body_bytes_sent += count as u64;
                }
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
        stream.info.upstream.body_bytes_sent += moved;
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
                        usage::note_head(parties);
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

    /// Ends the exchange, of which there is no response: counts and reports why. `cluster`: the one of the route,
    /// which may be an aggregate.
    pub fn fail(&mut self, parties: &mut Parties<'_>, cluster: &Cluster, failure: &Failure) {
        charge::failed_attempt(cluster, self, failure);
        self.report_failure(parties, failure);
        if matches!(failure, Failure::Timeout(TimeoutKind::Route)) {
            scopes::inc(parties.stream, VirtualClusterStat::VirtualClusterUpstreamRqTimeout);
        }
        parties.stream.info.upstream.wire_bytes_received += self.wire.unread();
        self.abort(self.wire.ended_by());
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
        charge::answer(parties.router, stream, &self.cluster, head.status, Some(&self.host));
        parties.committed = true;
        parties.leave_earlier(None);
        let stream = &mut *parties.stream;
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
