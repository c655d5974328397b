//! Moving a body from one connection to another, at the pace of the slower one.

use std::io;
use std::task::{ready, Context, Poll};

use super::encode::HeaderCase;
use super::reader::{BodyEvent, ReadError, Reader};
use super::writer::Writer;
use crate::transport::Transport;

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
    (source, reader): (&mut Transport, &mut Reader),
    (sink, writer): (&mut Transport, &mut Writer),
    flow: &mut Flow<'_>,
) -> Poll<Result<(), PumpError>> {
    loop {
        match reader.poll_body(source, cx) {
            Poll::Ready(Ok(BodyEvent::Data(count))) => {
                let bytes = &reader.bytes()[..count];
                let taken = ready!(writer.poll_body(sink, cx, bytes)).map_err(PumpError::Sink)?;
                if let Some(copy) = flow.copy.as_deref_mut() {
                    copy.extend_from_slice(&bytes[..taken]);
                }
                *flow.moved += taken as u64;
                reader.took(taken);
            }
            Poll::Ready(Ok(BodyEvent::End)) => {
                writer.finish(flow.trailers.then_some(&reader.trailers), flow.case);
                ready!(writer.poll_flush(sink, cx)).map_err(PumpError::Sink)?;
                return Poll::Ready(Ok(()));
            }
            Poll::Ready(Err(error)) => return Poll::Ready(Err(PumpError::Source(error))),
            Poll::Pending => {
                ready!(writer.poll_flush(sink, cx)).map_err(PumpError::Sink)?;
                return Poll::Pending;
            }
        }
    }
}
