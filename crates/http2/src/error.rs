//! What can be wrong with a connection or a stream, and how it is said.

use std::fmt;

use crate::floods::Flood;
use crate::hpack::HpackError;

/// An error code of RFC 9113 section 7; codes that nobody defined stay what they are.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub struct ErrorCode(pub u32);

impl ErrorCode {
    pub const NO_ERROR: Self = Self(0);
    pub const PROTOCOL_ERROR: Self = Self(1);
    pub const INTERNAL_ERROR: Self = Self(2);
    pub const FLOW_CONTROL_ERROR: Self = Self(3);
    pub const SETTINGS_TIMEOUT: Self = Self(4);
    pub const STREAM_CLOSED: Self = Self(5);
    pub const FRAME_SIZE_ERROR: Self = Self(6);
    pub const REFUSED_STREAM: Self = Self(7);
    pub const CANCEL: Self = Self(8);
    pub const COMPRESSION_ERROR: Self = Self(9);
    pub const CONNECT_ERROR: Self = Self(10);
    pub const ENHANCE_YOUR_CALM: Self = Self(11);
    pub const INADEQUATE_SECURITY: Self = Self(12);
    pub const HTTP_1_1_REQUIRED: Self = Self(13);
}

/// Why a connection cannot go on. Nothing more is received; what is in the output, a GOAWAY for some, is to be
/// written before the connection is closed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ConnectionError {
    /// What came is not the client's preface.
    BadPreface,
    /// The first frame was not SETTINGS.
    NoSettings,
    /// A frame is longer than allowed, or not as long as its type has to be.
    FrameSize,
    /// A frame where it has no place: its type, its stream or the stream's state.
    UnexpectedFrame,
    /// A header block was interrupted, or continued when there was none.
    Continuation,
    /// Padding as long as the frame or longer.
    Padding,
    /// A setting has a value that it must not have.
    InvalidSetting,
    /// HEADERS or DATA of a stream that the peer had ended.
    StreamClosed,
    /// More DATA than the window allows, or a window past 2^31-1.
    FlowControl,
    Compression(HpackError),
    /// A malformed message, while `stream_error_on_invalid_http_message` is off.
    InvalidMessage(StreamFault),
    Flood(Flood),
}

impl ConnectionError {
    /// The code of the GOAWAY that says it.
    pub fn code(self) -> ErrorCode {
        match self {
            Self::FrameSize => ErrorCode::FRAME_SIZE_ERROR,
            Self::StreamClosed => ErrorCode::STREAM_CLOSED,
            Self::FlowControl => ErrorCode::FLOW_CONTROL_ERROR,
            Self::Compression(_) => ErrorCode::COMPRESSION_ERROR,
            Self::Flood(_) => ErrorCode::ENHANCE_YOUR_CALM,
            Self::InvalidMessage(fault) => fault.code(),
            Self::BadPreface
            | Self::NoSettings
            | Self::UnexpectedFrame
            | Self::Continuation
            | Self::Padding
            | Self::InvalidSetting => ErrorCode::PROTOCOL_ERROR,
        }
    }

    /// True when no GOAWAY is sent, as Envoy sends none: floods and malformed messages.
    pub fn is_silent(self) -> bool {
        matches!(self, Self::Flood(_) | Self::InvalidMessage(_))
    }

    /// `%RESPONSE_CODE_DETAILS%` of the streams that end with the connection.
    pub fn details(self) -> &'static str {
        match self {
            Self::InvalidMessage(fault) => fault.details(),
            Self::Flood(flood) => flood.details(),
            _ => "codec_error:The_user_callback_function_failed",
        }
    }
}

