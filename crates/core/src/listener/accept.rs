//! Accepting connections, and what guards each of them.

use std::future::{poll_fn, Future};
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::accepting::Accepting;
use super::guard::{Guard, Limited};
use super::secure::secure;
use super::{Chain, Current, Listener, Slot, Traits};
use crate::address::Address;
use crate::clock;
use crate::fault;
use crate::http::flags::ResponseFlags;
use crate::http::server;
use crate::http::stream_info::{ConnectionInfo, ConnectionTally, StreamInfo};
use crate::log::{Component, Level};
use crate::network::{tcp_proxy, Program};
use crate::proto::{ListenerHistogram, ListenerStat, ProcessStat};
use crate::tls::TlsInfo;
use crate::transport::Transport;
use crate::worker::Worker;

/// How long a worker waits before it accepts again when it has no file descriptors left.
const PAUSE: Duration = Duration::from_millis(200);

/// The transport protocol of a connection that no listener filter has looked into.
const RAW_BUFFER: &str = "raw_buffer";

/// A connection as it was accepted.
struct Accepted {
    transport: Transport,
    remote: Address,
    local: Address,
}

/// Accepts until the task is aborted.
pub async fn accept_loop(worker: Rc<Worker>, slot: Rc<Slot>, accepting: Rc<Accepting>) {
    let timer = worker.timers.timer();
    let address = accepting.address();
    let early = Rc::default();
    let mut count = 0;
    loop {
        let result = poll_fn(|cx| {
            let result = accepting.poll_accept(cx, &early);
            if result.is_pending() && count > 0 {
                record_accepted(&slot, std::mem::take(&mut count));
            }
            result
        });
        match result.await.and_then(|(transport, remote)| {
            let local = local_address(&transport, address.as_ref())?;
            Ok(Accepted { transport, remote, local })
        }) {
            Ok(accepted) => {
                let current = slot.borrow().clone();
                admit(&worker, &current, accepted);
                count += 1;
                if count == current.config.settings.max_accepts_per_event {
                    record_accepted(&slot, std::mem::take(&mut count));
                    tokio::task::yield_now().await;
                }
            }
            Err(error) if is_exhaustion(&error) => {
                worker.process.inc(ProcessStat::ProcessWorkerAcceptPaused);
                let name = slot.borrow().config.settings.name.clone();
                crate::log::send(
                    Component::ConnHandler,
                    Level::Warning,
                    format!("listener {name}: accepting pauses: {error}"),
                );
                timer.until(Some(clock::now() + PAUSE)).await;
            }
            Err(_) => {}
        }
    }
}

fn record_accepted(slot: &Slot, count: usize) {
    let histogram = ListenerHistogram::ConnectionsAcceptedPerSocketEvent;
    slot.borrow().listener.block.record(histogram, count as u64);
}

fn is_exhaustion(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM))
}

/// The address on this side: `listening`, where that is the same for all connections.
fn local_address(transport: &Transport, listening: Option<&Address>) -> io::Result<Address> {
    match listening {
        Some(local) => Ok(local.clone()),
        None => transport.local_address(),
    }
}

fn admit(worker: &Rc<Worker>, current: &Rc<Current>, accepted: Accepted) {
    let listener = &current.listener;
    let Some(limited) = Limited::take(listener) else {
        return listener.block.inc(ListenerStat::ListenerDownstreamCxOverflow);
    };
    let found = current.find(&Traits {
        local: &accepted.local,
        remote: &accepted.remote,
        direct: &accepted.remote,
        server_name: "",
        transport_protocol: RAW_BUFFER,
        application_protocols: &[],
    });
    let Some(chain) = found else { return refuse(worker, listener, accepted) };
    let start = clock::now();
    let guard = Guard::new(worker.clone(), listener.clone(), chain.clone(), start, limited);
    let transport = secure(worker, listener, chain, accepted.transport);
    let tls = transport.tls().cloned();
    let addresses = (accepted.remote, accepted.local);
    let info = connection(worker, listener, Some(chain), addresses, start, tls);
    let Some(program) = chain.program(worker) else {
        listener.block.inc(ListenerStat::ListenerNetworkExtensionConfigMissing);
        return log_closed(worker, listener, info, |info| {
            info.local_close_reason = "no_filters".into();
        });
    };
    match program {
        Program::Http(manager) => {
            let logged = (!listener.settings.access_logs.is_empty())
                .then(|| Box::new(StreamInfo::new(info.clone(), start, clock::wall())));
            let serving = server::serve(worker.clone(), manager.clone(), transport, info);
            run(guard, logged, Box::pin(serving));
        }
        Program::TcpProxy(proxy) => {
            let (worker, listener) = (worker.clone(), listener.clone());
            let serving = tcp_proxy::serve(worker, listener, proxy.clone(), transport, info);
            run(guard, None, Box::pin(serving));
        }
    }
}

fn connection(
    worker: &Worker,
    listener: &Listener,
    chain: Option<&Chain>,
    (remote, local): (Address, Address),
    start: Instant,
    tls: Option<Rc<TlsInfo>>,
) -> Rc<ConnectionInfo> {
    let settings = &listener.settings;
    Rc::new(ConnectionInfo {
        id: worker.next_id(),
        remote,
        local,
        start,
        listener: settings.name.clone(),
        filter_chain: chain.map(|chain| chain.config.name.clone()).unwrap_or_default(),
        traffic_direction: settings.traffic_direction,
        listener_metadata: settings.metadata.clone(),
        filter_chain_metadata: chain.and_then(|chain| chain.config.metadata.clone()),
        tls,
        tally: ConnectionTally::default(),
    })
}

/// No filter chain takes the connection: it is closed.
fn refuse(worker: &Worker, listener: &Listener, accepted: Accepted) {
    listener.block.inc(ListenerStat::ListenerNoFilterChainMatch);
    let start = clock::now();
    let connection =
        connection(worker, listener, None, (accepted.remote, accepted.local), start, None);
    log_closed(worker, listener, connection, |info| {
        info.flags = ResponseFlags::NO_ROUTE_FOUND;
        info.details = "filter_chain_not_found".into();
    });
}

/// Logs a connection that is closed at once, and why.
fn log_closed(
    worker: &Worker,
    listener: &Listener,
    connection: Rc<ConnectionInfo>,
    why: impl FnOnce(&mut StreamInfo),
) {
    if listener.settings.access_logs.is_empty() {
        return;
    }
    let start = connection.start;
    let mut info = StreamInfo::new(connection, start, clock::wall());
    info.end = Some(start);
    info.stream_id = worker.next_id();
    why(&mut info);
    listener.log(worker, &info);
}

/// Serves a connection in a task of its own. `logged` is what the listener's access logs tell of it.
///
/// What is large is in boxes: a task is copied several times in its life.
fn run<F: Future<Output = ()> + 'static>(
    guard: Guard,
    logged: Option<Box<StreamInfo>>,
    serving: Pin<Box<F>>,
) {
    crate::sys::spawn_here(async move {
        if let Err(message) = guard.watch(serving).await {
            fault::report(&guard.worker, "connection", &message);
        }
        if let Some(mut info) = logged {
            info.end = Some(clock::now());
            info.stream_id = guard.worker.next_id();
            info.connection.clone().tally.tell(&mut info);
            if info.connection.tls.as_ref().is_some_and(|tls| tls.timed_out.get()) {
                info.local_close_reason = "transport_socket_timeout".into();
            }
            guard.listener.log(&guard.worker, &info);
        }
    });
}

#[cfg(test)]
mod tests;
