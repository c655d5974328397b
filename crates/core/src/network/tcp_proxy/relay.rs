//! Moving bytes between a client and its upstream, until both have ended or a time is up.

use std::future::poll_fn;
use std::io;
use std::task::{ready, Context, Poll};
use std::time::Instant;

use super::flow::{Flow, FlowError, Moved};
use super::met::Met;
use super::session::Session;
use super::telling;
use super::upstream::Upstream;
use crate::clock;
use crate::formatter::LogType;
use crate::http::flags::ResponseFlags;
use crate::http::stream_info::CloseType;
use crate::proto::{ClusterStat, TcpStat};
use crate::transport::Transport;
use crate::upstream::ClosedBy;

/// Steps of a direction before other connections of the worker have their turn.
const STEPS: usize = 16;

/// The connection has ended by a failure of one side, which was noted.
struct Broken;

struct Relay<'a> {
    session: &'a mut Session,
    down: Met<Transport>,
    up: Met<Upstream>,
    to_up: Flow,
    to_down: Flow,
    last_activity: Instant,
    next_log: Option<Instant>,
    /// When others are told of the connection again.
    next_telling: Option<Instant>,
    /// The client has gone and the rest of its bytes is being written.
    flushing: bool,
    /// A filter has denied the connection, which ends then; nothing moves any more.
    denied_until: Option<Instant>,
    /// As the gauges have it: bytes that wait for the client and for the upstream.
    buffered: (usize, usize),
}

impl Session {
    /// Moves bytes until the end. `to_up` has what the client sent before.
    pub async fn relay(&mut self, down: Met<Transport>, up: Upstream, mut to_up: Flow) {
        let now = clock::now();
        let next_log = self.proxy.config.log_interval.map(|interval| now + interval);
        let to_down = Flow::new(self.listener.settings.buffer_limit);
        to_up.set_limit(up.buffer_limit());
        self.info.upstream.wire_bytes_sent += to_up.waiting() as u64;
        let mut up = self.meet_upstream(up);
        if let Some(greeting) = up.take_greeting() {
            to_up.begin_with(&greeting);
        }
        let mut relay = Relay {
            down,
            up,
            to_up,
            to_down,
            last_activity: now,
            next_log,
            next_telling: telling::next(&self.tellings),
            flushing: false,
            denied_until: None,
            buffered: (0, 0),
            session: self,
        };
        poll_fn(|cx| relay.poll(cx)).await;
    }
}

