//! The client's side of an HTTP/1 connection.

use std::io;
use std::task::{Context, Poll};

use crate::http1::{Reader, Writer};
use crate::transport::Transport;

/// A client's transport with what was read from it and what waits to be written to it.
pub struct Downstream {
    pub transport: Transport,
    pub reader: Reader,
    pub writer: Writer,
}

impl Downstream {
    pub fn new(transport: Transport) -> Self {
        Self { transport, reader: Reader::default(), writer: Writer::default() }
    }

    pub fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.writer.poll_flush(&mut self.transport, cx)
    }

    /// Whether the loop is yet to be told of the client, and would be by [`Self::poll_gone`].
    pub fn can_watch(&self, limit: usize) -> bool {
        !self.transport.is_watched() && self.reader.bytes().len() < limit
    }

    /// Ready when the client has closed or reset the connection while its answer is awaited.
    ///
    /// Pipelined bytes are kept, up to `limit`; past that the client is not read.
    pub fn poll_gone(&mut self, cx: &mut Context<'_>, limit: usize) -> Poll<()> {
        while self.reader.bytes().len() < limit {
            match self.reader.poll_fill(&mut self.transport, cx) {
                Poll::Ready(Ok(0) | Err(_)) => return Poll::Ready(()),
                Poll::Ready(Ok(_)) => {}
                Poll::Pending => return Poll::Pending,
            }
        }
        Poll::Pending
    }
}
