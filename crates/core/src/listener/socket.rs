//! Listening sockets: bound on the main thread, so that a failure is an answer, then given to workers.

use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use socket2::{Domain, Protocol, SockAddr, SockRef, Type};

use super::accepting::Accepting;
use crate::address::Address;
use crate::proto::{self, socket_option::Value};

/// A bound socket on its way to a worker.
pub struct Socket {
    pub inner: socket2::Socket,
    /// A socket that joins those of another process listens only when its worker starts: until then that
    /// process accepts.
    is_listening: bool,
}

impl Socket {
    /// A socket that another process has bound, and that listens.
    pub fn inherited(inner: socket2::Socket) -> Self {
        Self { inner, is_listening: true }
    }

    /// # Errors
    /// What the kernel says of the socket.
    pub fn into_accepting(self, message: &proto::Listener) -> io::Result<Accepting> {
        if !self.is_listening {
            listen(&self.inner, message)?;
        }
        Ok(match self.inner.domain()? {
            Domain::UNIX => Accepting::Unix(crate::sys::watch_readable(self.inner.into())?),
            _ => Accepting::Tcp(crate::sys::watch_readable(self.inner.into())?),
        })
    }

    /// Sets the options of a changed listener on its socket.
    pub fn adapt(&self, message: &proto::Listener) -> io::Result<()> {
        match self.is_listening {
            true => adapt(SockRef::from(&self.inner), message),
            false => set_all(&self.inner, self.inner.domain()?, message),
        }
    }

    /// The same socket by another descriptor, if it listens.
    pub fn export(&self) -> Option<io::Result<OwnedFd>> {
        self.is_listening.then(|| Ok(self.inner.try_clone()?.into()))
    }

    fn duplicate(&self) -> io::Result<Self> {
        Ok(Self { inner: self.inner.try_clone()?, is_listening: self.is_listening })
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
) -> io::Result<(Address, Vec<Vec<Socket>>)> {
    let (bound, sockets) = bind_each(address, options, workers)?;
    Ok((bound, sockets.into_iter().map(|socket| vec![socket]).collect()))
}

fn bind_each(
    address: &Address,
    options: &proto::Listener,
    workers: usize,
) -> io::Result<(Address, Vec<Socket>)> {
    let listening = |inner: socket2::Socket| -> io::Result<Socket> {
        listen(&inner, options)?;
        Ok(Socket { inner, is_listening: true })
    };
    match address {
        Address::Ip(ip) => {
            let share = options.reuse_port;
            if share && ip.port() != 0 {
                // Another process that shares ports as well would be joined without this.
                open(ip, options, false)?;
            }
            let first = open(ip, options, share)?;
            let bound = first.local_addr()?.as_socket().unwrap_or(*ip);
            let mut opened = vec![first];
            for _ in 1..if share { workers } else { 1 } {
                opened.push(open(&bound, options, true)?);
            }
            let mut sockets = opened.into_iter().map(listening).collect::<io::Result<Vec<_>>>()?;
            for _ in sockets.len()..workers {
                sockets.push(sockets[0].duplicate()?);
            }
            Ok((Address::Ip(bound), sockets))
        }
        Address::Pipe(path) => {
            let mut sockets = vec![listening(open_pipe(path, options)?)?];
            for _ in 1..workers {
                sockets.push(sockets[0].duplicate()?);
            }
            Ok((address.clone(), sockets))
        }
        // Clusters find the listener by its name.
        Address::Internal(_) => Ok((address.clone(), Vec::new())),
    }
}

/// Spreads sockets that listen on an address already over the workers, so that each socket has a worker
/// and each worker a socket.
///
/// # Errors
/// A socket cannot take the options of the listener.
pub fn spread(
    inherited: Vec<Socket>,
    options: &proto::Listener,
    workers: usize,
) -> io::Result<Vec<Vec<Socket>>> {
    let mut sets: Vec<Vec<Socket>> = (0..workers).map(|_| Vec::new()).collect();
    let count = inherited.len();
    for (index, socket) in inherited.into_iter().enumerate() {
        socket.adapt(options)?;
        sets[index % workers].push(socket);
    }
    for index in count..workers {
        let like = &sets[index % count][0];
        let more = join(like, options).map_or_else(|| like.duplicate(), Ok)?;
        sets[index].push(more);
    }
    Ok(sets)
}

/// A further socket that shares the port of `like`, if both the kernel and the listener let it.
fn join(like: &Socket, options: &proto::Listener) -> Option<Socket> {
    if !options.reuse_port || !like.inner.reuse_port().ok()? {
        return None;
    }
    let address = like.inner.local_addr().ok()?.as_socket()?;
    let inner = open(&address, options, true).ok()?;
    Some(Socket { inner, is_listening: false })
}

fn open(
    address: &std::net::SocketAddr,
    options: &proto::Listener,
    share: bool,
) -> io::Result<socket2::Socket> {
    let domain = Domain::for_address(*address);
    let protocol = if options.mptcp { Protocol::MPTCP } else { Protocol::TCP };
    let socket = socket2::Socket::new(domain, Type::STREAM, Some(protocol))?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    if share {
        socket.set_reuse_port(true)?;
    }
    if address.is_ipv6() {
        socket.set_only_v6(!ipv4_compat(options))?;
    }
    // Accepted connections inherit it.
    socket.set_tcp_nodelay(true)?;
    set_freedom(&socket, domain, options)?;
    set_options(&socket, options, 0)?;
    socket.bind(&SockAddr::from(*address))?;
    set_options(&socket, options, 1)?;
    Ok(socket)
}

/// Lets a socket take addresses that are not this machine's (yet), where the listener asks for it.
fn set_freedom(
    socket: &socket2::Socket,
    domain: Domain,
    options: &proto::Listener,
) -> io::Result<()> {
    use std::os::fd::AsFd;
    let is_v6 = domain == Domain::IPV6;
    if let Some(freebind) = options.freebind {
        socket.set_freebind_v4(freebind)?;
        if is_v6 {
            socket.set_freebind_v6(freebind)?;
        }
    }
    if let Some(transparent) = options.transparent {
        let flag = i32::from(transparent).to_ne_bytes();
        socket.set_ip_transparent_v4(transparent)?;
        if is_v6 {
            let option = libc::IPV6_TRANSPARENT;
            crate::sys::set_option(socket.as_fd(), libc::IPPROTO_IPV6, option, &flag)?;
        }
    }
    Ok(())
}

/// Whether the kernel has Multipath TCP.
pub fn has_mptcp() -> bool {
    socket2::Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::MPTCP)).is_ok()
}

