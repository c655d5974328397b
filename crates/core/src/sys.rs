//! The only module with unsafe code: each block says why it is sound.
#![allow(unsafe_code)]

use std::sync::OnceLock;

/// Sockets of the standard library, which own their descriptor and keep the same one for all their life.
pub(crate) trait OwnedSocket: std::os::fd::AsRawFd {}
impl OwnedSocket for std::net::TcpListener {}
impl OwnedSocket for std::net::TcpStream {}
impl OwnedSocket for std::os::unix::net::UnixListener {}

/// Lets the loop of the calling thread tell when there is something to read or to accept.
///
/// # Errors
/// The socket cannot be registered.
pub(crate) fn watch_readable<S: OwnedSocket>(
    socket: S,
) -> std::io::Result<tokio::io::unix::AsyncFd<S>> {
    // SAFETY: an OwnedSocket has one descriptor for its whole life and closes it when dropped, which AsyncFd
    // does only after it has taken it out of the loop.
    unsafe {
        tokio::io::unix::AsyncFd::register_with_interest(socket, tokio::io::Interest::READABLE)
            .map_err(Into::into)
    }
}

/// A future that stays on the thread that made it.
struct Here<F>(F);

// SAFETY: only `spawn_here` makes one, and gives it to the runtime of the calling thread: see there.
unsafe impl<F> Send for Here<F> {}

impl<F: std::future::Future> std::future::Future for Here<F> {
    type Output = F::Output;

