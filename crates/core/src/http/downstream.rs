//! The client's side of a request, whatever protocol the client speaks.

pub mod http1;
pub mod http2;

use std::task::{Context, Poll};

use crate::body::{BodySink, BodySource};
use crate::headers::Headers;
use crate::http1::encode::ResponseFrame;
use crate::http1::CodecError;
use crate::http2::MetadataEnd;

pub use http1::Http1Downstream;
pub use http2::Http2Downstream;

/// Where a request comes from and its response goes to: the source of the request's body, the sink of the
/// response's.
pub trait Downstream: BodySource + BodySink {
    /// Puts the head of the response in the output: how many header bytes that are, as Envoy counts them.
    fn send_head(&mut self, headers: &Headers, frame: &ResponseFrame) -> u64;

    /// Puts a 1xx response in the output.
    fn inform(&mut self, headers: &Headers, frame: &ResponseFrame);

    /// Lets a client that waits for it send the body of its request.
    fn send_continue(&mut self);

    /// Adds all of the body of an answer of the proxy's own, after its head. False when the response has no body.
    fn send_whole_body(&mut self, bytes: &[u8]) -> bool;

    /// The response ended with its head.
    fn end_with_head(&mut self);

    /// Tells whether the connection ends with this response, as soon as it is written.
    fn close_when_written(&mut self, closing: bool);

    /// Ready when the client has given the request up while its answer is awaited.
    fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<()>;

    /// Whether the loop is yet to be told of the client, and would be by [`Self::poll_gone`].
    fn can_watch(&self) -> bool;

    /// Where metadata comes from and goes to, if the client may send any.
    fn metadata(&self) -> Option<MetadataEnd> {
        None
    }

    /// Drops what has come of a body that nobody wants: how many body bytes, and whether that was all of it.
    ///
    /// # Errors
    /// The body is malformed.
    fn discard_body(&mut self) -> Result<(u64, bool), CodecError>;
}
