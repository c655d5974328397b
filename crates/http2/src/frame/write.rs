//! Writes frames to a buffer.

use super::{flag, kind, HEADER};
use crate::error::ErrorCode;

/// Appends the first nine bytes of a frame.
pub fn header(out: &mut Vec<u8>, length: usize, kind: u8, flags: u8, stream: u32) {
    let [_, a, b, c] = (length as u32).to_be_bytes();
    let [s0, s1, s2, s3] = stream.to_be_bytes();
    out.extend_from_slice(&[a, b, c, kind, flags, s0, s1, s2, s3]);
}

/// Overwrites the length and the flags of the frame that starts at `at`.
pub fn patch(out: &mut [u8], at: usize, length: usize, flags: u8) {
    let [_, a, b, c] = (length as u32).to_be_bytes();
    if let Some([first, second, third, _, flagged]) = out.get_mut(at..at + 5) {
        (*first, *second, *third, *flagged) = (a, b, c, flags);
    }
}

/// Appends DATA.
pub fn data(out: &mut Vec<u8>, stream: u32, bytes: &[u8], end_stream: bool) {
    out.reserve(HEADER + bytes.len());
    header(out, bytes.len(), kind::DATA, if end_stream { flag::END_STREAM } else { 0 }, stream);
    out.extend_from_slice(bytes);
}

/// Appends RST_STREAM.
pub fn reset(out: &mut Vec<u8>, stream: u32, code: ErrorCode) {
    header(out, 4, kind::RST_STREAM, 0, stream);
    out.extend_from_slice(&code.0.to_be_bytes());
}

/// Appends SETTINGS.
pub fn settings(out: &mut Vec<u8>, settings: impl Iterator<Item = (u16, u32)>) {
    let at = out.len();
    header(out, 0, kind::SETTINGS, 0, 0);
    for (identifier, value) in settings {
        out.extend_from_slice(&identifier.to_be_bytes());
        out.extend_from_slice(&value.to_be_bytes());
    }
    let length = out.len() - at - HEADER;
    patch(out, at, length, 0);
}

/// Appends the acknowledgement of SETTINGS.
pub fn settings_ack(out: &mut Vec<u8>) {
    header(out, 0, kind::SETTINGS, flag::ACK, 0);
}

/// Appends PING or its answer.
pub fn ping(out: &mut Vec<u8>, payload: [u8; 8], ack: bool) {
    header(out, 8, kind::PING, if ack { flag::ACK } else { 0 }, 0);
    out.extend_from_slice(&payload);
}

/// Appends GOAWAY.
pub fn go_away(out: &mut Vec<u8>, last: u32, code: ErrorCode, debug: &[u8]) {
    header(out, 8 + debug.len(), kind::GOAWAY, 0, 0);
    out.extend_from_slice(&last.to_be_bytes());
    out.extend_from_slice(&code.0.to_be_bytes());
    out.extend_from_slice(debug);
}

/// Appends WINDOW_UPDATE.
pub fn window_update(out: &mut Vec<u8>, stream: u32, increment: u32) {
    header(out, 4, kind::WINDOW_UPDATE, 0, stream);
    out.extend_from_slice(&increment.to_be_bytes());
}

/// Makes one or more frames of the header block that follows the frame header at `at`: HEADERS (or what that
/// header says), and CONTINUATION where the block is longer than `max`. Returns how many frames.
pub fn finish_block(out: &mut Vec<u8>, at: usize, flags: u8, stream: u32, max: usize) -> u32 {
    let length = out.len() - at - HEADER;
    if length <= max {
        patch(out, at, length, flags | flag::END_HEADERS);
        return 1;
    }
    patch(out, at, max, flags);
    let rest = out.split_off(at + HEADER + max);
    let mut frames = 1;
    let mut chunks = rest.chunks(max).peekable();
    while let Some(chunk) = chunks.next() {
        let end = if chunks.peek().is_none() { flag::END_HEADERS } else { 0 };
        header(out, chunk.len(), kind::CONTINUATION, end, stream);
        out.extend_from_slice(chunk);
        frames += 1;
    }
    frames
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_block_is_continued() {
        let mut out = Vec::new();
        header(&mut out, 0, kind::HEADERS, 0, 3);
        out.extend_from_slice(b"abcde");
        assert_eq!(finish_block(&mut out, 0, flag::END_STREAM, 3, 2), 3);
        let mut expected = b"\0\0\x02\x01\x01\0\0\0\x03ab".to_vec();
        expected.extend_from_slice(b"\0\0\x02\x09\0\0\0\0\x03cd");
        expected.extend_from_slice(b"\0\0\x01\x09\x04\0\0\0\x03e");
        assert_eq!(out, expected);
    }
}
