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
