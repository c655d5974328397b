//! What is known of one client's connection, and what is logged of it.

use std::future::{poll_fn, Future};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{ready, Context, Poll};
use std::time::Instant;

use super::super::filters::{Closed, Gate};
use super::flow::Flow;
use super::met::Met;
use super::telling::Telling;
use super::upstream::Upstream;
use super::TcpProxy;
use crate::clock;
use crate::formatter::{FormatContext, LogType};
use crate::http::flags::ResponseFlags;
use crate::http::stream_info::{CloseType, ConnectionInfo, StreamInfo};
use crate::listener::Listener;
use crate::mesh::{Found, MetadataExchange};
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
    /// What is told of the connection while it lasts.
    pub tellings: Vec<Telling>,
    /// The exchange with the client that may be to begin.
    unmet: Option<Arc<MetadataExchange>>,
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
        let tellings = proxy.metrics.iter().map(Telling::new).collect();
        let unmet = proxy.exchange.clone();
        Self { worker, listener, proxy, info, timer, gate: None, tellings, unmet, last_moment }
    }

    /// When the connection has lasted too long.
    pub fn last_moment(&self) -> Option<Instant> {
        self.last_moment
    }

    /// Begins the exchange with the client. Ready when it is known whether there is one, once TLS has agreed on
    /// a protocol.
    pub fn poll_meet(&mut self, down: &mut Met<Transport>, cx: &mut Context<'_>) -> Poll<()> {
        let Some(exchange) = &self.unmet else { return Poll::Ready(()) };
        // The next read tells of a handshake that has failed.
        let begun = match ready!(down.inner.poll_handshake(cx)) {
            Ok(()) => exchange.begin(&self.worker, down.inner.alpn()),
            Err(_) => None,
        };
        self.unmet = None;
        match begun {
            Some(exchange) => down.begin(exchange),
            None => self.client_said(Found::Nothing),
        }
        Poll::Ready(())
    }

    /// Begins the exchange with the upstream, if there is one.
    pub fn meet_upstream(&mut self, upstream: Upstream) -> Met<Upstream> {
        let begun = match &upstream {
            Upstream::Tcp(connection) => {
                let exchange = connection.config().exchange.as_ref();
                exchange.map(|it| it.begin(&self.worker, connection.transport.alpn()))
            }
            Upstream::Tunnel(_) => None,
        };
        let mut met = Met::new(upstream);
        match begun {
            Some(Some(exchange)) => met.begin(exchange),
            Some(None) => self.info.upstream.said = Found::Nothing,
            None => {}
        }
        met
    }

    pub fn client_said(&mut self, found: Found) {
        self.info.peers.downstream = found.peer().cloned();
        self.info.connection.state.borrow_mut().said = found;
    }

    /// Tells of what has happened since the last time.
    pub fn tell(&mut self, end: bool) {
        for telling in &mut self.tellings {
            telling.tell(&self.worker, &self.info, end);
        }
    }

    /// What the client sends before the upstream is connected, where that waits for it. None when the
    /// connection ends before.
    pub async fn early_data(&mut self, down: &mut Met<Transport>) -> Option<Flow> {
        let mut flow = Flow::new(self.proxy.config.early_data.unwrap_or(usize::MAX));
        if self.proxy.config.early_data.is_none() {
            return Some(flow);
        }
        let idle = self.proxy.config.idle_timeout.map(|idle| clock::now() + idle);
        let next = [idle, self.last_moment].into_iter().flatten().min();
        let read = poll_fn(|cx| {
            let met = self.poll_meet(down, cx);
            match met.is_ready().then(|| flow.poll_read(down, cx)) {
                Some(Poll::Ready(read)) => Poll::Ready(Some(read)),
                _ => self.timer.poll(cx, next).map(|()| None),
            }
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
        FormatContext::of_connection(&self.info)
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
        self.tell(true);
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
