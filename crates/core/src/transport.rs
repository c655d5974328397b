//! A byte stream to a peer: TCP or a unix socket.

use std::io::{self, IoSlice};
use std::os::fd::{AsFd, BorrowedFd};
use std::task::{ready, Context, Poll};

use rustix::buffer::spare_capacity;
use rustix::net::{
    recv, send, sendmsg, shutdown, RecvFlags, SendAncillaryBuffer, SendFlags, Shutdown,
};
use tokio::io::Interest;
use tokio::net::{TcpStream, UnixStream};

use crate::clock;

pub enum Transport {
    Tcp(TcpStream),
    Unix(UnixStream),
    /// Accepted, and not known to the worker's loop: the first read of most connections finds a request, and
    /// one that ends with its answer never has to wait for its client.
    Fresh(std::net::TcpStream),
    /// It could not be made known to the loop.
    Lost,
}

/// What is done now and not at another time.
pub struct Write<'a> {
    pub bytes: &'a [u8],
    /// The connection ends with these bytes: they may leave together with the FIN.
    pub last: bool,
}

impl Transport {
    /// Whether the loop wakes the task that waits for this transport; otherwise the next read finds out.
    pub fn is_watched(&self) -> bool {
        !matches!(self, Self::Fresh(_))
    }

    /// Makes a fresh transport known to the loop.
    fn watch(&mut self) -> io::Result<()> {
        if let Self::Fresh(_) = self {
            if let Self::Fresh(stream) = std::mem::replace(self, Self::Lost) {
                *self = Self::Tcp(TcpStream::from_std(stream)?);
            }
        }
        Ok(())
    }

    /// Appends what can be read now, at most the spare capacity of `buffer()`, which is asked for only when
    /// there may be something. 0 is the end of the stream.
    pub fn poll_read<'b>(
        &mut self,
        cx: &mut Context<'_>,
        buffer: impl FnOnce() -> &'b mut Vec<u8>,
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_read_ready(cx))?;
        let target = buffer();
        loop {
            let room = target.capacity() - target.len();
            let mut count = None;
            let result = self.try_io(Interest::READABLE, |fd| {
                let (read, _) = recv(fd, spare_capacity(target), RecvFlags::empty())?;
                count = Some(read);
                settled(0 < read && read < room)
            });
            if let Some(read) = count {
                clock::advance();
                return Poll::Ready(Ok(read));
            }
            if let Err(error) = result {
                ready!(self.poll_again(cx, error, Self::poll_read_ready))?;
            }
        }
    }

    /// Writes what can be written now.
    pub fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        write: &Write<'_>,
    ) -> Poll<io::Result<usize>> {
        let flags = if write.last { SendFlags::MORE } else { SendFlags::empty() };
        let bytes = write.bytes;
        self.poll_send(cx, bytes.len(), |fd| send(fd, bytes, flags | SendFlags::NOSIGNAL))
    }

    pub fn poll_write_vectored(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let length = slices.iter().map(|slice| slice.len()).sum();
        self.poll_send(cx, length, |fd| {
            sendmsg(fd, slices, &mut SendAncillaryBuffer::default(), SendFlags::NOSIGNAL)
        })
    }

    fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        length: usize,
        send: impl Fn(BorrowedFd<'_>) -> rustix::io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_write_ready(cx))?;
        loop {
            let mut count = None;
            let result = self.try_io(Interest::WRITABLE, |fd| {
                let written = send(fd)?;
                count = Some(written);
                settled(written < length)
            });
            if let Some(written) = count {
                return Poll::Ready(Ok(written));
            }
            if let Err(error) = result {
                ready!(self.poll_again(cx, error, Self::poll_write_ready))?;
            }
        }
    }

    /// Ready when a read would not block: bytes, the end of the stream, or an error; also when only a read
    /// can tell.
    pub fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(stream) => stream.poll_read_ready(cx),
            Self::Unix(stream) => stream.poll_read_ready(cx),
            Self::Fresh(_) | Self::Lost => Poll::Ready(Ok(())),
        }
    }

    fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(stream) => stream.poll_write_ready(cx),
            Self::Unix(stream) => stream.poll_write_ready(cx),
            Self::Fresh(_) | Self::Lost => Poll::Ready(Ok(())),
        }
    }

    /// After an error: waits until it is worth another try, or gives the error back.
    fn poll_again(
        &mut self,
        cx: &mut Context<'_>,
        error: io::Error,
        ready: fn(&Self, &mut Context<'_>) -> Poll<io::Result<()>>,
    ) -> Poll<io::Result<()>> {
        match error.kind() {
            io::ErrorKind::Interrupted => Poll::Ready(Ok(())),
            io::ErrorKind::WouldBlock => match self.watch() {
                Ok(()) => ready(self, cx),
                Err(error) => Poll::Ready(Err(error)),
            },
            _ => Poll::Ready(Err(error)),
        }
    }

    fn try_io<R>(
        &self,
        interest: Interest,
        work: impl FnOnce(BorrowedFd<'_>) -> io::Result<R>,
    ) -> io::Result<R> {
        match self {
            Self::Tcp(stream) => stream.try_io(interest, || work(stream.as_fd())),
            Self::Unix(stream) => stream.try_io(interest, || work(stream.as_fd())),
            Self::Fresh(stream) => work(stream.as_fd()),
            Self::Lost => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    /// Reads without waiting; `WouldBlock` when nothing is there. No system call when the loop knows it.
    pub fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.try_io(Interest::READABLE, |fd| Ok(recv(fd, buffer, RecvFlags::empty())?.0))
    }

    /// Sends FIN; what was written goes out first.
    pub fn poll_shutdown(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = match self {
            Self::Tcp(stream) => shutdown(&*stream, Shutdown::Write),
            Self::Unix(stream) => shutdown(&*stream, Shutdown::Write),
            Self::Fresh(stream) => shutdown(&*stream, Shutdown::Write),
            Self::Lost => Ok(()),
        };
        Poll::Ready(result.map_err(io::Error::from))
    }
}

/// Tells the loop's record of a socket that there is no more to read, or no more room to write, which a short
/// read or write has shown: the next call waits instead of finding that out (epoll is edge-triggered here).
fn settled(short: bool) -> io::Result<()> {
    match short {
        true => Err(io::ErrorKind::WouldBlock.into()),
        false => Ok(()),
    }
}
