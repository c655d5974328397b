//! Watches the idle connections of a pool, with one task for all of them: one that its peer closes or
//! writes to is dropped at once, one that was idle or open for too long is closed.

use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Instant;

use super::connection::{ClosedBy, PooledConnection};
use super::pool::{Idle, Pool, State};
use super::ClusterConfig;
use crate::clock;
use crate::proto::ClusterStat;
use crate::transport::Transport;

/// Why an idle connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    PeerClosed,
    /// The peer sent bytes that nobody asked for; no client may ever see them.
    Unsolicited,
    Idle,
    TooOld,
    /// The host or the cluster is gone.
    Drained,
}

/// What the peer of an idle connection did, if anything. No system call when nothing happened.
pub(super) fn ending(transport: &Transport) -> Option<Ending> {
    let mut byte = [0];
    match transport.try_read(&mut byte) {
        Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => None,
        Ok(0) | Err(_) => Some(Ending::PeerClosed),
        Ok(_) => Some(Ending::Unsolicited),
    }
}

/// The same, and the task of `cx` is woken when something happens.
pub(super) fn poll_ending(transport: &Transport, cx: &mut Context<'_>) -> Option<Ending> {
    while transport.poll_read_ready(cx).is_ready() {
        // Ready may be old news; reading nothing clears it.
        if let Some(ending) = ending(transport) {
            return Some(ending);
        }
    }
    None
}

impl Pool {
    /// Makes a connection idle.
    pub fn keep(self: &Rc<Self>, mut connection: PooledConnection) {
        connection.pool = None;
        connection.buffer.release();
        let idle = Idle { connection, since: clock::now() };
        let mut state = self.state.borrow_mut();
        if !state.watching {
            state.watching = true;
            state.idle.push(idle);
            crate::sys::spawn_here(self.clone().watch());
            return;
        }
        let Some(waker) = state.watcher.take() else {
            // The watcher has yet to run for the first time; it will look at all.
            return state.idle.push(idle);
        };
        let mut cx = Context::from_waker(&waker);
        let ending = match idle.connection.buffer.is_empty() {
            true => poll_ending(&idle.connection.transport, &mut cx),
            false => Some(Ending::Unsolicited),
        };
        match ending {
            None => {
                let deadline = self.deadline_of(&idle);
                state.idle.push(idle);
                self.arm(&mut state, &cx, deadline);
                state.watcher = Some(waker);
            }
            Some(ending) => {
                state.watcher = Some(waker);
                drop(state);
                self.end_idle(idle.connection, ending);
            }
        }
    }

    async fn watch(self: Rc<Self>) {
        poll_fn(|cx| self.poll_watch(cx)).await;
    }

    /// Ends what has ended; ready when the pool will have no idle connection any more.
    fn poll_watch(&self, cx: &mut Context<'_>) -> Poll<()> {
        let now = clock::now();
        let mut ended = Vec::new();
        let mut state = self.state.borrow_mut();
        if !state.watcher.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            state.watcher = Some(cx.waker().clone());
        }
        let mut index = 0;
        while let Some(idle) = state.idle.get(index) {
            match self.overdue(idle, now).or_else(|| poll_ending(&idle.connection.transport, cx)) {
                Some(ending) => ended.push((state.idle.remove(index).connection, ending)),
                None => index += 1,
            }
        }
        let deadline = state.idle.iter().filter_map(|idle| self.deadline_of(idle)).min();
        state.armed = None;
        self.arm(&mut state, cx, deadline);
        let done = state.draining;
        drop(state);
        ended.into_iter().for_each(|(connection, ending)| self.end_idle(connection, ending));
        if done {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }

    /// Makes sure that the watcher is woken at `deadline`.
    fn arm(&self, state: &mut State, cx: &Context<'_>, deadline: Option<Instant>) {
        let Some(deadline) = deadline else { return };
        if state.armed.is_some_and(|armed| armed <= deadline) {
            return;
        }
        state.armed = Some(deadline);
        if self.timer.poll(cx, Some(deadline)).is_ready() {
            cx.waker().wake_by_ref();
        }
    }

    fn deadline_of(&self, idle: &Idle) -> Option<Instant> {
        let config = self.context.config();
        let idle_end = config.idle_timeout.map(|limit| idle.since + limit);
        idle_end.into_iter().chain(oldest(idle, config)).min()
    }

    fn overdue(&self, idle: &Idle, now: Instant) -> Option<Ending> {
        let config = self.context.config();
        if oldest(idle, config).is_some_and(|end| end <= now) {
            return Some(Ending::TooOld);
        }
        let limit = config.idle_timeout?;
        (idle.since + limit <= now).then_some(Ending::Idle)
    }

    /// Closes a connection that carries no request, and counts why.
    pub fn end_idle(&self, connection: PooledConnection, ending: Ending) {
        let by = match ending {
            Ending::PeerClosed => ClosedBy::Remote,
            _ => ClosedBy::Local,
        };
        match ending {
            Ending::Idle => self.count(ClusterStat::ClusterUpstreamCxIdleTimeout),
            Ending::Unsolicited => self.count(ClusterStat::ClusterUpstreamCxProtocolError),
            Ending::PeerClosed | Ending::TooOld | Ending::Drained => {}
        }
        self.count_close(&connection, by, false);
        drop(connection);
        self.rest();
    }

    pub fn wake_watcher(&self) {
        if let Some(waker) = &self.state.borrow().watcher {
            waker.wake_by_ref();
        }
    }
}

/// When the connection is too old to be used.
fn oldest(idle: &Idle, config: &ClusterConfig) -> Option<Instant> {
    config.max_connection_duration.map(|limit| idle.connection.connect_end + limit)
}
