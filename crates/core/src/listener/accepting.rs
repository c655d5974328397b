//! Listening sockets in a worker's loop.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::rc::Rc;
use std::task::{ready, Context, Poll};

use rustix::net::{acceptfrom_with, SocketAddrAny, SocketAddrUnix, SocketFlags};
use socket2::SockRef;
use tokio::io::unix::AsyncFd;

use super::socket::adapt;
use crate::address::Address;
use crate::proto;
use crate::transport::{EarlyRequests, Transport};

/// A listening socket of a worker.
pub enum Accepting {
    Tcp(AsyncFd<TcpListener>),
    Unix(AsyncFd<UnixListener>),
}

/// A connection that no worker's loop knows yet: any worker may serve it.
pub enum Incoming {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Incoming {
    /// Gives it to the worker that runs this; `early` is the listener's.
    ///
    /// # Errors
    /// The loop cannot take it.
    pub fn into_transport(self, early: &Rc<EarlyRequests>) -> io::Result<Transport> {
        match self {
            Self::Tcp(stream) => Transport::accepted(stream, early),
            Self::Unix(stream) => tokio::net::UnixStream::from_std(stream).map(Transport::Unix),
        }
    }

    /// The address on this side; that of a unix socket is its listener's.
    fn local_address(&self) -> io::Result<Address> {
        match self {
            Self::Tcp(stream) => stream.local_addr().map(Address::of_connection),
            Self::Unix(_) => Ok(Address::Pipe(Default::default())),
        }
    }
}

/// A connection with the addresses of both sides.
pub struct Arrived {
    pub incoming: Incoming,
    pub remote: Address,
    pub local: Address,
}

impl Accepting {
    /// Accepts one connection; `address` is the same for all, as [`Accepting::address`] says.
    pub fn poll_accept(
        &self,
        cx: &mut Context<'_>,
        address: Option<&Address>,
    ) -> Poll<io::Result<Arrived>> {
        let (incoming, remote) = match self {
            Self::Tcp(listener) => {
                let (socket, peer) = ready!(poll_accept(listener, cx))?;
                let peer = peer.and_then(|peer| SocketAddr::try_from(peer).ok());
                let peer = peer.ok_or(io::ErrorKind::NotConnected)?;
                (Incoming::Tcp(socket.into()), Address::of_connection(peer))
            }
            Self::Unix(listener) => {
                let (socket, peer) = ready!(poll_accept(listener, cx))?;
                let path = peer.as_ref().map(path).unwrap_or_default();
                (Incoming::Unix(socket.into()), Address::Pipe(path.into()))
            }
        };
        let local = match address {
            Some(local) => local.clone(),
            None => incoming.local_address()?,
        };
        Poll::Ready(Ok(Arrived { incoming, remote, local }))
    }

    /// The address on this side of every connection; none where each has its own, as behind a wildcard.
    pub fn address(&self) -> Option<Address> {
        match self {
            Self::Tcp(listener) => {
                let address = listener.get_ref().local_addr().ok()?;
                (!address.ip().is_unspecified()).then_some(Address::Ip(address))
            }
            Self::Unix(listener) => {
                let address = listener.get_ref().local_addr().ok()?;
                Some(Address::Pipe(address.as_pathname().unwrap_or("".as_ref()).to_owned().into()))
            }
        }
    }

    /// The same socket by another descriptor.
    ///
    /// # Errors
    /// There are no descriptors left.
    pub fn export(&self) -> io::Result<OwnedFd> {
        match self {
            Self::Tcp(listener) => listener.get_ref().as_fd().try_clone_to_owned(),
            Self::Unix(listener) => listener.get_ref().as_fd().try_clone_to_owned(),
        }
    }

    /// Sets the options of a changed listener on its socket.
    pub fn adapt(&self, message: &proto::Listener) -> io::Result<()> {
        match self {
            Self::Tcp(listener) => adapt(SockRef::from(listener.get_ref()), message),
            Self::Unix(listener) => adapt(SockRef::from(listener.get_ref()), message),
        }
    }
}

fn poll_accept<S: AsFd + std::os::fd::AsRawFd>(
    listener: &AsyncFd<S>,
    cx: &mut Context<'_>,
) -> Poll<io::Result<(OwnedFd, Option<SocketAddrAny>)>> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    loop {
        let mut ready = ready!(listener.poll_read_ready(cx))?;
        if let Ok(accepted) =
            ready.try_io(|listener| Ok(acceptfrom_with(listener.get_ref(), flags)?))
        {
            return Poll::Ready(accepted);
        }
    }
}

/// The path of a unix socket; empty when it has none.
fn path(peer: &SocketAddrAny) -> PathBuf {
    use std::os::unix::ffi::OsStrExt;
    let peer = SocketAddrUnix::try_from(peer.clone()).ok();
    let path = peer.as_ref().and_then(|peer| peer.path());
    path.map(|path| std::ffi::OsStr::from_bytes(path.to_bytes()).into()).unwrap_or_default()
}
