//! The life of a client's HTTP/2 connection: streams come and go, each with one request.

use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll};

use lateen_http2::{Connection, ConnectionError, ErrorCode, Flood, StreamKey};

use super::codec_stats;
use super::count::{count_outcome, ConnectionCount, End, Spoken};
use super::exchange::{self, Requests};
use super::limits::{Limit, Limits};
use super::linger::linger;
use super::Accepted;
use crate::buffer::Buffer;
use crate::clock;
use crate::fault;
use crate::headers::{HeaderId, Headers, Side};
use crate::http::downstream::Http2Downstream;
use crate::http::flags::ResponseFlags;
use crate::http::stream::Stream;
use crate::http::stream_info::Protocol;
use crate::http1::request::RequestHead;
use crate::http1::BodyLength;
use crate::http2::{fields, Block, Closed, Driver, Gauges, Http2Stream, Notice, Observer, Session};
use crate::overload::Point;
use crate::proto::http_connection_manager::Underscores;
use crate::proto::{HttpStat, ProcessStat};
use crate::transport::Transport;

/// A client that has reset so many streams before their time is judged by how many of all those were.
const PREMATURE_RESETS: u64 = 500;

/// Serves a connection that speaks HTTP/2 to its end. `input` holds what was read of it before.
pub async fn serve(
    accepted: Accepted,
    transport: Transport,
    input: Buffer,
    count: Rc<ConnectionCount>,
) -> End {
    count.heard(Spoken::Http2);
    accepted.worker.process.inc(ProcessStat::ProcessHttp2Connections);
    let config = accepted.manager.config.http2.clone();
    let session = Session::new(Connection::server(&config.engine));
    let begun = !input.is_empty();
    let mut watch = Watch {
        limits: Limits::new(&accepted, config.keepalive),
        requests: Requests::new(accepted),
        premature: 0,
        heard: begun,
        shed: false,
    };
    if begun {
        watch.heard(&session);
    }
    let mut server = Server {
        driver: Driver::new(session, transport, input),
        watch,
        count,
        gauges: Gauges::default(),
        dead: false,
    };
    let closed = poll_fn(|cx| server.poll(cx)).await;
    server.end(closed).await
}

struct Server {
    driver: Driver,
    watch: Watch,
    count: Rc<ConnectionCount>,
    /// As counted last.
    gauges: Gauges,
    /// The client does not answer, or is to get no more: there is nothing to wait for.
    dead: bool,
}

/// What a server notes of its connection.
struct Watch {
    requests: Rc<Requests>,
    limits: Limits,
    /// Streams that were reset before their response, or at the client's provocation.
    premature: u64,
    /// Something came from the client.
    heard: bool,
    /// The connection is closed, for resources are short.
    shed: bool,
}

