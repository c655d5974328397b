//! Accepting connections, and what guards each of them.

use std::future::{poll_fn, Future};
use std::io;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::Poll;
use std::time::{Duration, Instant, SystemTime};

use super::socket::{Accepting, Socket};
use super::Listener;
use crate::address::Address;
use crate::formatter::{FormatContext, LogType};
use crate::http::server;
use crate::http::stream_info::{ConnectionInfo, StreamInfo};
use crate::log::{Component, Level};
use crate::proto::{ListenerHistogram, ListenerStat, ProcessStat};
use crate::transport::Transport;
use crate::worker::Worker;

/// How long a worker waits before it accepts again when it has no file descriptors left.
const PAUSE: Duration = Duration::from_millis(200);

/// Accepts until the task is aborted.
pub async fn accept_loop(worker: Rc<Worker>, listener: Rc<Listener>, socket: Socket) {
    let accepting = match socket.into_accepting() {
        Ok(accepting) => accepting,
        Err(error) => {
            crate::log::send(
                Component::ConnHandler,
                Level::Error,
                format!("listener {}: {error}", listener.config.name),
            );
            return;
        }
    };
    let timer = worker.timers.timer();
    let address = accepting.address();
    loop {
        match accept(&accepting, address.as_ref()).await {
            Ok((transport, remote, local)) => admit(&worker, &listener, transport, remote, local),
            Err(error) if is_exhaustion(&error) => {
                worker.process.inc(ProcessStat::ProcessWorkerAcceptPaused);
                crate::log::send(
                    Component::ConnHandler,
                    Level::Warning,
                    format!("listener {}: accepting pauses: {error}", listener.config.name),
                );
                timer.until(Some(Instant::now() + PAUSE)).await;
            }
            Err(_) => {}
        }
    }
}

fn is_exhaustion(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM))
}

/// Accepts one connection. `listening` is the address on this side, where it is the same for all of them.
async fn accept(
    accepting: &Accepting,
    listening: Option<&Address>,
) -> io::Result<(Transport, Address, Address)> {
    match accepting {
        Accepting::Tcp(socket) => {
            let (stream, remote) = socket.accept().await?;
            let local = match listening {
                Some(local) => local.clone(),
                None => stream.local_addr()?.into(),
            };
            Ok((Transport::Tcp(stream), remote.into(), local))
        }
        Accepting::Unix(socket) => {
            let (stream, remote) = socket.accept().await?;
            let path = remote.as_pathname().map(std::path::Path::to_path_buf).unwrap_or_default();
            let local = listening.cloned().unwrap_or(Address::Pipe(Default::default()));
            Ok((Transport::Unix(stream), Address::Pipe(path.into()), local))
        }
    }
}

fn admit(
    worker: &Rc<Worker>,
    listener: &Rc<Listener>,
    transport: Transport,
    remote: Address,
    local: Address,
) {
    let config = &listener.config;
    listener.block.inc(ListenerStat::ListenerDownstreamCxTotal);
    listener.block.record(ListenerHistogram::ConnectionsAcceptedPerSocketEvent, 1);
    let active = worker.shared.connections.fetch_add(1, Relaxed) + 1;
    listener.block.inc(ListenerStat::ListenerDownstreamCxActive);
    let guard = Guard { worker: worker.clone(), listener: listener.clone(), start: Instant::now() };
    if config.max_connections > 0 && active > config.max_connections {
        listener.block.inc(ListenerStat::ListenerDownstreamCxOverflow);
        return;
    }
    let Some(manager) = listener.manager.clone() else {
        listener.block.inc(ListenerStat::ListenerNoFilterChainMatch);
        return;
    };
    let info = Rc::new(ConnectionInfo {
        id: worker.next_id(),
        remote,
        local,
        start: guard.start,
        listener: config.name.clone(),
        filter_chain: config.chain.as_ref().map(|chain| chain.name.clone()).unwrap_or_default(),
        traffic_direction: config.traffic_direction,
        listener_metadata: config.metadata.clone(),
        filter_chain_metadata: config.chain.as_ref().and_then(|chain| chain.metadata.clone()),
    });
    let logged = (!config.access_logs.is_empty())
        .then(|| StreamInfo::new(info.clone(), guard.start, SystemTime::now()));
    let serving = server::serve(worker.clone(), manager, transport, info);
    let watch = worker.clone();
    tokio::task::spawn_local(async move {
        if let Err(message) = unwound(serving).await {
            watch.process.inc(ProcessStat::ProcessWorkerPanics);
            crate::log::send(
                Component::Connection,
                Level::Critical,
                format!("a connection ended by a fault in the worker: {message}"),
            );
        }
        if let Some(info) = logged {
            log_connection(&watch, &guard.listener, info);
        }
        drop(guard);
    });
}

/// Writes the listener's own access logs about a connection that has ended.
fn log_connection(worker: &Worker, listener: &Listener, mut info: StreamInfo) {
    info.end = Some(Instant::now());
    info.stream_id = worker.next_id();
    let context = FormatContext {
        info: &info,
        request: None,
        response: None,
        trailers: None,
        local_reply_body: b"",
        log_type: LogType::NotSet,
    };
    let runtime = worker.runtime();
    for log in &listener.config.access_logs {
        log.write(&context, &worker.logs, &runtime, &worker.random);
    }
}

/// Runs a future so that a panic in it becomes an error: it ends one connection, not the worker.
async fn unwound(future: impl Future<Output = ()>) -> Result<(), String> {
    let mut future: Pin<Box<_>> = Box::pin(future);
    poll_fn(move |cx| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
        Ok(Poll::Pending) => Poll::Pending,
        Ok(Poll::Ready(())) => Poll::Ready(Ok(())),
        Err(payload) => {
            let text = payload
                .downcast_ref::<&str>()
                .map(|text| (*text).to_owned())
                .or_else(|| payload.downcast_ref::<String>().cloned());
            Poll::Ready(Err(text.unwrap_or_else(|| "unknown".to_owned())))
        }
    })
    .await
}

/// Counts the end of a connection.
struct Guard {
    worker: Rc<Worker>,
    listener: Rc<Listener>,
    start: Instant,
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.worker.shared.connections.fetch_sub(1, Relaxed);
        let block = &self.listener.block;
        block.inc(ListenerStat::ListenerDownstreamCxDestroy);
        block.dec(ListenerStat::ListenerDownstreamCxActive);
        let length = self.start.elapsed().as_millis() as u64;
        block.record(ListenerHistogram::DownstreamCxLengthMs, length);
    }
}
