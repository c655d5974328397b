//! Waiting in the middle of a request, as long as its client is there and its timeouts last.

use std::future::poll_fn;
use std::task::{Context, Poll};
use std::time::Instant;

use super::router::{manager_timeout, Failure, TimeoutKind};
use crate::clock;
use crate::http::downstream::Downstream;
use crate::http::stream::{Answer, Stream};
use crate::timer::Timer;

/// Waits until `poll_ready` says so, or until `limit`.
///
/// # Errors
/// The request is over: with an answer, if there is still somebody to tell.
pub async fn wait(
    stream: &mut Stream,
    down: &mut dyn Downstream,
    timer: &Timer,
    limit: Option<Instant>,
    mut poll_ready: impl FnMut(&mut Context<'_>) -> Poll<()>,
) -> Result<(), Option<Answer>> {
    let timeouts = &stream.manager.config.timeouts;
    let idle = timeouts.stream_idle.map(|idle| stream.last_activity + idle);
    let whole_time = timeouts.max_stream.map(|max| stream.info.start + max);
    let nearest = [limit, idle, whole_time].into_iter().flatten().min();
    let whole = stream.request_done.is_some();
    let ended = poll_fn(|cx| {
        if poll_ready(cx).is_ready() {
            return Poll::Ready(Ok(()));
        }
        if whole && down.poll_gone(cx).is_ready() {
            return Poll::Ready(Err(Failure::ClientGone));
        }
        timer.poll(cx, nearest).map(|()| match nearest {
            reached if reached == limit => Ok(()),
            reached if reached == whole_time => Err(Failure::Timeout(TimeoutKind::MaxDuration)),
            _ => Err(Failure::Timeout(TimeoutKind::StreamIdle)),
        })
    })
    .await;
    stream.waited = true;
    ended.map_err(|failure| give_up(stream, &failure))?;
    stream.last_activity = clock::now();
    Ok(())
}

/// Ends a request that waited: what the client is told, if it is still there.
fn give_up(stream: &mut Stream, failure: &Failure) -> Option<Answer> {
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
