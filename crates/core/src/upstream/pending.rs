//! Requests that wait for a connection.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use super::breakers::PendingPermit;
use super::connecting::ConnectError;
use super::connection::PooledConnection;
use super::multiplexed::PooledStream;
use super::pool::Pool;

/// Which circuit breaker does not let the request in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overflow {
    /// `max_pending_requests` wait for a connection.
    Pending,
    /// `max_requests` are in flight; a connection would be there.
    Requests,
    /// `max_connection_pools` are in use.
    Pools,
}

impl fmt::Display for Overflow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("overflow")
    }
}

impl std::error::Error for Overflow {}

type Outcome = Result<Carrier, ConnectError>;

/// What carries a request.
pub enum Carrier {
    Http1(PooledConnection),
    Http2(PooledStream),
}

impl From<PooledConnection> for Carrier {
    fn from(connection: PooledConnection) -> Self {
        Self::Http1(connection)
    }
}

impl From<PooledStream> for Carrier {
    fn from(stream: PooledStream) -> Self {
        Self::Http2(stream)
    }
}

/// What asking for a connection gives: one at once, or a place in the queue. Both can be awaited.
pub enum Acquire {
    Ready(Carrier),
    Pending(PendingConnection),
}

impl Acquire {
    /// The connection or the reason for none, once there is either.
    pub async fn wait(self) -> Outcome {
        match self {
            Self::Ready(carrier) => Ok(carrier),
            Self::Pending(pending) => pending.await,
        }
    }
}

/// One place in the queue of a pool.
pub(super) struct Waiter {
    outcome: Cell<Option<Outcome>>,
    waker: RefCell<Option<Waker>>,
    permit: Cell<Option<PendingPermit>>,
}

impl Waiter {
    pub fn new(permit: PendingPermit) -> Rc<Self> {
        Rc::new(Self {
            outcome: Cell::new(None),
            waker: RefCell::new(None),
            permit: Cell::new(Some(permit)),
        })
    }

    pub fn finish(&self, outcome: Outcome) {
        self.permit.set(None);
        self.outcome.set(Some(outcome));
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

/// A future of a connection. Dropping it gives up the place in the queue.
pub struct PendingConnection {
    pool: Rc<Pool>,
    waiter: Rc<Waiter>,
}

impl PendingConnection {
    pub(super) fn new(pool: Rc<Pool>, waiter: Rc<Waiter>) -> Self {
        Self { pool, waiter }
    }
}

impl Future for PendingConnection {
    type Output = Outcome;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome> {
        match self.waiter.outcome.take() {
            Some(outcome) => Poll::Ready(outcome),
            None => {
                *self.waiter.waker.borrow_mut() = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl Drop for PendingConnection {
    fn drop(&mut self) {
        match self.waiter.outcome.take() {
            Some(Ok(Carrier::Http1(connection))) => self.pool.take_back_unused(connection),
            Some(Ok(Carrier::Http2(_)) | Err(_)) => {}
            None => self.pool.cancel(&self.waiter),
        }
    }
}
