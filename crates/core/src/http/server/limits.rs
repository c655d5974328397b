//! How long an HTTP/2 connection of a client lives: idle and drain time-outs, pings.
//!
//! A connection that is to end says so twice: first that it will take no more streams, and when the drain time
//! is over, which was the last one. It is closed when the last one has ended (RFC 9113 section 6.8).

use std::rc::Rc;
use std::task::{ready, Context, Poll};
use std::time::Instant;

use super::Accepted;
use crate::clock;
use crate::http::connection_manager::Manager;
use crate::http2::config::Keepalive;
use crate::overload::TimerKind;
use crate::proto::HttpStat;
use crate::timer::Timer;
use crate::worker::Worker;

/// What is to be done now.
pub enum Limit {
    Ping,
    /// Tell the client that the connection will end.
    Drain,
    /// Tell it that it takes no more streams.
    GoAway,
    /// No stream is left.
    Close,
    /// A ping was not answered.
    Dead,
}

#[derive(Clone, Copy)]
enum Phase {
    Open,
    Draining { until: Instant },
    Going,
    Closing,
}

pub struct Limits {
    worker: Rc<Worker>,
    manager: Rc<Manager>,
    start: Instant,
    timer: Timer,
    phase: Phase,
    idle_since: Option<Instant>,
    keepalive: Option<Keepalive>,
    ping_at: Option<Instant>,
    pong_by: Option<Instant>,
    last_request: Instant,
}

impl Limits {
    pub fn new(accepted: &Accepted, keepalive: Option<Keepalive>) -> Self {
        let mut limits = Self {
            worker: accepted.worker.clone(),
            manager: accepted.manager.clone(),
            start: accepted.connection.start,
            timer: accepted.worker.timers.timer(),
            phase: Phase::Open,
            idle_since: None,
            keepalive,
            ping_at: None,
            pong_by: None,
            last_request: clock::now(),
        };
        limits.schedule_ping();
        limits
    }

    /// A request has come.
    pub fn heard(&mut self) {
        let idle = self.keepalive.and_then(|keepalive| keepalive.idle_interval);
        if idle.is_some_and(|idle| clock::since(self.last_request) >= idle) {
            self.ping_at = Some(clock::now());
        }
        self.last_request = clock::now();
    }

    /// A ping was answered.
    pub fn ponged(&mut self) {
        self.pong_by = None;
        self.schedule_ping();
    }

    fn schedule_ping(&mut self) {
        self.ping_at =
            self.keepalive.and_then(|keepalive| keepalive.next_ping(&self.worker.random));
    }

    /// Ready when there is something to do; `active` streams are in use, `leave` says that the client was told
    /// to go elsewhere.
    pub fn poll(&mut self, cx: &Context<'_>, active: usize, leave: bool) -> Poll<Limit> {
        loop {
            let now = clock::now();
            self.idle_since = match active {
                0 => self.idle_since.or(Some(now)),
                _ => None,
            };
            if let Some(limit) = self.due(now, active, leave) {
                return Poll::Ready(limit);
            }
            ready!(self.timer.poll(cx, self.nearest()));
        }
    }

    fn nearest(&self) -> Option<Instant> {
        let of_phase = match self.phase {
            Phase::Open => {
                let (idle, old) = self.ends();
                let drained = self.manager.drain_end(&self.worker);
                [idle, old, drained].into_iter().flatten().min()
            }
            Phase::Draining { until } => Some(until),
            Phase::Going | Phase::Closing => None,
        };
        [of_phase, self.ping_at, self.pong_by].into_iter().flatten().min()
    }

    fn due(&mut self, now: Instant, active: usize, leave: bool) -> Option<Limit> {
        let passed = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        if passed(self.pong_by) {
            self.pong_by = None;
            return Some(Limit::Dead);
        }
        if passed(self.ping_at) {
            self.ping_at = None;
            self.pong_by = self.keepalive.map(|keepalive| now + keepalive.timeout);
            return Some(Limit::Ping);
        }
        match self.phase {
            Phase::Open if passed(self.manager.drain_end(&self.worker)) => self.go_away(),
            Phase::Open if leave || self.is_too_old(now) => {
                let until = now + self.manager.config.timeouts.drain;
                self.phase = Phase::Draining { until };
                Some(Limit::Drain)
            }
            Phase::Draining { until } if until <= now => self.go_away(),
            Phase::Going if active == 0 => {
                self.phase = Phase::Closing;
                Some(Limit::Close)
            }
            _ => None,
        }
    }

    fn go_away(&mut self) -> Option<Limit> {
        self.phase = Phase::Going;
        Some(Limit::GoAway)
    }

    /// When the connection will have been idle for too long, and open for too long.
    fn ends(&self) -> (Option<Instant>, Option<Instant>) {
        let timeouts = &self.manager.config.timeouts;
        let now = |kind, full| self.manager.overload.timeout(kind, full);
        let idle = self.idle_since.zip(timeouts.idle);
        let idle =
            idle.map(|(since, idle)| since + now(TimerKind::HttpDownstreamConnectionIdle, idle));
        let old = timeouts.max_connection;
        let old = old.map(|max| self.start + now(TimerKind::HttpDownstreamConnectionMax, max));
        (idle, old)
    }

    /// Idle for too long, or open for too long; counts which.
    fn is_too_old(&self, now: Instant) -> bool {
        let (idle, old) = self.ends();
        let passed = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        let (idle, old) = (passed(idle), passed(old));
        if old {
            self.manager.block.inc(HttpStat::HttpDownstreamCxMaxDurationReached);
        } else if idle {
            self.manager.block.inc(HttpStat::HttpDownstreamCxIdleTimeout);
        }
        old || idle
    }
}
