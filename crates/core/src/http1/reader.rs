//! The reading half of an HTTP/1 connection.

use std::io;
use std::task::{ready, Context, Poll};

use super::body::{BodyDecoder, Step};
use super::error::CodecError;
use crate::body::{BodyEvent, ReadError};
use crate::buffer::Buffer;
use crate::headers::Headers;
use crate::transport::{is_reset, Transport};

/// Room made for a read: of requests, of responses (so that one read takes a response of usual size with its
/// head), and of bodies known to be long.
const REQUEST_READ: usize = 16 * 1024;
const RESPONSE_READ: usize = 64 * 1024;
const LARGE_READ: usize = 256 * 1024;
/// Room where a connection's buffer is limited to less.
const SMALLEST_READ: usize = 4 * 1024;

/// Bytes read from a peer and the place in the message they belong to.
pub struct Reader {
    pub buffer: Buffer,
    pub decoder: BodyDecoder,
    pub trailers: Headers,
    pub at_end: bool,
    /// It ended with an error.
    pub failed: bool,
    /// Body bytes used so far, with their framing.
    pub total: u64,
    room: usize,
    large_room: usize,
    /// Bytes read that nobody has counted yet.
    pub received: u64,
    /// Bytes that were there, unused, after the latest read.
    pub buffered: usize,
    /// The peer has reset the connection.
    pub was_reset: bool,
}

impl Default for Reader {
    /// Reads requests.
    fn default() -> Self {
        Self::with_room(Buffer::new(), REQUEST_READ, LARGE_READ)
    }
}

impl Reader {
    /// Reads responses; `buffer` holds what was read of the connection before. No more than `limit` bytes are
    /// read before they are used (4 KiB at least; 0: no limit).
    pub fn of_responses(buffer: Buffer, limit: usize) -> Self {
        let most = if limit == 0 { LARGE_READ } else { limit.max(SMALLEST_READ) };
        Self::with_room(buffer, RESPONSE_READ.min(most), LARGE_READ.min(most))
    }

    fn with_room(buffer: Buffer, room: usize, large_room: usize) -> Self {
        let decoder = BodyDecoder::done();
        Self {
            buffer,
            decoder,
            trailers: Headers::new(),
            at_end: false,
            failed: false,
            total: 0,
            received: 0,
            buffered: 0,
            was_reset: false,
            room,
            large_room,
        }
    }

    pub fn bytes(&self) -> &[u8] {
        self.buffer.bytes()
    }

    /// Reads more bytes. 0: the peer has closed. No storage is taken while nothing is there.
    pub fn poll_fill(
        &mut self,
        transport: &mut Transport,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        if self.at_end {
            return Poll::Ready(Ok(0));
        }
        let long = self.decoder.expected() >= LARGE_READ as u64 && !self.decoder.is_done();
        let room = if long { self.large_room } else { self.room };
        let limited = self.large_room < LARGE_READ;
        let read = transport.poll_read(cx, || match limited {
            false => self.buffer.spare(room),
            true => self.buffer.spare_exact(room),
        });
        if read.is_pending() {
            self.buffer.release();
        }
        let read = ready!(read);
        self.at_end = !matches!(read, Ok(1..));
        self.failed = read.is_err();
        self.was_reset |= is_reset(&read);
        let count = read?;
        self.received += count as u64;
        self.buffered = self.buffer.len();
        Poll::Ready(Ok(count))
    }

    /// Finds the next bytes of the body, reading where needed.
    pub fn poll_body(
        &mut self,
        transport: &mut Transport,
        cx: &mut Context<'_>,
    ) -> Poll<Result<BodyEvent, ReadError>> {
        loop {
            let step = self.decoder.step(self.buffer.bytes(), &mut self.trailers);
            match step.map_err(ReadError::Codec) {
                Err(error) => return Poll::Ready(Err(error)),
                Ok(Step::Data(count)) => return Poll::Ready(Ok(BodyEvent::Data(count))),
                Ok(Step::Skip(count)) => {
                    self.total += count as u64;
                    self.buffer.consume(count);
                }
                Ok(Step::End) => return Poll::Ready(Ok(BodyEvent::End)),
                Ok(Step::NeedMore) => match ready!(self.poll_fill(transport, cx)) {
                    Ok(0) if self.decoder.ends_with_connection() => {
                        self.decoder = BodyDecoder::done();
                    }
                    Ok(0) => return Poll::Ready(Err(ReadError::Truncated)),
                    Ok(_) => {}
                    Err(error) => return Poll::Ready(Err(ReadError::Io(error))),
                },
            }
        }
    }

    /// Drops what has come of a body that nobody wants: how many body bytes, and whether that was all of it.
    pub fn discard_body(&mut self) -> Result<(u64, bool), CodecError> {
        let mut dropped = 0;
        loop {
            match self.decoder.step(self.buffer.bytes(), &mut self.trailers)? {
                Step::Data(count) => {
                    dropped += count as u64;
                    self.took(count);
                }
                Step::Skip(count) => {
                    self.total += count as u64;
                    self.buffer.consume(count);
                }
                Step::NeedMore => return Ok((dropped, false)),
                Step::End => return Ok((dropped, true)),
            }
        }
    }

    /// Drops `count` body bytes that were used.
    pub fn took(&mut self, count: usize) {
        self.decoder.took(count);
        self.total += count as u64;
        self.buffer.consume(count);
    }
}

#[cfg(test)]
mod tests;
