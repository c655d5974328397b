//! One direction of a relayed connection: what was read and waits to be written.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::task::{ready, Context, Poll};

use crate::buffer::Buffer;
use crate::transport::{Transport, Write};

/// How much is read at once.
const READ_SIZE: usize = 64 * 1024;
/// Room below which a read takes storage of its own.
const LEAST_ROOM: usize = 4 * 1024;
/// Most pieces of one write.
const SLICES: usize = 16;

/// What moved in one call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moved {
    pub read: usize,
    pub written: usize,
}

/// What a flow comes from or goes to.
pub trait End {
    /// Appends what can be read now to `buffer()`; 0 is the end.
    fn poll_read<'b>(
        &mut self,
        cx: &mut Context<'_>,
        buffer: impl FnOnce() -> &'b mut Vec<u8>,
    ) -> Poll<io::Result<usize>>;

    /// Writes what can be written now.
    fn poll_write(&mut self, cx: &mut Context<'_>, write: &Write<'_>) -> Poll<io::Result<usize>>;

    fn poll_write_vectored(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>>;

    /// Ends what is written.
    fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;
}

impl End for Transport {
    fn poll_read<'b>(
        &mut self,
        cx: &mut Context<'_>,
        buffer: impl FnOnce() -> &'b mut Vec<u8>,
    ) -> Poll<io::Result<usize>> {
        self.poll_read(cx, buffer)
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, write: &Write<'_>) -> Poll<io::Result<usize>> {
        self.poll_write(cx, write)
    }

    fn poll_write_vectored(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, slices)
    }

    fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_shutdown(cx)
    }
}

/// Which side of a flow failed.
#[derive(Debug)]
pub enum FlowError {
    Source(io::Error),
    Sink(io::Error),
}

/// Bytes on their way from one end to another, at most `limit` and one read more.
pub struct Flow {
    pieces: VecDeque<Buffer>,
    waiting: usize,
    limit: usize,
    /// The source is not read until half of the limit was written.
    pub paused: bool,
    /// The source has ended.
    pub ended: bool,
    /// The end was passed on: nothing more will move.
    pub finished: bool,
}

impl Flow {
    pub fn new(limit: usize) -> Self {
        Self {
            pieces: VecDeque::new(),
            waiting: 0,
            limit,
            paused: false,
            ended: false,
            finished: false,
        }
    }

    /// Sets how much may wait.
    pub fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
        self.paused = self.waiting >= limit;
    }

    /// Lets `bytes` be written before all others.
    pub fn begin_with(&mut self, bytes: &[u8]) {
        let mut piece = Buffer::new();
        piece.extend(bytes);
        self.waiting += piece.len();
        self.pieces.push_front(piece);
    }

    /// Bytes that wait to be written.
    pub fn waiting(&self) -> usize {
        self.waiting
    }

    /// Forgets what waits.
    pub fn drop_all(&mut self) {
        self.pieces.clear();
        self.waiting = 0;
    }

    /// Forgets what waits, and moves nothing any more.
    pub fn give_up(&mut self) {
        self.drop_all();
        self.ended = true;
        self.finished = true;
    }

    /// One write, or one read when nothing waits or can be written now. Pending when neither is possible;
    /// ready with nothing when the end of the source was seen or passed on.
    ///
    /// # Errors
    /// The failure of a side, after which nothing more can move.
    pub fn poll_step(
        &mut self,
        source: &mut impl End,
        sink: &mut impl End,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Moved, FlowError>> {
        if self.waiting > 0 {
            if let Poll::Ready(written) = self.poll_write(sink, cx) {
                let written = written.map_err(FlowError::Sink)?;
                return Poll::Ready(Ok(Moved { written, ..Moved::default() }));
            }
        }
        if !self.ended && !self.paused {
            let read = ready!(self.poll_read(source, cx)).map_err(FlowError::Source)?;
            return Poll::Ready(Ok(Moved { read, ..Moved::default() }));
        }
        if self.ended && self.waiting == 0 && !self.finished {
            ready!(sink.poll_shutdown(cx)).map_err(FlowError::Sink)?;
            self.finished = true;
            return Poll::Ready(Ok(Moved::default()));
        }
        Poll::Pending
    }

    /// One read; 0 is the end of the source.
    pub fn poll_read(
        &mut self,
        source: &mut impl End,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        let room = self.pieces.back().map_or(0, Buffer::room);
        if room < LEAST_ROOM {
            self.pieces.push_back(Buffer::new());
        }
        let Some(piece) = self.pieces.back_mut() else { return Poll::Pending };
        let room = if room < LEAST_ROOM { READ_SIZE } else { 0 };
        let result = source.poll_read(cx, || piece.spare_in_place(room));
        if piece.is_empty() {
            self.pieces.pop_back();
        }
        let count = ready!(result)?;
        self.ended = count == 0;
        self.waiting += count;
        self.paused = self.waiting >= self.limit;
        Poll::Ready(Ok(count))
    }

    fn poll_write(&mut self, sink: &mut impl End, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let count = match self.pieces.len() {
            1 => {
                let write = Write { bytes: self.pieces[0].bytes(), last: self.ended };
                ready!(sink.poll_write(cx, &write))?
            }
            _ => {
                let mut slices = [IoSlice::new(&[]); SLICES];
                let pieces = self.pieces.iter().take(SLICES);
                let used = slices.iter_mut().zip(pieces).map(|(slice, piece)| {
                    *slice = IoSlice::new(piece.bytes());
                });
                let used = used.count();
                ready!(sink.poll_write_vectored(cx, &slices[..used]))?
            }
        };
        self.consume(count);
        Poll::Ready(Ok(count))
    }

    fn consume(&mut self, count: usize) {
        self.waiting -= count;
        self.paused &= self.waiting > self.limit / 2;
        let mut left = count;
        while let Some(piece) = self.pieces.front_mut().filter(|_| left > 0) {
            let size = piece.len().min(left);
            piece.consume(size);
            left -= size;
            if piece.is_empty() {
                self.pieces.pop_front();
            }
        }
    }
}
