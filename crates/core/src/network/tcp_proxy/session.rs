//! What is known of one client's connection, and what is logged of it.

use std::future::{poll_fn, Future};
use std::rc::Rc;
use std::task::Poll;
use std::time::Instant;

use super::TcpProxy;
use crate::clock;
use crate::formatter::{FormatContext, LogType};
use crate::http::flags::ResponseFlags;
use crate::http::stream_info::{CloseType, ConnectionInfo, StreamInfo};
use crate::listener::Listener;
use crate::proto::TcpStat;
use crate::timer::Timer;
use crate::upstream::TcpConnection;
use crate::worker::Worker;

pub struct Session {
    pub worker: Rc<Worker>,
    pub listener: Rc<Listener>,
    pub proxy: Rc<TcpProxy>,
    pub info: StreamInfo,
    pub timer: Timer,
}

impl Session {
    pub fn new(
        worker: Rc<Worker>,
        listener: Rc<Listener>,
        proxy: Rc<TcpProxy>,
        connection: Rc<ConnectionInfo>,
    ) -> Self {
        let mut info = StreamInfo::new(connection.clone(), connection.start, clock::wall());
        info.stream_id = worker.next_id();
        info.upstream.close_type = Some(CloseType::Normal);
        let timer = worker.timers.timer();
        Self { worker, listener, proxy, info, timer }
    }

    /// When the connection has lasted too long.
    pub fn last_moment(&self) -> Option<Instant> {
        let longest = self.proxy.config.max_duration;
        longest.map(|longest| self.info.start + longest)
    }

    /// The connection has lasted too long.
    pub fn expire(&mut self) {
        self.proxy.block.inc(TcpStat::TcpMaxDownstreamConnectionDuration);
        self.info.flags |= ResponseFlags::DURATION_TIMEOUT;
        self.info.local_close_reason = "max_connection_duration_reached".into();
    }

    /// The result of `work`; none when the connection has lasted too long before.
    pub async fn in_time<T>(&mut self, work: impl Future<Output = T>) -> Option<T> {
        let deadline = self.last_moment();
        let mut work = std::pin::pin!(work);
        let done = poll_fn(|cx| match work.as_mut().poll(cx) {
            Poll::Ready(done) => Poll::Ready(Some(done)),
            Poll::Pending => self.timer.poll(cx, deadline).map(|()| None),
        })
        .await;
        if done.is_none() {
            self.expire();
        }
        done
    }

    /// Notes which upstream connection serves the client.
    pub fn connected(&mut self, upstream: &TcpConnection) {
        let info = &mut self.info.upstream;
        info.local = upstream.local;
        info.connection_id = Some(upstream.id);
        info.tls = upstream.transport.tls().cloned();
        info.connect_start = Some(upstream.connect_start);
        info.connect_end = Some(upstream.connect_end);
        if self.proxy.config.log_on_connected {
            self.log(LogType::TcpUpstreamConnected);
        }
    }

    /// Writes the access logs.
    pub fn log(&self, log_type: LogType) {
        if self.proxy.config.access_logs.is_empty() {
            return;
        }
        let context = FormatContext {
            info: &self.info,
            request: None,
            response: None,
            trailers: None,
            local_reply_body: b"",
            log_type,
        };
        let runtime = self.worker.runtime();
        for log in &self.proxy.config.access_logs {
            log.write(&context, &self.worker.logs, &runtime, &self.worker.random);
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.info.end = Some(clock::now());
        self.listener.log(&self.worker, &self.info);
        self.log(LogType::TcpConnectionEnd);
    }
}
