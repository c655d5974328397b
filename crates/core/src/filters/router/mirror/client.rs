//! The client of a copy: its body comes from the request, its response goes nowhere.

use std::io;
use std::task::{Context, Poll};

use super::feed::Feed;
use crate::body::{BodyEvent, BodySink, BodySource, ReadError};
use crate::headers::Headers;
use crate::http::downstream::Downstream;
use crate::http1::encode::{HeaderCase, ResponseFrame};
use crate::http1::CodecError;

pub struct MirrorClient {
    feed: Feed,
    /// What was read of the body, from `used` on.
    bytes: Vec<u8>,
    used: usize,
    trailers: Headers,
}

impl MirrorClient {
    pub fn new(feed: Feed) -> Self {
        Self { feed, bytes: Vec::new(), used: 0, trailers: Headers::new() }
    }
}

impl BodySource for MirrorClient {
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

impl BodySink for MirrorClient {
    fn poll_write_body(&mut self, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn finish(&mut self, _: Option<&Headers>, _: HeaderCase) {}

    fn poll_flush(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl Downstream for MirrorClient {
    fn send_head(&mut self, _: &Headers, _: &ResponseFrame) -> u64 {
        0
    }

    fn inform(&mut self, _: &Headers, _: &ResponseFrame) {}

    fn send_continue(&mut self) {}

    fn send_whole_body(&mut self, _: &[u8]) -> bool {
        false
    }

    fn end_with_head(&mut self) {}

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
