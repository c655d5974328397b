//! Bodies on their way from one connection to another, whatever protocol either side speaks.

use std::io;
use std::task::{ready, Context, Poll};

use crate::headers::Headers;
use crate::http::stream::Answer;
use crate::http1::encode::HeaderCase;
use crate::http1::CodecError;
use crate::http2::Reset;

/// Why no more of a message can be read.
#[derive(Debug)]
pub enum ReadError {
    Codec(CodecError),
    /// The peer closed in the middle of a message.
    Truncated,
    /// The stream was reset.
    Reset(Reset),
    Io(io::Error),
    /// A filter answers in place of what was to come.
    Answered(Box<Answer>),
}

/// What comes next of a body.
#[derive(Debug, PartialEq, Eq)]
pub enum BodyEvent {
    /// This many bytes stand at the front of [`BodySource::body_bytes`].
    Data(usize),
    End,
}

/// Where a body comes from: the receiving half of a client's or an upstream's stream.
pub trait BodySource {
    /// Finds the next bytes of the body, reading where needed.
    fn poll_read_body(&mut self, cx: &mut Context<'_>) -> Poll<Result<BodyEvent, ReadError>>;

    /// The bytes that were found.
    fn body_bytes(&self) -> &[u8];

    /// Drops `count` of them, which were used.
    fn took(&mut self, count: usize);

    /// The trailers, once the body has ended.
    fn trailers(&self) -> &Headers;
}

/// Where a body goes: the sending half of a client's or an upstream's stream.
pub trait BodySink {
    /// Takes body bytes: how many were taken. They may still wait to be written.
    fn poll_write_body(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>>;

    /// Ends the body; trailers are sent where the protocol has room for them.
    fn finish(&mut self, trailers: Option<&Headers>, case: HeaderCase);

    /// Writes all that waits.
    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;
}

/// Which side failed.
#[derive(Debug)]
pub enum PumpError {
    Source(ReadError),
    Sink(io::Error),
}

/// What a pump is told and tells.
pub struct Flow<'a> {
    /// Body bytes moved so far.
    pub moved: &'a mut u64,
    /// A copy of the bytes is kept here, for a retry.
    pub copy: Option<&'a mut Vec<u8>>,
    /// Trailers are passed on.
    pub trailers: bool,
    pub case: HeaderCase,
}

/// Moves body bytes until the body has ended and is written. Pending when either side waits.
pub fn poll_pump(
    cx: &mut Context<'_>,
    source: &mut (impl BodySource + ?Sized),
    sink: &mut (impl BodySink + ?Sized),
    flow: &mut Flow<'_>,
) -> Poll<Result<(), PumpError>> {
    loop {
        match source.poll_read_body(cx) {
            Poll::Ready(Ok(BodyEvent::Data(count))) => {
                let bytes = &source.body_bytes()[..count];
                let taken = ready!(sink.poll_write_body(cx, bytes)).map_err(PumpError::Sink)?;
                if let Some(copy) = flow.copy.as_deref_mut() {
                    copy.extend_from_slice(&bytes[..taken]);
                }
                *flow.moved += taken as u64;
                source.took(taken);
            }
            Poll::Ready(Ok(BodyEvent::End)) => {
                sink.finish(flow.trailers.then(|| source.trailers()), flow.case);
                ready!(sink.poll_flush(cx)).map_err(PumpError::Sink)?;
                return Poll::Ready(Ok(()));
            }
            Poll::Ready(Err(error)) => return Poll::Ready(Err(PumpError::Source(error))),
            Poll::Pending => {
                ready!(sink.poll_flush(cx)).map_err(PumpError::Sink)?;
                return Poll::Pending;
            }
        }
    }
}
