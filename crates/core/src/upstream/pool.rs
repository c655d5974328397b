//! The connections of one worker to one host at one priority: here those that speak HTTP/1, in `multiplexing`
//! those that speak HTTP/2.
//!
//! Idle connections are used newest first; requests wait in order. The pool opens a connection when more
//! requests wait than connections are on their way.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::Arc;
use std::task::Waker;
use std::time::Instant;

use super::breakers::{Permits, PoolPermit, Priority, RequestPermit};
use super::connecting::{self, ConnectError};
use super::connection::{ClosedBy, PooledConnection};
use super::failing::FailureWatch;
use super::multiplexed::Multiplexed;
use super::pending::{Acquire, Overflow, PendingConnection, Waiter};
use super::watch::{self, Ending};
use super::{ClusterConfig, Host, UpstreamContext};
use crate::clock;
use crate::overload::Point;
use crate::proto::{ClusterHistogram, ClusterStat};
use crate::stats::Block;
use crate::timer::Timer;

/// What the connections of a pool speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    Http1,
    Http2,
    /// As the peer says when TLS is agreed upon (ALPN).
    Negotiated,
}

/// What the pools of one cluster in one worker share.
pub(super) struct PoolContext {
    pub permits: Permits,
    pub block: Arc<Block>,
    pub upstream: Rc<UpstreamContext>,
    /// Connections that end when their host fails, where they do.
    pub failing: Option<Rc<FailureWatch>>,
}

impl PoolContext {
    pub fn config(&self) -> &ClusterConfig {
        &self.permits.shared().config
    }
}

pub(super) struct Idle {
    pub connection: PooledConnection,
    pub since: Instant,
}

#[derive(Default)]
pub(super) struct State {
    /// Oldest first.
    pub idle: Vec<Idle>,
    /// Those that speak HTTP/2.
    pub multiplexed: Vec<Rc<Multiplexed>>,
    pub waiting: VecDeque<Rc<Waiter>>,
    pub connecting: usize,
    active: usize,
    /// Held while there is a connection or a request waits for one.
    permit: Option<PoolPermit>,
    /// The host is gone: connections end with their request.
    pub draining: bool,
    /// Of the task that watches idle connections.
    pub watcher: Option<Waker>,
    pub watching: bool,
    /// When the timer will wake the watcher.
    pub armed: Option<Instant>,
}

pub(super) struct Pool {
    pub context: Rc<PoolContext>,
    pub priority: Priority,
    pub protocol: Protocol,
    /// New connections go here. LOGICAL_DNS and updates of weights replace it.
    pub host: RefCell<Arc<Host>>,
    pub state: RefCell<State>,
    pub timer: Timer,
    /// How often the host had failed when the pool was made.
    pub failures: u32,
}

impl State {
    fn connections(&self) -> usize {
        self.connecting + self.active + self.idle.len() + self.multiplexed.len()
    }
}

impl Pool {
    pub fn new(
        context: Rc<PoolContext>,
        host: Arc<Host>,
        priority: Priority,
        protocol: Protocol,
    ) -> Rc<Self> {
        let timer = context.upstream.timers.timer();
        Rc::new(Self {
            context,
            priority,
            protocol,
            failures: host.stats.failures(),
            host: RefCell::new(host),
            state: RefCell::default(),
            timer,
        })
    }

    pub fn count(&self, stat: ClusterStat) {
        self.context.block.inc(stat);
    }

