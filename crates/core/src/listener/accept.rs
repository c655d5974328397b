//! Taking connections in, and what guards each of them.

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::time::Instant;

use super::balance::Counted;
use super::filters::{self, Subject};
use super::guard::{Guard, Limited};
use super::secure::secure;
use super::{Chain, Current, Listener, Slot, Traits};
use crate::address::Address;
use crate::clock;
use crate::connection::{ConnectionState, Inspected};
use crate::fault;
use crate::http::flags::ResponseFlags;
use crate::http::server;
use crate::http::stream_info::{ConnectionInfo, ConnectionTally, StreamInfo};
use crate::network::{self, tcp_proxy, Last};
use crate::proto::ListenerStat;
use crate::transport::Transport;
use crate::worker::Worker;

/// The transport protocol of a connection in which no listener filter has found another.
pub const RAW_BUFFER: &str = "raw_buffer";

/// A connection as it was accepted, or as listener filters left it.
pub struct Accepted {
    pub transport: Transport,
    pub remote: Address,
    pub local: Address,
    pub inspected: Option<Box<Inspected>>,
    pub state: ConnectionState,
}

impl Accepted {
    pub fn new(transport: Transport, remote: Address, local: Address) -> Self {
        Self { transport, remote, local, inspected: None, state: ConnectionState::default() }
    }

    /// What the choice of a filter chain looks at.
    fn traits(&self) -> Traits<'_> {
        let inspected = self.inspected.as_deref();
        let direct = inspected.and_then(|it| it.direct_remote.as_ref());
        let transport = inspected.map_or("", |it| it.transport_protocol);
        Traits {
            local: &self.local,
            remote: &self.remote,
            direct: direct.unwrap_or(&self.remote),
            server_name: inspected.map_or("", |it| &it.server_name),
            transport_protocol: if transport.is_empty() { RAW_BUFFER } else { transport },
            application_protocols: inspected.map_or(&[], |it| &it.application_protocols),
            state: &self.state,
        }
    }
}

/// Takes a connection in. `hand_over`: it may go to the listener of the address that a filter restores.
pub fn admit(
    worker: &Rc<Worker>,
    slot: &Rc<Slot>,
    accepted: Accepted,
    counted: Option<Counted>,
    hand_over: bool,
) {
    let current = slot.borrow().clone();
    let listener = &current.listener;
    let Some(limited) = Limited::take(worker, listener, counted) else { return };
    match listener.filters.is_empty() {
        true => establish(worker, &current, accepted, limited),
        false => {
            let place = (slot.clone(), listener.clone());
            let work = inspect(worker.clone(), place, accepted, limited, hand_over);
            drop(crate::sys::spawn_here(work));
        }
    }
}

/// Lets the listener filters look at a connection, then serves it.
async fn inspect(
    worker: Rc<Worker>,
    (slot, listener): (Rc<Slot>, Rc<Listener>),
    accepted: Accepted,
    limited: Limited,
    hand_over: bool,
) {
    let waiting = Waiting::new(&listener);
    let Accepted { transport, remote, local, inspected, state } = accepted;
    let inspected = inspected.map(|inspected| *inspected).unwrap_or_default();
    let mut subject = Subject { transport, remote, local, inspected, state };
    let result = filters::inspect(&worker, &listener, &mut subject).await;
    let Subject { transport, remote, local, inspected, state } = subject;
    let inspected = Some(Box::new(inspected));
    let accepted = Accepted { transport, remote, local, inspected, state };
    drop(waiting);
    if result.is_err() {
        let connection = connection(&worker, &listener, None, accepted, clock::now()).0;
        return log_closed(&worker, &listener, connection, |_| {});
    }
    let restored = accepted.inspected.as_ref().is_some_and(|it| it.direct_local.is_some());
    if hand_over && restored && listener.settings.message.use_original_dst {
        if let Some(other) = worker.directory.find(&accepted.local) {
            drop(limited);
            return admit(&worker, &other, accepted, None, false);
        }
    }
    let current = slot.borrow().clone();
    establish(&worker, &current, accepted, limited);
}

