//! Passing the body of a response on, while the rest of the request may still be on its way.

use std::borrow::Cow;
use std::future::poll_fn;
use std::task::{ready, Context, Poll};

use super::attempt::Upstream;
use super::failure::{Failure, TimeoutKind};
use super::parties::Parties;
use super::wire::failure;
use super::{charge, metadata};
use crate::body::{poll_pump, Flow, PumpError, ReadError};
use crate::clock;
use crate::filters::bodies::Filtered;
use crate::http::downstream::Downstream;
use crate::http::stream::{Answer, Stream};
use crate::http1::response::ResponseHead;
use crate::proto::{ClusterStat, HttpStat};
use crate::upstream::ClosedBy;

/// Puts the head of the response in the client's output; `end`: no body follows.
pub fn send_head(stream: &mut Stream, down: &mut dyn Downstream, end: bool) {
    stream.send_head(down, end);
    if end {
        down.end_with_head();
    }
    down.close_when_written(stream.close && stream.request_done.is_some());
}

/// Moves the body to the client. The head of the response stands in the client's output, unless a filter holds it.
/// An answer: a filter gives one in place of the response.
pub async fn relay(
    parties: &mut Parties<'_>,
    up: &mut Upstream,
    head: &ResponseHead,
) -> Option<Answer> {
    let ended = poll_fn(|cx| poll_relay(parties, up, cx)).await;
    let info = &mut parties.stream.info;
    info.upstream.last_rx = Some(clock::now());
    info.upstream.wire_bytes_received += up.wire.body_read();
    let failure = match ended {
        Ok(()) => {
            up.take_load_of_trailers(parties);
            if parties.stream.bodies.is_none() && up.wire.passes_trailers() {
                parties.stream.trailers = up.wire.take_trailers();
            }
            up.release(head);
            return None;
        }
        Err(Failure::Answered(answer)) if !parties.stream.responded => {
            up.abort(ClosedBy::Local);
            return Some(*answer);
        }
        Err(failure) => failure,
    };
    let (failure, closed_by) = blame(failure, parties.stream.tunnel, up);
    up.abort(closed_by);
    if !matches!(failure, Failure::Timeout(TimeoutKind::Route)) {
        // The head that came in time has been reported.
        up.report_failure(parties, &failure);
    }
    let stream = &mut *parties.stream;
    note_failure(stream, up, &failure);
    if stream.responded || matches!(failure, Failure::ClientGone) {
        stream.close = true;
        return None;
    }
    // The client knows nothing yet of the response that a filter held.
    stream.broken = false;
    stream.manager.block.inc(HttpStat::HttpRqResetAfterDownstreamResponseStarted);
    let mut answer = failure.answer(false, true, true, "");
    answer.details = stream.info.details.clone();
    Some(answer)
}

/// What a response that breaks is called, and which side ends the connection. The end of a connection that
/// carried this response alone is a protocol error, as in Envoy.
fn blame(failure: Failure, tunnel: bool, up: &Upstream) -> (Failure, ClosedBy) {
    match failure {
        Failure::Terminated if tunnel || up.wire.shares_connection() => {
            (failure, up.wire.ended_by())
        }
        Failure::Terminated => (Failure::Protocol, ClosedBy::Remote),
        other => (other, ClosedBy::Local),
    }
}

/// Counts a failure in the middle of a response, and tells the access log of it.
fn note_failure(stream: &mut Stream, up: &Upstream, failure: &Failure) {
    match failure {
        Failure::Timeout(TimeoutKind::UpstreamDuration) => {
            up.cluster.block().inc(ClusterStat::ClusterUpstreamRqMaxDurationReached);
        }
        Failure::Timeout(kind) => charge::manager_timeout(stream, *kind),
        Failure::ClientBody(_) => stream.manager.block.inc(HttpStat::HttpDownstreamCxProtocolError),
        Failure::Protocol if !up.wire.shares_connection() => {
            up.cluster.block().inc(ClusterStat::ClusterUpstreamCxProtocolError);
        }
        _ => {}
    }
    stream.info.flags |= failure.flag();
    stream.info.details = late_details(failure);
    stream.broken |= !matches!(failure, Failure::ClientGone);
}

