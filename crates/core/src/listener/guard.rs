//! What guards an accepted connection: it counts, and ends with its chain.

use std::cell::Cell;
use std::future::{poll_fn, Future};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::Poll;
use std::time::Instant;

use super::balance::Counted;
use super::{Chain, Listener};
use crate::clock;
use crate::fault::poll_caught;
use crate::proto::{ListenerHistogram, ListenerStat};
use crate::worker::Worker;

/// A place among the connections that a listener may have.
pub struct Limited {
    listener: Option<Rc<Listener>>,
    /// Of a worker whose process limits the connections of all listeners.
    global: Option<Rc<Worker>>,
    /// Of a listener whose connections are balanced over the workers.
    _counted: Option<Counted>,
}

impl Limited {
    /// None when there are as many as there may be, which is counted.
    pub fn take(
        worker: &Rc<Worker>,
        listener: &Rc<Listener>,
        counted: Option<Counted>,
    ) -> Option<Self> {
        let settings = &listener.settings;
        let mut place = Self { listener: None, global: None, _counted: counted };
        if settings.max_connections > 0 {
            let before = settings.connections.fetch_add(1, Relaxed);
            place.listener = Some(listener.clone());
            if before >= settings.max_connections {
                listener.block.inc(ListenerStat::ListenerDownstreamCxOverflow);
                return None;
            }
        }
        if settings.message.max_global_connections > 0 {
            let before = worker.shared.limited_connections.fetch_add(1, Relaxed);
            place.global = Some(worker.clone());
            if before >= settings.message.max_global_connections {
                listener.block.inc(ListenerStat::ListenerDownstreamGlobalCxOverflow);
                return None;
            }
        }
        Some(place)
    }
}

impl Drop for Limited {
    fn drop(&mut self) {
        if let Some(listener) = &self.listener {
            listener.settings.connections.fetch_sub(1, Relaxed);
        }
        if let Some(worker) = &self.global {
            worker.shared.limited_connections.fetch_sub(1, Relaxed);
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
        if !listener.settings.is_internal() {
            worker.shared.connections.fetch_add(1, Relaxed);
        }
        worker.open_connections.set(worker.open_connections.get() + 1);
        Self { worker, listener, chain, start, place: Cell::new(None), _limited: limited }
    }

    /// Runs what serves the connection, until it is done or the chain is closed. A panic becomes an error:
    /// it ends one connection, not the worker.
    pub async fn watch<F: Future<Output = ()>>(
        &self,
        mut serving: Pin<Box<F>>,
    ) -> Result<(), String> {
        poll_fn(move |cx| {
            if self.chain.is_closed() {
                return Poll::Ready(Ok(()));
            }
            if self.place.get().is_none() {
                self.place.set(Some(self.chain.enter(cx.waker())));
            }
            poll_caught(serving.as_mut(), cx)
        })
        .await
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(place) = self.place.get() {
            self.chain.leave(place);
        }
        if !self.listener.settings.is_internal() {
            self.worker.shared.connections.fetch_sub(1, Relaxed);
        }
        let open = &self.worker.open_connections;
        open.set(open.get() - 1);
        let block = &self.listener.block;
        block.inc(ListenerStat::ListenerDownstreamCxDestroy);
        block.dec(ListenerStat::ListenerDownstreamCxActive);
        let length = clock::since(self.start).as_millis() as u64;
        block.record(ListenerHistogram::DownstreamCxLengthMs, length);
    }
}