impl Server {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Closed> {
        loop {
            let polled = self.driver.poll(cx, &mut self.watch);
            self.count_traffic();
            let session = &self.driver.session;
            if self.watch.is_abusive() {
                self.block_inc(HttpStat::HttpDownstreamRqTooManyPrematureResets);
                self.block_inc(HttpStat::HttpDownstreamCxProtocolError);
                self.dead = true;
                return Poll::Ready(Closed::Local);
            }
            if polled.is_ready() {
                return polled;
            }
            let draining = self.watch.requests.is_draining();
            match self.watch.limits.poll(cx, session.active(), draining) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Limit::Ping) => session.with_engine(|engine| engine.ping([0; 8])),
                Poll::Ready(Limit::Drain) => session.with_engine(Connection::announce_go_away),
                Poll::Ready(Limit::GoAway) => {
                    session.with_engine(|engine| engine.go_away(ErrorCode::NO_ERROR, b""));
                }
                Poll::Ready(Limit::Close) => session.close(),
                Poll::Ready(Limit::Dead) => {
                    codec_stats::keepalive_timeout(&self.watch.requests.accepted.worker);
                    self.dead = true;
                    return Poll::Ready(Closed::Local);
                }
            }
        }
    }

    fn block_inc(&self, stat: HttpStat) {
        self.watch.requests.accepted.manager.block.inc(stat);
    }

    /// Counts bytes, and what the codec saw.
    fn count_traffic(&mut self) {
        let accepted = &self.watch.requests.accepted;
        let block = &accepted.manager.block;
        let read = std::mem::take(&mut self.driver.read);
        let written = std::mem::take(&mut self.driver.written);
        block.add(HttpStat::HttpDownstreamCxRxBytesTotal, read);
        block.add(HttpStat::HttpDownstreamCxTxBytesTotal, written);
        accepted.connection.tally.received(read);
        accepted.connection.tally.sent(written);
        accepted.connection.tally.speaks(Protocol::Http2);
        let counters = self.driver.session.take_counters();
        self.watch.premature += u64::from(counters.provoked_resets);
        codec_stats::count(&accepted.worker, &counters);
        self.count_gauges(self.driver.session.gauges());
    }

    fn count_gauges(&mut self, now: Gauges) {
        let before = std::mem::replace(&mut self.gauges, now);
        codec_stats::gauges(&self.watch.requests.accepted.worker, &before, &now);
    }

    /// Ends the requests that are left, then the connection.
    async fn end(mut self, closed: Closed) -> End {
        let session = self.driver.session.clone();
        let mut active = session.active() > 0;
        if let Closed::Protocol(error) = closed {
            if !matches!(error, ConnectionError::Flood(flood) if flood != Flood::Continuation) {
                self.block_inc(HttpStat::HttpDownstreamCxProtocolError);
            }
            active |= matches!(error, ConnectionError::InvalidMessage(_));
            let unseen = session.with_engine(|engine| engine.failed_unseen());
            if let (ConnectionError::InvalidMessage(fault), true) = (error, unseen) {
                self.watch.refused(ResponseFlags::DOWNSTREAM_PROTOCOL_ERROR, fault.details());
            }
        }
        let own = !matches!(closed, Closed::Remote);
        self.count.give_up(own, active);
        self.watch.requests.until_all_ended(&session).await;
        self.count_gauges(Gauges::default());
        let left = match closed {
            Closed::Remote => true,
            Closed::Protocol(ConnectionError::Flood(_)) => false,
            Closed::Local if self.dead => false,
            Closed::Local | Closed::Protocol(_) => {
                linger(&self.watch.requests.accepted, &mut self.driver.transport).await
            }
        };
        let end = if left { End::Remote } else { End::Local };
        self.count.end(end, false);
        end
    }
}

impl Watch {
    /// Half of many streams came to a premature end: no client in good order does that.
    /// Source: Envoy's `overload.premature_reset_total_stream_count`.
    fn is_abusive(&self) -> bool {
        self.premature * 2 >= self.requests.begun().max(PREMATURE_RESETS)
    }

    fn refuses_underscores(&self, head: &Block<'_>) -> bool {
        self.requests.accepted.manager.config.underscores == Underscores::Reject
            && head.fields.iter().any(|field| field.underscore)
    }

    /// A request that nobody sees: its head was malformed or too large.
    fn refused(&mut self, flag: ResponseFlags, details: &'static str) {
        let mut stream = self.new_stream();
        stream.info.flags |= flag;
        stream.info.details = details.into();
        count_outcome(&stream, true);
        stream.complete();
    }

    fn new_stream(&mut self) -> Box<Stream> {
        self.requests.begin();
        let Accepted { worker, manager, connection } = self.requests.accepted.clone();
        let mut stream = Stream::new(worker, manager, connection, clock::now());
        stream.info.protocol = Some(Protocol::Http2);
        Box::new(stream)
    }
}

