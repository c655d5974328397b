//! Reads frames.

use super::{flag, HEADER};
use crate::error::ConnectionError;

/// The first nine bytes of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameHeader {
    /// Bytes of the payload.
    pub length: usize,
    pub kind: u8,
    pub flags: u8,
    /// 0 is the connection.
    pub stream: u32,
}

impl FrameHeader {
    /// Reads it from the start of `input`; `None` when it is not there whole.
    pub fn parse(input: &[u8]) -> Option<Self> {
        let &[a, b, c, kind, flags, s0, s1, s2, s3] = input.first_chunk::<HEADER>()?;
        Some(Self {
            length: u32::from_be_bytes([0, a, b, c]) as usize,
            kind,
            flags,
            stream: u32::from_be_bytes([s0 & 0x7f, s1, s2, s3]),
        })
    }

    pub fn has(self, flag: u8) -> bool {
        self.flags & flag != 0
    }
}

/// A number of 32 bits at the start of a payload.
pub fn number(payload: &[u8]) -> Result<u32, ConnectionError> {
    payload.first_chunk().map(|bytes| u32::from_be_bytes(*bytes)).ok_or(ConnectionError::FrameSize)
}

/// The payload without its padding (RFC 9113 section 6.1).
pub fn without_padding(header: FrameHeader, payload: &[u8]) -> Result<&[u8], ConnectionError> {
    if !header.has(flag::PADDED) {
        return Ok(payload);
    }
    let (&padding, rest) = payload.split_first().ok_or(ConnectionError::FrameSize)?;
    let length = rest.len().checked_sub(usize::from(padding)).ok_or(ConnectionError::Padding)?;
    Ok(&rest[..length])
}

/// The fragment of a header block in HEADERS, and the stream that it is said to depend on.
pub fn headers(
    header: FrameHeader,
    payload: &[u8],
) -> Result<(&[u8], Option<u32>), ConnectionError> {
    let rest = without_padding(header, payload)?;
    if !header.has(flag::PRIORITY) {
        return Ok((rest, None));
    }
    let fragment = rest.get(5..).ok_or(ConnectionError::FrameSize)?;
    Ok((fragment, Some(number(rest)? & super::MAX_31_BITS)))
}

/// Identifier and value of each setting.
pub fn settings(payload: &[u8]) -> impl Iterator<Item = (u16, u32)> + '_ {
    payload.chunks_exact(6).map(|entry| {
        let identifier = u16::from_be_bytes([entry[0], entry[1]]);
        (identifier, u32::from_be_bytes([entry[2], entry[3], entry[4], entry[5]]))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_must_leave_room() {
        let header = FrameHeader { length: 0, kind: 0, flags: flag::PADDED, stream: 1 };
        assert_eq!(without_padding(header, b"\x02abc"), Ok(&b"a"[..]));
        assert_eq!(without_padding(header, b"\x03abc"), Ok(&b""[..]));
        assert_eq!(without_padding(header, b"\x04abc"), Err(ConnectionError::Padding));
        assert_eq!(without_padding(header, b""), Err(ConnectionError::FrameSize));
    }

    #[test]
    fn the_reserved_bit_is_ignored() {
        let header = FrameHeader::parse(b"\0\x01\x02\x03\x04\xff\0\0\x05rest").expect("whole");
        assert_eq!(header, FrameHeader { length: 258, kind: 3, flags: 4, stream: 0x7f00_0005 });
        assert_eq!(FrameHeader::parse(b"\0\0\0\0\0\0\0\0"), None);
    }
}