    /// Takes a place on an HTTP/2 connection or the newest idle connection, or queues for either.
    pub fn acquire(self: &Rc<Self>) -> Result<Acquire, Overflow> {
        if let Some(connection) = self.with_room() {
            return match self.context.permits.request(self.priority) {
                Some(permit) => Ok(Acquire::Ready(self.begin_stream(connection, permit).into())),
                None => {
                    self.count(ClusterStat::ClusterUpstreamRqActiveOverflow);
                    Err(Overflow::Requests)
                }
            };
        }
        if let Some(connection) = self.pop_idle() {
            return match self.context.permits.request(self.priority) {
                Some(permit) => Ok(Acquire::Ready(self.hand_out(connection, permit).into())),
                None => {
                    self.count(ClusterStat::ClusterUpstreamRqActiveOverflow);
                    self.keep(connection);
                    Err(Overflow::Requests)
                }
            };
        }
        if !self.is_permitted() {
            self.count(ClusterStat::ClusterUpstreamCxPoolOverflow);
            return Err(Overflow::Pools);
        }
        let Some(permit) = self.context.permits.pending(self.priority) else {
            self.count(ClusterStat::ClusterUpstreamRqPendingOverflow);
            return Err(Overflow::Pending);
        };
        let waiter = Waiter::new(permit);
        self.state.borrow_mut().waiting.push_back(waiter.clone());
        self.count(ClusterStat::ClusterUpstreamRqPendingTotal);
        self.count(ClusterStat::ClusterUpstreamRqPendingActive);
        self.host.borrow().stats.rq_pending_active.fetch_add(1, Relaxed);
        self.open_for_waiters();
        Ok(Acquire::Pending(PendingConnection::new(self.clone(), waiter)))
    }

    /// True when the breaker on pools lets this one be in use.
    fn is_permitted(&self) -> bool {
        let mut state = self.state.borrow_mut();
        if state.permit.is_none() {
            state.permit = self.context.permits.pool(self.priority);
        }
        state.permit.is_some()
    }

    /// The newest idle connection that its peer has not closed or written to.
    fn pop_idle(&self) -> Option<PooledConnection> {
        loop {
            let idle = self.state.borrow_mut().idle.pop()?;
            match watch::ending(&idle.connection.transport) {
                None => return Some(idle.connection),
                Some(ending) => self.end_idle(idle.connection, ending),
            }
        }
    }

    fn hand_out(
        self: &Rc<Self>,
        mut connection: PooledConnection,
        permit: RequestPermit,
    ) -> PooledConnection {
        connection.requests += 1;
        connection.request = Some(permit);
        connection.pool = Some(self.clone());
        self.state.borrow_mut().active += 1;
        connection
    }

    /// Takes a connection that has finished its request.
    pub fn take_back(self: &Rc<Self>, connection: PooledConnection) {
        let full = self.context.config().max_requests_per_connection;
        if full > 0 && connection.requests >= full {
            self.count(ClusterStat::ClusterUpstreamCxMaxRequests);
        } else if !self.is_too_old(&connection) {
            self.state.borrow_mut().active -= 1;
            return self.settle(connection);
        }
        self.close(connection, ClosedBy::Local, false);
    }

    fn is_too_old(&self, connection: &PooledConnection) -> bool {
        let limit = self.context.config().max_connection_duration;
        limit.is_some_and(|limit| clock::since(connection.connect_end) >= limit)
    }

    /// Takes back a connection whose request was given up before it had used it.
    pub fn take_back_unused(self: &Rc<Self>, mut connection: PooledConnection) {
        connection.request = None;
        connection.pool = None;
        connection.requests -= 1;
        self.state.borrow_mut().active -= 1;
        self.settle(connection);
    }

    /// Takes a connection that a task has made.
    pub fn connected(self: &Rc<Self>, connection: PooledConnection) {
        let http2 = self.speaks_http2(&connection);
        if self.protocol == Protocol::Negotiated {
            self.count_protocol(http2);
        }
        if http2 {
            return self.multiplex(connection);
        }
        self.state.borrow_mut().connecting -= 1;
        self.settle(connection);
    }

    /// Counts a connection by what is spoken on it.
    pub fn count_protocol(&self, http2: bool) {
        self.count(match http2 {
            true => ClusterStat::ClusterUpstreamCxHttp2Total,
            false => ClusterStat::ClusterUpstreamCxHttp1Total,
        });
    }

