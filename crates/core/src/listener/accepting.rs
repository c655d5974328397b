//! Listening sockets in a worker's loop.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::rc::Rc;
use std::task::{ready, Context, Poll};

use rustix::net::{acceptfrom_with, SocketFlags};
use socket2::SockRef;
use tokio::io::unix::AsyncFd;
use tokio::net::UnixListener;

use super::socket::adapt;
use crate::address::Address;
use crate::proto;
use crate::transport::{EarlyRequests, Transport};

/// A listening socket of a worker.
pub enum Accepting {
    Tcp(AsyncFd<TcpListener>),
    Unix(UnixListener),
}

impl Accepting {
    /// Accepts one connection, and says from whom it is; `early` is the listener's.
    pub fn poll_accept(
        &self,
        cx: &mut Context<'_>,
        early: &Rc<EarlyRequests>,
    ) -> Poll<io::Result<(Transport, Address)>> {
        match self {
            Self::Tcp(listener) => loop {
                let mut ready = ready!(listener.poll_read_ready(cx))?;
                if let Ok(accepted) = ready.try_io(|listener| accept_tcp(listener.get_ref())) {
                    let (stream, remote) = accepted?;
                    let transport = Transport::accepted(stream, early)?;
                    return Poll::Ready(Ok((transport, Address::of_connection(remote))));
                }
            },
            Self::Unix(listener) => listener.poll_accept(cx).map_ok(|(stream, remote)| {
                let path = remote.as_pathname().map(Path::to_path_buf).unwrap_or_default();
                (Transport::Unix(stream), Address::Pipe(path.into()))
            }),
        }
    }

    /// The address on this side of every connection; none where each has its own, as behind a wildcard.
    pub fn address(&self) -> Option<Address> {
        match self {
            Self::Tcp(listener) => {
                let address = listener.get_ref().local_addr().ok()?;
                (!address.ip().is_unspecified()).then_some(Address::Ip(address))
            }
            Self::Unix(listener) => {
                let path = listener.local_addr().ok()?.as_pathname().map(Path::to_path_buf);
                Some(Address::Pipe(path.unwrap_or_default().into()))
            }
        }
    }
}

/// Accepts a TCP connection that the worker's loop does not know yet.
fn accept_tcp(listener: &TcpListener) -> io::Result<(TcpStream, SocketAddr)> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let (socket, peer) = acceptfrom_with(listener, flags)?;
    let peer = peer.and_then(|peer| SocketAddr::try_from(peer).ok());
    let peer = peer.ok_or(io::ErrorKind::NotConnected)?;
    Ok((TcpStream::from(socket), peer))
}

impl Accepting {
    /// The same socket by another descriptor.
    ///
    /// # Errors
    /// There are no descriptors left.
    pub fn export(&self) -> io::Result<OwnedFd> {
        match self {
            Self::Tcp(listener) => listener.get_ref().as_fd().try_clone_to_owned(),
            Self::Unix(listener) => listener.as_fd().try_clone_to_owned(),
        }
    }

    /// Sets the options of a changed listener on its socket.
    pub fn adapt(&self, message: &proto::Listener) -> io::Result<()> {
        match self {
            Self::Tcp(listener) => adapt(SockRef::from(listener.get_ref()), message),
            Self::Unix(listener) => adapt(SockRef::from(listener), message),
        }
    }
}
