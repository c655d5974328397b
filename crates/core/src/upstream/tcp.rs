//! Connections of their own for TCP clients: none is pooled or shared.

use std::rc::Rc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use super::breakers::{ConnectionPermit, Priority, RequestPermit};
use super::connecting::{self, ConnectError};
use super::connection::ClosedBy;
use super::failing::Watched;
use super::pool::{count_destroyed, PoolContext};
use super::{Cluster, ClusterConfig, Host};
use crate::address::Address;
use crate::clock;
use crate::overload::Point;
use crate::proto::{ClusterHistogram, ClusterStat};
use crate::transport::Transport;

/// Why a TCP client gets no connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TcpError {
    /// As many as may be wait for a connection (`max_pending_requests`).
    PendingOverflow,
    Connect(ConnectError),
}

/// An open connection; it ends, and is counted as ended, when it is dropped.
pub struct TcpConnection {
    pub transport: Transport,
    /// Unique in the process.
    pub id: u64,
    /// The address on this side; none for a unix socket.
    pub local: Option<Address>,
    pub host: Arc<Host>,
    pub connect_start: Instant,
    pub connect_end: Instant,
    /// Which side ends it, as far as is known.
    pub closed_by: ClosedBy,
    /// It ends before what it was opened for.
    pub active: bool,
    /// None: it stays when its host fails.
    watched: Option<Watched>,
    context: Rc<PoolContext>,
    _permit: ConnectionPermit,
    _request: RequestPermit,
}

/// The right to open a connection to one cluster (`max_connections`).
pub struct TcpPermit(ConnectionPermit);

impl Cluster {
    /// None when the cluster has as many connections as it may have, or resources are short.
    pub fn tcp_permit(&self) -> Option<TcpPermit> {
        if self.context().upstream.overload.sheds(Point::ConnectionPoolNewConnection) {
            return None;
        }
        let permit = self.context().permits.connection(Priority::Default);
        if permit.is_none() {
            self.block().inc(ClusterStat::ClusterUpstreamCxOverflow);
        }
        permit.map(TcpPermit)
    }

    /// The right to open a connection to `host` for a request. A host without any is always given one, if the
    /// request may wait for it.
    pub fn tunnel_permit(&self, host: &Host) -> Option<TcpPermit> {
        let permits = &self.context().permits;
        if permits.pending(Priority::Default).is_none() {
            self.block().inc(ClusterStat::ClusterUpstreamRqPendingOverflow);
            return None;
        }
        let permit = permits.connection(Priority::Default);
        if permit.is_none() {
            self.block().inc(ClusterStat::ClusterUpstreamCxOverflow);
        }
        let none = host.stats.cx_active.load(Relaxed) == 0;
        let permit = permit.or_else(|| none.then(|| permits.force_connection(Priority::Default)));
        permit.map(TcpPermit)
    }

    /// Opens a connection to `host`.
    ///
    /// # Errors
    /// A breaker is open, or the host did not answer in time, refused or cannot be reached.
    pub async fn connect_tcp(
        &self,
        host: &Arc<Host>,
        permit: TcpPermit,
    ) -> Result<TcpConnection, TcpError> {
        let context = self.context().clone();
        let block = &context.block;
        let Some(_pending) = context.permits.pending(Priority::Default) else {
            block.inc(ClusterStat::ClusterUpstreamRqPendingOverflow);
            return Err(TcpError::PendingOverflow);
        };
        let start = clock::now();
        let attempt = Attempt::new(&context, host);
        match connecting::open(&context, host, start).await {
            Ok(opened) => {
                attempt.finish();
                let end = clock::now();
                let ms = (end - start).as_millis() as u64;
                block.record(ClusterHistogram::UpstreamCxConnectMs, ms);
                block.inc(ClusterStat::ClusterUpstreamRqTotal);
                block.inc(ClusterStat::ClusterUpstreamRqActive);
                host.stats.rq_total.fetch_add(1, Relaxed);
                host.stats.rq_active.fetch_add(1, Relaxed);
                Ok(TcpConnection {
                    transport: opened.transport,
                    id: context.upstream.connection_ids.fetch_add(1, Relaxed),
                    local: opened.local,
                    host: host.clone(),
                    connect_start: start,
                    connect_end: end,
                    closed_by: ClosedBy::Local,
                    active: true,
                    watched: context.failing.as_ref().map(|watch| Watched::new(watch, host)),
                    context: context.clone(),
                    _permit: permit.0,
                    _request: context.permits.force_request(Priority::Default),
                })
            }
            Err(error) => {
                block.inc(ClusterStat::ClusterUpstreamRqPendingFailureEject);
                connecting::count_failure(&context, host, &error);
                attempt.finish();
                Err(TcpError::Connect(error))
            }
        }
    }
}

/// A connection on its way; given up when dropped before it is done.
struct Attempt<'a> {
    context: &'a PoolContext,
    host: &'a Host,
    done: bool,
}

impl<'a> Attempt<'a> {
    fn new(context: &'a PoolContext, host: &'a Host) -> Self {
        let block = &context.block;
        context.permits.shared().note_traffic();
        block.inc(ClusterStat::ClusterUpstreamRqPendingTotal);
        block.inc(ClusterStat::ClusterUpstreamRqPendingActive);
        host.stats.rq_pending_active.fetch_add(1, Relaxed);
        block.inc(ClusterStat::ClusterUpstreamCxTotal);
        block.inc(ClusterStat::ClusterUpstreamCxActive);
        host.stats.cx_total.fetch_add(1, Relaxed);
        host.stats.cx_active.fetch_add(1, Relaxed);
        Self { context, host, done: false }
    }

    fn finish(mut self) {
        self.done = true;
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        let block = &self.context.block;
        block.dec(ClusterStat::ClusterUpstreamRqPendingActive);
        self.host.stats.rq_pending_active.fetch_sub(1, Relaxed);
        if !self.done {
            block.inc(ClusterStat::ClusterUpstreamRqCancelled);
            count_destroyed(block, self.host, ClosedBy::Local);
        }
    }
}

impl TcpConnection {
    pub fn config(&self) -> &ClusterConfig {
        self.context.config()
    }

    /// Ready when the host has failed and the connection is to end for that.
    pub fn poll_failed(&mut self, cx: &Context<'_>) -> Poll<()> {
        self.watched.as_mut().map_or(Poll::Pending, |watched| watched.poll_failed(cx))
    }

    /// Adds to a counter or gauge of the cluster; a wrapped number takes away.
    pub fn count(&self, stat: ClusterStat, by: usize) {
        self.context.block.add(stat, by as u64);
    }
}

impl Drop for TcpConnection {
    fn drop(&mut self) {
        let block = &self.context.block;
        block.dec(ClusterStat::ClusterUpstreamRqActive);
        self.host.stats.rq_active.fetch_sub(1, Relaxed);
        let lived = clock::since(self.connect_start).as_millis() as u64;
        block.record(ClusterHistogram::UpstreamCxLengthMs, lived);
        count_destroyed(block, &self.host, self.closed_by);
        if !self.active {
            return;
        }
        block.inc(ClusterStat::ClusterUpstreamCxDestroyWithActiveRq);
        block.inc(match self.closed_by {
            ClosedBy::Local => ClusterStat::ClusterUpstreamCxDestroyLocalWithActiveRq,
            ClosedBy::Remote => ClusterStat::ClusterUpstreamCxDestroyRemoteWithActiveRq,
        });
    }
}
