//! An HTTP/2 connection to a host, which carries many requests, and one of them.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use lateen_http2::ErrorCode;

use super::breakers::{ConnectionPermit, RequestPermit};
use super::pool::Pool;
use super::Host;
use crate::address::Address;
use crate::http2::{Http2Stream, Reset, Session};
use crate::proto::ClusterStat;
use crate::tls::TlsInfo;

/// A connection that a task of its own drives.
pub struct Multiplexed {
    pub session: Rc<Session>,
    /// Unique in the process.
    pub id: u64,
    /// The address on this side; none for a unix socket.
    pub local: Option<Address>,
    /// None: plain TCP.
    pub tls: Option<Rc<TlsInfo>>,
    /// The host at the time of connecting.
    pub host: Arc<Host>,
    pub connect_start: Instant,
    pub connect_end: Instant,
    /// Requests so far, and those in flight.
    pub(super) requests: Cell<u64>,
    pub(super) active: Cell<usize>,
    /// It ends with the requests that it has.
    pub(super) leaving: Cell<bool>,
    pub(super) permit: RefCell<Option<ConnectionPermit>>,
}

impl Multiplexed {
    /// Whether another request may go on it now, beside at most `most` others.
    pub(super) fn has_room(&self, most: usize) -> bool {
        if self.leaving.get() || self.session.is_over() {
            return false;
        }
        let allowed = self.session.with_engine(|engine| {
            engine.can_open().is_ok().then(|| engine.peer_settings().max_concurrent_streams)
        });
        allowed.is_some_and(|allowed| self.active.get() < most.min(allowed as usize))
    }

    /// Takes no more requests; the connection ends when it has none.
    pub(super) fn leave(&self) {
        self.leaving.set(true);
        if self.active.get() == 0 {
            self.session.close();
        }
    }
}

/// A request's place on a connection. Dropping it gives the request up, unless it is complete.
pub struct PooledStream {
    pub stream: Http2Stream,
    pub connection: Rc<Multiplexed>,
    /// Requests of the connection so far, this one included.
    pub requests: u64,
    _permit: RequestPermit,
    // The last field: the place is free once the stream and the permit are dropped.
    place: Place,
}

impl PooledStream {
    pub(super) fn new(
        stream: Http2Stream,
        connection: Rc<Multiplexed>,
        permit: RequestPermit,
        pool: Rc<Pool>,
    ) -> Self {
        let requests = connection.requests.get();
        let place = Place { connection: connection.clone(), pool };
        Self { stream, connection, requests, _permit: permit, place }
    }

    /// Ends the request in the middle, and counts which side did so.
    pub fn give_up(&mut self) {
        self.stream.set_reset_code(ErrorCode::INTERNAL_ERROR);
        let stat = match self.stream.reset() {
            Some(Reset::ConnectionEnd) => Some(ClusterStat::ClusterUpstreamRqPendingFailureEject),
            Some(reset) if reset.is_too_large() => Some(ClusterStat::ClusterUpstreamRqRxReset),
            None | Some(Reset::Malformed(_) | Reset::ConnectionProtocol(_)) => {
                Some(ClusterStat::ClusterUpstreamRqTxReset)
            }
            Some(Reset::Refused | Reset::Remote(ErrorCode::REFUSED_STREAM)) => None,
            Some(Reset::Remote(_)) => Some(ClusterStat::ClusterUpstreamRqRxReset),
        };
        if let Some(stat) = stat {
            self.place.pool.count(stat);
        }
    }
}

/// One of the requests in flight on a connection.
struct Place {
    connection: Rc<Multiplexed>,
    pool: Rc<Pool>,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.pool.stream_ended(&self.connection);
    }
}
