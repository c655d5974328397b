//! A connection to a host while it carries a request.

use std::ops::{Deref, DerefMut};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use super::breakers::{ConnectionPermit, RequestPermit};
use super::pool::Pool;
use super::Host;
use crate::address::Address;
use crate::buffer::Buffer;
use crate::proto::ClusterStat;
use crate::stats::Buffered;
use crate::transport::Transport;

/// Which side ended a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClosedBy {
    Local,
    Remote,
}

/// A connection taken from a pool. [`PooledConnection::release`] gives it back; dropping it closes it, as
/// a request that is given up does.
///
/// It goes through many hands for each request, so what it holds stays where it is.
pub struct PooledConnection(Box<Connection>);

/// What a [`PooledConnection`] holds.
pub struct Connection {
    pub transport: Transport,
    /// Bytes read and not consumed.
    pub buffer: Buffer,
    /// Unique in the process.
    pub id: u64,
    /// The address on this side; none for a unix socket.
    pub local: Option<Address>,
    /// The host at the time of connecting.
    pub host: Arc<Host>,
    /// Requests so far, the present one included.
    pub requests: u64,
    pub buffered: Buffered,
    /// Which side ends it when it is dropped.
    pub closed_by: ClosedBy,
    pub connect_start: Instant,
    pub connect_end: Instant,
    /// Held for as long as the connection is open.
    pub(super) permit: Option<ConnectionPermit>,
    pub(super) request: Option<RequestPermit>,
    /// None while it is idle: then the pool owns it.
    pub(super) pool: Option<Rc<Pool>>,
}

impl Deref for PooledConnection {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.0
    }
}

impl DerefMut for PooledConnection {
    fn deref_mut(&mut self) -> &mut Connection {
        &mut self.0
    }
}

impl PooledConnection {
    pub fn new(connection: Connection) -> Self {
        Self(Box::new(connection))
    }

    /// The request is complete. A reusable connection goes to the next waiting request or becomes idle;
    /// another is closed by this side.
    pub fn release(mut self, reusable: bool) {
        self.request = None;
        let Some(pool) = self.pool.take() else { return };
        match reusable {
            true => pool.take_back(self),
            false => pool.close(self, ClosedBy::Local, false),
        }
    }

    /// The transport and the permit of a connection that no pool has handed out; the rest is of no more use.
    pub(super) fn take_parts(&mut self) -> Option<(Transport, ConnectionPermit)> {
        let permit = self.permit.take()?;
        Some((std::mem::replace(&mut self.transport, Transport::Lost), permit))
    }

    /// Counts in the stats of the cluster.
    pub fn count(&self, stat: ClusterStat) {
        if let Some(pool) = &self.pool {
            pool.count(stat);
        }
    }

    /// Ends the connection. `active_request` says that the request was not complete.
    pub fn close(mut self, by: ClosedBy, active_request: bool) {
        if let Some(pool) = self.pool.take() {
            pool.close(self, by, active_request);
        }
    }
}

impl Drop for PooledConnection {
    fn drop(&mut self) {
        if let Some(pool) = self.pool.take() {
            pool.dropped(self);
        }
    }
}