/// Counts a connection for as long as its filter chain is not chosen.
struct Waiting<'a>(&'a Listener);

impl<'a> Waiting<'a> {
    fn new(listener: &'a Listener) -> Self {
        listener.block.inc(ListenerStat::ListenerDownstreamPreCxActive);
        Self(listener)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.block.dec(ListenerStat::ListenerDownstreamPreCxActive);
    }
}

fn establish(worker: &Rc<Worker>, current: &Rc<Current>, accepted: Accepted, limited: Limited) {
    let listener = &current.listener;
    let found = current.find(&accepted.traits());
    let Some(chain) = found else { return refuse(worker, listener, accepted) };
    let start = clock::now();
    let guard = Guard::new(worker.clone(), listener.clone(), chain.clone(), start, limited);
    let mut accepted = accepted;
    accepted.transport = secure(worker, listener, chain, accepted.transport);
    let (info, transport) = connection(worker, listener, Some(chain), accepted, start);
    let Some(program) = chain.program(worker) else {
        listener.block.inc(ListenerStat::ListenerNetworkExtensionConfigMissing);
        return log_closed(worker, listener, info, |info| {
            info.local_close_reason = "no_filters".into();
        });
    };
    let (worker, listener) = (worker.clone(), listener.clone());
    match &program.last {
        Last::Http(manager) if program.is_last_alone() => {
            let logged = (!listener.settings.access_logs.is_empty())
                .then(|| Box::new(StreamInfo::of_connection(info.clone())));
            let serving = server::serve(worker, manager.clone(), transport, info);
            run(guard, logged, Box::pin(serving));
        }
        Last::TcpProxy(proxy) if program.is_last_alone() => {
            let proxy = proxy.clone();
            let serving = tcp_proxy::serve(worker, listener, proxy, transport, info, None);
            run(guard, None, Box::pin(serving));
        }
        _ => {
            let serving = network::serve(worker, listener, chain.clone(), transport, info);
            run(guard, None, Box::pin(serving));
        }
    }
}

fn connection(
    worker: &Rc<Worker>,
    listener: &Listener,
    chain: Option<&Chain>,
    accepted: Accepted,
    start: Instant,
) -> (Rc<ConnectionInfo>, Transport) {
    let settings = &listener.settings;
    let info = Rc::new(ConnectionInfo {
        id: worker.next_id(),
        remote: accepted.remote,
        local: accepted.local,
        start,
        listener: settings.name.clone(),
        filter_chain: chain.map(|chain| chain.config.name.clone()).unwrap_or_default(),
        traffic_direction: settings.traffic_direction,
        listener_metadata: settings.metadata.clone(),
        filter_chain_metadata: chain.and_then(|chain| chain.config.metadata.clone()),
        tally: ConnectionTally::default(),
        tls: accepted.transport.tls().cloned(),
        inspected: accepted.inspected,
        state: RefCell::new(accepted.state),
    });
    (info, accepted.transport)
}

/// No filter chain takes the connection: it is closed.
fn refuse(worker: &Rc<Worker>, listener: &Listener, accepted: Accepted) {
    listener.block.inc(ListenerStat::ListenerNoFilterChainMatch);
    let start = clock::now();
    let connection = connection(worker, listener, None, accepted, start).0;
    log_closed(worker, listener, connection, |info| {
        info.flags = ResponseFlags::NO_ROUTE_FOUND;
        info.details = "filter_chain_not_found".into();
    });
}

/// Logs a connection that is closed at once, and why.
fn log_closed(
    worker: &Rc<Worker>,
    listener: &Listener,
    connection: Rc<ConnectionInfo>,
    why: impl FnOnce(&mut StreamInfo),
) {
    if listener.settings.access_logs.is_empty() {
        return;
    }
    let start = connection.start;
    let mut info = StreamInfo::of_connection(connection);
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
