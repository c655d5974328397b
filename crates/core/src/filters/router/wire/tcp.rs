//! A CONNECT (or POST) that ends here: the body goes to the upstream over TCP, and what comes back is the body of
//! the response. Its head is the proxy's own.

use std::io;
use std::task::{ready, Context, Poll};

use crate::body::{BodyEvent, BodySink, BodySource, ReadError};
use crate::buffer::Buffer;
use crate::headers::{HeaderId, Headers};
use crate::http1::encode::HeaderCase;
use crate::http1::response::ResponseHead;
use crate::http1::{BodyDecoder, BodyLength, Encoding, Reader, Writer};
use crate::upstream::{ClosedBy, TcpConnection};

/// What follows once the connection stands.
const HEAD: ResponseHead = ResponseHead {
    status: 200,
    http10: false,
    body: BodyLength::UntilClose,
    keep_alive: false,
    close_notify: false,
    size: 0,
    field_bytes: 0,
};

pub struct TcpWire {
    /// None once the exchange is over.
    connection: Option<TcpConnection>,
    reader: Reader,
    writer: Writer,
    /// The request has ended; `Some(true)`: the upstream was told.
    ended: Option<bool>,
    /// Bytes written that were counted.
    counted: u64,
}

impl TcpWire {
    pub fn new(connection: TcpConnection) -> Self {
        let mut reader = Reader::of_responses(Buffer::new(), connection.buffer_limit());
        reader.decoder = BodyDecoder::new(HEAD.body, 0, 0);
        let mut writer = Writer::with_storage();
        writer.encoding = Encoding::Identity;
        Self { connection: Some(connection), reader, writer, ended: None, counted: 0 }
    }

    /// There is a connection, so there is a response.
    pub fn head(response: &mut Headers) -> ResponseHead {
        response.clear();
        response.append(HeaderId::Status, b"200");
        HEAD
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
        (written, std::mem::take(&mut self.reader.received))
    }

    pub fn body_read(&self) -> u64 {
        self.reader.total
    }

    pub fn ended_by(&self) -> ClosedBy {
        match self.reader.at_end {
            true => ClosedBy::Remote,
            false => ClosedBy::Local,
        }
    }

    /// The upstream has ended its side; the request, if `sent`, had ended before.
    pub fn release(&mut self, sent: bool) {
        if let Some(mut connection) = self.connection.take() {
            connection.closed_by = if sent { ClosedBy::Remote } else { ClosedBy::Local };
            connection.active = !sent;
        }
    }

    pub fn abort(&mut self, by: ClosedBy) {
        if let Some(mut connection) = self.connection.take() {
            connection.closed_by = by;
        }
    }
}

impl BodySource for TcpWire {
    fn poll_read_body(&mut self, cx: &mut Context<'_>) -> Poll<Result<BodyEvent, ReadError>> {
        match &mut self.connection {
            Some(connection) => self.reader.poll_body(&mut connection.transport, cx),
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

impl BodySink for TcpWire {
    fn poll_write_body(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.connection {
            Some(connection) => self.writer.poll_body(&mut connection.transport, cx, bytes),
            None => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    }

    fn finish(&mut self, _: Option<&Headers>, case: HeaderCase) {
        self.writer.finish(None, case);
        self.ended.get_or_insert(false);
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(connection) = &mut self.connection else {
            return Poll::Ready(Err(io::ErrorKind::NotConnected.into()));
        };
        ready!(self.writer.poll_flush(&mut connection.transport, cx))?;
        if self.ended == Some(false) {
            ready!(connection.transport.poll_shutdown(cx))?;
            self.ended = Some(true);
        }
        Poll::Ready(Ok(()))
    }
}
