//! A byte stream to a peer: TCP, a unix socket, or one inside the process.

use std::cell::Cell;
use std::future::Future;
use std::io::{self, IoSlice};
use std::os::fd::{AsFd, BorrowedFd};
use std::pin::pin;
use std::rc::Rc;
use std::task::{ready, Context, Poll};

use rustix::buffer::spare_capacity;
use rustix::net::{
    recv, send, sendmsg, shutdown, RecvFlags, SendAncillaryBuffer, SendFlags, Shutdown,
};
use tokio::io::unix::AsyncFd;
use tokio::io::Interest;
use tokio::net::{TcpStream, UnixStream};

use crate::address::Address;
use crate::clock;
use crate::pipe::Pipe;
use crate::sys::watch_readable;
use crate::tls::{TlsInfo, TlsStream};

pub enum Transport {
    Tcp(TcpStream),
    Unix(UnixStream),
    /// Accepted, and not known to the worker's loop: where the request is there already, a connection that
    /// ends with its answer never has to wait for its client.
    Fresh(std::net::TcpStream, Rc<EarlyRequests>),
    /// The loop tells of bytes to read alone: of room to write it would tell at once, for nothing. It becomes
    /// `Tcp` when a write has to wait.
    Reading(AsyncFd<std::net::TcpStream>),
    Tls(Box<TlsStream>),
    /// To an internal listener, or from a cluster to this one.
    Internal(Pipe),
    /// It could not be made known to the loop.
    Lost,
}

/// Whether the request tends to be there when its connection is accepted: it is on a busy worker.
#[derive(Default)]
pub struct EarlyRequests {
    score: Cell<u8>,
    accepted: Cell<u8>,
}

impl EarlyRequests {
    /// Above half of it a read is worth a try.
    const MOST: u8 = 8;
    /// Every so many connections it is tried anyway.
    const PROBE: u8 = 16;

    fn are_likely(&self) -> bool {
        let accepted = self.accepted.get().wrapping_add(1);
        self.accepted.set(accepted);
        self.score.get() > Self::MOST / 2 || accepted % Self::PROBE == 0
    }

    fn note(&self, found: bool) {
        let score = self.score.get();
        self.score.set(match found {
            true => (score + 1).min(Self::MOST),
            false => score.saturating_sub(1),
        });
    }
}

/// Up to so many bytes are written without asking whether there is room.
const LITTLE: usize = 16 * 1024;

/// What is done now and not at another time.
pub struct Write<'a> {
    pub bytes: &'a [u8],
    /// The connection ends with these bytes: they may leave together with the FIN.
    pub last: bool,
}

impl Transport {
    /// A connection that was accepted just now.
    ///
    /// # Errors
    /// The loop cannot take it.
    pub fn accepted(stream: std::net::TcpStream, early: &Rc<EarlyRequests>) -> io::Result<Self> {
        match early.are_likely() {
            true => Ok(Self::Fresh(stream, early.clone())),
            false => Ok(Self::Reading(watch_readable(stream)?)),
        }
    }

    /// Whether the loop wakes the task that waits for this transport; otherwise the next read finds out.
    pub fn is_watched(&self) -> bool {
        match self {
            Self::Fresh(..) => false,
            Self::Tls(stream) => stream.is_watched(),
            _ => true,
        }
    }

    /// What is known of its TLS; none for a plain transport.
    pub fn tls(&self) -> Option<&Rc<TlsInfo>> {
        match self {
            Self::Tls(stream) => Some(stream.info()),
            _ => None,
        }
    }

    /// The protocol that a TLS handshake agreed on; none before, or without ALPN.
    pub fn alpn(&self) -> Option<&[u8]> {
        self.tls()?.handshake.get()?.alpn.as_deref()
    }

