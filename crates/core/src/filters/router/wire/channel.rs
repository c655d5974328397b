//! A connection that one exchange has to itself: the body of the request goes out on it, that of the response
//! comes back.

use std::io;
use std::task::{ready, Context, Poll};

use crate::body::{BodyEvent, BodySink, BodySource, ReadError};
use crate::headers::Headers;
use crate::http1::encode::HeaderCase;
use crate::http1::{Reader, Writer};
use crate::transport::Transport;

/// What a [`Channel`] runs on.
pub trait Carrier {
    fn transport(&mut self) -> &mut Transport;

    /// So many bytes read, and so many to be written, wait now.
    fn note_buffered(&mut self, _read: usize, _unsent: usize) {}
}

pub struct Channel<C> {
    /// None once the exchange is over.
    pub carrier: Option<C>,
    pub reader: Reader,
    pub writer: Writer,
    /// The end of the request closes this side of the connection.
    closes: bool,
    /// The request has ended; `Some(true)`: the upstream was told.
    ended: Option<bool>,
    /// Bytes written that were counted.
    counted: u64,
}

impl<C: Carrier> Channel<C> {
    pub fn new(carrier: C, reader: Reader, closes: bool) -> Self {
        Self {
            carrier: Some(carrier),
            reader,
            writer: Writer::with_storage(),
            closes,
            ended: None,
            counted: 0,
        }
    }

    pub fn stop_sending(&mut self) {
        self.writer = Writer::default();
        self.counted = 0;
    }

    pub fn written(&self) -> u64 {
        self.writer.total
    }

    pub fn take_traffic(&mut self) -> (u64, u64) {
        let written = self.writer.total - self.counted;
        self.counted = self.writer.total;
        self.note_buffered(0);
        (written, std::mem::take(&mut self.reader.received))
    }

    /// Notes what is in the buffers now, and `unsent` bytes that only their source holds.
    fn note_buffered(&mut self, unsent: usize) {
        if let Some(carrier) = &mut self.carrier {
            carrier.note_buffered(self.reader.buffered, self.writer.waiting() + unsent);
        }
    }

    pub fn body_read(&self) -> u64 {
        self.reader.total
    }
}

impl<C: Carrier> BodySource for Channel<C> {
    fn poll_read_body(&mut self, cx: &mut Context<'_>) -> Poll<Result<BodyEvent, ReadError>> {
        match &mut self.carrier {
            Some(carrier) => self.reader.poll_body(carrier.transport(), cx),
            None => Poll::Ready(Err(ReadError::Truncated)),
        }
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

impl<C: Carrier> BodySink for Channel<C> {
    fn poll_write_body(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let Some(carrier) = &mut self.carrier else {
            return Poll::Ready(Err(io::ErrorKind::NotConnected.into()));
        };
        let written = self.writer.poll_body(carrier.transport(), cx, bytes);
        if written.is_pending() {
            self.note_buffered(bytes.len());
        }
        written
    }

    fn finish(&mut self, trailers: Option<&Headers>, case: HeaderCase) {
        self.writer.finish(trailers, case);
        if self.closes {
            self.ended.get_or_insert(false);
        }
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(carrier) = &mut self.carrier else {
            return Poll::Ready(Err(io::ErrorKind::NotConnected.into()));
        };
        ready!(self.writer.poll_flush(carrier.transport(), cx))?;
        if self.ended == Some(false) {
            ready!(carrier.transport().poll_shutdown(cx))?;
            self.ended = Some(true);
        }
        Poll::Ready(Ok(()))
    }
}
