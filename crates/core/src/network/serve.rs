//! Serving a connection through all filters of its chain.

use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;
use std::time::{Duration, Instant};

use super::filters::{Closed, Gate, Opened};
use super::{direct_response, echo, tcp_proxy, Last, Program};
use crate::clock;
use crate::http::connection_manager::Manager;
use crate::http::server;
use crate::http::stream_info::{ConnectionInfo, StreamInfo};
use crate::listener::{Chain, Listener};
use crate::proto::HttpStat;
use crate::transport::Transport;
use crate::worker::Worker;

/// What a client has to say something to a chain that waits for it before HTTP begins; Envoy's default of the
/// idle timeout of HTTP connections.
const PATIENCE: Duration = Duration::from_secs(3600);

/// Bytes of a refused client that are read away.
const MOST_TAKEN: u64 = 1 << 20;

/// The listener's log of a connection, written at its end.
struct Logged {
    worker: Rc<Worker>,
    listener: Rc<Listener>,
    info: StreamInfo,
}

impl Drop for Logged {
    fn drop(&mut self) {
        self.info.end = Some(clock::now());
        self.info.stream_id = self.worker.next_id();
        let metadata = self.info.connection.state.borrow().dynamic_metadata.clone();
        self.info.dynamic_metadata = metadata;
        self.listener.log(&self.worker, &self.info);
    }
}

/// Serves one connection to its end.
pub async fn serve(
    worker: Rc<Worker>,
    listener: Rc<Listener>,
    chain: Rc<Chain>,
    mut transport: Transport,
    connection: Rc<ConnectionInfo>,
) {
    let Some(program) = chain.program(&worker) else { return };
    let mut permits = Vec::new();
    for step in &program.before {
        match step.open(&worker, &connection).await {
            Opened::Continue => {}
            Opened::Held(permit) => permits.push(permit),
            Opened::Closed(closed) => {
                wait(&worker, closed.after).await;
                return refuse(worker, listener, program, connection, &closed);
            }
        }
    }
    let gate = Gate::new(&program.before);
    if let Last::TcpProxy(proxy) = &program.last {
        return tcp_proxy::serve(worker, listener, proxy.clone(), transport, connection, gate)
            .await;
    }
    let info = StreamInfo::of_connection(connection.clone());
    let mut logged = Logged { worker: worker.clone(), listener, info };
    let result = match &program.last {
        Last::Http(manager) => {
            match gated(&worker, &mut transport, program, gate, &connection).await {
                Ok(true) => {
                    let tally = connection.clone();
                    server::serve(worker.clone(), manager.clone(), transport, connection).await;
                    tally.tally.tell(&mut logged.info);
                    Ok(())
                }
                Ok(false) => Ok(()),
                Err(closed) => {
                    logged.info.bytes_received = take_rest(&transport);
                    count_refused(manager);
                    Err(closed)
                }
            }
        }
        Last::Echo => echo::serve(&mut transport, gate, &connection, &mut logged.info).await,
        Last::DirectResponse(body) => {
            let timer = worker.timers.timer();
            direct_response::serve(&mut transport, body, &mut logged.info, &timer).await;
            Ok(())
        }
        Last::TcpProxy(_) => Ok(()),
    };
    if let Err(closed) = result {
        wait(&worker, closed.after).await;
        closed.note(&mut logged.info);
    }
}

/// A filter before the last one has closed the connection: the last one logs it as well.
fn refuse(
    worker: Rc<Worker>,
    listener: Rc<Listener>,
    program: &Program,
    connection: Rc<ConnectionInfo>,
    closed: &Closed,
) {
    match &program.last {
        Last::TcpProxy(proxy) => {
            tcp_proxy::refuse(worker, listener, proxy.clone(), connection, closed);
        }
        last => {
            if let Last::Http(manager) = last {
                count_refused(manager);
            }
            let info = StreamInfo::of_connection(connection);
            closed.note(&mut Logged { worker, listener, info }.info);
        }
    }
}

async fn wait(worker: &Worker, time: Option<Duration>) {
    if let Some(time) = time {
        let timer = worker.timers.timer();
        timer.until(Some(Instant::now() + time)).await;
    }
}

/// Waits for the first byte, if a filter wants to judge it. False when none comes.
///
/// # Errors
/// The filter closes the connection.
async fn gated(
    worker: &Worker,
    transport: &mut Transport,
    program: &Program,
    gate: Option<Box<Gate>>,
    connection: &Rc<ConnectionInfo>,
) -> Result<bool, Closed> {
    if gate.is_none() && program.exchange.is_none() {
        return Ok(true);
    }
    let timer = worker.timers.timer();
    let deadline = Instant::now() + PATIENCE;
    let mut byte = [0];
    let seen = poll_fn(|cx| match transport.poll_peek(cx, &mut byte, 0) {
        Poll::Ready(result) => Poll::Ready(result.is_ok_and(|count| count > 0)),
        Poll::Pending => timer.poll(cx, Some(deadline)).map(|()| false),
    });
    if !seen.await {
        return Ok(false);
    }
    if let Some(exchange) = &program.exchange {
        // It is counted alone: requests say in headers who they are from.
        exchange.is_agreed_on(worker, transport.alpn());
    }
    gate.map_or(Ok(()), |mut gate| gate.on_data(connection)).map(|()| true)
}

/// Takes what has come: a connection that is closed with bytes unread is reset. Returns how many there were.
fn take_rest(transport: &Transport) -> u64 {
    let mut taken = 0;
    let mut sink = [0; 4096];
    while let Ok(count @ 1..) = transport.try_read(&mut sink) {
        taken += count as u64;
        if taken > MOST_TAKEN {
            break;
        }
    }
    taken
}

/// Counts a connection that was refused before HTTP began.
fn count_refused(manager: &Manager) {
    for stat in [
        HttpStat::HttpDownstreamCxTotal,
        HttpStat::HttpDownstreamCxDestroy,
        HttpStat::HttpDownstreamCxDestroyLocal,
    ] {
        manager.block.inc(stat);
    }
}
