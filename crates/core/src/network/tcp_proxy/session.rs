//! What is known of one client's connection, and what is logged of it.

use std::future::{poll_fn, Future};
use std::rc::Rc;
use std::task::Poll;
use std::time::Instant;

use super::super::filters::{Closed, Gate};
use super::flow::Flow;
use super::upstream::Upstream;
use super::TcpProxy;
use crate::clock;
use crate::formatter::{FormatContext, LogType};
use crate::http::flags::ResponseFlags;
use crate::http::stream_info::{CloseType, ConnectionInfo, StreamInfo};
use crate::listener::Listener;
use crate::proto::TcpStat;
use crate::timer::Timer;
use crate::transport::Transport;
use crate::worker::Worker;

pub struct Session {
    pub worker: Rc<Worker>,
    pub listener: Rc<Listener>,
    pub proxy: Rc<TcpProxy>,
    pub info: StreamInfo,
    pub timer: Timer,
    /// What judges the client's bytes, if a filter does.
    pub gate: Option<Box<Gate>>,
    last_moment: Option<Instant>,
}

impl Session {
    pub fn new(
        worker: Rc<Worker>,
        listener: Rc<Listener>,
        proxy: Rc<TcpProxy>,
        connection: Rc<ConnectionInfo>,
    ) -> Self {
        let mut info = StreamInfo::of_connection(connection);
        info.stream_id = worker.next_id();
        info.upstream.close_type = Some(CloseType::Normal);
        let timer = worker.timers.timer();
        let last_moment = proxy.config.longest(&worker.random).map(|longest| info.start + longest);
        Self { worker, listener, proxy, info, timer, gate: None, last_moment }
    }

    /// When the connection has lasted too long.
    pub fn last_moment(&self) -> Option<Instant> {
        self.last_moment
    }

    /// What the client sends before the upstream is connected, where that waits for it. None when the
    /// connection ends before.
    pub async fn early_data(&mut self, down: &mut Transport) -> Option<Flow> {
        let mut flow = Flow::new(self.proxy.config.early_data.unwrap_or(usize::MAX));
        if self.proxy.config.early_data.is_none() {
            return Some(flow);
        }
        let idle = self.proxy.config.idle_timeout.map(|idle| clock::now() + idle);
        let next = [idle, self.last_moment].into_iter().flatten().min();
        let read = poll_fn(|cx| match flow.poll_read(down, cx) {
            Poll::Ready(read) => Poll::Ready(Some(read)),
            Poll::Pending => self.timer.poll(cx, next).map(|()| None),
        })
        .await;
        match read {
            Some(Ok(count)) if count > 0 => {
                self.proxy.block.inc(TcpStat::TcpEarlyDataReceivedCountTotal);
                self.received(count);
                match self.judge() {
                    Ok(()) => Some(flow),
                    Err(closed) => {
                        if let Some(after) = closed.after {
                            self.timer.until(Some(clock::now() + after)).await;
                        }
                        None
                    }
                }
            }
            None if next == self.last_moment => {
                self.expire();
                None
            }
            None => {
                self.proxy.block.inc(TcpStat::TcpIdleTimeout);
                self.info.local_close_reason = "tcp_session_idle_timeout".into();
                None
            }
            _ => None,
        }
    }

    /// Counts bytes of the client.
    pub fn received(&mut self, count: usize) {
        self.proxy.block.add(TcpStat::TcpDownstreamCxRxBytesTotal, count as u64);
        self.info.bytes_received += count as u64;
        self.info.wire_bytes_received += count as u64;
    }

    /// Lets the filters before this one judge what the client has sent.
    ///
    /// # Errors
    /// The connection is to be closed, which was noted.
    pub fn judge(&mut self) -> Result<(), Closed> {
        let Some(gate) = &mut self.gate else { return Ok(()) };
        let judged = gate.on_data(&self.info.connection);
        if let Err(closed) = &judged {
            closed.note(&mut self.info);
        }
        judged
    }

    /// The connection has lasted too long.
    pub fn expire(&mut self) {
        self.proxy.block.inc(TcpStat::TcpMaxDownstreamConnectionDuration);
        self.info.flags |= ResponseFlags::DURATION_TIMEOUT;
        self.info.local_close_reason = "max_connection_duration_reached".into();
    }

    /// The result of `work`; none when the connection has lasted too long before.
    pub async fn in_time<T>(&mut self, work: impl Future<Output = T>) -> Option<T> {
        let done = within(&self.timer, self.last_moment(), work).await;
        if done.is_none() {
            self.expire();
        }
        done
    }

    /// Notes which upstream connection serves the client.
    pub fn connected(&mut self, upstream: &Upstream) {
        self.info.upstream.note_connection(upstream);
        if self.proxy.config.log_on_connected {
            self.log(LogType::TcpUpstreamConnected);
        }
    }

    pub fn format_context(&self) -> FormatContext<'_> {
        FormatContext {
            info: &self.info,
            request: None,
            response: None,
            trailers: None,
            local_reply_body: b"",
            log_type: LogType::NotSet,
        }
    }

    /// Writes the access logs.
    pub fn log(&self, log_type: LogType) {
        if self.proxy.config.access_logs.is_empty() {
            return;
        }
        let context = FormatContext { log_type, ..self.format_context() };
        let runtime = self.worker.runtime();
        for log in &self.proxy.config.access_logs {
            log.write(&context, &self.worker, &runtime);
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.info.end = Some(clock::now());
        if self.gate.is_some() {
            let state = self.info.connection.state.borrow();
            self.info.dynamic_metadata = state.dynamic_metadata.clone();
        }
        self.listener.log(&self.worker, &self.info);
        self.log(LogType::TcpConnectionEnd);
    }
}

/// The result of `work`; none when the deadline passes before.
pub async fn within<T>(
    timer: &Timer,
    deadline: Option<Instant>,
    work: impl Future<Output = T>,
) -> Option<T> {
    let mut work = std::pin::pin!(work);
    poll_fn(|cx| match work.as_mut().poll(cx) {
        Poll::Ready(done) => Poll::Ready(Some(done)),
        Poll::Pending => timer.poll(cx, deadline).map(|()| None),
    })
    .await
}
