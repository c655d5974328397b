//! Waiting in the middle of a request, as long as its client is there and its timeouts last.

use std::future::poll_fn;
use std::task::{Context, Poll};
use std::time::Instant;

use super::router::{manager_timeout, Failure, TimeoutKind};
use crate::clock;
use crate::http::downstream::Downstream;
use crate::http::stream::{Answer, Stream};
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
) -> Result<Option<T>, Option<Answer>> {
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