    /// Whether HTTP/2 is spoken on a new connection.
    fn speaks_http2(&self, connection: &PooledConnection) -> bool {
        match self.protocol {
            Protocol::Http1 => false,
            Protocol::Http2 => true,
            Protocol::Negotiated => connection.transport.alpn() == Some(b"h2"),
        }
    }

    /// A connection could not be made: all who wait get to know why.
    pub fn connect_failed(self: &Rc<Self>, error: &ConnectError) {
        self.state.borrow_mut().connecting -= 1;
        let waiting = std::mem::take(&mut self.state.borrow_mut().waiting);
        for waiter in waiting {
            self.count(ClusterStat::ClusterUpstreamRqPendingFailureEject);
            self.fail(&waiter, error.clone());
        }
        self.after_end();
    }

    /// Gives the connection to the first who waits, or keeps it.
    fn settle(self: &Rc<Self>, connection: PooledConnection) {
        loop {
            let waiter = self.state.borrow_mut().waiting.pop_front();
            let Some(waiter) = waiter else { break };
            match self.context.permits.request(self.priority) {
                Some(permit) => {
                    self.count_waited();
                    return waiter.finish(Ok(self.hand_out(connection, permit).into()));
                }
                None => self.overflow(&waiter),
            }
        }
        let draining = self.state.borrow().draining;
        match draining {
            false => self.keep(connection),
            true => self.end_idle(connection, Ending::Drained),
        }
    }

    /// There is a connection, but as many requests are in flight as may be.
    pub fn overflow(&self, waiter: &Waiter) {
        self.count(ClusterStat::ClusterUpstreamRqActiveOverflow);
        self.fail(waiter, ConnectError::Overflow);
    }

    pub fn after_end(self: &Rc<Self>) {
        self.open_for_waiters();
        self.rest();
    }

    /// A pool without connections is not in use.
    pub fn rest(&self) {
        let mut state = self.state.borrow_mut();
        if state.connections() == 0 && state.waiting.is_empty() {
            state.permit = None;
        }
    }

    pub fn count_waited(&self) {
        self.context.block.dec(ClusterStat::ClusterUpstreamRqPendingActive);
        self.host.borrow().stats.rq_pending_active.fetch_sub(1, Relaxed);
    }

    fn fail(&self, waiter: &Waiter, error: ConnectError) {
        self.count_waited();
        waiter.finish(Err(error));
    }

    /// Forgets a request that does not wait any more.
    pub fn cancel(&self, waiter: &Rc<Waiter>) {
        let mut state = self.state.borrow_mut();
        if let Some(place) = state.waiting.iter().position(|other| Rc::ptr_eq(other, waiter)) {
            state.waiting.remove(place);
            self.count(ClusterStat::ClusterUpstreamRqCancelled);
            self.count_waited();
        }
    }

    /// Opens connections until as many are on their way as requests wait, as far as the breaker allows.
    /// A pool without any connection may always open one.
    pub fn open_for_waiters(self: &Rc<Self>) {
        loop {
            let without_any = {
                let state = self.state.borrow();
                let each = match self.protocol {
                    Protocol::Http2 => self.streams_each(),
                    Protocol::Http1 | Protocol::Negotiated => 1,
                };
                if state.waiting.len() <= state.connecting.saturating_mul(each) {
                    return;
                }
                state.connections() == 0
            };
            if self.context.upstream.overload.sheds(Point::ConnectionPoolNewConnection) {
                return self.shed(without_any);
            }
            let permit = self.context.permits.connection(self.priority);
            if permit.is_none() {
                self.count(ClusterStat::ClusterUpstreamCxOverflow);
            }
            let permit = match permit {
                None if without_any => self.context.permits.force_connection(self.priority),
                None => return,
                Some(permit) => permit,
            };
            self.state.borrow_mut().connecting += 1;
            crate::sys::spawn_here(connecting::connect(self.clone(), permit));
        }
    }

