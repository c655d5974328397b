//! Listening sockets: bound on the main thread, so that a failure is an answer, then given to workers.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;

use rustix::net::{acceptfrom_with, SocketFlags};
use socket2::{Domain, Protocol, SockAddr, Type};
use tokio::io::unix::AsyncFd;
use tokio::io::Interest;
use tokio::net::UnixListener;

use crate::address::Address;
use crate::proto::{self, socket_option::Value};

/// A bound socket on its way to a worker.
pub struct Socket(pub socket2::Socket);

/// The same in a worker's loop.
pub enum Accepting {
    Tcp(AsyncFd<TcpListener>),
    Unix(UnixListener),
}

/// Accepts a TCP connection that the worker's loop does not know yet.
///
/// # Errors
/// What the kernel says; the connection may be gone already.
pub async fn accept_tcp(listener: &AsyncFd<TcpListener>) -> io::Result<(TcpStream, SocketAddr)> {
    listener
        .async_io(Interest::READABLE, |listener| {
            let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
            let (socket, peer) = acceptfrom_with(listener, flags)?;
            let peer = peer.and_then(|peer| SocketAddr::try_from(peer).ok());
            let peer = peer.ok_or(io::ErrorKind::NotConnected)?;
            Ok((TcpStream::from(socket), peer))
        })
        .await
}

impl Accepting {
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

impl Socket {
    /// # Errors
    /// What the kernel says of the socket.
    pub fn into_accepting(self) -> io::Result<Accepting> {
        Ok(match self.0.domain()? {
            Domain::UNIX => Accepting::Unix(UnixListener::from_std(self.0.into())?),
            _ => Accepting::Tcp(crate::sys::watch_readable(self.0.into())?),
        })
    }

    fn duplicate(&self) -> io::Result<Self> {
        Ok(Self(self.0.try_clone()?))
    }
}

/// Binds one address for `workers` workers: a socket each where the listener shares its port, else the
/// same socket for all. The address comes back with the port that the kernel chose.
///
/// # Errors
/// The address is in use, not of this machine, or not permitted.
pub fn bind(
    address: &Address,
    options: &proto::Listener,
    workers: usize,
) -> io::Result<(Address, Vec<Socket>)> {
    match address {
        Address::Ip(ip) => {
            let share = options.reuse_port;
            if share && ip.port() != 0 {
                // Another process that shares ports as well would be joined without this.
                open(ip, options, false)?;
            }
            let first = open(ip, options, share)?;
            let bound = first.local_addr()?.as_socket().unwrap_or(*ip);
            let mut sockets = vec![Socket(first)];
            for _ in 1..workers {
                sockets.push(match share {
                    true => Socket(open(&bound, options, true)?),
                    false => sockets[0].duplicate()?,
                });
            }
            for socket in &sockets {
                listen(socket, options)?;
            }
            Ok((Address::Ip(bound), sockets))
        }
        Address::Pipe(path) => {
            let socket = Socket(open_pipe(path, options)?);
            listen(&socket, options)?;
            let mut sockets = vec![socket];
            for _ in 1..workers {
                sockets.push(sockets[0].duplicate()?);
            }
            Ok((address.clone(), sockets))
        }
    }
}

fn open(
    address: &std::net::SocketAddr,
    options: &proto::Listener,
    share: bool,
) -> io::Result<socket2::Socket> {
    let domain = Domain::for_address(*address);
    let socket = socket2::Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    if share {
        socket.set_reuse_port(true)?;
    }
    if address.is_ipv6() {
        socket.set_only_v6(!ipv4_compat(options))?;
    }
    if options.freebind == Some(true) {
        socket.set_freebind_v4(true)?;
    }
    if options.transparent == Some(true) {
        socket.set_ip_transparent_v4(true)?;
    }
    // Accepted connections inherit it.
    socket.set_tcp_nodelay(true)?;
    set_options(&socket, options, 0)?;
    socket.bind(&SockAddr::from(*address))?;
    set_options(&socket, options, 1)?;
    Ok(socket)
}

fn ipv4_compat(options: &proto::Listener) -> bool {
    options.addresses.iter().any(|address| match &address.kind {
        Some(proto::address::Kind::Socket(socket)) => socket.ipv4_compat,
        _ => false,
    })
}

fn open_pipe(path: &Path, options: &proto::Listener) -> io::Result<socket2::Socket> {
    let socket = socket2::Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    let text = path.to_string_lossy();
    match text.strip_prefix('@') {
        Some(name) => socket.bind(&SockAddr::unix(format!("\0{name}"))?)?,
        None => {
            let _ = std::fs::remove_file(path);
            socket.bind(&SockAddr::unix(path)?)?;
            let mode = options.addresses.first().map_or(0, |address| address.pipe_mode);
            if mode != 0 {
                use std::os::unix::fs::PermissionsExt;
                std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))?;
            }
        }
    }
    Ok(socket)
}

fn listen(socket: &Socket, options: &proto::Listener) -> io::Result<()> {
    let backlog = if options.backlog == 0 { 4096 } else { options.backlog };
    socket.0.listen(i32::try_from(backlog).unwrap_or(i32::MAX))?;
    set_options(&socket.0, options, 2)
}

/// Sets the options that belong to `state`: 0 before bind, 1 after it, 2 after listen.
fn set_options(socket: &socket2::Socket, options: &proto::Listener, state: u32) -> io::Result<()> {
    use std::os::fd::AsFd;
    for option in options.socket_options.iter().filter(|option| option.state == state) {
        let (Ok(level), Ok(name)) = (i32::try_from(option.level), i32::try_from(option.name))
        else {
            return Err(io::ErrorKind::InvalidInput.into());
        };
        match &option.value {
            Some(Value::IntValue(number)) => {
                let number = (*number as i32).to_ne_bytes();
                crate::sys::set_option(socket.as_fd(), level, name, &number)?;
            }
            Some(Value::BufValue(bytes)) => {
                crate::sys::set_option(socket.as_fd(), level, name, bytes)?;
            }
            None => {}
        }
    }
    Ok(())
}
