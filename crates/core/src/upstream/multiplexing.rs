//! The HTTP/2 connections of a pool: many requests share one, another is opened when all are full.

use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Instant;

use lateen_http2::{Connection, Counters};

use super::breakers::RequestPermit;
use super::connection::{ClosedBy, PooledConnection};
use super::multiplexed::{Multiplexed, PooledStream};
use super::pool::{count_destroyed, Pool};
use crate::buffer::Buffer;
use crate::clock;
use crate::http2::config::Http2Config;
use crate::http2::{Closed, Driver, Gauges, Http2Stream, Notice, Observer, Session};
use crate::proto::{ClusterHistogram, ClusterStat};
use crate::timer::Timer;

/// What a connection to a host is told by its peer.
struct Watch {
    pool: Rc<Pool>,
    connection: Rc<Multiplexed>,
    pong_by: Option<Instant>,
}

impl Observer for Watch {
    fn notice(&mut self, _: &Rc<Session>, notice: Notice) {
        match notice {
            Notice::GoAway { .. } => {
                self.pool.count(ClusterStat::ClusterUpstreamCxCloseNotify);
                self.connection.leaving.set(true);
            }
            Notice::Pong => self.pong_by = None,
            Notice::Invalid { .. } | Notice::Reset | Notice::Settings => {}
        }
    }
}

impl Pool {
    fn http2(&self) -> Option<&Http2Config> {
        self.context.config().http2.as_deref()
    }

    /// How many requests a connection may carry at a time.
    pub(super) fn streams_each(&self) -> usize {
        self.http2().map_or(1, |config| config.engine.max_concurrent_streams as usize)
    }

    /// The connection that takes the next request: the oldest with room, so that others come to rest.
    pub(super) fn with_room(&self) -> Option<Rc<Multiplexed>> {
        let most = self.streams_each();
        let state = self.state.borrow();
        state.multiplexed.iter().find(|connection| connection.has_room(most)).cloned()
    }

    /// Puts a request on a connection.
    pub(super) fn begin_stream(
        self: &Rc<Self>,
        connection: Rc<Multiplexed>,
        permit: RequestPermit,
    ) -> PooledStream {
        let requests = connection.requests.get() + 1;
        connection.requests.set(requests);
        connection.active.set(connection.active.get() + 1);
        let most = self.context.config().max_requests_per_connection;
        if most > 0 && requests >= most {
            self.count(ClusterStat::ClusterUpstreamCxMaxRequests);
            connection.leaving.set(true);
        }
        let stream = Http2Stream::new(connection.session.clone(), None);
        PooledStream::new(stream, connection, permit, self.clone())
    }

    /// A request has left its connection.
    pub(super) fn stream_ended(self: &Rc<Self>, connection: &Rc<Multiplexed>) {
        connection.active.set(connection.active.get() - 1);
        if connection.leaving.get() && connection.active.get() == 0 {
            connection.session.close();
        }
        connection.session.wake();
        self.serve_waiting();
    }

    /// Takes a connection on which HTTP/2 is spoken.
    pub(super) fn multiplex(self: &Rc<Self>, mut made: PooledConnection) {
        self.state.borrow_mut().connecting -= 1;
        let Some(config) = self.context.config().http2.clone() else { return };
        let session = Session::new(Connection::client(&config.engine));
        let Some((transport, permit)) = made.take_parts() else { return };
        let connection = Rc::new(Multiplexed {
            session: session.clone(),
            id: made.id,
            local: made.local.clone(),
            tls: transport.tls().cloned(),
            host: made.host.clone(),
            connect_start: made.connect_start,
            connect_end: made.connect_end,
            requests: Default::default(),
            active: Default::default(),
            leaving: self.state.borrow().draining.into(),
            permit: Some(permit).into(),
        });
        self.state.borrow_mut().multiplexed.push(connection.clone());
        let driver = Driver::new(session, transport, Buffer::new());
        crate::sys::spawn_here(drive(self.clone(), connection, driver));
        self.serve_waiting();
    }

