//! Plain bytes in, records out.

use std::cell::RefCell;
use std::io::{self, IoSlice};
use std::task::{ready, Context as TaskContext, Poll};

use super::Inner;
use crate::transport::Write;

/// Plain bytes are encrypted and sent at once up to this.
const MOST_WRITTEN: usize = 64 * 1024;

thread_local! {
    /// Storage for records on their way out.
    static OUTGOING: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

impl Inner {
    pub(super) fn poll_write(
        &mut self,
        cx: &mut TaskContext<'_>,
        write: &Write<'_>,
    ) -> Poll<io::Result<usize>> {
        if !self.open {
            ready!(self.poll_handshake(cx))?;
        }
        if self.outgoing.len() > self.sent {
            ready!(self.poll_flush(cx))?;
        }
        if self.taken > 0 {
            let count = self.taken.min(write.bytes.len());
            self.taken = 0;
            return Poll::Ready(Ok(count));
        }
        let bytes = &write.bytes[..write.bytes.len().min(MOST_WRITTEN)];
        let last = write.last && bytes.len() == write.bytes.len();
        self.poll_encrypted(cx, bytes, last)
    }

    pub(super) fn poll_write_vectored(
        &mut self,
        cx: &mut TaskContext<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        // One record takes the head and the beginning of the body.
        let mut joined = crate::buffer::borrow_storage();
        for slice in slices {
            let room = MOST_WRITTEN - joined.len();
            joined.extend_from_slice(&slice[..slice.len().min(room)]);
        }
        let result = self.poll_write(cx, &Write { bytes: &joined, last: false });
        joined.clear();
        crate::buffer::return_storage(joined);
        result
    }

    /// Encrypts and sends; ready when the socket has taken all of it.
    pub(super) fn poll_encrypted(
        &mut self,
        cx: &mut TaskContext<'_>,
        bytes: &[u8],
        last: bool,
    ) -> Poll<io::Result<usize>> {
        let Some(session) = self.session.as_mut().filter(|_| !self.closed) else {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        };
        OUTGOING.with_borrow_mut(|storage| {
            let mut length = session.encrypt(bytes, storage).map_err(io::Error::other)?;
            if last {
                let mut alert = Vec::new();
                session.close_notify(&mut alert);
                storage.truncate(length);
                storage.extend_from_slice(&alert);
                length += alert.len();
                self.closed = true;
            }
            let mut sent = 0;
            while sent < length {
                let write = Write { bytes: &storage[sent..length], last };
                match self.raw.poll_write(cx, &write) {
                    Poll::Ready(Ok(count)) => sent += count,
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                    Poll::Pending => {
                        self.outgoing.extend_from_slice(&storage[sent..length]);
                        self.taken = bytes.len();
                        return Poll::Pending;
                    }
                }
            }
            Poll::Ready(Ok(bytes.len()))
        })
    }

    /// Sends what waits.
    pub(super) fn poll_flush(&mut self, cx: &mut TaskContext<'_>) -> Poll<io::Result<()>> {
        while self.sent < self.outgoing.len() {
            let write = Write { bytes: &self.outgoing[self.sent..], last: false };
            self.sent += ready!(self.raw.poll_write(cx, &write))?;
        }
        self.outgoing.clear();
        self.sent = 0;
        Poll::Ready(Ok(()))
    }

    /// Sends what waits, as far as the socket takes it at once.
    pub(super) fn try_flush(&mut self) -> io::Result<()> {
        let mut cx = TaskContext::from_waker(std::task::Waker::noop());
        match self.poll_flush(&mut cx) {
            Poll::Ready(result) => result,
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    pub(super) fn say_closed(&mut self) {
        if let Some(session) = self.session.as_mut().filter(|_| self.open && !self.closed) {
            session.close_notify(&mut self.outgoing);
        }
        self.closed = true;
    }
}
