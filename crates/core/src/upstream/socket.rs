//! Opens sockets to hosts, with the options of their cluster.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use socket2::{Domain, Protocol, SockAddr, Socket, TcpKeepalive, Type};
use tokio::net::{TcpStream, UnixStream};

use crate::address::Address;
use crate::proto::{self, socket_option::Value};
use crate::transport::Transport;

/// How sockets of a cluster are opened.
#[derive(Default)]
pub struct ConnectOptions {
    pub keepalive: Option<proto::TcpKeepalive>,
    pub bind_source: Option<SocketAddr>,
    /// Of the other IP version.
    pub extra_bind_source: Option<SocketAddr>,
    pub options: Box<[SocketOption]>,
}

/// A setsockopt(2) call, made before the socket is bound.
pub struct SocketOption {
    pub level: i32,
    pub name: i32,
    pub value: Option<Value>,
}

/// Why a connection was not made. The text is Envoy's transport failure reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SocketError {
    /// This side could not even try.
    Local(String),
    /// The source address cannot be used.
    Bind(String),
    /// The other side refused or cannot be reached.
    Remote(String),
}

/// A new socket that is connected, or about to be.
pub struct Opened {
    pub transport: Transport,
    /// The address on this side; none for a unix socket.
    pub local: Option<Address>,
}

/// Connects to `address`; the caller limits the time.
pub async fn connect(address: &Address, options: &ConnectOptions) -> Result<Opened, SocketError> {
    match address {
        Address::Ip(address) => connect_tcp(*address, options).await,
        Address::Pipe(path) => connect_unix(path, options).await,
        Address::Internal(_) => Err(SocketError::Local("no socket leads there".to_owned())),
    }
}

async fn connect_tcp(address: SocketAddr, options: &ConnectOptions) -> Result<Opened, SocketError> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))
        .map_err(|error| local("socket error", &error))?;
    let prepared = socket.set_nonblocking(true).and_then(|()| socket.set_tcp_nodelay(true));
    prepared.map_err(|error| local("socket error", &error))?;
    if let Some(keepalive) = options.keepalive {
        set_keepalive(&socket, keepalive).map_err(|error| local("socket error", &error))?;
    }
    set_options(&socket, options).map_err(|error| local("socket error", &error))?;
    let sources = [options.bind_source, options.extra_bind_source].into_iter().flatten();
    let mut fitting = sources.filter(|ip| ip.is_ipv4() == address.is_ipv4());
    if let Some(source) = fitting.next() {
        bind(&socket, source)?;
    }
    start_connect(&socket, &address.into(), address)?;
    let stream = TcpStream::from_std(socket.into()).map_err(|e| local("socket error", &e))?;
    poll_fn(|cx| stream.poll_write_ready(cx)).await.map_err(|e| delayed(&e))?;
    match stream.take_error() {
        Ok(None) => {}
        Ok(Some(error)) | Err(error) => return Err(delayed(&error)),
    }
    let local = stream.local_addr().ok().map(Address::Ip);
    Ok(Opened { transport: Transport::Tcp(stream), local })
}

async fn connect_unix(path: &Path, options: &ConnectOptions) -> Result<Opened, SocketError> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)
        .and_then(|socket| socket.set_nonblocking(true).map(|()| socket))
        .map_err(|error| local("socket error", &error))?;
    set_options(&socket, options).map_err(|error| local("socket error", &error))?;
    let address = SockAddr::unix(unix_path(path)).map_err(|e| local("socket error", &e))?;
    start_connect(&socket, &address, path.display())?;
    let stream = UnixStream::from_std(socket.into()).map_err(|e| local("socket error", &e))?;
    stream.writable().await.map_err(|error| delayed(&error))?;
    match stream.take_error() {
        Ok(None) => Ok(Opened { transport: Transport::Unix(stream), local: None }),
        Ok(Some(error)) | Err(error) => Err(delayed(&error)),
    }
}

/// A leading `@` names the abstract namespace, which the kernel writes as a leading zero byte.
fn unix_path(path: &Path) -> PathBuf {
    match path.to_str().and_then(|path| path.strip_prefix('@')) {
        Some(name) => PathBuf::from(format!("\0{name}")),
        None => path.to_owned(),
    }
}

fn start_connect(
    socket: &Socket,
    address: &SockAddr,
    target: impl fmt::Display,
) -> Result<(), SocketError> {
    match socket.connect(address) {
        Err(error) if error.raw_os_error() != Some(libc::EINPROGRESS) => {
            let reason = format!("immediate connect error: {}", os_text(&error));
            Err(SocketError::Remote(format!("{reason}|remote address:{target}")))
        }
        _ => Ok(()),
    }
}

fn bind(socket: &Socket, source: SocketAddr) -> Result<(), SocketError> {
    if source.port() == 0 && source.is_ipv4() {
        // The port is chosen at connect(), so that it may serve several destinations. Kernels without
        // the option choose it here.
        let _ = crate::sys::set_option(
            socket.as_fd(),
            libc::IPPROTO_IP,
            libc::IP_BIND_ADDRESS_NO_PORT,
            &1i32.to_ne_bytes(),
        );
    }
    socket.bind(&source.into()).map_err(|error| {
        SocketError::Bind(format!("failed to bind to {source}: {}", os_text(&error)))
    })
}

fn set_keepalive(socket: &Socket, keepalive: proto::TcpKeepalive) -> io::Result<()> {
    let mut wanted = TcpKeepalive::new();
    if keepalive.time_s > 0 {
        wanted = wanted.with_time(Duration::from_secs(keepalive.time_s.into()));
    }
    if keepalive.interval_s > 0 {
        wanted = wanted.with_interval(Duration::from_secs(keepalive.interval_s.into()));
    }
    if keepalive.probes > 0 {
        wanted = wanted.with_retries(keepalive.probes);
    }
    socket.set_tcp_keepalive(&wanted)
}

fn set_options(socket: &Socket, options: &ConnectOptions) -> io::Result<()> {
    options.options.iter().try_for_each(|option| {
        let set =
            |bytes: &[u8]| crate::sys::set_option(socket.as_fd(), option.level, option.name, bytes);
        match &option.value {
            Some(Value::IntValue(number)) => set(&(*number as i32).to_ne_bytes()),
            Some(Value::BufValue(bytes)) => set(bytes),
            None => Ok(()),
        }
    })
}

fn local(what: &str, error: &io::Error) -> SocketError {
    SocketError::Local(format!("{what}: {}", os_text(error)))
}

fn delayed(error: &io::Error) -> SocketError {
    SocketError::Remote(format!("delayed connect error: {}", os_text(error)))
}

/// The system's text of an error, without Rust's "(os error N)".
fn os_text(error: &io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}

#[cfg(test)]
mod tests;
