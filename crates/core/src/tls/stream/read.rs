//! Records in, plain bytes out.

use std::cell::RefCell;
use std::io;
use std::task::{ready, Context as TaskContext, Poll};

use super::Inner;
use crate::tls::failure::Failure;
use crate::tls::session::Status;

/// Records are read at once up to this, and more of them after a read that took all there was room for.
const SMALL_READ: usize = 17 * 1024;
const LARGE_READ: usize = 128 * 1024;

thread_local! {
    /// Storage for records on their way in, of small and of large reads.
    static INCOMING: [RefCell<Vec<u8>>; 2] = const { [const { RefCell::new(Vec::new()) }; 2] };
}

/// What a read of records found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Records {
    Some,
    /// The socket has ended.
    End,
}

impl Inner {
    /// Reads records and uses them. Plain bytes go to `plain`, or are kept.
    pub(super) fn poll_records(
        &mut self,
        cx: &mut TaskContext<'_>,
        plain: Option<&mut Vec<u8>>,
    ) -> Poll<io::Result<Records>> {
        INCOMING.with(|storage| {
            let mut storage = storage[usize::from(self.read_much)].borrow_mut();
            self.prepare(&mut storage);
            let before = storage.len();
            let read = match self.raw.poll_read(cx, || &mut storage) {
                Poll::Pending => {
                    self.keep(&storage);
                    return Poll::Pending;
                }
                Poll::Ready(Ok(0)) => return Poll::Ready(Ok(Records::End)),
                Poll::Ready(Ok(count)) => count,
                Poll::Ready(Err(error)) if self.open => return Poll::Ready(Err(error)),
                Poll::Ready(Err(error)) => {
                    return Poll::Ready(Err(self.fail(Failure::of_socket(&error))));
                }
            };
            self.read_much = before + read == storage.capacity();
            Poll::Ready(self.take_records(&mut storage, plain))
        })
    }

    /// Puts the beginning of a record in front of what will be read.
    pub(super) fn prepare(&mut self, storage: &mut Vec<u8>) {
        storage.clear();
        let room = if self.read_much { LARGE_READ } else { SMALL_READ };
        storage.reserve(room + self.incoming.len());
        storage.append(&mut self.incoming);
    }

    pub(super) fn keep(&mut self, rest: &[u8]) {
        self.incoming.extend_from_slice(rest);
    }

    pub(super) fn take_records(
        &mut self,
        records: &mut [u8],
        plain: Option<&mut Vec<u8>>,
    ) -> io::Result<Records> {
        if self.session.is_none() && !self.begin(records)? {
            self.keep(records);
            return Ok(Records::Some);
        }
        let Some(session) = &mut self.session else { return Ok(Records::Some) };
        let plain = plain.unwrap_or(&mut self.plain);
        let (used, result) = session.process(records, plain, &mut self.outgoing);
        if !self.open {
            self.noted.gather();
        }
        match result {
            Ok(status) => {
                if !self.open && !session.state().is_handshaking() {
                    self.finish();
                }
                self.ended |= status == Status::PeerClosed;
                if !self.ended {
                    self.incoming.extend_from_slice(&records[used..]);
                }
                Ok(Records::Some)
            }
            Err(error) => Err(self.fail_rustls(&error)),
        }
    }

    /// Looks at what can be read, once that is more than `seen` bytes; 0 is the end.
    pub(super) fn poll_peek(
        &mut self,
        cx: &mut TaskContext<'_>,
        buffer: &mut [u8],
        seen: usize,
    ) -> Poll<io::Result<usize>> {
        if !self.open {
            ready!(self.poll_handshake(cx))?;
        }
        loop {
            if self.plain.len() > seen {
                let count = self.plain.len().min(buffer.len());
                buffer[..count].copy_from_slice(&self.plain[..count]);
                return Poll::Ready(Ok(count));
            }
            if self.ended || ready!(self.poll_records(cx, None))? == Records::End {
                return Poll::Ready(Ok(0));
            }
        }
    }

    pub(super) fn poll_read<'b>(
        &mut self,
        cx: &mut TaskContext<'_>,
        buffer: impl FnOnce() -> &'b mut Vec<u8>,
    ) -> Poll<io::Result<usize>> {
        if !self.open {
            ready!(self.poll_handshake(cx))?;
        }
        if !self.plain.is_empty() {
            let target = buffer();
            let count = self.plain.len();
            target.append(&mut self.plain);
            return Poll::Ready(Ok(count));
        }
        if self.failed {
            return Poll::Ready(Err(io::ErrorKind::NotConnected.into()));
        }
        if self.ended {
            return Poll::Ready(Ok(0));
        }
        ready!(self.raw.poll_read_ready(cx))?;
        let target = buffer();
        let before = target.len();
        loop {
            let records = ready!(self.poll_records(cx, Some(target)))?;
            if !self.outgoing.is_empty() && self.taken == 0 {
                // Answers to key updates and the like.
                let _ = self.poll_flush(cx);
            }
            let count = target.len() - before;
            if count > 0 || records == Records::End || self.ended {
                self.ended |= records == Records::End;
                return Poll::Ready(Ok(count));
            }
        }
    }

    pub(super) fn try_read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if !self.plain.is_empty() {
                let count = self.plain.len().min(buffer.len());
                buffer[..count].copy_from_slice(&self.plain[..count]);
                self.plain.drain(..count);
                return Ok(count);
            }
            if self.ended {
                return Ok(0);
            }
            let mut chunk = [0; 4096];
            let count = self.raw.try_read(&mut chunk)?;
            if count == 0 {
                return Ok(0);
            }
            let mut records = std::mem::take(&mut self.incoming);
            records.extend_from_slice(&chunk[..count]);
            self.take_records(&mut records, None)?;
        }
    }
}
