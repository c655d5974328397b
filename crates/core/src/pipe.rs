//! A byte stream inside the process: both ends are tasks of one worker.
//!
//! Each direction keeps as many bytes as its limit and no more: a writer waits until a reader has taken half of
//! them. An end that is dropped ends both directions; what it had written stays there to be read.

use std::cell::{RefCell, RefMut};
use std::collections::VecDeque;
use std::io;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use crate::buffer::{borrow_storage, return_storage};

/// One end.
pub struct Pipe {
    incoming: Rc<RefCell<Direction>>,
    outgoing: Rc<RefCell<Direction>>,
}

struct Direction {
    bytes: VecDeque<u8>,
    limit: usize,
    /// The limit was reached, and less than half was read since.
    is_full: bool,
    /// No more is written.
    is_ended: bool,
    /// Nobody reads.
    is_abandoned: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl Pipe {
    /// Two ends that may each have up to `limit` bytes on their way.
    pub fn pair(limit: usize) -> (Self, Self) {
        let direction = || Rc::new(RefCell::new(Direction::new(limit.max(1))));
        let (there, back) = (direction(), direction());
        let one = Self { incoming: back.clone(), outgoing: there.clone() };
        (one, Self { incoming: there, outgoing: back })
    }

    /// Ready when a read would not block: bytes, or the end.
    pub fn poll_read_ready(&self, cx: &Context<'_>) -> Poll<()> {
        let mut incoming = self.incoming.borrow_mut();
        if incoming.is_ended || !incoming.bytes.is_empty() {
            return Poll::Ready(());
        }
        keep_waker(&mut incoming.reader, cx);
        Poll::Pending
    }

    /// Appends what is there, at most the spare capacity of `buffer`. 0 is the end.
    ///
    /// # Errors
    /// `WouldBlock` when nothing is there.
    pub fn read(&self, buffer: &mut Vec<u8>) -> io::Result<usize> {
        let room = buffer.capacity() - buffer.len();
        self.take(room, |front, back| {
            buffer.extend_from_slice(front);
            buffer.extend_from_slice(back);
        })
    }

    /// The same into a slice.
    ///
    /// # Errors
    /// `WouldBlock` when nothing is there.
    pub fn read_slice(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.take(buffer.len(), |front, back| copy(buffer, front, back))
    }

    /// Copies what is there, as far as it fits, and leaves it. Ready when that is more than `seen` bytes; 0
    /// when no more can come.
    pub fn poll_peek(&self, cx: &Context<'_>, buffer: &mut [u8], seen: usize) -> Poll<usize> {
        let mut incoming = self.incoming.borrow_mut();
        let count = incoming.bytes.len().min(buffer.len());
        if count > seen {
            let (front, back) = incoming.first(count);
            copy(buffer, front, back);
            return Poll::Ready(count);
        }
        if incoming.is_ended {
            return Poll::Ready(0);
        }
        keep_waker(&mut incoming.reader, cx);
        Poll::Pending
    }

    /// Writes as much of `slices` as there is room for.
    ///
    /// # Errors
    /// The peer reads no more, or this side has said that it writes no more.
    pub fn poll_write<'a>(
        &self,
        cx: &Context<'_>,
        slices: impl Iterator<Item = &'a [u8]>,
    ) -> Poll<io::Result<usize>> {
        let mut outgoing = self.outgoing.borrow_mut();
        if outgoing.is_abandoned || outgoing.is_ended {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        if outgoing.is_full {
            keep_waker(&mut outgoing.writer, cx);
            return Poll::Pending;
        }
        let written = slices.map(|slice| outgoing.push(slice)).sum();
        wake(outgoing, |outgoing| &mut outgoing.reader);
        Poll::Ready(Ok(written))
    }

    /// Says that this side writes no more.
    ///
    /// # Errors
    /// The peer is gone.
    pub fn shutdown(&self) -> io::Result<()> {
        let mut outgoing = self.outgoing.borrow_mut();
        outgoing.is_ended = true;
        let is_abandoned = outgoing.is_abandoned;
        wake(outgoing, |outgoing| &mut outgoing.reader);
        match is_abandoned {
            true => Err(io::ErrorKind::BrokenPipe.into()),
            false => Ok(()),
        }
    }

    /// The peer is gone, and nothing is left of what it wrote.
    pub fn is_over(&self) -> bool {
        self.outgoing.borrow().is_abandoned && self.incoming.borrow().bytes.is_empty()
    }

    fn take(&self, most: usize, copy: impl FnOnce(&[u8], &[u8])) -> io::Result<usize> {
        let mut incoming = self.incoming.borrow_mut();
        if incoming.bytes.is_empty() {
            return match incoming.is_ended {
                true => Ok(0),
                false => Err(io::ErrorKind::WouldBlock.into()),
            };
        }
        let count = incoming.bytes.len().min(most);
        let (front, back) = incoming.first(count);
        copy(front, back);
        incoming.bytes.drain(..count);
        if incoming.bytes.is_empty() {
            return_storage(std::mem::take(&mut incoming.bytes).into());
        }
        if incoming.is_full && incoming.bytes.len() <= incoming.limit / 2 {
            incoming.is_full = false;
            wake(incoming, |incoming| &mut incoming.writer);
        }
        Ok(count)
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        // Whether the peer is still there makes no difference now.
        let _ = self.shutdown();
        let mut incoming = self.incoming.borrow_mut();
        incoming.is_abandoned = true;
        incoming.bytes = VecDeque::new();
        wake(incoming, |incoming| &mut incoming.writer);
    }
}

impl Direction {
    fn new(limit: usize) -> Self {
        Self {
            bytes: VecDeque::new(),
            limit,
            is_full: false,
            is_ended: false,
            is_abandoned: false,
            reader: None,
            writer: None,
        }
    }

    /// Takes as much as there is room for.
    fn push(&mut self, slice: &[u8]) -> usize {
        let count = slice.len().min(self.limit - self.bytes.len());
        if self.bytes.capacity() == 0 {
            self.bytes = borrow_storage().into();
        }
        self.bytes.extend(&slice[..count]);
        self.is_full = self.bytes.len() == self.limit;
        count
    }

    /// The first `count` bytes, which are there.
    fn first(&self, count: usize) -> (&[u8], &[u8]) {
        let (front, back) = self.bytes.as_slices();
        let in_front = front.len().min(count);
        (&front[..in_front], &back[..count - in_front])
    }
}

/// Copies two pieces, which fit, to the beginning of `target`.
fn copy(target: &mut [u8], front: &[u8], back: &[u8]) {
    let (first, rest) = target.split_at_mut(front.len());
    first.copy_from_slice(front);
    rest[..back.len()].copy_from_slice(back);
}

fn keep_waker(place: &mut Option<Waker>, cx: &Context<'_>) {
    match place {
        Some(waker) => waker.clone_from(cx.waker()),
        None => *place = Some(cx.waker().clone()),
    }
}

/// Wakes who waits, once the direction is free for it.
fn wake(mut direction: RefMut<'_, Direction>, of: impl Fn(&mut Direction) -> &mut Option<Waker>) {
    let waker = of(&mut direction).take();
    drop(direction);
    if let Some(waker) = waker {
        waker.wake();
    }
}

#[cfg(test)]
mod tests;