    /// Ready when bytes of the application may flow: after the TLS handshake, if there is one.
    pub fn poll_handshake(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tls(stream) => stream.poll_handshake(cx),
            _ => Poll::Ready(Ok(())),
        }
    }

    /// Lets the loop tell of bytes to read.
    fn watch_reading(&mut self) -> io::Result<()> {
        if let Self::Fresh(..) = self {
            if let Self::Fresh(stream, early) = std::mem::replace(self, Self::Lost) {
                early.note(false);
                *self = Self::Reading(watch_readable(stream)?);
            }
        }
        Ok(())
    }

    /// Lets the loop tell of room to write as well.
    fn watch_writing(&mut self) -> io::Result<()> {
        if matches!(self, Self::Fresh(..) | Self::Reading(_)) {
            *self = match std::mem::replace(self, Self::Lost) {
                Self::Fresh(stream, _) => Self::Tcp(TcpStream::from_std(stream)?),
                Self::Reading(stream) => Self::Tcp(TcpStream::from_std(stream.into_inner())?),
                other => other,
            };
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
        if let Self::Tls(stream) = self {
            return stream.poll_read(cx, buffer).map_err(without_reset);
        }
        if let Self::Internal(pipe) = self {
            ready!(pipe.poll_read_ready(cx));
            return Poll::Ready(pipe.read(buffer()));
        }
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
                if let Self::Fresh(_, early) = self {
                    early.note(true);
                }
                return Poll::Ready(Ok(read));
            }
            if let Err(error) = result {
                if blocks(error)? {
                    self.watch_reading()?;
                    ready!(self.poll_read_ready(cx))?;
                }
            }
        }
    }

    /// Writes what can be written now.
    pub fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        write: &Write<'_>,
    ) -> Poll<io::Result<usize>> {
        if let Self::Tls(stream) = self {
            return stream.poll_write(cx, write).map_err(without_reset);
        }
        if let Self::Internal(pipe) = self {
            return pipe.poll_write(cx, std::iter::once(write.bytes));
        }
        let flags = if write.last { SendFlags::MORE } else { SendFlags::empty() };
        let bytes = write.bytes;
        self.poll_send(cx, bytes.len(), |fd| send(fd, bytes, flags | SendFlags::NOSIGNAL))
    }

    pub fn poll_write_vectored(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if let Self::Tls(stream) = self {
            return stream.poll_write_vectored(cx, slices).map_err(without_reset);
        }
        if let Self::Internal(pipe) = self {
            return pipe.poll_write(cx, slices.iter().map(|slice| &**slice));
        }
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
        // There nearly always is room for little: what the loop knows is asked only once there was none.
        if length > LITTLE {
            ready!(self.poll_write_ready(cx))?;
        }
        loop {
            match send(self.fd()?) {
                Ok(written) => {
                    if written < length {
                        self.no_room();
                    }
                    return Poll::Ready(Ok(written));
                }
                Err(error) if !blocks(error.into())? => continue,
                Err(_) => {}
            }
            self.watch_writing()?;
            self.no_room();
            ready!(self.poll_write_ready(cx))?;
        }
    }

    /// Tells the loop's record that there is no room to write.
    fn no_room(&self) {
        // What it answers is what it was told.
        let _ = self.try_io(Interest::WRITABLE, |_| settled(true));
    }

    fn fd(&self) -> io::Result<BorrowedFd<'_>> {
        match self {
            Self::Tcp(stream) => Ok(stream.as_fd()),
            Self::Unix(stream) => Ok(stream.as_fd()),
            Self::Fresh(stream, _) => Ok(stream.as_fd()),
            Self::Reading(stream) => Ok(stream.get_ref().as_fd()),
            // They write by themselves.
            Self::Tls(_) | Self::Internal(_) => Err(io::ErrorKind::Unsupported.into()),
            Self::Lost => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    /// Ready when a read would not block: bytes, the end of the stream, or an error; also when only a read
    /// can tell.
    pub fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(stream) => stream.poll_read_ready(cx),
            Self::Unix(stream) => stream.poll_read_ready(cx),
            Self::Reading(stream) => stream.poll_read_ready(cx).map_ok(drop),
            Self::Tls(stream) => stream.poll_read_ready(cx),
            Self::Internal(pipe) => pipe.poll_read_ready(cx).map(Ok),
            Self::Fresh(..) | Self::Lost => Poll::Ready(Ok(())),
        }
    }

    fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(stream) => stream.poll_write_ready(cx),
            Self::Unix(stream) => stream.poll_write_ready(cx),
            Self::Fresh(..) | Self::Reading(_) | Self::Tls(_) | Self::Internal(_) | Self::Lost => {
                Poll::Ready(Ok(()))
            }
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
            Self::Fresh(stream, _) => work(stream.as_fd()),
            Self::Reading(stream) if interest.is_readable() => {
                stream.try_io(interest, |stream| work(stream.as_fd()))
            }
            Self::Reading(stream) => work(stream.as_fd()),
            Self::Tls(_) | Self::Internal(_) | Self::Lost => {
                Err(io::ErrorKind::NotConnected.into())
            }
        }
    }

    /// Reads without waiting; `WouldBlock` when nothing is there. No system call when the loop knows it.
    pub fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Self::Tls(stream) = self {
            return stream.try_read(buffer);
        }
        if let Self::Internal(pipe) = self {
            return pipe.read_slice(buffer);
        }
        self.try_io(Interest::READABLE, |fd| Ok(recv(fd, buffer, RecvFlags::empty())?.0))
    }

    /// Looks at what can be read, as far as it fits, and leaves it there. Ready when that is more than `seen`
    /// bytes; 0 when no more can come.
    pub fn poll_peek(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
        seen: usize,
    ) -> Poll<io::Result<usize>> {
        if let Self::Tls(stream) = self {
            return stream.poll_peek(cx, buffer, seen);
        }
        if let Self::Internal(pipe) = self {
            return pipe.poll_peek(cx, buffer, seen).map(Ok);
        }
        loop {
            ready!(self.poll_read_ready(cx))?;
            let mut count = None;
            let result = self.try_io(Interest::READABLE, |fd| {
                let found = recv(fd, &mut *buffer, RecvFlags::PEEK)?.0;
                count = Some(found);
                settled(found <= seen)
            });
            match (count, result) {
                (Some(0), _) => return Poll::Ready(Ok(0)),
                (Some(found), _) if found > seen => {
                    clock::advance();
                    return Poll::Ready(Ok(found));
                }
                (Some(_), _) if self.is_read_closed(cx) => return Poll::Ready(Ok(0)),
                (Some(_), _) => self.watch_reading()?,
                (None, Err(error)) => {
                    if blocks(error)? {
                        self.watch_reading()?;
                    }
                }
                (None, Ok(())) => {}
            }
        }
    }

    /// The peer has sent its last byte, as far as the loop knows.
    fn is_read_closed(&self, cx: &mut Context<'_>) -> bool {
        let of = |ready: Poll<io::Result<tokio::io::Ready>>| matches!(ready, Poll::Ready(Ok(ready)) if ready.is_read_closed());
        match self {
            Self::Tcp(stream) => of(pin!(stream.ready(Interest::READABLE)).poll(cx)),
            Self::Unix(stream) => of(pin!(stream.ready(Interest::READABLE)).poll(cx)),
            Self::Reading(stream) => of(stream.poll_read_ready(cx).map_ok(|guard| guard.ready())),
            Self::Tls(_) | Self::Internal(_) | Self::Fresh(..) | Self::Lost => false,
        }
    }

    /// Lets the loop tell again of bytes that were only looked at.
    ///
    /// # Errors
    /// The loop cannot take it.
    pub fn watch_again(&mut self) -> io::Result<()> {
        *self = match std::mem::replace(self, Self::Lost) {
            Self::Reading(stream) => Self::Reading(watch_readable(stream.into_inner())?),
            Self::Tcp(stream) => Self::Tcp(TcpStream::from_std(stream.into_std()?)?),
            Self::Unix(stream) => Self::Unix(UnixStream::from_std(stream.into_std()?)?),
            other => other,
        };
        Ok(())
    }

    /// Takes bytes away that `poll_peek` has shown.
    ///
    /// # Errors
    /// They are not there.
    pub fn discard(&self, count: usize) -> io::Result<()> {
        let mut left = count;
        let mut sink = [0; 512];
        while left > 0 {
            let piece = left.min(sink.len());
            match self.try_read(&mut sink[..piece]) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(read) => left -= read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// The address to which the connection went before the packet filter redirected it; none when it did not.
    pub fn original_destination(&self) -> Option<Address> {
        let v6 = matches!(self.local_address().ok()?, Address::Ip(ip) if ip.is_ipv6());
        let of = |fd: BorrowedFd<'_>| crate::sys::original_destination(fd, v6).ok();
        let found = match self {
            Self::Tcp(stream) => of(stream.as_fd()),
            Self::Fresh(stream, _) => of(stream.as_fd()),
            Self::Reading(stream) => of(stream.get_ref().as_fd()),
            Self::Tls(stream) => return stream.original_destination(),
            Self::Unix(_) | Self::Internal(_) | Self::Lost => None,
        };
        found.map(Address::of_connection)
    }

    /// The address on this side.
    ///
    /// # Errors
    /// The connection is gone, or is internal: then the address comes with it.
    pub fn local_address(&self) -> io::Result<Address> {
        match self {
            Self::Tcp(stream) => stream.local_addr().map(Address::of_connection),
            Self::Fresh(stream, _) => stream.local_addr().map(Address::of_connection),
            Self::Reading(stream) => stream.get_ref().local_addr().map(Address::of_connection),
            Self::Unix(_) => Ok(Address::Pipe(Default::default())),
            Self::Tls(stream) => stream.local_address(),
            Self::Internal(_) => Err(io::ErrorKind::Unsupported.into()),
            Self::Lost => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    /// Lets the end of the connection be a reset: what was written and not sent is dropped.
    pub fn reset_on_close(&self) {
        // Where it fails, the peer sees an ordinary end.
        let _ = match self {
            Self::Tcp(stream) => set_linger(stream),
            Self::Fresh(stream, _) => set_linger(stream),
            Self::Reading(stream) => set_linger(stream.get_ref()),
            Self::Tls(stream) => {
                stream.reset_on_close();
                Ok(())
            }
            Self::Unix(_) | Self::Internal(_) | Self::Lost => Ok(()),
        };
    }

    /// Sends FIN; what was written goes out first.
    pub fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = match self {
            Self::Tls(stream) => return stream.poll_shutdown(cx),
            Self::Tcp(stream) => shutdown(&*stream, Shutdown::Write),
            Self::Unix(stream) => shutdown(&*stream, Shutdown::Write),
            Self::Fresh(stream, _) => shutdown(&*stream, Shutdown::Write),
            Self::Reading(stream) => shutdown(stream.get_ref(), Shutdown::Write),
            Self::Internal(pipe) => return Poll::Ready(pipe.shutdown()),
            Self::Lost => Ok(()),
        };
        Poll::Ready(result.map_err(io::Error::from))
    }
}

/// Whether an operation failed because the peer has reset the connection.
pub fn is_reset<T>(result: &io::Result<T>) -> bool {
    result.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::ConnectionReset)
}

/// A reset below TLS is an end like others: Envoy tells no such end of a TLS connection from an ordinary one.
fn without_reset(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::ConnectionReset => io::ErrorKind::ConnectionAborted.into(),
        _ => error,
    }
}

fn set_linger(stream: &impl AsFd) -> io::Result<()> {
    socket2::SockRef::from(stream).set_linger(Some(std::time::Duration::ZERO))
}

/// Tells the loop's record of a socket that there is no more to read, or no more room to write, which a short
/// read or write has shown: the next call waits instead of finding that out (epoll is edge-triggered here).
fn settled(short: bool) -> io::Result<()> {
    match short {
        true => Err(io::ErrorKind::WouldBlock.into()),
        false => Ok(()),
    }
}

/// Whether an operation is to be tried again when the loop says so, or at once; other errors stay errors.
fn blocks(error: io::Error) -> io::Result<bool> {
    match error.kind() {
        io::ErrorKind::WouldBlock => Ok(true),
        io::ErrorKind::Interrupted => Ok(false),
        _ => Err(error),
    }
}