impl Observer for Watch {
    fn request(
        &mut self,
        session: &Rc<Session>,
        key: StreamKey,
        head: Block<'_>,
        end: bool,
    ) -> Result<u32, ErrorCode> {
        if self.refuses_underscores(&head) {
            let stat = ProcessStat::ProcessHttp2RequestsRejectedWithUnderscoresInHeaders;
            self.requests.accepted.worker.process.inc(stat);
            self.refused(ResponseFlags::DOWNSTREAM_REMOTE_RESET, "http2.unexpected_underscore");
            return Err(ErrorCode::INTERNAL_ERROR);
        }
        let mut stream = self.new_stream();
        self.limits.heard();
        fields::append(head.fields, &mut stream.request);
        tidy(&mut stream.request);
        let head = request_head(&mut stream.request, head.size, end);
        stream.begin(head);
        let incoming = Http2Stream::new(session.clone(), Some(key));
        if end {
            incoming.mark_ended();
        }
        let tag = incoming.tag();
        let requests = self.requests.clone();
        let worker = requests.accepted.worker.clone();
        let served = Box::pin(exchange::serve(requests, stream, Http2Downstream::new(incoming)));
        crate::sys::spawn_here(async move {
            if let Err(message) = fault::caught(served).await {
                fault::report(&worker, "request", &message);
            }
        });
        Ok(tag)
    }

    fn has_enough(&self) -> bool {
        self.shed || self.is_abusive()
    }

    fn heard(&mut self, session: &Rc<Session>) {
        let first = !std::mem::replace(&mut self.heard, true);
        let overload = &self.requests.accepted.manager.overload;
        if overload.is_calm() {
            return;
        }
        if first && self.requests.accepted.sheds_codec() {
            self.shed = true;
        } else if overload.sheds(Point::Http2ServerGoAwayAndCloseOnDispatch) {
            session.with_engine(Connection::announce_go_away);
            session.with_engine(|engine| engine.go_away(ErrorCode::NO_ERROR, b""));
            session.close();
        } else if overload.sheds(Point::Http2ServerGoAwayOnDispatch) {
            self.requests.drain();
        }
    }

    fn notice(&mut self, _: &Rc<Session>, notice: Notice) {
        match notice {
            Notice::Pong => self.limits.ponged(),
            Notice::Reset => self.premature += 1,
            Notice::Invalid { fault, known: false } => {
                self.refused(exchange::fault_flag(fault), fault.details());
            }
            Notice::Invalid { .. } | Notice::GoAway { .. } | Notice::Settings => {}
        }
    }
}

/// Makes of a head what HTTP/1 would have brought: one `cookie` (RFC 9113 section 8.2.3), and the authority
/// alone in place of `host`.
fn tidy(request: &mut Headers) {
    request.join_singles(Side::Request);
    if request.contains(HeaderId::Cookie) {
        let all: Vec<&[u8]> = request.get_all(HeaderId::Cookie.into()).collect();
        let joined = all.join(&b"; "[..]);
        request.remove(HeaderId::Cookie);
        request.append(HeaderId::Cookie, &joined);
    }
    if let Some(host) = request.get(HeaderId::Host).map(<[u8]>::to_vec) {
        request.remove(HeaderId::Host);
        if !request.contains(HeaderId::Authority) {
            request.append(HeaderId::Authority, &host);
        }
    }
}

/// What the head says of the message. An extended CONNECT becomes the upgrade that HTTP/1 would ask for
/// (RFC 8441 section 4).
fn request_head(request: &mut Headers, size: usize, end: bool) -> RequestHead {
    let protocol = request.get(HeaderId::Protocol).map(<[u8]>::to_vec);
    if let Some(protocol) = &protocol {
        request.remove(HeaderId::Protocol);
        request.set(HeaderId::Method, b"GET");
        request.set(HeaderId::Upgrade, protocol);
        request.set(HeaderId::Connection, b"upgrade");
    }
    let method = request.get(HeaderId::Method);
    let is_connect = method == Some(b"CONNECT");
    let length = request.get_str(HeaderId::ContentLength).and_then(|text| text.parse().ok());
    let expect = request.get(HeaderId::Expect);
    RequestHead {
        http10: false,
        body: match (end, length) {
            (true, _) => BodyLength::Empty,
            _ if is_connect || protocol.is_some() => BodyLength::Open,
            (false, Some(length)) => BodyLength::Length(length),
            (false, None) => BodyLength::Chunked,
        },
        keep_alive: true,
        upgrade: protocol.is_some(),
        expect_continue: expect.is_some_and(|expect| expect.eq_ignore_ascii_case(b"100-continue")),
        is_head: method == Some(b"HEAD"),
        is_connect,
        size,
        field_bytes: size,
    }
}
