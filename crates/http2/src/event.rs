//! What comes of received frames.

use crate::error::{ErrorCode, StreamFault};
use crate::stream::StreamKey;

/// What a header block is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HeadersKind {
    /// The head of a request: the stream is new and has no tag.
    Request,
    /// The head of the final response.
    Response,
    /// A 1xx response; another follows.
    Informational,
    Trailers,
}

/// What came of a frame. `tag` is what [`crate::Connection::set_tag`] said of the stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Event<'i> {
    /// A head or trailers: [`crate::Connection::fields`] has them until the next call of `receive`.
    Headers { stream: StreamKey, tag: u32, kind: HeadersKind, end_stream: bool },
    /// Part of a body, perhaps empty at its end. Each of its bytes is to be released once
    /// ([`crate::Connection::release`]), also when the stream ends before that; padding is not the caller's.
    Data { stream: StreamKey, tag: u32, bytes: &'i [u8], end_stream: bool },
    /// The peer reset the stream, which is gone.
    Reset { stream: StreamKey, tag: u32, code: ErrorCode },
    /// The engine reset the stream for what the peer sent, and the stream is gone. When the head of a request
    /// is malformed this is all that is heard of the stream; its tag is `NO_TAG`.
    Invalid { stream: StreamKey, tag: u32, fault: StreamFault },
    /// Streams after `last` were not and will not be handled: [`crate::Connection::next_unhandled`].
    GoAway { last: u32, code: ErrorCode, debug: &'i [u8] },
    /// The peer's settings: [`crate::Connection::peer_settings`]. They are acknowledged already.
    Settings,
    /// The peer has taken our settings.
    SettingsAck,
    /// The answer to a PING of ours.
    Pong { payload: [u8; 8] },
    /// More may be sent, on a stream or (`None`) all: [`crate::Connection::next_writable`].
    Window { stream: Option<(StreamKey, u32)> },
    /// Metadata of a stream, or (`None`) of the connection, in [`crate::Connection::fields`].
    Metadata { stream: Option<(StreamKey, u32)> },
}