    fn poll(
        self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<F::Output> {
        // SAFETY: the field is pinned with the whole, and nothing moves it out.
        unsafe { self.map_unchecked_mut(|this| &mut this.0) }.poll(cx)
    }
}

/// Runs a task on the single-threaded loop of the calling thread, without the set of tasks that tokio wants in
/// between (`LocalSet`): that costs each wake-up and each turn.
pub(crate) fn spawn_here(
    task: impl std::future::Future<Output = ()> + 'static,
) -> tokio::task::JoinHandle<()> {
    let runtime = tokio::runtime::Handle::current();
    assert!(runtime.runtime_flavor() == tokio::runtime::RuntimeFlavor::CurrentThread);
    // A runtime of that flavor polls and drops its tasks in `block_on` and in its own drop alone. A worker's
    // runtime does both on the worker's thread, which is the one that calls this (tasks are made by tasks), so
    // no task is ever touched by two threads. Wakers, which other threads may have, only queue it.
    runtime.spawn(Here(task))
}

/// Another descriptor of what `descriptor` refers to, which is closed in programs that the process runs.
///
/// # Errors
/// The number is no open descriptor, or there are none left.
pub(crate) fn duplicate(descriptor: std::os::fd::RawFd) -> std::io::Result<std::os::fd::OwnedFd> {
    use std::os::fd::FromRawFd;
    // SAFETY: fcntl takes any number, and fails for one that is no open descriptor.
    match unsafe { libc::fcntl(descriptor, libc::F_DUPFD_CLOEXEC, 3) } {
        -1 => Err(std::io::Error::last_os_error()),
        // SAFETY: the kernel made this descriptor just now: nothing else owns it.
        new => Ok(unsafe { std::os::fd::OwnedFd::from_raw_fd(new) }),
    }
}

/// Sets a socket option of any level, as configuration names it by number.
pub(crate) fn set_option(
    socket: std::os::fd::BorrowedFd<'_>,
    level: i32,
    name: i32,
    value: &[u8],
) -> std::io::Result<()> {
    use std::os::fd::AsRawFd;
    let length = libc::socklen_t::try_from(value.len())
        .map_err(|_| std::io::Error::from(std::io::ErrorKind::InvalidInput))?;
    // SAFETY: the descriptor is open for as long as it is borrowed, and the kernel reads exactly
    // `length` bytes of `value`.
    let result =
        unsafe { libc::setsockopt(socket.as_raw_fd(), level, name, value.as_ptr().cast(), length) };
    match result {
        0 => Ok(()),
        _ => Err(std::io::Error::last_os_error()),
    }
}

/// The offset from UTC in seconds and the name of this machine's time zone at a moment.
pub(crate) fn local_zone(unix_seconds: i64) -> Option<(i64, String)> {
    let mut fields = std::mem::MaybeUninit::<libc::tm>::zeroed();
    let seconds = libc::time_t::try_from(unix_seconds).ok()?;
    // SAFETY: both pointers are valid for the call; `tm` is plain data, for which zeros are a value.
    let fields = unsafe {
        if libc::localtime_r(&seconds, fields.as_mut_ptr()).is_null() {
            return None;
        }
        fields.assume_init()
    };
    if fields.tm_zone.is_null() {
        return Some((fields.tm_gmtoff as i64, String::new()));
    }
    // SAFETY: `tm_zone` points to a C string of the time zone data, which lives as long as the process.
    let name = unsafe { std::ffi::CStr::from_ptr(fields.tm_zone) };
    Some((fields.tm_gmtoff as i64, name.to_string_lossy().into_owned()))
}

/// The name of this machine; empty when it has none.
pub(crate) fn hostname() -> String {
    let mut name = [0u8; 256];
    // SAFETY: the buffer is writable for the given length; the last byte stays 0.
    let failed = unsafe { libc::gethostname(name.as_mut_ptr().cast(), name.len() - 1) } != 0;
    let end = name.iter().position(|&byte| byte == 0).unwrap_or(0);
    match failed {
        true => String::new(),
        false => String::from_utf8_lossy(&name[..end]).into_owned(),
    }
}

/// The first IPv4 address of this machine that is not a loopback address, as it was at the first question: to
/// look takes twenty system calls.
pub(crate) fn local_ipv4() -> Option<std::net::Ipv4Addr> {
    static FOUND: OnceLock<Option<std::net::Ipv4Addr>> = OnceLock::new();
    *FOUND.get_or_init(find_local_ipv4)
}

fn find_local_ipv4() -> Option<std::net::Ipv4Addr> {
    let mut first: *mut libc::ifaddrs = std::ptr::null_mut();
    // SAFETY: getifaddrs stores a list in `first`, which is freed below, or fails.
    if unsafe { libc::getifaddrs(&mut first) } != 0 {
        return None;
    }
    let mut found = None;
    let mut next = first;
    // SAFETY: the list's nodes and addresses are valid until freeifaddrs, and an address of family
    // AF_INET is a sockaddr_in.
    unsafe {
        while let (None, Some(node)) = (found, next.as_ref()) {
            if let Some(address) = node.ifa_addr.as_ref() {
                if i32::from(address.sa_family) == libc::AF_INET {
                    let inet = &*node.ifa_addr.cast::<libc::sockaddr_in>();
                    let ip = std::net::Ipv4Addr::from(u32::from_be(inet.sin_addr.s_addr));
                    found = (!ip.is_loopback()).then_some(ip);
                }
            }
            next = node.ifa_next;
        }
        libc::freeifaddrs(first);
    }
    found
}

/// The cores that this process may use, lowest first.
pub(crate) fn allowed_cores() -> Vec<usize> {
    let size = std::mem::size_of::<libc::cpu_set_t>();
    // SAFETY: a cpu_set_t is plain bits; all zeros is the empty set.
    let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    // SAFETY: the kernel writes at most `size` bytes into `set`, which lives across the call.
    if unsafe { libc::sched_getaffinity(0, size, &mut set) } != 0 {
        return Vec::new();
    }
    // SAFETY: CPU_ISSET reads one bit of `set`, and the numbers stay below its size.
    (0..size * 8).filter(|&core| unsafe { libc::CPU_ISSET(core, &set) }).collect()
}

/// Binds the calling thread to one core. A failure leaves it where it is.
pub(crate) fn pin_to_core(core: usize) {
    let size = std::mem::size_of::<libc::cpu_set_t>();
    // SAFETY: as in allowed_cores.
    let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    if core < size * 8 {
        // SAFETY: CPU_SET writes one bit of `set`, checked to be inside; the kernel reads `size` bytes.
        unsafe {
            libc::CPU_SET(core, &mut set);
            libc::sched_setaffinity(0, size, &set);
        }
    }
}

/// The address to which a connection went before a rule of the packet filter redirected it (ip(7), SO_ORIGINAL_DST;
/// ip6tables has the same number for IPv6).
///
/// # Errors
/// It was not redirected, or the socket is no TCP connection.
pub(crate) fn original_destination(
    socket: std::os::fd::BorrowedFd<'_>,
    v6: bool,
) -> std::io::Result<std::net::SocketAddr> {
    use std::os::fd::AsRawFd;
    let level = if v6 { libc::IPPROTO_IPV6 } else { libc::IPPROTO_IP };
    let read = |storage: *mut socket2::SockAddrStorage, length: *mut libc::socklen_t| {
        // SAFETY: the descriptor is open for as long as it is borrowed; the kernel writes at most `*length`
        // bytes, the size of the storage, and says how many.
        let result = unsafe {
            libc::getsockopt(
                socket.as_raw_fd(),
                level,
                libc::SO_ORIGINAL_DST,
                storage.cast(),
                length,
            )
        };
        match result {
            0 => Ok(()),
            _ => Err(std::io::Error::last_os_error()),
        }
    };
    // SAFETY: the closure fills the storage and its length with a socket address, or fails.
    let (_, address) = unsafe { socket2::SockAddr::try_init(read)? };
    address.as_socket().ok_or_else(|| std::io::ErrorKind::AddrNotAvailable.into())
}
