//! What a client is joined to: a connection of its own, or a tunnel.

use std::io::{self, IoSlice};
use std::task::{Context, Poll};

use super::flow::End;
use super::tunnel::OpenTunnel;
use crate::headers::Headers;
use crate::proto::ClusterStat;
use crate::transport::Write;
use crate::upstream::{ClosedBy, ConnectionFacts, TcpConnection};

pub enum Upstream {
    Tcp(TcpConnection),
    Tunnel(OpenTunnel),
}

impl From<&Upstream> for ConnectionFacts {
    fn from(upstream: &Upstream) -> Self {
        match upstream {
            Upstream::Tcp(connection) => connection.into(),
            Upstream::Tunnel(tunnel) => (&tunnel.carrier).into(),
        }
    }
}

impl Upstream {
    /// Bytes that wait to be written to the host before no more are read for it.
    pub fn buffer_limit(&self) -> usize {
        match self {
            Self::Tcp(connection) => connection.config().buffer_limit(),
            Self::Tunnel(tunnel) => tunnel.cluster.config().buffer_limit(),
        }
    }

    /// Adds to a counter or gauge of the cluster; a wrapped number takes away.
    pub fn count(&self, stat: ClusterStat, by: usize) {
        match self {
            Self::Tcp(connection) => connection.count(stat, by),
            Self::Tunnel(tunnel) => tunnel.count(stat, by),
        }
    }

    /// Counts bytes that were written or read, unless the connection does so itself.
    pub fn count_bytes(&self, stat: ClusterStat, by: usize) {
        if !self.is_shared() {
            self.count(stat, by);
        }
    }

    /// Notes which side ends it, as far as is known.
    pub fn set_closed_by(&mut self, by: ClosedBy) {
        match self {
            Self::Tcp(connection) => connection.closed_by = by,
            Self::Tunnel(tunnel) => tunnel.set_closed_by(by),
        }
    }

    /// Ready when the host has failed and the connection is to end for that.
    pub fn poll_failed(&mut self, cx: &Context<'_>) -> Poll<()> {
        match self {
            Self::Tcp(connection) => connection.poll_failed(cx),
            Self::Tunnel(_) => Poll::Pending,
        }
    }

    /// Others use the connection, too.
    pub fn is_shared(&self) -> bool {
        matches!(self, Self::Tunnel(tunnel) if tunnel.is_shared())
    }

    /// Lets the end of the connection be a reset.
    pub fn reset_on_close(&self) {
        match self {
            Self::Tcp(connection) => connection.transport.reset_on_close(),
            Self::Tunnel(tunnel) => tunnel.reset_on_close(),
        }
    }

    /// The trailers of the answer to a request for a tunnel, once it has ended.
    pub fn take_trailers(&mut self) -> Headers {
        match self {
            Self::Tcp(_) => Headers::new(),
            Self::Tunnel(tunnel) => tunnel.take_trailers(),
        }
    }
}

impl End for Upstream {
    fn poll_read<'b>(
        &mut self,
        cx: &mut Context<'_>,
        buffer: impl FnOnce() -> &'b mut Vec<u8>,
    ) -> Poll<io::Result<usize>> {
        match self {
            Self::Tcp(connection) => connection.transport.poll_read(cx, buffer),
            Self::Tunnel(tunnel) => tunnel.poll_read(cx, buffer),
        }
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, write: &Write<'_>) -> Poll<io::Result<usize>> {
        match self {
            Self::Tcp(connection) => connection.transport.poll_write(cx, write),
            Self::Tunnel(tunnel) => tunnel.poll_write(cx, write),
        }
    }

    fn poll_write_vectored(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self {
            Self::Tcp(connection) => connection.transport.poll_write_vectored(cx, slices),
            Self::Tunnel(tunnel) => tunnel.poll_write_vectored(cx, slices),
        }
    }

    fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(connection) => connection.transport.poll_shutdown(cx),
            Self::Tunnel(tunnel) => tunnel.poll_shutdown(cx),
        }
    }
}
