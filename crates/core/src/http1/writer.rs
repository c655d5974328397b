//! The writing half of an HTTP/1 connection.

use std::io::{self, IoSlice, Write as _};
use std::task::{ready, Context, Poll};

use super::encode::{field, HeaderCase};
use crate::buffer::{borrow_storage, return_storage};
use crate::headers::Headers;
use crate::transport::{is_reset, Transport, Write};

/// How the body of the message being written is framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// No body.
    None,
    /// As it is: its length is known, or the connection ends it.
    Identity,
    Chunked,
}

/// Body bytes up to this many are copied behind the head, so that one write takes both.
const COPY_LIMIT: usize = 4 * 1024;
/// No more than this waits to be written.
const OUTPUT_LIMIT: usize = 64 * 1024;

/// Bytes that wait to be written to a peer.
pub struct Writer {
    /// Heads, chunk framing and short bodies, not written yet from `written` on.
    pub output: Vec<u8>,
    written: usize,
    pub encoding: Encoding,
    /// The connection is closed as soon as the message is written.
    pub closing: bool,
    /// All that went to the transport.
    pub total: u64,
    /// The peer has reset the connection.
    pub was_reset: bool,
}

impl Default for Writer {
    fn default() -> Self {
        Self {
            output: Vec::new(),
            written: 0,
            encoding: Encoding::None,
            closing: false,
            total: 0,
            was_reset: false,
        }
    }
}

impl Writer {
    /// With storage that the worker lends until the writer is dropped.
    pub fn with_storage() -> Self {
        let mut writer = Self::default();
        writer.output = borrow_storage();
        writer
    }

    /// Takes storage for a message after which the connection ends, if it has none.
    pub fn borrow_for_last(&mut self) {
        if self.output.capacity() == 0 {
            self.output = borrow_storage();
        }
    }

    pub fn is_flushed(&self) -> bool {
        self.written == self.output.len()
    }

    /// Bytes that wait.
    pub fn waiting(&self) -> usize {
        self.output.len() - self.written
    }

    /// Writes all that waits.
    pub fn poll_flush(
        &mut self,
        transport: &mut Transport,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        while !self.is_flushed() {
            let last = self.closing && self.encoding == Encoding::None;
            let write = Write { bytes: &self.output[self.written..], last };
            let result = ready!(transport.poll_write(cx, &write));
            self.was_reset |= is_reset(&result);
            self.advance(result?)?;
        }
        Poll::Ready(Ok(()))
    }

    /// Takes body bytes: how many were taken. They may still wait in `output`.
    pub fn poll_body(
        &mut self,
        transport: &mut Transport,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.encoding {
            Encoding::None => Poll::Ready(Ok(bytes.len())),
            Encoding::Identity => self.poll_identity(transport, cx, bytes),
            Encoding::Chunked => self.poll_chunk(transport, cx, bytes),
        }
    }

    fn poll_identity(
        &mut self,
        transport: &mut Transport,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if bytes.len() + self.waiting() <= COPY_LIMIT {
            self.output.extend_from_slice(bytes);
            return Poll::Ready(Ok(bytes.len()));
        }
        loop {
            let waiting = self.waiting();
            let result = match waiting {
                0 => ready!(transport.poll_write(cx, &Write { bytes, last: false })),
                _ => {
                    let slices = [IoSlice::new(&self.output[self.written..]), IoSlice::new(bytes)];
                    ready!(transport.poll_write_vectored(cx, &slices))
                }
            };
            self.was_reset |= is_reset(&result);
            let count = result?;
            let of_body = count.saturating_sub(waiting);
            self.advance(count - of_body)?;
            self.total += of_body as u64;
            if of_body > 0 {
                return Poll::Ready(Ok(of_body));
            }
            if waiting == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
        }
    }

    fn poll_chunk(
        &mut self,
        transport: &mut Transport,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.waiting() >= OUTPUT_LIMIT {
            ready!(self.poll_flush(transport, cx))?;
        }
        let count = bytes.len().min(OUTPUT_LIMIT);
        write!(self.output, "{count:x}\r\n")?;
        self.output.extend_from_slice(&bytes[..count]);
        self.output.extend_from_slice(b"\r\n");
        Poll::Ready(Ok(count))
    }

    /// Ends the body; trailers are written where the coding has room for them.
    pub fn finish(&mut self, trailers: Option<&Headers>, case: HeaderCase) {
        if self.encoding == Encoding::Chunked {
            self.output.extend_from_slice(b"0\r\n");
            for (_, name, value) in trailers.into_iter().flat_map(Headers::iter) {
                field(&mut self.output, name, value, case);
            }
            self.output.extend_from_slice(b"\r\n");
        }
        self.encoding = Encoding::None;
    }

    fn advance(&mut self, count: usize) -> io::Result<()> {
        if count == 0 && !self.is_flushed() {
            return Err(io::ErrorKind::WriteZero.into());
        }
        self.total += count as u64;
        self.written += count;
        if self.is_flushed() {
            self.output.clear();
            self.written = 0;
        }
        Ok(())
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        let mut storage = std::mem::take(&mut self.output);
        storage.clear();
        return_storage(storage);
    }
}
