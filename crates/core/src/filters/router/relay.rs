//! Passing the body of a response on, while the rest of the request may still be on its way.

use std::borrow::Cow;
use std::future::poll_fn;
use std::task::{ready, Context, Poll};

use super::attempt::{Parties, Upstream};
use super::charge;
use super::failure::Failure;
use super::wire::failure;
use crate::body::{poll_pump, Flow, PumpError, ReadError};
use crate::clock;
use crate::filters::bodies::Filtered;
use crate::http::downstream::Downstream;
use crate::http::flags::ResponseFlags;
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
    let mut closed_by = ClosedBy::Local;
    let mut instead = None;
    match ended {
        Ok(()) => {
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
        Err(Failure::Terminated) if parties.stream.tunnel || up.wire.shares_connection() => {
            info.flags |= ResponseFlags::UPSTREAM_CONNECTION_TERMINATION;
            info.details = "upstream_reset_after_response_started{connection_termination}".into();
            parties.stream.broken = true;
            closed_by = up.wire.ended_by();
        }
        Err(Failure::ClientGone) => {
            info.flags |= ResponseFlags::DOWNSTREAM_CONNECTION_TERMINATION;
            info.details = "downstream_remote_disconnect".into();
        }
        Err(failure) => {
            if let Failure::Timeout(kind) = &failure {
                charge::manager_timeout(parties.stream, *kind);
            }
            if matches!(failure, Failure::ClientBody(_)) {
                parties.stream.manager.block.inc(HttpStat::HttpDownstreamCxProtocolError);
            }
            let spoiled = matches!(failure, Failure::Protocol | Failure::Terminated);
            if spoiled && !up.wire.shares_connection() {
                up.cluster.block().inc(ClusterStat::ClusterUpstreamCxProtocolError);
            }
            if matches!(failure, Failure::Terminated) {
                closed_by = ClosedBy::Remote;
            }
            let info = &mut parties.stream.info;
            info.flags |= match &failure {
                Failure::Protocol | Failure::Terminated => ResponseFlags::UPSTREAM_PROTOCOL_ERROR,
                other => other.flag(),
            };
            info.details = late_details(&failure);
            instead = Some(answer_for_held(&failure, info.details.clone()));
            parties.stream.broken = true;
        }
    }
    up.abort(closed_by);
    let gone = parties.stream.info.flags.contains(ResponseFlags::DOWNSTREAM_CONNECTION_TERMINATION);
    if !parties.stream.responded && !gone {
        // The client knows nothing yet of the response that a filter held.
        parties.stream.broken = false;
        let stat = HttpStat::HttpRqResetAfterDownstreamResponseStarted;
        parties.stream.manager.block.inc(stat);
        return instead;
    }
    parties.stream.close = true;
    None
}

/// What the client gets when the response fails before a filter has let go of its head.
fn answer_for_held(failure: &Failure, details: Cow<'static, str>) -> Answer {
    let failure = match failure {
        Failure::Terminated => &Failure::Protocol,
        other => other,
    };
    let mut answer = failure.answer(false, true, true, "");
    answer.details = details;
    answer
}

fn late_details(failure: &Failure) -> Cow<'static, str> {
    match failure {
        Failure::Timeout(super::failure::TimeoutKind::StreamIdle) => "stream_idle_timeout".into(),
        Failure::Timeout(super::failure::TimeoutKind::MaxDuration) => "max_duration_timeout".into(),
        Failure::Timeout(super::failure::TimeoutKind::PerTryIdle) => {
            "upstream_per_try_idle_timeout".into()
        }
        Failure::Timeout(_) => "response_timeout".into(),
        Failure::ClientBody(error) => error.details().into(),
        Failure::Answered(answer) => answer.details.clone(),
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
    }
    poll_pump(cx, &mut Filtered::response(&mut up.wire, stream, trailers), down, flow)
}