impl Relay<'_> {
    /// Ready at the end of the connection.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.poll_meet(cx).is_pending() {
            return self.poll_time(cx);
        }
        let mut active = self.denied_until.is_none();
        for _ in 0..STEPS {
            if self.denied_until.is_some() {
                active = false;
                break;
            }
            let up = self.poll_to_up(cx);
            let down = self.poll_to_down(cx);
            match (up, down) {
                (Poll::Ready(Err(Broken)), _) | (_, Poll::Ready(Err(Broken))) => {
                    return Poll::Ready(())
                }
                _ if self.to_up.finished && self.to_down.finished => return Poll::Ready(()),
                (Poll::Pending, Poll::Pending) => {
                    active = false;
                    break;
                }
                _ => self.last_activity = clock::now(),
            }
        }
        self.watch_flush();
        self.update_gauges();
        if active {
            cx.waker().wake_by_ref();
        }
        if self.up.inner.poll_failed(cx).is_ready() {
            self.up.inner.set_closed_by(ClosedBy::Local);
            return Poll::Ready(());
        }
        self.poll_time(cx)
    }

    /// Ready when bytes may move: the client is to be told first who this side is, if it wants to know.
    fn poll_meet(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        ready!(self.session.poll_meet(&mut self.down, cx));
        if let Some(greeting) = self.down.take_greeting() {
            self.to_down.begin_with(&greeting);
        }
        Poll::Ready(())
    }

    fn poll_to_up(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Broken>> {
        let (paused, ended) = (self.to_up.paused, self.to_up.ended);
        let moved = self.to_up.poll_step(&mut self.down, &mut self.up, cx);
        if self.to_up.ended && !ended {
            self.up.inner.set_closed_by(ClosedBy::Local);
        }
        let block = &self.session.proxy.block;
        match (paused, self.to_up.paused) {
            (false, true) => block.inc(TcpStat::TcpDownstreamFlowControlPausedReadingTotal),
            (true, false) => block.inc(TcpStat::TcpDownstreamFlowControlResumedReadingTotal),
            _ => {}
        }
        if let Some(found) = self.down.take_found() {
            self.session.client_said(found);
        }
        moved.map(|moved| match moved {
            Ok(Moved { read, written }) => {
                self.session.received(read);
                self.session.info.upstream.wire_bytes_sent += read as u64;
                if read > 0 || self.to_up.ended && !ended {
                    self.judge()?;
                }
                self.up.inner.count_bytes(ClusterStat::ClusterUpstreamCxTxBytesTotal, written);
                Ok(())
            }
            Err(FlowError::Source(_)) => Err(self.downstream_reset()),
            Err(FlowError::Sink(error)) => self.upstream_failed(&error),
        })
    }

    fn poll_to_down(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Broken>> {
        let (paused, ended) = (self.to_down.paused, self.to_down.ended);
        let moved = self.to_down.poll_step(&mut self.up, &mut self.down, cx);
        if let Some(found) = self.up.take_found() {
            self.session.info.upstream.said = found;
        }
        // A tunnel ends with its client.
        let is_over = self.to_up.ended && self.session.proxy.config.tunnel.is_some();
        if self.to_down.ended && !ended && !is_over {
            self.up.inner.set_closed_by(ClosedBy::Remote);
        }
        match (paused, self.to_down.paused) {
            (false, true) => {
                self.up.inner.count(ClusterStat::ClusterUpstreamFlowControlPausedReadingTotal, 1);
            }
            (true, false) => {
                self.up.inner.count(ClusterStat::ClusterUpstreamFlowControlResumedReadingTotal, 1);
            }
            _ => {}
        }
        moved.map(|moved| match moved {
            Ok(Moved { read, written }) => {
                self.up.inner.count_bytes(ClusterStat::ClusterUpstreamCxRxBytesTotal, read);
                if self.to_down.ended && !ended {
                    let trailers = self.up.inner.take_trailers();
                    self.session.note_trailers(&trailers);
                }
                let info = &mut self.session.info;
                info.bytes_sent += read as u64;
                info.wire_bytes_sent += read as u64;
                info.upstream.wire_bytes_received += read as u64;
                self.session.proxy.block.add(TcpStat::TcpDownstreamCxTxBytesTotal, written as u64);
                Ok(())
            }
            Err(FlowError::Source(error)) => self.upstream_failed(&error),
            Err(FlowError::Sink(error)) if is_reset(&error) => Err(self.downstream_reset()),
            Err(FlowError::Sink(_)) => {
                self.up.inner.set_closed_by(ClosedBy::Local);
                Err(Broken)
            }
        })
    }

    /// Lets the filters before this one judge what the client has sent.
    fn judge(&mut self) -> Result<(), Broken> {
        let Err(closed) = self.session.judge() else { return Ok(()) };
        self.up.inner.set_closed_by(ClosedBy::Local);
        let Some(after) = closed.after else { return Err(Broken) };
        self.to_up.drop_all();
        self.denied_until = Some(clock::now() + after);
        Ok(())
    }

    /// A reset of one side becomes a reset of the other.
    fn downstream_reset(&mut self) -> Broken {
        self.session.info.close_type = CloseType::RemoteReset;
        self.up.inner.set_closed_by(ClosedBy::Local);
        self.up.inner.reset_on_close();
        Broken
    }

    fn upstream_failed(&mut self, error: &io::Error) -> Result<(), Broken> {
        self.up.inner.set_closed_by(ClosedBy::Remote);
        if is_reset(error) {
            let info = &mut self.session.info;
            info.flags |= ResponseFlags::UPSTREAM_REMOTE_RESET;
            info.upstream.close_type = Some(CloseType::RemoteReset);
            info.close_type = CloseType::LocalReset;
            self.down.inner.reset_on_close();
        } else if self.up.inner.is_shared() {
            // What came before the connection ended is still the client's.
            self.to_up.give_up();
            self.to_down.ended = true;
            return Ok(());
        }
        Err(Broken)
    }

    /// Counts when the client has gone before all its bytes were written.
    fn watch_flush(&mut self) {
        let gone = self.to_down.finished && self.to_up.ended;
        if gone && self.to_up.waiting() > 0 && !self.flushing {
            self.flushing = true;
            self.session.proxy.block.inc(TcpStat::TcpUpstreamFlushTotal);
            self.session.proxy.block.inc(TcpStat::TcpUpstreamFlushActive);
        }
    }

    fn update_gauges(&mut self) {
        self.set_gauges((self.to_down.waiting(), self.to_up.waiting()));
    }

    fn set_gauges(&mut self, now: (usize, usize)) {
        let (down, up) = std::mem::replace(&mut self.buffered, now);
        if now.0 != down {
            let block = &self.session.proxy.block;
            block.add(
                TcpStat::TcpDownstreamCxTxBytesBuffered,
                (now.0 as u64).wrapping_sub(down as u64),
            );
        }
        if now.1 != up {
            let change = now.1.wrapping_sub(up);
            self.up.inner.count(ClusterStat::ClusterUpstreamCxTxBytesBuffered, change);
        }
    }

    /// Ready when a time is up that ends the connection.
    fn poll_time(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let idle = self.session.proxy.config.idle_timeout.map(|idle| self.last_activity + idle);
            let last = self.session.last_moment();
            let times = [idle, last, self.next_log, self.next_telling, self.denied_until];
            let next = times.into_iter().flatten().min();
            if self.session.timer.poll(cx, next).is_pending() {
                return Poll::Pending;
            }
            let now = clock::now();
            let passed = |at: Option<Instant>| at.is_some_and(|at| at <= now);
            if passed(self.denied_until) {
                return Poll::Ready(());
            }
            if passed(last) {
                self.up.inner.set_closed_by(ClosedBy::Local);
                self.session.expire();
                return Poll::Ready(());
            }
            if passed(idle) {
                self.up.inner.set_closed_by(ClosedBy::Local);
                self.session.proxy.block.inc(TcpStat::TcpIdleTimeout);
                self.session.info.local_close_reason = "tcp_session_idle_timeout".into();
                return Poll::Ready(());
            }
            if passed(self.next_telling) {
                self.session.tell(false);
                self.next_telling = telling::next(&self.session.tellings);
                continue;
            }
            self.next_log = self.session.proxy.config.log_interval.map(|interval| now + interval);
            self.session.log(LogType::TcpPeriodic);
        }
    }
}

impl Drop for Relay<'_> {
    fn drop(&mut self) {
        self.set_gauges((0, 0));
        if self.flushing {
            self.session.proxy.block.dec(TcpStat::TcpUpstreamFlushActive);
        }
    }
}

fn is_reset(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::ConnectionReset
}
