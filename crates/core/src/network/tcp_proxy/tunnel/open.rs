//! A tunnel through a connection of an HTTP pool: one of HTTP/1 that is its own, or a stream of HTTP/2.

use std::io::{self, IoSlice};
use std::rc::Rc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::Arc;
use std::task::{ready, Context, Poll};

use super::super::flow::End;
use crate::body::{BodyEvent, BodySink, BodySource, ReadError};
use crate::headers::Headers;
use crate::http1::encode::HeaderCase;
use crate::http2::{Http2Stream, Reset};
use crate::proto::ClusterStat;
use crate::transport::Write;
use crate::upstream::{Carrier, ClosedBy, Cluster, Host, PooledConnection};

/// It ends, and is counted as ended, when it is dropped.
pub struct OpenTunnel {
    pub carrier: Carrier,
    pub cluster: Rc<Cluster>,
    pub host: Arc<Host>,
}

impl OpenTunnel {
    pub fn new(carrier: Carrier, cluster: Rc<Cluster>, host: Arc<Host>) -> Self {
        cluster.block().inc(ClusterStat::ClusterUpstreamRqTotal);
        cluster.block().inc(ClusterStat::ClusterUpstreamRqActive);
        host.stats.rq_total.fetch_add(1, Relaxed);
        host.stats.rq_active.fetch_add(1, Relaxed);
        Self { carrier, cluster, host }
    }

    /// The scheme of a request on the connection.
    pub fn scheme(&self) -> &'static [u8] {
        match self.cluster.config().sockets.is_secured(&self.host) {
            true => b"https",
            false => b"http",
        }
    }

    /// Others use the connection, too.
    pub fn is_shared(&self) -> bool {
        matches!(self.carrier, Carrier::Http2(_))
    }

    /// Adds to a counter or gauge of the cluster; a wrapped number takes away.
    pub fn count(&self, stat: ClusterStat, by: usize) {
        self.cluster.block().add(stat, by as u64);
    }

    /// Notes which side ends it, as far as is known.
    pub fn set_closed_by(&mut self, by: ClosedBy) {
        if let Carrier::Http1(pooled) = &mut self.carrier {
            pooled.closed_by = by;
        }
    }

    pub fn reset_on_close(&self) {
        if let Carrier::Http1(pooled) = &self.carrier {
            pooled.transport.reset_on_close();
        }
    }

    /// The trailers of the answer, once it has ended.
    pub fn take_trailers(&mut self) -> Headers {
        match &mut self.carrier {
            Carrier::Http1(_) => Headers::new(),
            Carrier::Http2(pooled) => pooled.stream.take_trailers(),
        }
    }
}

impl Drop for OpenTunnel {
    fn drop(&mut self) {
        self.cluster.block().dec(ClusterStat::ClusterUpstreamRqActive);
        self.host.stats.rq_active.fetch_sub(1, Relaxed);
        if let Carrier::Http2(pooled) = &mut self.carrier {
            if !pooled.stream.is_over() {
                pooled.give_up();
            }
        }
    }
}

impl End for OpenTunnel {
    fn poll_read<'b>(
        &mut self,
        cx: &mut Context<'_>,
        buffer: impl FnOnce() -> &'b mut Vec<u8>,
    ) -> Poll<io::Result<usize>> {
        match &mut self.carrier {
            Carrier::Http1(pooled) if pooled.buffer.is_empty() => {
                pooled.transport.poll_read(cx, buffer)
            }
            Carrier::Http1(pooled) => Poll::Ready(Ok(take_early(pooled, buffer()))),
            Carrier::Http2(pooled) => poll_read(&mut pooled.stream, cx, buffer),
        }
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, write: &Write<'_>) -> Poll<io::Result<usize>> {
        match &mut self.carrier {
            Carrier::Http1(pooled) => pooled.transport.poll_write(cx, write),
            Carrier::Http2(pooled) => poll_write(&mut pooled.stream, cx, write),
        }
    }

    fn poll_write_vectored(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut self.carrier {
            Carrier::Http1(pooled) => pooled.transport.poll_write_vectored(cx, slices),
            Carrier::Http2(pooled) => {
                let first = slices.iter().find(|slice| !slice.is_empty());
                let bytes = first.map_or(&[][..], |slice| slice);
                poll_write(&mut pooled.stream, cx, &Write { bytes, last: false })
            }
        }
    }

    fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.carrier {
            Carrier::Http1(pooled) => pooled.transport.poll_shutdown(cx),
            Carrier::Http2(pooled) => {
                pooled.stream.finish(None, HeaderCase::Lower);
                Poll::Ready(Ok(()))
            }
        }
    }
}

/// Moves what came with the head of the answer, as far as there is room.
fn take_early(pooled: &mut PooledConnection, target: &mut Vec<u8>) -> usize {
    let count = append(target, pooled.buffer.bytes());
    pooled.buffer.consume(count);
    count
}

/// As much of `bytes` as there is room for.
fn append(target: &mut Vec<u8>, bytes: &[u8]) -> usize {
    let count = bytes.len().min(target.capacity() - target.len());
    target.extend_from_slice(&bytes[..count]);
    count
}

fn poll_read<'b>(
    stream: &mut Http2Stream,
    cx: &mut Context<'_>,
    buffer: impl FnOnce() -> &'b mut Vec<u8>,
) -> Poll<io::Result<usize>> {
    match ready!(stream.poll_read_body(cx)) {
        Ok(BodyEvent::Data(_)) => {
            let count = append(buffer(), stream.body_bytes());
            stream.took(count);
            Poll::Ready(Ok(count))
        }
        Ok(BodyEvent::End) => Poll::Ready(Ok(0)),
        Err(ReadError::Reset(reset)) => Poll::Ready(Err(error(Some(reset)))),
        Err(_) => Poll::Ready(Err(error(None))),
    }
}

fn poll_write(
    stream: &mut Http2Stream,
    cx: &mut Context<'_>,
    write: &Write<'_>,
) -> Poll<io::Result<usize>> {
    let sent = ready!(stream.poll_send(cx, write.bytes, write.last));
    Poll::Ready(sent.map_err(|_| error(stream.reset())))
}

/// A stream that its peer resets is a connection that its peer resets; with its connection it just ends.
fn error(reset: Option<Reset>) -> io::Error {
    match reset {
        Some(Reset::Remote(_) | Reset::Refused) => io::ErrorKind::ConnectionReset.into(),
        _ => io::ErrorKind::ConnectionAborted.into(),
    }
}