    /// Gives requests that wait places on connections, as far as there are any.
    pub(super) fn serve_waiting(self: &Rc<Self>) {
        while !self.state.borrow().waiting.is_empty() {
            let Some(connection) = self.with_room() else { break };
            let Some(waiter) = self.state.borrow_mut().waiting.pop_front() else { break };
            match self.context.permits.request(self.priority) {
                Some(permit) => {
                    self.count_waited();
                    waiter.finish(Ok(self.begin_stream(connection, permit).into()));
                }
                None => self.overflow(&waiter),
            }
        }
        self.open_for_waiters();
    }

    fn connection_ended(self: &Rc<Self>, connection: &Rc<Multiplexed>, by: ClosedBy, active: bool) {
        self.state.borrow_mut().multiplexed.retain(|other| !Rc::ptr_eq(other, connection));
        let block = &self.context.block;
        let lived = clock::since(connection.connect_start);
        block.record(ClusterHistogram::UpstreamRqPerCx, connection.requests.get());
        block.record(ClusterHistogram::UpstreamCxLengthMs, lived.as_millis() as u64);
        count_destroyed(block, &connection.host, by);
        self.count_active_at_end(by, active);
        connection.permit.take();
        self.after_end();
    }
}

/// Drives a connection to its end.
async fn drive(pool: Rc<Pool>, connection: Rc<Multiplexed>, driver: Driver) {
    let watch = Watch { pool: pool.clone(), connection: connection.clone(), pong_by: None };
    let timer = pool.context.upstream.timers.timer();
    let mut task = Task {
        driver,
        watch,
        timer,
        idle_since: clock::now(),
        ping_at: None,
        gauges: Gauges::default(),
    };
    task.schedule_ping();
    let closed = poll_fn(|cx| task.poll(cx)).await;
    task.count_gauges(Gauges::default());
    // After GOAWAY the connection is this side's to close once no stream is left, whoever is faster.
    let drained = connection.session.with_engine(|engine| engine.is_drained());
    // Requests of a connection that is closed for what its peer did wrong are reset before.
    let active = connection.active.get() > 0 && matches!(closed, Closed::Remote) && !drained;
    let by = match closed {
        Closed::Remote if drained => ClosedBy::Local,
        Closed::Local => ClosedBy::Local,
        Closed::Remote => ClosedBy::Remote,
        Closed::Protocol(_) => {
            pool.count(ClusterStat::ClusterUpstreamCxProtocolError);
            ClosedBy::Local
        }
    };
    connection.leaving.set(true);
    pool.connection_ended(&connection, by, active);
}

struct Task {
    driver: Driver,
    watch: Watch,
    timer: Timer,
    idle_since: Instant,
    ping_at: Option<Instant>,
    /// As counted last.
    gauges: Gauges,
}

impl Task {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Closed> {
        let before = self.watch.pong_by;
        loop {
            let polled = self.driver.poll(cx, &mut self.watch);
            self.count();
            if polled.is_ready() {
                return polled;
            }
            if before.is_some() && self.watch.pong_by.is_none() {
                self.schedule_ping();
            }
            let now = clock::now();
            if self.watch.connection.active.get() > 0 {
                self.idle_since = now;
            }
            if let Some(closed) = self.due(now) {
                return Poll::Ready(closed);
            }
            if self.timer.poll(cx, self.nearest()).is_pending() {
                return Poll::Pending;
            }
        }
    }

    fn nearest(&self) -> Option<Instant> {
        let config = self.watch.pool.context.config();
        let connection = &self.watch.connection;
        let idle = config.idle_timeout.filter(|_| connection.active.get() == 0);
        let idle = idle.map(|limit| self.idle_since + limit);
        let old = config.max_connection_duration.filter(|_| !connection.leaving.get());
        let old = old.map(|limit| connection.connect_end + limit);
        [idle, old, self.ping_at, self.watch.pong_by].into_iter().flatten().min()
    }

