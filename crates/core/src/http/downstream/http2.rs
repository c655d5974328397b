//! The client's side of an HTTP/2 stream.

use std::io;
use std::task::{ready, Context, Poll};

use super::Downstream;
use crate::body::{BodyEvent, BodySink, BodySource, ReadError};
use crate::headers::Headers;
use crate::http1::encode::{HeaderCase, ResponseFrame};
use crate::http1::CodecError;
use crate::http2::{Http2Stream, MetadataEnd};

pub struct Http2Downstream {
    pub stream: Http2Stream,
    /// What waits of an answer of the proxy's own, which ends with it.
    answer: Option<Vec<u8>>,
    answered: usize,
}

impl Http2Downstream {
    pub fn new(stream: Http2Stream) -> Self {
        Self { stream, answer: None, answered: 0 }
    }

    /// Puts the head of a response in the output: its stream was opened by the client, so nothing can be in its way.
    fn head(&mut self, headers: &Headers, status: u16, end: bool) -> u64 {
        let mut digits = itoa::Buffer::new();
        let status = digits.format(status).as_bytes();
        self.stream.send_head(&[(b":status", status)], headers, end).unwrap_or(0)
    }
}

impl BodySource for Http2Downstream {
    fn poll_read_body(&mut self, cx: &mut Context<'_>) -> Poll<Result<BodyEvent, ReadError>> {
        self.stream.poll_read_body(cx)
    }

    fn body_bytes(&self) -> &[u8] {
        self.stream.body_bytes()
    }

    fn took(&mut self, count: usize) {
        self.stream.took(count);
    }

    fn trailers(&self) -> &Headers {
        self.stream.trailers()
    }
}

impl BodySink for Http2Downstream {
    fn poll_write_body(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.stream.poll_write_body(cx, bytes)
    }

    fn finish(&mut self, trailers: Option<&Headers>, case: HeaderCase) {
        self.stream.finish(trailers, case);
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Some(answer) = &self.answer {
            while self.answered < answer.len() {
                let rest = &answer[self.answered..];
                self.answered += ready!(self.stream.poll_send(cx, rest, true))?;
            }
            self.answer = None;
        }
        self.stream.poll_flush(cx)
    }
}

impl Downstream for Http2Downstream {
    fn send_head(&mut self, headers: &Headers, frame: &ResponseFrame) -> u64 {
        // An upgrade is agreed to by 200 (RFC 8441 section 5).
        let status = if frame.status == 101 { 200 } else { frame.status };
        self.head(headers, status, frame.end || frame.to_head)
    }

    fn inform(&mut self, headers: &Headers, frame: &ResponseFrame) {
        self.head(headers, frame.status, false);
    }

    fn send_continue(&mut self) {
        self.head(&Headers::new(), 100, false);
    }

    fn send_whole_body(&mut self, bytes: &[u8]) -> bool {
        if self.stream.is_sent() {
            return false;
        }
        match bytes.is_empty() {
            true => self.stream.finish(None, HeaderCase::Lower),
            false => self.answer = Some(bytes.to_vec()),
        }
        true
    }

    fn end_with_head(&mut self) {}

    fn close_when_written(&mut self, _: bool) {}

    fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.stream.poll_reset(cx).map(drop)
    }

    fn can_watch(&self) -> bool {
        false
    }

    fn metadata(&self) -> Option<MetadataEnd> {
        self.stream.metadata()
    }

    fn discard_body(&mut self) -> Result<(u64, bool), CodecError> {
        let dropped = self.stream.discard();
        Ok((dropped, self.stream.is_read()))
    }
}
