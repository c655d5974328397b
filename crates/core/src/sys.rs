//! The only module with unsafe code: each block says why it is sound.
#![allow(unsafe_code)]

/// Makes the first `length` bytes of the storage part of `buffer`.
///
/// Called only with a length that a `ReadBuf` over the spare capacity reported as filled; a larger one
/// is cut to the capacity.
pub(crate) fn advance(buffer: &mut Vec<u8>, length: usize) {
    let length = length.min(buffer.capacity());
    // SAFETY: `length` is within the capacity, and ReadBuf::filled() guarantees that the bytes up to it
    // were initialised by the read.
    unsafe { buffer.set_len(length) }
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
