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
use super::{charge, Router};
use crate::clock;
use crate::headers::{HeaderId, Side};
use crate::http::downstream::Downstream;
use crate::http::manager::header_case;
use crate::http::server::pipeline_limit;
use crate::http::stream::{count_class, Stream};
use crate::http::stream_info::{Attempt, Protocol, UpstreamInfo};
use crate::http1::encode::{
    request_head, response_head, sent_field_bytes, HeaderCase, RequestStyle, ResponseFrame,
};
use crate::http1::pump::Flow;
use crate::http1::response::{self, ResponseHead, ResponseRules};
use crate::http1::{poll_pump, BodyDecoder, BodyLength, PumpError, ReadError, Reader, Writer};
use crate::proto::{ClusterStat, VirtualClusterStat};
use crate::timer::Timer;
use crate::upstream::{
    Acquire, ClosedBy, Cluster, ConnectError, Host, Overflow, PooledConnection, Priority,
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
    pub pooled: Option<PooledConnection>,
    pub reader: Reader,
    pub writer: Writer,
    pub cluster: Rc<Cluster>,
    pub host: Arc<Host>,
    /// The request went out whole.
    pub sent: bool,
    /// Bytes of `Replay` still to be sent.
    replayed: usize,
    style: RequestStyle,
    to_head: bool,
    /// Trailers are passed on, both ways.
    pub trailers: bool,
}

/// What the phases of an attempt share.
pub struct Parties<'a> {
    pub router: &'a Router,
    pub stream: &'a mut Stream,
    pub down: &'a mut Downstream,
    pub timer: &'a Timer,
    pub timeouts: &'a mut Timeouts,
    pub replay: &'a mut Replay,
    /// The client has part of a response already: no attempt is made again.
    pub committed: bool,
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.cluster.block().dec(ClusterStat::ClusterUpstreamRqActive);
        self.host.stats.rq_active.fetch_sub(1, Relaxed);
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
    let pooled = match cluster.acquire(host, priority) {
        Err(overflow) => {
            if overflow != Overflow::Requests {
                // No connection was looked at, so Envoy names no host.
                parties.stream.info.upstream.host = None;
            }
            return Err(Failure::Overflow);
        }
        Ok(Acquire::Ready(pooled)) => pooled,
        Ok(Acquire::Pending(pending)) => {
            parties.stream.waited = true;
            let mut pending = pin!(pending);
            let start = clock::now();
            let outcome = poll_fn(|cx| match pending.as_mut().poll(cx) {
                Poll::Ready(outcome) => Poll::Ready(outcome.map_err(failed)),
                Poll::Pending => parties.poll_interrupted(cx).map(Err),
            })
            .await;
            parties.stream.info.upstream.pool_ready_after = Some(clock::since(start));
            outcome?
        }
    };
    Ok(Upstream::new(parties.stream, cluster.clone(), host.clone(), pooled))
}

/// Makes room for what the attempt will tell, and remembers where the one before it went.
fn begin_attempt(info: &mut UpstreamInfo, host: &Arc<Host>) {
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

fn failed(error: ConnectError) -> Failure {
    match error {
        ConnectError::Overflow => Failure::Overflow,
        ConnectError::Timeout => {
            Failure::Connect { kind: ConnectFailure::Timeout, reason: "".into() }
        }
        ConnectError::Remote(reason) => Failure::Connect {
            kind: ConnectFailure::Remote,
            reason: reason.replace(' ', "_").into(),
        },
        ConnectError::Local(reason) => Failure::Connect {
            kind: ConnectFailure::Local,
            reason: reason.replace(' ', "_").into(),
        },
    }
}

impl Parties<'_> {
    /// Takes what the client has sent of a body that goes nowhere, so that its connection can live on.
    pub fn discard_body(&mut self) {
        // A body that is malformed leaves the request unfinished, which closes the connection.
        if let Ok((count, whole)) = self.down.reader.discard_body() {
            self.stream.info.bytes_received += count;
            if whole {
                self.stream.request_complete();
            }
        }
    }

    /// The client left, when all of its request has come.
    pub fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match self.stream.request_done.is_some() {
            true => self.down.poll_gone(cx, pipeline_limit()),
            false => Poll::Pending,
        }
    }

    /// The client left, or a timeout passed.
    pub fn poll_interrupted(&mut self, cx: &mut Context<'_>) -> Poll<Failure> {
        loop {
            let watch_at = self.watch_at();
            if self.stream.request_done.is_some()
                && watch_at.is_none_or(|at| at <= clock::now())
                && self.down.poll_gone(cx, pipeline_limit()).is_ready()
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
        let wanted = self.stream.request_done.is_some() && self.down.can_watch(pipeline_limit());
        wanted.then(|| self.stream.info.start + PATIENCE)
    }
}

