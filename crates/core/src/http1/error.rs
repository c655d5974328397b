//! What a codec can object to in a message of its peer.

use std::fmt;

/// A malformed or oversized message. In a request it is the client's fault and answered with
/// [`CodecError::status`]; in a response it is the upstream's (502).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodecError {
    Malformed,
    /// NUL or another control character in the head.
    InvalidCharacters,
    HeadersTooLarge,
    TooManyHeaders,
    UnsupportedTransferEncoding,
    ChunkedWithContentLength,
    /// A CONNECT with a length.
    BodyDisallowed,
    /// HTTP/1.0 where it is not accepted.
    LowVersion,
    InvalidAuthority,
    /// A target that is not a URL or, of CONNECT, not a host and a port.
    InvalidUrl,
    /// The scheme of an absolute target is neither http nor https.
    InvalidScheme,
    HttpsInPlaintext,
    /// `connection` names what it must not, or too much.
    InvalidConnection,
    /// Trailers past the limits, or a malformed chunk.
    Body,
}

impl CodecError {
    /// The status that answers a request with this fault.
    pub fn status(self) -> u16 {
        match self {
            Self::HeadersTooLarge | Self::TooManyHeaders => 431,
            Self::UnsupportedTransferEncoding => 501,
            Self::LowVersion => 426,
            Self::HttpsInPlaintext => 403,
            _ => 400,
        }
    }

    /// Body of the answer: the reason phrase.
    pub fn body(self) -> &'static str {
        match self.status() {
            431 => "Request Header Fields Too Large",
            501 => "Not Implemented",
            426 => "Upgrade Required",
            403 => "Forbidden",
            _ => "Bad Request",
        }
    }

    /// `%RESPONSE_CODE_DETAILS%`.
    pub fn details(self) -> &'static str {
        match self {
            Self::HeadersTooLarge => "http1.headers_too_large",
            Self::TooManyHeaders => "http1.too_many_headers",
            Self::UnsupportedTransferEncoding => "http1.invalid_transfer_encoding",
            Self::ChunkedWithContentLength => "http1.content_length_and_chunked_not_allowed",
            Self::BodyDisallowed => "http1.body_disallowed",
            Self::LowVersion => "low_version",
            Self::InvalidCharacters => "http1.invalid_characters",
            Self::InvalidAuthority => "http.invalid_authority",
            Self::InvalidUrl => "http1.invalid_url",
            Self::InvalidScheme => "http1.invalid_scheme",
            Self::HttpsInPlaintext => "http1.https_url_on_plaintext_connection",
            Self::InvalidConnection => "http1.connection_header_rejected",
            Self::Malformed | Self::Body => "http1.codec_error",
        }
    }
}

impl fmt::Display for CodecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.details())
    }
}

impl std::error::Error for CodecError {}
