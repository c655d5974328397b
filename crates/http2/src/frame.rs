//! Frames on the wire (RFC 9113 sections 4 and 6).

pub mod parse;
pub mod write;

/// What a client sends before its first frame (RFC 9113 section 3.4).
pub const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Bytes before the payload of each frame.
pub const HEADER: usize = 9;

/// Every peer takes frames of this size.
pub const MIN_MAX_FRAME_SIZE: u32 = 16_384;
/// The largest that the length of a frame can say.
pub const MAX_MAX_FRAME_SIZE: u32 = 16_777_215;

/// The largest window, stream number and increment.
pub const MAX_31_BITS: u32 = 0x7fff_ffff;

/// Types of frames.
pub mod kind {
    pub const DATA: u8 = 0;
    pub const HEADERS: u8 = 1;
    pub const PRIORITY: u8 = 2;
    pub const RST_STREAM: u8 = 3;
    pub const SETTINGS: u8 = 4;
    pub const PUSH_PROMISE: u8 = 5;
    pub const PING: u8 = 6;
    pub const GOAWAY: u8 = 7;
    pub const WINDOW_UPDATE: u8 = 8;
    pub const CONTINUATION: u8 = 9;
    /// Envoy's extension: metadata of a stream.
    pub const METADATA: u8 = 0x4d;
}

/// Flags of frames.
pub mod flag {
    pub const END_STREAM: u8 = 1;
    /// Of SETTINGS and PING.
    pub const ACK: u8 = 1;
    pub const END_HEADERS: u8 = 4;
    /// Of METADATA.
    pub const END_METADATA: u8 = 4;
    pub const PADDED: u8 = 8;
    pub const PRIORITY: u8 = 0x20;
}