fn late_details(failure: &Failure) -> Cow<'static, str> {
    match failure {
        Failure::Timeout(TimeoutKind::StreamIdle) => "stream_idle_timeout".into(),
        Failure::Timeout(TimeoutKind::MaxDuration) => "max_duration_timeout".into(),
        Failure::Timeout(TimeoutKind::UpstreamDuration) => {
            "upstream_max_stream_duration_reached".into()
        }
        Failure::Timeout(TimeoutKind::PerTryIdle) => "upstream_per_try_idle_timeout".into(),
        Failure::Timeout(_) => "response_timeout".into(),
        Failure::ClientBody(error) => error.details().into(),
        Failure::Answered(answer) => answer.details.clone(),
        Failure::ClientGone => "downstream_remote_disconnect".into(),
        Failure::Terminated => {
            "upstream_reset_after_response_started{connection_termination}".into()
        }
        Failure::Reset { refused: true } => {
            "upstream_reset_after_response_started{remote_refused_stream_reset}".into()
        }
        Failure::Reset { refused: false } => {
            "upstream_reset_after_response_started{remote_reset}".into()
        }
        _ => "upstream_reset_after_response_started{protocol_error}".into(),
    }
}

fn poll_relay(
    parties: &mut Parties<'_>,
    up: &mut Upstream,
    cx: &mut Context<'_>,
) -> Poll<Result<(), Failure>> {
    if parties.stream.responded {
        metadata::pass_to_client(parties.stream, up, parties.down);
    }
    if !up.sent && !parties.holding {
        if let Poll::Ready(Err(failure)) = up.poll_send(parties, cx) {
            return Poll::Ready(Err(failure));
        }
    }
    match poll_body(parties, up, cx) {
        Poll::Pending => parties.poll_interrupted(cx).map(Err),
        ready => ready,
    }
}

fn poll_body(
    parties: &mut Parties<'_>,
    up: &mut Upstream,
    cx: &mut Context<'_>,
) -> Poll<Result<(), Failure>> {
    let stream = &mut *parties.stream;
    let trailers = up.wire.passes_trailers();
    let mut moved = 0;
    let mut flow = Flow {
        moved: &mut moved,
        copy: None,
        trailers: trailers && stream.passes_trailers(),
        case: stream.manager.config.header_case,
    };
    let pumped = match stream.bodies.is_some() {
        false => poll_pump(cx, &mut up.wire, parties.down, &mut flow),
        true => poll_filtered(cx, stream, up, parties.down, &mut flow, trailers),
    };
    stream.info.bytes_sent += moved;
    if stream.bodies.is_none() {
        stream.info.upstream.body_bytes_received += moved;
    }
    up.count_traffic();
    if moved > 0 {
        let now = clock::now();
        stream.last_activity = now;
        stream.info.upstream.first_body_rx.get_or_insert(now);
        parties.timeouts.upstream_activity = Some(now);
    }
    pumped.map_err(|error| match error {
        PumpError::Sink(_) => Failure::ClientGone,
        PumpError::Source(ReadError::Codec(_)) => Failure::Protocol,
        PumpError::Source(ReadError::Reset(reset)) => failure(reset),
        PumpError::Source(ReadError::Answered(answer)) => Failure::Answered(answer),
        PumpError::Source(_) => Failure::Terminated,
    })
}

/// Moves the body through the filters; a head that they hold goes first.
fn poll_filtered(
    cx: &mut Context<'_>,
    stream: &mut Stream,
    up: &mut Upstream,
    down: &mut dyn Downstream,
    flow: &mut Flow<'_>,
    trailers: bool,
) -> Poll<Result<(), PumpError>> {
    if !stream.responded {
        let mut source = Filtered::response(&mut up.wire, stream, trailers);
        let end = ready!(source.poll_head_let_go(cx)).map_err(PumpError::Source)?;
        send_head(stream, down, end);
        metadata::pass_to_client(stream, up, down);
    }
    poll_pump(cx, &mut Filtered::response(&mut up.wire, stream, trailers), down, flow)
}