impl Upstream {
    fn new(
        stream: &mut Stream,
        cluster: Rc<Cluster>,
        host: Arc<Host>,
        mut pooled: PooledConnection,
    ) -> Self {
        cluster.block().inc(ClusterStat::ClusterUpstreamRqTotal);
        cluster.block().inc(ClusterStat::ClusterUpstreamRqActive);
        scopes::inc(stream, VirtualClusterStat::VirtualClusterUpstreamRqTotal);
        host.stats.rq_total.fetch_add(1, Relaxed);
        host.stats.rq_active.fetch_add(1, Relaxed);
        let info = &mut stream.info.upstream;
        info.local = pooled.local;
        info.connection_id = Some(pooled.id);
        info.protocol = Some(Protocol::Http11);
        info.connect_start = Some(pooled.connect_start);
        info.connect_end = Some(pooled.connect_end);
        info.connection_requests = pooled.requests;
        let reader = Reader::of_responses(std::mem::take(&mut pooled.buffer));
        let http1 = &cluster.config().http1;
        let trailers = http1.enable_trailers;
        let style = RequestStyle {
            case: header_case(Some(http1)),
            full_url: http1.send_fully_qualified_url,
        };
        Self {
            pooled: Some(pooled),
            reader,
            writer: Writer::with_storage(),
            cluster,
            host,
            sent: false,
            replayed: 0,
            style,
            to_head: stream.head.is_head,
            trailers,
        }
    }

    /// Sends the request and waits for the head of the response, which goes to `stream.response`.
    pub async fn exchange(&mut self, parties: &mut Parties<'_>) -> Result<ResponseHead, Failure> {
        let stream = &mut *parties.stream;
        let end = stream.head.body == BodyLength::Empty;
        self.writer.encoding =
            request_head(&mut self.writer.output, &stream.request, end, self.style);
        stream.info.upstream.header_bytes_sent = sent_field_bytes(&self.writer.output);
        stream.waited = true;
        let now = clock::now();
        stream.info.upstream.first_tx = Some(now);
        parties.timeouts.attempt_start = Some(now);
        parties.timeouts.upstream_activity = Some(now);
        poll_fn(|cx| self.poll_exchange(parties, cx)).await
    }

    fn poll_exchange(
        &mut self,
        parties: &mut Parties<'_>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<ResponseHead, Failure>> {
        if !self.sent {
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
        let Some(pooled) = self.pooled.as_mut() else { return Poll::Ready(Ok(())) };
        let replay = &mut *parties.replay;
        while self.replayed < replay.bytes.len() {
            let rest = &replay.bytes[self.replayed..];
            match self.writer.poll_body(&mut pooled.transport, cx, rest) {
                Poll::Ready(Ok(count)) => self.replayed += count,
                Poll::Ready(Err(_)) => return self.stop_sending(),
                Poll::Pending => return Poll::Pending,
            }
        }
        let stream = &mut *parties.stream;
        let before = stream.info.bytes_received;
        let keep = replay.wanted && !replay.overflowed;
        let mut flow = Flow {
            moved: &mut stream.info.bytes_received,
            copy: keep.then_some(&mut replay.bytes),
            trailers: self.trailers && stream.manager.config.http1_trailers,
            case: self.style.case,
        };
        let down = (&mut parties.down.transport, &mut parties.down.reader);
        let pumped = poll_pump(cx, down, (&mut pooled.transport, &mut self.writer), &mut flow);
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
        match pumped {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Ok(())) => {
                self.sent = true;
                stream.info.upstream.wire_bytes_sent = self.writer.total;
                self.count_written();
                stream.request_complete();
                let now = clock::now();
                stream.info.upstream.last_tx = Some(now);
                stream.last_activity = now;
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Err(PumpError::Sink(_))) => self.stop_sending(),
            Poll::Ready(Err(PumpError::Source(ReadError::Codec(error)))) => {
                Poll::Ready(Err(Failure::ClientBody(error)))
            }
            Poll::Ready(Err(PumpError::Source(_))) => Poll::Ready(Err(Failure::ClientGone)),
        }
    }

