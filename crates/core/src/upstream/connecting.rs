//! Making a connection for a pool: a local task that ends with a connection or the reason for none.

use std::fmt;
use std::future::{poll_fn, Future};
use std::rc::Rc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::Arc;
use std::task::Poll;
use std::time::Instant;

use super::breakers::ConnectionPermit;
use super::connection::{ClosedBy, Connection, PooledConnection};
use super::pool::{count_destroyed, Pool, PoolContext, Protocol};
use super::socket::{Opened, SocketError};
use super::{happy_eyeballs, transport_sockets, Host};
use crate::address::Address;
use crate::buffer::Buffer;
use crate::clock;
use crate::proto::{ClusterHistogram, ClusterStat};
use crate::stats::Buffered;
use crate::transport::Write;

/// Why a request got no connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConnectError {
    /// connect_timeout passed.
    Timeout,
    /// The other side refused or cannot be reached.
    Remote(Arc<str>),
    /// This side could not try.
    Local(Arc<str>),
    /// There was a connection, but `max_requests` are in flight.
    Overflow,
}

impl ConnectError {
    /// Envoy's transport failure reason; access logs write it with underscores for spaces.
    pub fn transport_failure(&self) -> &str {
        match self {
            Self::Remote(reason) | Self::Local(reason) => reason,
            Self::Timeout | Self::Overflow => "",
        }
    }
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Timeout => f.write_str("connection timeout"),
            Self::Overflow => f.write_str("overflow"),
            Self::Remote(reason) | Self::Local(reason) => f.write_str(reason),
        }
    }
}

impl std::error::Error for ConnectError {}

/// Connects and tells the pool.
pub(super) async fn connect(pool: Rc<Pool>, permit: ConnectionPermit) {
    let host = pool.host.borrow().clone();
    let start = clock::now();
    count_start(&pool, &host);
    match open(&pool.context, &host, start).await {
        Ok(opened) => {
            let end = clock::now();
            let ms = (end - start).as_millis() as u64;
            pool.context.block.record(ClusterHistogram::UpstreamCxConnectMs, ms);
            pool.connected(PooledConnection::new(Connection {
                transport: opened.transport,
                buffer: Buffer::new(),
                id: pool.context.upstream.connection_ids.fetch_add(1, Relaxed),
                local: opened.local,
                host,
                requests: 0,
                buffered: Buffered::of_upstream(pool.context.block.clone()),
                closed_by: ClosedBy::Local,
                connect_start: start,
                connect_end: end,
                permit: Some(permit),
                request: None,
                pool: None,
            }));
        }
        Err(error) => {
            count_failure(&pool.context, &host, &error);
            drop(permit);
            pool.connect_failed(&error);
        }
    }
}

/// Connects to a host within the cluster's connect_timeout.
///
/// # Errors
/// Why there is no connection.
pub(super) async fn open(
    context: &PoolContext,
    host: &Host,
    start: Instant,
) -> Result<Opened, ConnectError> {
    let config = context.config();
    let limit = config.connect_timeout;
    let deadline = (!limit.is_zero()).then(|| start + limit);
    let timer = context.upstream.timers.timer();
    let mut connecting = std::pin::pin!(async {
        let opened = connect_and_begin(context, host).await?;
        transport_sockets::handshake(context, host, opened).await
    });
    let result = poll_fn(|cx| match connecting.as_mut().poll(cx) {
        Poll::Ready(result) => Poll::Ready(Some(result)),
        Poll::Pending => timer.poll(cx, deadline).map(|()| None),
    });
    match result.await {
        Some(Ok(opened)) => Ok(opened),
        Some(Err(SocketError::Remote(reason))) => Err(ConnectError::Remote(reason.into())),
        Some(Err(SocketError::Local(reason))) => Err(ConnectError::Local(reason.into())),
        Some(Err(SocketError::Bind(reason))) => {
            context.block.inc(ClusterStat::ClusterBindErrors);
            Err(ConnectError::Local(reason.into()))
        }
        None => Err(ConnectError::Timeout),
    }
}

/// Connects, and writes what connections to the host begin with.
async fn connect_and_begin(context: &PoolContext, host: &Host) -> Result<Opened, SocketError> {
    let upstream = &context.upstream;
    let internal = context.config().sockets.of(host).internal.as_ref();
    let state = internal.map(|internal| internal.state(context, host));
    let mut opened = match &host.address {
        Address::Internal(address) => {
            upstream.doors.connect(address, state.unwrap_or_default()).await?
        }
        Address::Ip(_) | Address::Pipe(_) => {
            happy_eyeballs::connect(host, &context.config().connect, &upstream.timers).await?
        }
    };
    let opening = host.opening.as_ref();
    let mut rest = opening.map(|opening| opening.preamble.as_slice()).unwrap_or_default();
    while !rest.is_empty() {
        let write = Write { bytes: rest, last: false };
        let written = poll_fn(|cx| opened.transport.poll_write(cx, &write)).await;
        let written = written.map_err(|error| SocketError::Remote(error.to_string()))?;
        rest = &rest[written..];
    }
    Ok(opened)
}

fn count_start(pool: &Pool, host: &Host) {
    pool.context.permits.shared().note_traffic();
    pool.count(ClusterStat::ClusterUpstreamCxTotal);
    pool.count(ClusterStat::ClusterUpstreamCxActive);
    if pool.protocol != Protocol::Negotiated {
        pool.count_protocol(pool.protocol == Protocol::Http2);
    }
    host.stats.cx_total.fetch_add(1, Relaxed);
    host.stats.cx_active.fetch_add(1, Relaxed);
}

/// Counts a connection that was not made.
pub(super) fn count_failure(context: &PoolContext, host: &Host, error: &ConnectError) {
    let block = &context.block;
    block.inc(ClusterStat::ClusterUpstreamCxConnectFail);
    host.stats.cx_connect_fail.fetch_add(1, Relaxed);
    if *error == ConnectError::Timeout {
        block.inc(ClusterStat::ClusterUpstreamCxConnectTimeout);
    }
    let by = match error {
        ConnectError::Remote(_) => ClosedBy::Remote,
        _ => ClosedBy::Local,
    };
    count_destroyed(block, host, by);
}
