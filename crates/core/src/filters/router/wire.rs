//! One request on a connection to an upstream, whatever protocol the upstream speaks.

mod channel;
mod http1;
mod http2;
mod tcp;

use std::io;
use std::task::{Context, Poll};

use super::failure::Failure;
use crate::body::{BodyEvent, BodySink, BodySource, ReadError};
use crate::headers::Headers;
use crate::http1::encode::HeaderCase;
use crate::http1::response::ResponseHead;
use crate::upstream::ClosedBy;

pub use http1::Http1Wire;
pub use http2::{failure, Http2Wire};
pub use tcp::TcpWire;

/// The source of a response's body, the sink of a request's.
pub enum Wire {
    Http1(Http1Wire),
    Http2(Http2Wire),
    Tcp(TcpWire),
}

impl Wire {
    /// Puts the head of the request in the output, `end` when no body follows: how many header bytes that
    /// are, as Envoy counts them.
    pub fn send_head(&mut self, request: &Headers, end: bool) -> u64 {
        match self {
            Self::Http1(wire) => wire.send_head(request, end),
            Self::Http2(wire) => wire.send_head(request, end),
            Self::Tcp(_) => 0,
        }
    }

    /// Reads the next head of the response, which may be informational, into `response`.
    pub fn poll_head(
        &mut self,
        cx: &mut Context<'_>,
        response: &mut Headers,
    ) -> Poll<Result<ResponseHead, Failure>> {
        match self {
            Self::Http1(wire) => wire.poll_head(cx, response),
            Self::Http2(wire) => wire.poll_head(cx, response),
            Self::Tcp(_) => Poll::Ready(Ok(TcpWire::head(response))),
        }
    }

    /// The upstream takes no more: what is still to be sent goes nowhere.
    pub fn stop_sending(&mut self) {
        match self {
            Self::Http1(wire) => wire.channel.stop_sending(),
            Self::Http2(wire) => wire.stop_sending(),
            Self::Tcp(wire) => wire.channel.stop_sending(),
        }
    }

    /// Bytes written for the request so far.
    pub fn written(&self) -> u64 {
        match self {
            Self::Http1(wire) => wire.channel.written(),
            Self::Http2(wire) => wire.written(),
            Self::Tcp(wire) => wire.channel.written(),
        }
    }

    /// Bytes written, and read, since they were asked for last, where the connection does not count itself.
    pub fn take_traffic(&mut self) -> (u64, u64) {
        match self {
            Self::Http1(wire) => wire.channel.take_traffic(),
            Self::Http2(_) => (0, 0),
            Self::Tcp(wire) => wire.channel.take_traffic(),
        }
    }

    /// Bytes of the response's body so far, with their framing.
    pub fn body_read(&self) -> u64 {
        match self {
            Self::Http1(wire) => wire.channel.body_read(),
            Self::Http2(wire) => wire.body_read(),
            Self::Tcp(wire) => wire.channel.body_read(),
        }
    }

    /// Bytes read that belong to no message yet.
    pub fn unread(&self) -> u64 {
        match self {
            Self::Http1(wire) => wire.unread(),
            Self::Http2(_) => 0,
            Self::Tcp(_) => 0,
        }
    }

    /// A response that breaks the protocol is a fault of the connection alone, which counts it itself.
    pub fn shares_connection(&self) -> bool {
        matches!(self, Self::Http2(_))
    }

    /// Which side an exchange that failed was ended by.
    pub fn ended_by(&self) -> ClosedBy {
        match self {
            Self::Http1(wire) => wire.ended_by(),
            Self::Http2(wire) => wire.ended_by(),
            Self::Tcp(wire) => wire.ended_by(),
        }
    }

    /// Trailers are passed on, both ways.
    pub fn passes_trailers(&self) -> bool {
        match self {
            Self::Http1(wire) => wire.trailers,
            Self::Http2(_) => true,
            Self::Tcp(_) => false,
        }
    }

    pub fn take_trailers(&mut self) -> Headers {
        match self {
            Self::Http1(wire) => wire.take_trailers(),
            Self::Http2(wire) => wire.take_trailers(),
            Self::Tcp(_) => Headers::new(),
        }
    }

    /// How names of trailers are written.
    pub fn case(&self) -> HeaderCase {
        match self {
            Self::Http1(wire) => wire.case(),
            Self::Http2(_) => HeaderCase::Lower,
            Self::Tcp(_) => HeaderCase::Lower,
        }
    }

    /// The response has come whole; the request, if `sent`, went out whole.
    pub fn release(&mut self, head: &ResponseHead, sent: bool) {
        match self {
            Self::Http1(wire) => wire.release(head, sent),
            Self::Http2(wire) => wire.release(),
            Self::Tcp(wire) => wire.release(sent),
        }
    }

    /// Ends the exchange in the middle.
    pub fn abort(&mut self, by: ClosedBy) {
        match self {
            Self::Http1(wire) => wire.abort(by),
            Self::Http2(wire) => wire.abort(),
            Self::Tcp(wire) => wire.abort(by),
        }
    }
}

impl BodySource for Wire {
    fn poll_read_body(&mut self, cx: &mut Context<'_>) -> Poll<Result<BodyEvent, ReadError>> {
        match self {
            Self::Http1(wire) => wire.channel.poll_read_body(cx),
            Self::Http2(wire) => wire.poll_read_body(cx),
            Self::Tcp(wire) => wire.channel.poll_read_body(cx),
        }
    }

    fn body_bytes(&self) -> &[u8] {
        match self {
            Self::Http1(wire) => wire.channel.body_bytes(),
            Self::Http2(wire) => wire.body_bytes(),
            Self::Tcp(wire) => wire.channel.body_bytes(),
        }
    }

    fn took(&mut self, count: usize) {
        match self {
            Self::Http1(wire) => wire.channel.took(count),
            Self::Http2(wire) => wire.took(count),
            Self::Tcp(wire) => wire.channel.took(count),
        }
    }

    fn trailers(&self) -> &Headers {
        match self {
            Self::Http1(wire) => wire.channel.trailers(),
            Self::Http2(wire) => wire.trailers(),
            Self::Tcp(wire) => wire.channel.trailers(),
        }
    }
}

impl BodySink for Wire {
    fn poll_write_body(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self {
            Self::Http1(wire) => wire.channel.poll_write_body(cx, bytes),
            Self::Http2(wire) => wire.poll_write_body(cx, bytes),
            Self::Tcp(wire) => wire.channel.poll_write_body(cx, bytes),
        }
    }

    fn finish(&mut self, trailers: Option<&Headers>, case: HeaderCase) {
        match self {
            Self::Http1(wire) => wire.channel.finish(trailers, case),
            Self::Http2(wire) => wire.finish(trailers, case),
            Self::Tcp(wire) => wire.channel.finish(trailers, case),
        }
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Http1(wire) => wire.channel.poll_flush(cx),
            Self::Http2(wire) => wire.poll_flush(cx),
            Self::Tcp(wire) => wire.channel.poll_flush(cx),
        }
    }
}