/// Says whether a socket would take the options of a listener, without binding anything.
///
/// # Errors
/// What the kernel says of an option.
pub fn check(address: &Address, options: &proto::Listener) -> io::Result<()> {
    let domain = match address {
        Address::Ip(ip) => Domain::for_address(*ip),
        Address::Pipe(_) => Domain::UNIX,
        Address::Internal(_) => return Ok(()),
    };
    let socket = socket2::Socket::new(domain, Type::STREAM, None)?;
    set_all(&socket, domain, options)
}

/// Sets what may change on a socket that listens.
pub(super) fn adapt(socket: SockRef<'_>, options: &proto::Listener) -> io::Result<()> {
    set_all(&socket, socket.domain()?, options)?;
    socket.listen(backlog(options))
}

fn set_all(socket: &socket2::Socket, domain: Domain, options: &proto::Listener) -> io::Result<()> {
    if domain != Domain::UNIX {
        set_freedom(socket, domain, options)?;
        set_fast_open(socket, options)?;
    }
    (0..3).try_for_each(|state| set_options(socket, options, state))
}

/// How many connections may send data before their handshake is complete.
fn set_fast_open(socket: &socket2::Socket, options: &proto::Listener) -> io::Result<()> {
    use std::os::fd::AsFd;
    let Some(length) = options.tcp_fast_open_queue_length else { return Ok(()) };
    let length = i32::try_from(length).unwrap_or(i32::MAX).to_ne_bytes();
    crate::sys::set_option(socket.as_fd(), libc::IPPROTO_TCP, libc::TCP_FASTOPEN, &length)
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

fn listen(socket: &socket2::Socket, options: &proto::Listener) -> io::Result<()> {
    socket.listen(backlog(options))?;
    if socket.domain()? != Domain::UNIX {
        set_fast_open(socket, options)?;
    }
    set_options(socket, options, 2)
}

fn backlog(options: &proto::Listener) -> i32 {
    i32::try_from(options.backlog).unwrap_or(i32::MAX)
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

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpStream};

    use socket2::Protocol;

    use super::{bind, has_mptcp};
    use crate::address::Address;
    use crate::proto;

    #[test]
    fn sockets_of_multipath_tcp_serve_plain_clients_too() {
        if !has_mptcp() {
            return println!("skipped: this kernel has no Multipath TCP");
        }
        for (mptcp, protocol) in [(false, Protocol::TCP), (true, Protocol::MPTCP)] {
            let loopback = Address::Ip((Ipv4Addr::LOCALHOST, 0).into());
            let options = proto::Listener { mptcp, backlog: 8, ..Default::default() };
            let (bound, sets) = bind(&loopback, &options, 1).unwrap();
            let socket = &sets[0][0].inner;
            assert_eq!(socket.protocol().unwrap(), Some(protocol));
            let client = TcpStream::connect(bound.ip().unwrap()).unwrap();
            socket.set_nonblocking(false).unwrap();
            let peer = socket.accept().unwrap().1.as_socket();
            assert_eq!(peer, Some(client.local_addr().unwrap()));
        }
    }
}
