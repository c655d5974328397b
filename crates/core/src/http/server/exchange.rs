//! One request of an HTTP/2 connection, in a task of its own.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::Instant;

use lateen_http2::{ErrorCode, StreamFault};

use super::admit::{answer, answer_again};
use super::count::count_outcome;
use super::Accepted;
use crate::body::BodySink;
use crate::clock;
use crate::http::downstream::Http2Downstream;
use crate::http::flags::ResponseFlags;
use crate::http::stream::{Answer, Stream};
use crate::http2::{Reset, Session};
use crate::overload::TimerKind;
use crate::proto::HttpStat;

/// What the requests of a connection share with it.
pub struct Requests {
    pub accepted: Accepted,
    /// The client is to go elsewhere: a response was given while the listener drains, or it was the last one.
    draining: Cell<bool>,
    begun: Cell<u64>,
    /// Of the connection that waits for its requests to end.
    waiting: RefCell<Option<Waker>>,
}

impl Requests {
    pub fn new(accepted: Accepted) -> Rc<Self> {
        let (draining, begun) = (Cell::new(false), Cell::new(0));
        Rc::new(Self { accepted, draining, begun, waiting: RefCell::default() })
    }

    /// Counts a request, after which there may be enough of them.
    pub fn begin(&self) {
        let manager = &self.accepted.manager;
        let begun = self.begun.get() + 1;
        self.begun.set(begun);
        manager.block.inc(HttpStat::HttpDownstreamRqTotal);
        manager.block.inc(HttpStat::HttpDownstreamRqHttp2Total);
        manager.block.inc(HttpStat::HttpDownstreamRqActive);
        let max = manager.config.max_requests_per_connection;
        if max > 0 && begun == max {
            manager.block.inc(HttpStat::HttpDownstreamCxMaxRequestsReached);
            self.drain();
        }
    }

    /// How many requests there have been.
    pub fn begun(&self) -> u64 {
        self.begun.get()
    }

    pub fn drain(&self) {
        self.draining.set(true);
    }

    pub fn is_draining(&self) -> bool {
        self.draining.get()
    }

    /// Waits until no request is left that uses the session.
    pub async fn until_all_ended(&self, session: &Session) {
        poll_fn(|cx| match session.active() {
            0 => Poll::Ready(()),
            _ => {
                *self.waiting.borrow_mut() = Some(cx.waker().clone());
                Poll::Pending
            }
        })
        .await;
    }

    fn ended(&self) {
        if let Some(waiting) = self.waiting.take() {
            waiting.wake();
        }
    }
}

/// Answers a request.
pub async fn serve(requests: Rc<Requests>, mut stream: Box<Stream>, mut down: Http2Downstream) {
    let timer = stream.worker.timers.timer();
    let mut given = answer(&mut stream, &mut down, &timer).await;
    while stream.is_redirected() {
        end_stream(&mut stream, &down);
        let Some(next) = stream.take_redirect() else { break };
        stream = next;
        requests.begin();
        given = answer_again(&mut stream, &mut down, &timer).await;
    }
    let mut gone = stream.info.flags.contains(ResponseFlags::DOWNSTREAM_CONNECTION_TERMINATION);
    if !gone {
        gone = finish(&mut stream, &mut down, given, &timer).await;
    }
    if gone {
        blame(&mut stream, &down);
    } else if stream.broken && stream.tunnel {
        down.stream.set_reset_code(ErrorCode::CONNECT_ERROR);
    } else if stream.broken {
        down.stream.set_reset_code(ErrorCode::INTERNAL_ERROR);
    } else {
        down.stream.set_reset_code(ErrorCode::NO_ERROR);
    }
    // As Envoy: a client whose upgrade is not taken is asked to go elsewhere.
    if stream.drain || stream.info.details == "upgrade_failed" {
        requests.drain();
    }
    count_outcome(&stream, gone);
    end_stream(&mut stream, &down);
    drop(down);
    requests.ended();
}

/// Counts and logs a request that is over.
fn end_stream(stream: &mut Stream, down: &Http2Downstream) {
    stream.info.wire_bytes_received = stream.head.size as u64 + down.stream.wire_received();
    stream.info.wire_bytes_sent = down.stream.wire_sent;
    stream.complete();
}

/// Writes what remains of the response. True when the client does not take it.
async fn finish(
    stream: &mut Stream,
    down: &mut Http2Downstream,
    answer: Option<Answer>,
    timer: &crate::timer::Timer,
) -> bool {
    if let Some(answer) = answer {
        stream.answer(down, answer);
    }
    let start = clock::now();
    let flushed = poll_fn(|cx| match down.poll_flush(cx) {
        Poll::Ready(result) => Poll::Ready(Some(result.is_ok())),
        Poll::Pending => timer.poll(cx, flush_end(stream, start)).map(|()| None),
    })
    .await;
    stream.info.last_tx = Some(clock::now());
    stream.broken |= flushed != Some(true);
    flushed == Some(false) && down.stream.reset().is_some()
}

/// When the client has to have taken the rest of a response.
pub fn flush_end(stream: &Stream, start: Instant) -> Option<Instant> {
    let limit = stream.manager.config.timeouts.stream_idle?;
    Some(start + stream.manager.overload.timeout(TimerKind::HttpDownstreamStreamFlush, limit))
}

/// The response flag of a request that the codec does not take: a malformed one is told from one too large.
pub fn fault_flag(fault: StreamFault) -> ResponseFlags {
    match fault.is_malformed() || fault == StreamFault::ContentLengthMismatch {
        true => ResponseFlags::DOWNSTREAM_PROTOCOL_ERROR,
        false => ResponseFlags::DOWNSTREAM_REMOTE_RESET,
    }
}

/// Notes why the client's side of the request ended before its time.
fn blame(stream: &mut Stream, down: &Http2Downstream) {
    let info = &mut stream.info;
    info.flags.remove(ResponseFlags::DOWNSTREAM_CONNECTION_TERMINATION);
    let (flag, details) = match down.stream.reset() {
        Some(Reset::Remote(_)) => (ResponseFlags::DOWNSTREAM_REMOTE_RESET, "http2.remote_reset"),
        Some(Reset::Malformed(fault)) => (fault_flag(fault), fault.details()),
        Some(Reset::ConnectionProtocol(error)) => {
            (ResponseFlags::DOWNSTREAM_PROTOCOL_ERROR, error.details())
        }
        Some(Reset::Refused | Reset::ConnectionEnd) | None => {
            (ResponseFlags::DOWNSTREAM_CONNECTION_TERMINATION, "downstream_remote_disconnect")
        }
    };
    info.flags |= flag;
    info.details = details.into();
}
