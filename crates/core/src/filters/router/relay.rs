//! Passing the body of a response on, while the rest of the request may still be on its way.

use std::future::poll_fn;
use std::task::{Context, Poll};

use super::attempt::{Parties, Upstream};
use super::charge;
use super::failure::Failure;
use super::wire::failure;
use crate::body::{poll_pump, Flow, PumpError, ReadError};
use crate::clock;
use crate::http::flags::ResponseFlags;
use crate::http1::response::ResponseHead;
use crate::proto::{ClusterStat, HttpStat};
use crate::upstream::ClosedBy;

/// Moves the body to the client. The head of the response stands in the client's output.
pub async fn relay(parties: &mut Parties<'_>, up: &mut Upstream, head: &ResponseHead) {
    let ended = poll_fn(|cx| poll_relay(parties, up, cx)).await;
    let info = &mut parties.stream.info;
    info.upstream.last_rx = Some(clock::now());
    info.upstream.wire_bytes_received += up.wire.body_read();
    let mut closed_by = ClosedBy::Local;
    match ended {
        Ok(()) => {
            if up.wire.passes_trailers() {
                parties.stream.trailers = up.wire.take_trailers();
            }
            up.release(head);
            return;
        }
        Err(Failure::Terminated) if parties.stream.tunnel => {
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
            let info = &mut parties.stream.info;
            let spoiled = matches!(failure, Failure::Protocol | Failure::Terminated);
            if spoiled && !up.wire.shares_connection() {
                up.cluster.block().inc(ClusterStat::ClusterUpstreamCxProtocolError);
            }
            if matches!(failure, Failure::Terminated) {
                closed_by = ClosedBy::Remote;
            }
            info.flags |= match &failure {
                Failure::Protocol | Failure::Terminated => ResponseFlags::UPSTREAM_PROTOCOL_ERROR,
                other => other.flag(),
            };
            info.details = late_details(&failure).into();
            parties.stream.broken = true;
        }
    }
    parties.stream.close = true;
    up.abort(closed_by);
}

fn late_details(failure: &Failure) -> &'static str {
    match failure {
        Failure::Timeout(super::failure::TimeoutKind::StreamIdle) => "stream_idle_timeout",
        Failure::Timeout(super::failure::TimeoutKind::MaxDuration) => "max_duration_timeout",
        Failure::Timeout(super::failure::TimeoutKind::PerTryIdle) => {
            "upstream_per_try_idle_timeout"
        }
        Failure::Timeout(_) => "response_timeout",
        Failure::ClientBody(error) => error.details(),
        Failure::Reset { refused: true } => {
            "upstream_reset_after_response_started{remote_refused_stream_reset}"
        }
        Failure::Reset { refused: false } => "upstream_reset_after_response_started{remote_reset}",
        _ => "upstream_reset_after_response_started{protocol_error}",
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
    let before = stream.info.bytes_sent;
    let trailers = up.wire.passes_trailers() && stream.passes_trailers();
    let mut flow = Flow {
        moved: &mut stream.info.bytes_sent,
        copy: None,
        trailers,
        case: stream.manager.config.header_case,
    };
    let pumped = poll_pump(cx, &mut up.wire, parties.down, &mut flow);
    up.count_traffic();
    if stream.info.bytes_sent != before {
        let now = clock::now();
        stream.last_activity = now;
        stream.info.upstream.first_body_rx.get_or_insert(now);
        parties.timeouts.upstream_activity = Some(now);
    }
    pumped.map_err(|error| match error {
        PumpError::Sink(_) => Failure::ClientGone,
        PumpError::Source(ReadError::Codec(_)) => Failure::Protocol,
        PumpError::Source(ReadError::Reset(reset)) => failure(reset),
        PumpError::Source(_) => Failure::Terminated,
    })
}
