//! The client's side of a request that the proxy makes itself.

use std::io;
use std::task::{Context, Poll};

use super::feed::Feed;
use crate::body::{BodyEvent, BodySink, BodySource, ReadError};
use crate::headers::Headers;
use crate::http::downstream::Downstream;
use crate::http1::encode::{HeaderCase, ResponseFrame};
use crate::http1::CodecError;

/// What became of the body of a response.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kept {
    /// It has not ended.
    #[default]
    Part,
    Whole,
    /// It is longer than what was to be kept.
    TooLong,
}

pub struct Caller {
    feed: Feed,
    /// What was read of the request's body, from `used` on.
    bytes: Vec<u8>,
    used: usize,
    trailers: Headers,
    /// How much of the response's body is kept; None: the response goes nowhere.
    limit: Option<usize>,
    pub body: Vec<u8>,
    pub kept: Kept,
}

impl Caller {
    /// Asks without waiting for an answer.
    pub fn indifferent(feed: Feed) -> Self {
        Self::new(feed, None)
    }

    /// Keeps the body of the response, of at most `limit` bytes.
    pub fn waiting(feed: Feed, limit: usize) -> Self {
        Self::new(feed, Some(limit))
    }

    fn new(feed: Feed, limit: Option<usize>) -> Self {
        Self {
            feed,
            bytes: Vec::new(),
            used: 0,
            trailers: Headers::new(),
            limit,
            body: Vec::new(),
            kept: Kept::default(),
        }
    }
}

impl BodySource for Caller {
    fn poll_read_body(&mut self, cx: &mut Context<'_>) -> Poll<Result<BodyEvent, ReadError>> {
        if self.used < self.bytes.len() {
            return Poll::Ready(Ok(BodyEvent::Data(self.bytes.len() - self.used)));
        }
        self.bytes.clear();
        self.used = 0;
        let event = self.feed.poll_take(&mut self.bytes, cx);
        if let Poll::Ready(Ok(BodyEvent::End)) = event {
            self.trailers = self.feed.take_trailers();
        }
        event
    }

    fn body_bytes(&self) -> &[u8] {
        &self.bytes[self.used..]
    }

    fn took(&mut self, count: usize) {
        self.used += count;
    }

    fn trailers(&self) -> &Headers {
        &self.trailers
    }
}

impl BodySink for Caller {
    fn poll_write_body(&mut self, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let Some(limit) = self.limit else { return Poll::Ready(Ok(bytes.len())) };
        if self.body.len() + bytes.len() > limit {
            self.kept = Kept::TooLong;
            return Poll::Ready(Err(io::ErrorKind::FileTooLarge.into()));
        }
        self.body.extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn finish(&mut self, _: Option<&Headers>, _: HeaderCase) {
        self.kept = Kept::Whole;
    }

    fn poll_flush(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl Downstream for Caller {
    fn send_head(&mut self, _: &Headers, _: &ResponseFrame) -> u64 {
        0
    }

    fn inform(&mut self, _: &Headers, _: &ResponseFrame) {}

    fn send_continue(&mut self) {}

    fn send_whole_body(&mut self, _: &[u8]) -> bool {
        false
    }

    fn end_with_head(&mut self) {
        self.kept = Kept::Whole;
    }

    fn close_when_written(&mut self, _: bool) {}

    fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.feed.poll_broken(cx)
    }

    fn can_watch(&self) -> bool {
        false
    }

    fn discard_body(&mut self) -> Result<(u64, bool), CodecError> {
        let count = self.bytes.len() - self.used;
        self.used = self.bytes.len();
        Ok((count as u64, false))
    }
}
