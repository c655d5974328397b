//! Waiting a little for a client to close first, so that it can read all that was written.

use std::future::poll_fn;
use std::task::Poll;

use super::Accepted;
use crate::buffer::Buffer;
use crate::clock;
use crate::proto::HttpStat;
use crate::transport::{is_reset, Transport};

/// Bytes that a client may still send while its connection closes.
const LIMIT: usize = 1024 * 1024;
/// Room made for a read.
const READ: usize = 16 * 1024;

/// Waits for the client to close, `delayed_close_timeout` at most. True when it did.
pub async fn linger(accepted: &Accepted, transport: &mut Transport) -> bool {
    let wait = accepted.manager.config.timeouts.delayed_close;
    if wait.is_zero() {
        return false;
    }
    let timer = accepted.worker.timers.timer();
    let deadline = clock::now() + wait;
    let mut budget = LIMIT;
    let mut buffer = Buffer::new();
    poll_fn(|cx| {
        while budget > 0 {
            buffer.clear();
            match transport.poll_read(cx, || buffer.spare(READ)) {
                Poll::Ready(result @ (Ok(0) | Err(_))) => {
                    if is_reset(&result) {
                        accepted.connection.tally.was_reset();
                    }
                    return Poll::Ready(true);
                }
                Poll::Ready(Ok(count)) => budget = budget.saturating_sub(count),
                Poll::Pending => break,
            }
        }
        let expired = timer.poll(cx, Some(deadline));
        if expired.is_ready() {
            accepted.manager.block.inc(HttpStat::HttpDownstreamCxDelayedCloseTimeout);
            accepted.connection.tally.closes("triggered_delayed_close_timeout");
        }
        expired.map(|()| false)
    })
    .await
}
