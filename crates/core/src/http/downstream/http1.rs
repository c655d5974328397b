//! The client's side of an HTTP/1 connection.

use std::io;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::Downstream;
use crate::body::{BodyEvent, BodySink, BodySource, ReadError};
use crate::headers::{HeaderId, Headers};
use crate::http1::encode::{response_head, sent_field_bytes, HeaderCase, ResponseFrame};
use crate::http1::{CodecError, Encoding, Reader, Writer};
use crate::stats::{Block, Buffered};
use crate::transport::Transport;

/// Bytes of pipelined requests that are read while an answer is awaited.
const PIPELINE_LIMIT: usize = 64 * 1024;

/// A client's transport with what was read from it and what waits to be written to it.
pub struct Http1Downstream {
    pub transport: Transport,
    pub reader: Reader,
    pub writer: Writer,
    buffered: Buffered,
}

impl Http1Downstream {
    /// `block` counts what is buffered.
    pub fn new(transport: Transport, block: Arc<Block>) -> Self {
        Self {
            transport,
            reader: Reader::default(),
            writer: Writer::default(),
            buffered: Buffered::of_client(block),
        }
    }

    /// Tells the stats what is in the buffers now, and `unsent` bytes that only their source holds.
    pub fn note_buffered(&mut self, unsent: usize) {
        self.buffered.set(self.reader.buffered, self.writer.waiting() + unsent);
    }

    /// Whether the client has reset the connection.
    pub fn was_reset(&self) -> bool {
        self.reader.was_reset || self.writer.was_reset
    }
}

impl BodySource for Http1Downstream {
    fn poll_read_body(&mut self, cx: &mut Context<'_>) -> Poll<Result<BodyEvent, ReadError>> {
        let read = self.reader.poll_body(&mut self.transport, cx);
        self.note_buffered(0);
        read
    }

    fn body_bytes(&self) -> &[u8] {
        self.reader.bytes()
    }

    fn took(&mut self, count: usize) {
        self.reader.took(count);
    }

    fn trailers(&self) -> &Headers {
        &self.reader.trailers
    }
}

impl BodySink for Http1Downstream {
    fn poll_write_body(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = self.writer.poll_body(&mut self.transport, cx, bytes);
        if written.is_pending() {
            self.note_buffered(bytes.len());
        }
        written
    }

    fn finish(&mut self, trailers: Option<&Headers>, case: HeaderCase) {
        self.writer.finish(trailers, case);
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = self.writer.poll_flush(&mut self.transport, cx);
        if flushed.is_pending() {
            self.note_buffered(0);
        }
        flushed
    }
}

impl Downstream for Http1Downstream {
    fn send_head(&mut self, headers: &Headers, frame: &ResponseFrame) -> u64 {
        if headers.get(HeaderId::Connection) == Some(b"close") {
            self.writer.borrow_for_last();
        }
        let before = self.writer.output.len();
        self.writer.encoding = response_head(&mut self.writer.output, headers, frame);
        sent_field_bytes(&self.writer.output[before..])
    }

    fn inform(&mut self, headers: &Headers, frame: &ResponseFrame) {
        response_head(&mut self.writer.output, headers, frame);
    }

    fn send_continue(&mut self) {
        self.writer.output.extend_from_slice(b"HTTP/1.1 100 Continue\r\n\r\n");
    }

    fn send_whole_body(&mut self, bytes: &[u8]) -> bool {
        let has_body = self.writer.encoding != Encoding::None;
        if has_body {
            self.writer.output.extend_from_slice(bytes);
        }
        self.writer.encoding = Encoding::None;
        has_body
    }

    fn end_with_head(&mut self) {
        self.writer.encoding = Encoding::None;
    }

    fn close_when_written(&mut self, closing: bool) {
        self.writer.closing = closing;
    }

    /// The client has closed or reset the connection. Pipelined bytes are kept, up to a limit; past that the
    /// client is not read.
    fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while self.reader.bytes().len() < PIPELINE_LIMIT {
            match self.reader.poll_fill(&mut self.transport, cx) {
                Poll::Ready(Ok(0) | Err(_)) => return Poll::Ready(()),
                Poll::Ready(Ok(_)) => {}
                Poll::Pending => return Poll::Pending,
            }
        }
        Poll::Pending
    }

    fn can_watch(&self) -> bool {
        !self.transport.is_watched() && self.reader.bytes().len() < PIPELINE_LIMIT
    }

    fn discard_body(&mut self) -> Result<(u64, bool), CodecError> {
        self.reader.discard_body()
    }
}
