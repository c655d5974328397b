//! Where connections come from: sockets, other workers that have accepted them, and clusters of this worker.

use std::future::poll_fn;
use std::io;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedReceiver;

use super::accept::{admit, Accepted};
use super::accepting::{Accepting, Arrived};
use super::balance::{Counted, Placed};
use super::Slot;
use crate::address::Address;
use crate::clock;
use crate::log::{Component, Level};
use crate::overload::{Overload, Point};
use crate::proto::{ListenerHistogram, ListenerStat, ProcessStat};
use crate::transport::{EarlyRequests, Transport};
use crate::upstream::internal::{self, Arrival};
use crate::worker::Worker;

/// How long a worker waits before it accepts again when it has no file descriptors left.
const PAUSE: Duration = Duration::from_millis(200);
/// Longer than anything lasts that is short.
const LONG: Duration = Duration::from_secs(24 * 3600);

/// Takes a connection to an internal listener in.
pub fn take(worker: &Rc<Worker>, slot: &Rc<Slot>, arrival: Arrival) {
    let Arrival { pipe, local, state } = arrival;
    let remote = Address::internal(internal::CLIENT, "");
    let accepted = Accepted { state, ..Accepted::new(Transport::Internal(pipe), remote, local) };
    admit(worker, slot, accepted, None, false);
}

/// Accepts until the task is aborted.
pub async fn accept_loop(worker: Rc<Worker>, slot: Rc<Slot>, accepting: Rc<Accepting>) {
    let timer = worker.timers.timer();
    let address = accepting.address();
    let early = Rc::default();
    let mut count = 0;
    loop {
        let result = poll_fn(|cx| {
            if of(&worker, &slot).accepts_nothing() {
                // Whatever changes that wakes those who wait for a deadline.
                _ = timer.poll(cx, Some(clock::now() + LONG));
                return Poll::Pending;
            }
            let result = accepting.poll_accept(cx, address.as_ref());
            if result.is_pending() && count > 0 {
                record_accepted(&slot, std::mem::take(&mut count));
            }
            result
        });
        match result.await.and_then(|arrived| arrive(&worker, &slot, arrived, &early)) {
            Ok(()) => {
                count += 1;
                let most = slot.borrow().config.settings.max_accepts_per_event;
                if count == most {
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

/// Takes in what another worker has accepted for this one, until the task is aborted.
pub async fn balance_loop(
    worker: Rc<Worker>,
    slot: Rc<Slot>,
    mut placed: UnboundedReceiver<Placed>,
) {
    let early = Rc::default();
    while let Some(Placed { arrived, counted }) = placed.recv().await {
        // One that the loop cannot take is closed.
        let _ = serve(&worker, &slot, arrived, &early, Some(counted));
    }
}

/// A connection was accepted: it is served here, or by the worker that is to have it.
fn arrive(
    worker: &Rc<Worker>,
    slot: &Rc<Slot>,
    arrived: Arrived,
    early: &Rc<EarlyRequests>,
) -> io::Result<()> {
    if is_shed(of(worker, slot)) {
        slot.borrow().listener.block.inc(ListenerStat::ListenerDownstreamCxOverloadReject);
        return Ok(());
    }
    let balance = slot.borrow().listener.settings.balance.clone();
    let Some(balance) = balance else { return serve(worker, slot, arrived, early, None) };
    match balance.place(worker.index, arrived) {
        Some(Placed { arrived, counted }) => serve(worker, slot, arrived, early, Some(counted)),
        None => Ok(()),
    }
}

/// The connection is closed at once, for resources are short.
fn is_shed(overload: &Overload) -> bool {
    overload.sheds(Point::RejectIncomingConnections) || overload.sheds(Point::TcpListenerAccept)
}

/// What is shed of a listener's connections.
fn of<'a>(worker: &'a Worker, slot: &Slot) -> &'a Overload {
    worker.overload(slot.borrow().listener.settings.message.bypass_overload_manager)
}

fn serve(
    worker: &Rc<Worker>,
    slot: &Rc<Slot>,
    arrived: Arrived,
    early: &Rc<EarlyRequests>,
    counted: Option<Counted>,
) -> io::Result<()> {
    let Arrived { incoming, remote, local } = arrived;
    let accepted = Accepted::new(incoming.into_transport(early)?, remote, local);
    admit(worker, slot, accepted, counted, true);
    Ok(())
}
