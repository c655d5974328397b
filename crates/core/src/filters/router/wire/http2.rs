//! One request on an HTTP/2 connection to an upstream.

use std::io;
use std::task::{ready, Context, Poll};

use lateen_http2::ErrorCode;

use super::super::failure::Failure;
use crate::body::{BodyEvent, BodySink, BodySource, ReadError};
use crate::headers::{HeaderId, Headers, Side};
use crate::http::stream::Stream;
use crate::http1::encode::HeaderCase;
use crate::http1::response::ResponseHead;
use crate::http1::BodyLength;
use crate::http2::{Http2Stream, MetadataEnd, Reset};
use crate::upstream::{ClosedBy, PooledStream};

pub struct Http2Wire {
    /// None once the exchange is over.
    pooled: Option<PooledStream>,
    to_head: bool,
    to_connect: bool,
    /// What the request asks to be switched to.
    upgrade: Option<Vec<u8>>,
    /// Bytes of body and trailers, frames and all, once the exchange is over.
    received: u64,
    trailers: Headers,
    from_http1: bool,
    /// The request could not be sent.
    refused: Option<Failure>,
}

impl Http2Wire {
    pub fn new(stream: &Stream, pooled: PooledStream) -> Self {
        Self {
            pooled: Some(pooled),
            to_head: stream.head.is_head,
            to_connect: stream.head.is_connect,
            upgrade: stream
                .head
                .upgrade
                .then(|| stream.request.get(HeaderId::Upgrade).unwrap_or_default().to_vec()),
            received: 0,
            trailers: Headers::new(),
            from_http1: !stream.is_http2(),
            refused: None,
        }
    }

    fn stream(&mut self) -> Option<&mut Http2Stream> {
        self.pooled.as_mut().map(|pooled| &mut pooled.stream)
    }

    pub fn send_head(&mut self, request: &Headers, end: bool) -> u64 {
        let Some(pooled) = &mut self.pooled else { return 0 };
        let value = |id| request.get(id);
        let path = value(HeaderId::Path).filter(|_| !self.to_connect);
        // An upgrade is an extended CONNECT (RFC 8441 section 4).
        let (method, protocol): (_, Option<&[u8]>) = match &self.upgrade {
            Some(protocol) => (Some(&b"CONNECT"[..]), Some(protocol)),
            None => (value(HeaderId::Method), None),
        };
        let scheme = value(HeaderId::Scheme).filter(|_| !self.to_connect);
        let authority = value(HeaderId::Authority);
        let mut pseudo: [(&[u8], Option<&[u8]>); 5] = [
            (b":method", method),
            (b":scheme", scheme),
            (b":authority", authority),
            (b":path", path),
            (b":protocol", protocol),
        ];
        if self.from_http1 {
            // As Envoy makes them of a request line.
            pseudo[..4].rotate_left(2);
        }
        let mut fields: [(&[u8], &[u8]); 5] = Default::default();
        let mut count = 0;
        for (name, value) in pseudo {
            if let Some(value) = value {
                fields[count] = (name, value);
                count += 1;
            }
        }
        match pooled.stream.send_head(&fields[..count], request, end) {
            Ok(size) => size,
            Err(_) => {
                self.refused = Some(Failure::Reset { refused: true });
                0
            }
        }
    }

