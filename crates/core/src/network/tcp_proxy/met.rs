//! A side of a relayed connection that may begin with an exchange of metadata.

use std::io::{self, IoSlice};
use std::sync::Arc;
use std::task::{ready, Context, Poll};

use super::flow::End;
use crate::mesh::{Exchange, Found};
use crate::transport::Write;

/// How much is read at once while metadata come.
const READ_SIZE: usize = 2048;

/// The bytes of `inner` after the metadata, if there are any.
pub struct Met<T> {
    pub inner: T,
    exchange: Option<Box<Exchange>>,
    greeting: Option<Arc<[u8]>>,
    found: Option<Found>,
}

impl<T> Met<T> {
    pub fn new(inner: T) -> Self {
        Self { inner, exchange: None, greeting: None, found: None }
    }

    pub fn begin(&mut self, exchange: Exchange) {
        self.greeting = Some(exchange.greeting().clone());
        self.exchange = Some(Box::new(exchange));
    }

    /// What this side is to be told first, once.
    pub fn take_greeting(&mut self) -> Option<Arc<[u8]>> {
        self.greeting.take()
    }

    /// Who is at the other end, once it has said so.
    pub fn take_found(&mut self) -> Option<Found> {
        self.found.take()
    }
}

impl<T: End> End for Met<T> {
    fn poll_read<'b>(
        &mut self,
        cx: &mut Context<'_>,
        buffer: impl FnOnce() -> &'b mut Vec<u8>,
    ) -> Poll<io::Result<usize>> {
        let Some(exchange) = &mut self.exchange else { return self.inner.poll_read(cx, buffer) };
        let mut bytes = Vec::with_capacity(READ_SIZE);
        let count = ready!(self.inner.poll_read(cx, || &mut bytes))?;
        let end = count == 0;
        let rest = match exchange.take(&bytes, end) {
            None => Vec::new(),
            Some((found, rest)) => {
                self.found = Some(found);
                self.exchange = None;
                rest
            }
        };
        if rest.is_empty() && !end {
            // Nothing is not the end: more is looked for at once.
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        buffer().extend_from_slice(&rest);
        Poll::Ready(Ok(rest.len()))
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, write: &Write<'_>) -> Poll<io::Result<usize>> {
        self.inner.poll_write(cx, write)
    }

    fn poll_write_vectored(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.inner.poll_write_vectored(cx, slices)
    }

    fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.inner.poll_shutdown(cx)
    }
}
