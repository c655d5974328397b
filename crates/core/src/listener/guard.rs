//! What guards an accepted connection: it counts, and ends with its chain.

use std::cell::Cell;
use std::future::{poll_fn, Future};
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll};
use std::time::Instant;

use super::{Chain, Listener};
use crate::clock;
use crate::proto::{ListenerHistogram, ListenerStat};
use crate::worker::Worker;

/// A place among the connections that a listener may have.
pub struct Limited(Option<Rc<Listener>>);

impl Limited {
    /// None when there are as many as there may be.
    pub fn take(listener: &Rc<Listener>) -> Option<Self> {
        let settings = &listener.settings;
        if settings.max_connections == 0 {
            return Some(Self(None));
        }
        let before = settings.connections.fetch_add(1, Relaxed);
        let place = Self(Some(listener.clone()));
        (before < settings.max_connections).then_some(place)
    }
}

impl Drop for Limited {
    fn drop(&mut self) {
        if let Some(listener) = &self.0 {
            listener.settings.connections.fetch_sub(1, Relaxed);
        }
    }
}

/// Counts a connection and its end, and ends it when its chain is closed.
pub struct Guard {
    pub worker: Rc<Worker>,
    pub listener: Rc<Listener>,
    chain: Rc<Chain>,
    start: Instant,
    /// Among the connections of the chain.
    place: Cell<Option<usize>>,
    _limited: Limited,
}

impl Guard {
    pub fn new(
        worker: Rc<Worker>,
        listener: Rc<Listener>,
        chain: Rc<Chain>,
        start: Instant,
        limited: Limited,
    ) -> Self {
        listener.block.inc(ListenerStat::ListenerDownstreamCxTotal);
        listener.block.inc(ListenerStat::ListenerDownstreamCxActive);
        worker.shared.connections.fetch_add(1, Relaxed);
        worker.open_connections.set(worker.open_connections.get() + 1);
        Self { worker, listener, chain, start, place: Cell::new(None), _limited: limited }
    }

    /// Runs what serves the connection, until it is done or the chain is closed. A panic becomes an error:
    /// it ends one connection, not the worker.
    pub async fn watch(&self, serving: impl Future<Output = ()>) -> Result<(), String> {
        let mut serving: Pin<Box<_>> = Box::pin(serving);
        poll_fn(move |cx| {
            if self.chain.is_closed() {
                return Poll::Ready(Ok(()));
            }
            if self.place.get().is_none() {
                self.place.set(Some(self.chain.enter(cx.waker())));
            }
            poll_unwound(serving.as_mut(), cx)
        })
        .await
    }
}

/// Polls a future; a panic in it becomes an error with its text.
fn poll_unwound(
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

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(place) = self.place.get() {
            self.chain.leave(place);
        }
        self.worker.shared.connections.fetch_sub(1, Relaxed);
        let open = &self.worker.open_connections;
        open.set(open.get() - 1);
        let block = &self.listener.block;
        block.inc(ListenerStat::ListenerDownstreamCxDestroy);
        block.dec(ListenerStat::ListenerDownstreamCxActive);
        let length = clock::since(self.start).as_millis() as u64;
        block.record(ListenerHistogram::DownstreamCxLengthMs, length);
    }
}

#[cfg(test)]
mod tests {
    use std::future::{poll_fn, ready};
    use std::pin::pin;

    use super::poll_unwound;

    #[tokio::test(flavor = "current_thread")]
    async fn a_panic_ends_its_own_future_alone() {
        let mut good = pin!(ready(()));
        let mut bad = pin!(async { panic!("a fault in {}", "one connection") });
        let fault = poll_fn(|cx| poll_unwound(bad.as_mut(), cx)).await;
        assert_eq!(fault, Err("a fault in one connection".to_owned()));
        assert_eq!(poll_fn(|cx| poll_unwound(good.as_mut(), cx)).await, Ok(()));
    }
}