    /// Does what is due; the end of the connection if that is due.
    fn due(&mut self, now: Instant) -> Option<Closed> {
        let pool = self.watch.pool.clone();
        let config = pool.context.config();
        let connection = self.watch.connection.clone();
        if self.watch.pong_by.is_some_and(|at| at <= now) {
            pool.count(ClusterStat::ClusterHttp2KeepaliveTimeout);
            return Some(Closed::Local);
        }
        if self.ping_at.is_some_and(|at| at <= now) {
            self.ping_at = None;
            let keepalive = pool.http2().and_then(|config| config.keepalive);
            self.watch.pong_by = keepalive.map(|keepalive| now + keepalive.timeout);
            connection.session.with_engine(|engine| engine.ping([0; 8]));
        }
        let old = config.max_connection_duration;
        if old.is_some_and(|limit| connection.connect_end + limit <= now)
            && !connection.leaving.get()
        {
            pool.count(ClusterStat::ClusterUpstreamCxMaxDurationReached);
            connection.leave();
        }
        let idle = config.idle_timeout.filter(|_| connection.active.get() == 0);
        if idle.is_some_and(|limit| self.idle_since + limit <= now) {
            pool.count(ClusterStat::ClusterUpstreamCxIdleTimeout);
            return Some(Closed::Local);
        }
        if connection.leaving.get() && connection.active.get() == 0 {
            return Some(Closed::Local);
        }
        None
    }

    fn schedule_ping(&mut self) {
        let keepalive = self.watch.pool.http2().and_then(|config| config.keepalive);
        let random = &self.watch.pool.context.upstream.random;
        self.ping_at = keepalive.and_then(|keepalive| keepalive.next_ping(random));
    }

    fn count(&mut self) {
        let block = &self.watch.pool.context.block;
        block
            .add(ClusterStat::ClusterUpstreamCxRxBytesTotal, std::mem::take(&mut self.driver.read));
        let written = std::mem::take(&mut self.driver.written);
        block.add(ClusterStat::ClusterUpstreamCxTxBytesTotal, written);
        let counters = self.driver.session.take_counters();
        if counters != Counters::default() {
            count_codec(&self.watch.pool, &counters);
        }
        self.count_gauges(self.driver.session.gauges());
    }

    fn count_gauges(&mut self, now: Gauges) {
        let before = std::mem::replace(&mut self.gauges, now);
        if before == now {
            return;
        }
        let block = &self.watch.pool.context.block;
        // Gauges are summed modulo 2^64, as every value of a block.
        for (stat, before, now) in [
            (ClusterStat::ClusterHttp2StreamsActive, before.streams, now.streams),
            (ClusterStat::ClusterHttp2OutboundFramesActive, before.frames, now.frames),
            (
                ClusterStat::ClusterHttp2OutboundControlFramesActive,
                before.control_frames,
                now.control_frames,
            ),
            (ClusterStat::ClusterHttp2PendingSendBytes, before.pending_bytes, now.pending_bytes),
        ] {
            block.add(stat, now.wrapping_sub(before));
        }
    }
}

/// Counts what the codec saw, under `cluster.NAME.http2`; as with Envoy, trailers of responses are not counted.
fn count_codec(pool: &Pool, counters: &Counters) {
    let block = &pool.context.block;
    for (stat, count) in [
        (ClusterStat::ClusterHttp2RxReset, counters.rx_reset),
        (ClusterStat::ClusterHttp2TxReset, counters.tx_reset),
        (ClusterStat::ClusterHttp2HeaderOverflow, counters.header_overflow),
        (ClusterStat::ClusterHttp2HeaderListSizeTooLarge, counters.header_list_size_too_large),
        (ClusterStat::ClusterHttp2HeadersCbNoStream, counters.headers_cb_no_stream),
        (ClusterStat::ClusterHttp2RxMessagingError, counters.rx_messaging_error),
        (ClusterStat::ClusterHttp2InboundEmptyFramesFlood, counters.inbound_empty_frames_flood),
        (
            ClusterStat::ClusterHttp2InboundPriorityFramesFlood,
            counters.inbound_priority_frames_flood,
        ),
        (
            ClusterStat::ClusterHttp2InboundWindowUpdateFramesFlood,
            counters.inbound_window_update_frames_flood,
        ),
        (ClusterStat::ClusterHttp2OutboundFlood, counters.outbound_flood),
        (ClusterStat::ClusterHttp2OutboundControlFlood, counters.outbound_control_flood),
        (ClusterStat::ClusterHttp2ContinuationFlood, counters.continuation_flood),
        (ClusterStat::ClusterHttp2StreamRefusedErrors, counters.stream_refused_errors),
        (ClusterStat::ClusterHttp2GoawaySent, counters.goaway_sent),
    ] {
        block.add(stat, u64::from(count));
    }
}

#[cfg(test)]
mod tests;
