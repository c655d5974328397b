//! A fault of this program in one connection or request: it ends that alone.

use std::future::{poll_fn, Future};
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::log::{Component, Level};
use crate::proto::ProcessStat;
use crate::worker::Worker;

/// Polls a future; a panic in it becomes an error with its text.
pub fn poll_caught(
    future: Pin<&mut impl Future<Output = ()>>,
    cx: &mut Context<'_>,
) -> Poll<Result<(), String>> {
    match catch_unwind(AssertUnwindSafe(|| future.poll(cx))) {
        Ok(polled) => polled.map(Ok),
        Err(payload) => {
            let text = payload
                .downcast_ref::<&str>()
                .map(|text| (*text).to_owned())
                .or_else(|| payload.downcast_ref::<String>().cloned());
            Poll::Ready(Err(text.unwrap_or_else(|| "unknown".to_owned())))
        }
    }
}

/// Runs a future to its end or its first panic. It is boxed by the caller, so that a task that holds it is small:
/// a task is moved when it is spawned.
pub async fn caught(mut future: Pin<Box<impl Future<Output = ()>>>) -> Result<(), String> {
    poll_fn(|cx| poll_caught(future.as_mut(), cx)).await
}

/// Counts and logs a fault; `what` was ended by it.
pub fn report(worker: &Worker, what: &str, message: &str) {
    worker.process.inc(ProcessStat::ProcessWorkerPanics);
    let text = format!("a {what} ended by a fault in the worker: {message}");
    crate::log::send(Component::Connection, Level::Critical, text);
}

#[cfg(test)]
mod tests {
    use std::future::{poll_fn, ready};
    use std::pin::pin;

    use super::poll_caught;

    #[tokio::test(flavor = "current_thread")]
    async fn a_panic_ends_its_own_future_alone() {
        let mut good = pin!(ready(()));
        let mut bad = pin!(async { panic!("a fault in {}", "one connection") });
        let fault = poll_fn(|cx| poll_caught(bad.as_mut(), cx)).await;
        assert_eq!(fault, Err("a fault in one connection".to_owned()));
        assert_eq!(poll_fn(|cx| poll_caught(good.as_mut(), cx)).await, Ok(()));
    }
}