    /// The upstream takes no more: its response, if there is one, is still read.
    fn stop_sending(&mut self) -> Poll<Result<(), Failure>> {
        self.writer = Writer::default();
        Poll::Pending
    }

    fn count_written(&mut self) {
        let written = std::mem::take(&mut self.writer.total);
        self.cluster.block().add(ClusterStat::ClusterUpstreamCxTxBytesTotal, written);
    }

    /// Counts what was read.
    pub fn count_read(&mut self) {
        let read = std::mem::take(&mut self.reader.received);
        self.cluster.block().add(ClusterStat::ClusterUpstreamCxRxBytesTotal, read);
    }

    fn poll_head(
        &mut self,
        parties: &mut Parties<'_>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<ResponseHead, Failure>> {
        loop {
            if !self.reader.bytes().is_empty() {
                match self.take_head(parties.stream) {
                    Ok(None) => {}
                    Ok(Some(head)) if head.status < 200 && head.status != 101 => {
                        self.inform(parties, &head);
                        continue;
                    }
                    Ok(Some(head)) => return Poll::Ready(Ok(head)),
                    Err(failure) => return Poll::Ready(Err(failure)),
                }
            }
            let Some(pooled) = self.pooled.as_mut() else {
                return Poll::Ready(Err(Failure::Terminated));
            };
            match self.reader.poll_fill(&mut pooled.transport, cx) {
                Poll::Ready(Ok(0) | Err(_)) if self.reader.bytes().is_empty() => {
                    return Poll::Ready(Err(Failure::Terminated));
                }
                // A head without an end is as bad as one that is malformed.
                Poll::Ready(Ok(0) | Err(_)) => return Poll::Ready(Err(Failure::Protocol)),
                Poll::Ready(Ok(_)) => {}
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    fn take_head(&mut self, stream: &mut Stream) -> Result<Option<ResponseHead>, Failure> {
        let config = self.cluster.config();
        let rules = ResponseRules {
            to_head: self.to_head,
            to_upgrade: stream.head.upgrade,
            to_connect: stream.head.is_connect,
            max_head_bytes: config.max_response_headers_bytes,
            max_headers: config.max_response_headers_count,
            preserve_case: self.style.case == HeaderCase::Preserve,
        };
        stream.response.clear();
        let parsed = response::parse(self.reader.bytes(), &rules, &mut stream.response);
        let Some(head) = parsed.map_err(|_| Failure::Protocol)? else { return Ok(None) };
        stream.response.join_singles(Side::Response);
        self.reader.buffer.consume(head.size);
        self.reader.decoder = BodyDecoder::new(head.body, rules.max_head_bytes, rules.max_headers);
        if head.close_notify {
            self.cluster.block().inc(ClusterStat::ClusterUpstreamCxCloseNotify);
        }
        let now = clock::now();
        stream.last_activity = now;
        stream.info.upstream.first_rx = Some(now);
        stream.info.upstream.header_bytes_received += head.field_bytes as u64;
        stream.info.upstream.wire_bytes_received += head.size as u64;
        Ok(Some(head))
    }

    /// Gives the connection back when it can carry another request, else closes it.
    pub fn release(&mut self, head: &ResponseHead) {
        self.count_written();
        self.count_read();
        let Some(mut pooled) = self.pooled.take() else { return };
        let block = self.cluster.block();
        if !self.reader.bytes().is_empty() {
            block.inc(ClusterStat::ClusterUpstreamCxProtocolError);
        }
        let reusable = head.keep_alive && self.sent && self.reader.bytes().is_empty();
        pooled.buffer = std::mem::take(&mut self.reader.buffer);
        pooled.buffer.release();
        match (head.body == BodyLength::UntilClose, self.sent) {
            (true, _) => pooled.close(ClosedBy::Remote, false),
            (false, true) => pooled.release(reusable),
            (false, false) => pooled.close(ClosedBy::Local, true),
        }
    }

    /// Ends the connection in the middle of a request.
    pub fn abort(&mut self, by: ClosedBy) {
        self.count_written();
        self.count_read();
        if let Some(pooled) = self.pooled.take() {
            pooled.close(by, true);
        }
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
            http10: false,
            case: stream.manager.config.header_case,
        };
        response_head(&mut parties.down.writer.output, &stream.response, &frame);
        count_class(&stream.manager, head.status);
    }
}