    /// No connection is opened, for resources are short. Requests that no other connection can serve fail.
    fn shed(&self, without_any: bool) {
        let waiting = match without_any {
            true => std::mem::take(&mut self.state.borrow_mut().waiting),
            false => Default::default(),
        };
        for waiter in waiting {
            self.fail(&waiter, ConnectError::Overflow);
        }
    }

    /// Ends a connection that was handed out.
    pub fn close(
        self: &Rc<Self>,
        connection: PooledConnection,
        by: ClosedBy,
        active_request: bool,
    ) {
        self.count_close(&connection, by, active_request);
        drop(connection);
        self.state.borrow_mut().active -= 1;
        self.after_end();
    }

    /// The same for one that is being dropped.
    pub fn dropped(self: &Rc<Self>, connection: &mut PooledConnection) {
        self.count_close(connection, connection.closed_by, true);
        connection.request = None;
        connection.permit = None;
        self.state.borrow_mut().active -= 1;
        self.after_end();
    }

    /// Counts the end of an established connection.
    pub fn count_close(&self, connection: &PooledConnection, by: ClosedBy, active_request: bool) {
        let block = &self.context.block;
        let lived = clock::since(connection.connect_start);
        block.record(ClusterHistogram::UpstreamRqPerCx, connection.requests);
        block.record(ClusterHistogram::UpstreamCxLengthMs, lived.as_millis() as u64);
        if self.is_too_old(connection) {
            self.count(ClusterStat::ClusterUpstreamCxMaxDurationReached);
        }
        count_destroyed(block, &connection.host, by);
        self.count_active_at_end(by, active_request);
    }

    /// Counts that a connection ended in the middle of requests.
    pub fn count_active_at_end(&self, by: ClosedBy, active_request: bool) {
        if active_request {
            self.count(ClusterStat::ClusterUpstreamCxDestroyWithActiveRq);
            self.count(match by {
                ClosedBy::Local => ClusterStat::ClusterUpstreamCxDestroyLocalWithActiveRq,
                ClosedBy::Remote => ClusterStat::ClusterUpstreamCxDestroyRemoteWithActiveRq,
            });
        }
    }

    /// Connections end with their request from now on, for the host or the cluster is gone.
    pub fn drain(&self) {
        let (idle, multiplexed) = {
            let mut state = self.state.borrow_mut();
            state.draining = true;
            (std::mem::take(&mut state.idle), state.multiplexed.clone())
        };
        multiplexed.iter().for_each(|connection| connection.leave());
        idle.into_iter().for_each(|idle| self.end_idle(idle.connection, Ending::Drained));
        self.wake_watcher();
    }
}

/// Lets a pool follow an update of its host; without one, or after it has failed, the pool drains and goes.
pub(super) fn follow(place: &mut Option<Rc<Pool>>, host: Option<&Arc<Host>>) {
    let Some(pool) = place else { return };
    match host.filter(|host| pool.host.borrow().same_endpoint(host)) {
        // What was open when the host failed is not used any more, as in Envoy.
        Some(host) if host.stats.failures() == pool.failures => {
            *pool.host.borrow_mut() = host.clone();
        }
        _ => {
            pool.drain();
            *place = None;
        }
    }
}

/// Counts what every end of a connection counts, also of one that never was established.
pub(super) fn count_destroyed(block: &Block, host: &Host, by: ClosedBy) {
    block.dec(ClusterStat::ClusterUpstreamCxActive);
    block.inc(ClusterStat::ClusterUpstreamCxDestroy);
    block.inc(match by {
        ClosedBy::Local => ClusterStat::ClusterUpstreamCxDestroyLocal,
        ClosedBy::Remote => ClusterStat::ClusterUpstreamCxDestroyRemote,
    });
    host.stats.cx_active.fetch_sub(1, Relaxed);
}

#[cfg(test)]
mod tests;
