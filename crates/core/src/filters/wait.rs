//! Waiting in the middle of a request, as long as its client is there and its timeouts last.

use std::future::poll_fn;
use std::task::{Context, Poll};
use std::time::Instant;

use super::bodies::{poll_whole_request, request_too_large, Whole};
use super::router::{manager_timeout, Failure, TimeoutKind};
use super::Proceed;
use crate::body::ReadError;
use crate::clock;
use crate::http::downstream::Downstream;
use crate::http::stream::{Answer, Stream};
use crate::http1::BodyLength;
use crate::proto::HttpStat;
use crate::timer::Timer;

/// Waits until `poll` has a result, or until `limit`, with none.
///
/// # Errors
/// The request is over: with an answer, if there is still somebody to tell.
pub async fn wait<T>(
    stream: &mut Stream,
    down: &mut dyn Downstream,
    timer: &Timer,
    limit: Option<Instant>,
    mut poll: impl FnMut(&mut Context<'_>, &mut Stream, &mut dyn Downstream) -> Poll<T>,
) -> Proceed<Option<T>> {
    let ended = poll_fn(|cx| {
        if let Poll::Ready(result) = poll(cx, stream, down) {
            return Poll::Ready(Ok(Some(result)));
        }
        if stream.request_done.is_some() && down.poll_gone(cx).is_ready() {
            return Poll::Ready(Err(Failure::ClientGone));
        }
        let (nearest, kind) = nearest(stream, limit);
        timer.poll(cx, nearest).map(|()| match kind {
            None => Ok(None),
            Some(kind) => Err(Failure::Timeout(kind)),
        })
    })
    .await;
    stream.waited = true;
    let result = ended.map_err(|failure| give_up(stream, &failure))?;
    stream.last_activity = clock::now();
    Ok(result)
}

/// Waits until `poll` has a result, and keeps what comes of the body of the request meanwhile, as long as it fits
/// into the buffer.
///
/// # Errors
/// The request is over: with an answer, if there is still somebody to tell.
pub async fn wait_beside_body<T>(
    stream: &mut Stream,
    down: &mut dyn Downstream,
    timer: &Timer,
    mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>,
) -> Proceed<Option<T>> {
    let limit = stream.buffer_limit();
    let comes = stream.head.body != BodyLength::Empty && !stream.head.is_tunnel();
    let poll = |cx: &mut Context<'_>, stream: &mut Stream, down: &mut dyn Downstream| {
        if let Poll::Ready(result) = poll(cx) {
            return Poll::Ready(Ok(result));
        }
        match comes {
            true => poll_body(cx, stream, down, limit).map(Err),
            false => Poll::Pending,
        }
    };
    match wait(stream, down, timer, None, poll).await? {
        Some(Err(error)) => Err(refuse_body(stream, error)),
        Some(Ok(result)) => Ok(Some(result)),
        None => Ok(None),
    }
}

/// Ready when no more of the body comes because it is malformed, or nobody sends it.
fn poll_body(
    cx: &mut Context<'_>,
    stream: &mut Stream,
    down: &mut dyn Downstream,
    limit: usize,
) -> Poll<ReadError> {
    match poll_kept(cx, stream, down, limit) {
        Poll::Ready(Err(error)) => Poll::Ready(error),
        _ => Poll::Pending,
    }
}

/// Waits for the body of a request until it has ended, or more than `limit` bytes of it are kept.
///
/// # Errors
/// The request is over: with an answer, if there is still somebody to tell.
pub async fn wait_for_body(
    stream: &mut Stream,
    down: &mut dyn Downstream,
    timer: &Timer,
    limit: usize,
) -> Proceed<Whole> {
    let poll = |cx: &mut Context<'_>, stream: &mut Stream, down: &mut dyn Downstream| {
        poll_kept(cx, stream, down, limit)
    };
    match wait(stream, down, timer, None, poll).await? {
        Some(Ok(whole)) => Ok(whole),
        Some(Err(error)) => Err(refuse_body(stream, error)),
        None => Ok(Whole::Yes),
    }
}

fn poll_kept(
    cx: &mut Context<'_>,
    stream: &mut Stream,
    down: &mut dyn Downstream,
    limit: usize,
) -> Poll<Result<Whole, ReadError>> {
    let before = stream.info.bytes_received;
    let polled = poll_whole_request(cx, down, stream, limit);
    if stream.info.bytes_received > before {
        stream.last_activity = clock::now();
    }
    polled
}

/// Ends a request whose body does not come as it should.
fn refuse_body(stream: &mut Stream, error: ReadError) -> Option<Answer> {
    match error {
        ReadError::Answered(answer) => Some(*answer),
        ReadError::Codec(error) => {
            stream.manager.block.inc(HttpStat::HttpDownstreamCxProtocolError);
            stream.close = true;
            give_up(stream, &Failure::ClientBody(error))
        }
        _ => give_up(stream, &Failure::ClientGone),
    }
}

/// Answers a request whose body does not fit.
pub fn refuse_too_large(stream: &Stream) -> Answer {
    stream.manager.block.inc(HttpStat::HttpDownstreamRqTooLarge);
    request_too_large()
}

/// The next point in time, and the timeout that has passed then; none: it is `limit`.
fn nearest(stream: &Stream, limit: Option<Instant>) -> (Option<Instant>, Option<TimeoutKind>) {
    let timeouts = &stream.manager.config.timeouts;
    let start = stream.info.start;
    let idle = stream.idle_timeout(timeouts.stream_idle);
    let request = timeouts.request.filter(|_| stream.request_done.is_none());
    let all = [
        (limit, None),
        (idle.map(|t| stream.last_activity + t), Some(TimeoutKind::StreamIdle)),
        (request.map(|t| start + t), Some(TimeoutKind::Request)),
        (timeouts.max_stream.map(|t| start + t), Some(TimeoutKind::MaxDuration)),
    ];
    let known = all.into_iter().filter_map(|(at, kind)| Some((at?, kind)));
    let nearest = known.min_by_key(|(at, _)| *at);
    nearest.map_or((None, None), |(at, kind)| (Some(at), kind))
}

/// Ends a request that waited: what the client is told, if it is still there.
pub fn give_up(stream: &mut Stream, failure: &Failure) -> Option<Answer> {
    stream.info.flags |= failure.flag();
    match failure {
        Failure::ClientGone => {
            stream.info.details = "downstream_remote_disconnect".into();
            return None;
        }
        Failure::Timeout(kind) => manager_timeout(stream, *kind),
        _ => {}
    }
    Some(failure.answer(false, false, stream.request_done.is_some(), ""))
}