/// Why a stream cannot go on, while the connection can.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StreamFault {
    /// A name is empty, in upper case, or has a character that no name has.
    InvalidName,
    /// A value has a control character.
    InvalidValue,
    /// A value starts or ends with white space, while `allow_space_around_values` is off.
    SpaceAroundValue,
    /// `connection` or another header that HTTP/2 forbids.
    ConnectionHeader,
    /// `te` says other than `trailers`.
    InvalidTe,
    /// A pseudo header that is unknown, or not of this kind of message.
    UnknownPseudo,
    DuplicatePseudo,
    EmptyPseudo,
    /// A pseudo header after another header.
    LatePseudo,
    /// A pseudo header that this kind of message must have is not there.
    MissingPseudo,
    /// A pseudo header in trailers.
    PseudoInTrailers,
    InvalidMethod,
    InvalidScheme,
    InvalidPath,
    /// White space or a control character in `:path`.
    InvalidPathCharacter,
    InvalidAuthority,
    /// More than one `host`.
    DuplicateHost,
    /// `:status` is not a number of three digits, or 101.
    InvalidStatus,
    /// CONNECT with `:scheme` or `:path`, or extended CONNECT without them.
    InvalidConnect,
    /// A `content-length` that is no number, or more than one.
    InvalidContentLength,
    /// HEADERS that end the stream, before as much body came as `content-length` says.
    MissingBody,
    /// DATA is more than `content-length` says, or ends the stream before as much came.
    ContentLengthMismatch,
    /// HEADERS after the first ones that do not end the stream.
    TrailersNotLast,
    /// A 1xx response that ends the stream.
    InformationalEnd,
    /// DATA before a response, or where the response can have none.
    UnexpectedData,
    /// Names and values are larger than `max_header_bytes`.
    HeadersTooLarge,
    /// More fields than `max_header_count`.
    TooManyHeaders,
    /// More DATA than the stream's window allows.
    FlowControl,
    /// WINDOW_UPDATE past 2^31-1.
    WindowOverflow,
    /// WINDOW_UPDATE by nothing.
    EmptyWindowUpdate,
    /// A stream that depends on itself.
    SelfDependency,
    /// PRIORITY that is not 5 bytes long.
    PrioritySize,
}

impl StreamFault {
    /// The code of the RST_STREAM that says it.
    pub fn code(self) -> ErrorCode {
        match self {
            Self::FlowControl | Self::WindowOverflow => ErrorCode::FLOW_CONTROL_ERROR,
            Self::PrioritySize => ErrorCode::FRAME_SIZE_ERROR,
            Self::HeadersTooLarge | Self::TooManyHeaders => ErrorCode::INTERNAL_ERROR,
            _ => ErrorCode::PROTOCOL_ERROR,
        }
    }

    /// True of a malformed message, which ends the connection unless the configuration says otherwise. DATA of
    /// a wrong length never does, nor what is too large: Envoy too resets only the stream.
    pub fn is_malformed(self) -> bool {
        !matches!(
            self,
            Self::ContentLengthMismatch
                | Self::HeadersTooLarge
                | Self::TooManyHeaders
                | Self::FlowControl
                | Self::WindowOverflow
                | Self::EmptyWindowUpdate
                | Self::SelfDependency
                | Self::PrioritySize
        )
    }

    /// `%RESPONSE_CODE_DETAILS%` of the stream.
    pub fn details(self) -> &'static str {
        match self {
            Self::HeadersTooLarge => "http2.header_list_size_too_large",
            Self::TooManyHeaders => "http2.too_many_headers",
            Self::ContentLengthMismatch => "http2.remote_reset",
            Self::InvalidName
            | Self::InvalidValue
            | Self::SpaceAroundValue
            | Self::ConnectionHeader
            | Self::InvalidTe
            | Self::UnknownPseudo
            | Self::DuplicatePseudo
            | Self::EmptyPseudo
            | Self::LatePseudo
            | Self::PseudoInTrailers
            | Self::InvalidMethod
            | Self::InvalidScheme
            | Self::InvalidPathCharacter
            | Self::InvalidAuthority
            | Self::InvalidStatus
            | Self::DuplicateHost
            | Self::InvalidContentLength => "http2.invalid.header.field",
            _ => "http2.violation.of.messaging.rule",
        }
    }
}

impl fmt::Display for ConnectionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidMessage(fault) => write!(f, "malformed message: {fault}"),
            Self::Compression(error) => write!(f, "header block that is not HPACK: {error:?}"),
            Self::Flood(flood) => write!(f, "flood: {flood:?}"),
            other => write!(f, "protocol error: {other:?}"),
        }
    }
}

impl std::error::Error for ConnectionError {}

impl fmt::Display for StreamFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

impl std::error::Error for StreamFault {}