    pub fn poll_head(
        &mut self,
        cx: &mut Context<'_>,
        response: &mut Headers,
    ) -> Poll<Result<ResponseHead, Failure>> {
        if let Some(failure) = self.refused.take() {
            return Poll::Ready(Err(failure));
        }
        let Some(stream) = self.stream() else { return Poll::Ready(Err(Failure::Terminated)) };
        let head = match ready!(stream.poll_head(cx)) {
            Ok(head) => head,
            Err(reset) => return Poll::Ready(Err(failure(reset))),
        };
        *response = head.headers;
        response.join_singles(Side::Response);
        let number = |id| response.get_str(id).and_then(|text| text.parse::<u64>().ok());
        let mut status = number(HeaderId::Status).unwrap_or(0) as u16;
        let open = self.to_connect && (200..300).contains(&status);
        let switched = self.upgrade.take_if(|_| status == 200);
        let body = match (head.end || self.to_head, number(HeaderId::ContentLength)) {
            (true, _) => BodyLength::Empty,
            _ if open || switched.is_some() => BodyLength::Open,
            (false, Some(length)) if length > 0 => BodyLength::Length(length),
            (false, _) => BodyLength::Chunked,
        };
        if let Some(protocol) = switched {
            status = 101;
            response.set(HeaderId::Status, b"101");
            response.set(HeaderId::Upgrade, &protocol);
            response.set(HeaderId::Connection, b"upgrade");
        }
        Poll::Ready(Ok(ResponseHead {
            status,
            http10: false,
            body,
            keep_alive: true,
            close_notify: false,
            size: head.size,
            field_bytes: head.size,
        }))
    }

    pub fn metadata(&self) -> Option<MetadataEnd> {
        self.pooled.as_ref().and_then(|pooled| pooled.stream.metadata())
    }

    pub fn stop_sending(&mut self) {
        // The stream itself takes no more.
    }

    pub fn written(&self) -> u64 {
        self.pooled.as_ref().map_or(0, |pooled| pooled.stream.wire_sent)
    }

    pub fn body_read(&self) -> u64 {
        self.pooled.as_ref().map_or(self.received, |pooled| pooled.stream.wire_received())
    }

    /// The connection is the pool's: an exchange that fails does not end it.
    pub fn ended_by(&self) -> ClosedBy {
        ClosedBy::Local
    }

    pub fn take_trailers(&mut self) -> Headers {
        match self.stream() {
            Some(stream) => stream.take_trailers(),
            None => std::mem::take(&mut self.trailers),
        }
    }

    pub fn release(&mut self) {
        self.trailers = self.take_trailers();
        self.received = self.body_read();
        self.pooled = None;
    }

    pub fn abort(&mut self) {
        if let Some(pooled) = &mut self.pooled {
            pooled.give_up();
        }
        self.release();
    }
}

/// What a reset means for the request.
pub fn failure(reset: Reset) -> Failure {
    match reset {
        Reset::Remote(code) => Failure::Reset { refused: code == ErrorCode::REFUSED_STREAM },
        Reset::Refused => Failure::Reset { refused: true },
        reset if reset.is_too_large() => Failure::Reset { refused: false },
        Reset::Malformed(_) => Failure::Protocol,
        Reset::ConnectionProtocol(_) => Failure::Protocol,
        Reset::ConnectionEnd => Failure::Terminated,
    }
}

impl BodySource for Http2Wire {
    fn poll_read_body(&mut self, cx: &mut Context<'_>) -> Poll<Result<BodyEvent, ReadError>> {
        match self.stream() {
            Some(stream) => stream.poll_read_body(cx),
            None => Poll::Ready(Err(ReadError::Truncated)),
        }
    }

    fn body_bytes(&self) -> &[u8] {
        self.pooled.as_ref().map_or(&[], |pooled| pooled.stream.body_bytes())
    }

    fn took(&mut self, count: usize) {
        if let Some(stream) = self.stream() {
            stream.took(count);
        }
    }

    fn trailers(&self) -> &Headers {
        self.pooled.as_ref().map_or(&self.trailers, |pooled| pooled.stream.trailers())
    }
}

impl BodySink for Http2Wire {
    fn poll_write_body(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.stream() {
            Some(stream) => stream.poll_write_body(cx, bytes),
            None => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    }

    fn finish(&mut self, trailers: Option<&Headers>, case: HeaderCase) {
        if let Some(stream) = self.stream() {
            stream.finish(trailers, case);
        }
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.stream() {
            Some(stream) => stream.poll_flush(cx),
            None => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    }
}
