//! A body as it is after the filters.

use std::task::{ready, Context, Poll, Waker};

use super::{Bodies, Pace, Passage};
use crate::body::{BodyEvent, BodySource, ReadError};
use crate::headers::Headers;
use crate::http::stream::{Answer, Stream};
use crate::http1::BodyLength;

/// Bytes that filters are given at once.
const PIECE: usize = 64 * 1024;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Request,
    Response,
}

/// Reads `source` through the filters of a request, which has some.
pub struct Filtered<'a, S: ?Sized> {
    source: &'a mut S,
    stream: &'a mut Stream,
    side: Side,
    /// The source's protocol is set to take trailers.
    trailers: bool,
}

impl<'a, S: BodySource + ?Sized> Filtered<'a, S> {
    /// The body that a client sends. It is counted as received here, before filters change it.
    pub fn request(source: &'a mut S, stream: &'a mut Stream, trailers: bool) -> Self {
        if stream.head.body == BodyLength::Empty {
            passage(stream, Side::Request).finished = true;
        }
        Self { source, stream, side: Side::Request, trailers }
    }

    /// The body of an upstream's response.
    pub fn response(source: &'a mut S, stream: &'a mut Stream, trailers: bool) -> Self {
        Self { source, stream, side: Side::Response, trailers }
    }

    /// Reads until no filter holds the head of the response. True: nothing follows the head.
    pub fn poll_head_let_go(&mut self, cx: &mut Context<'_>) -> Poll<Result<bool, ReadError>> {
        while super::is_held(self.stream) {
            ready!(self.poll_piece(cx))?;
        }
        let ended = self.passage().finished && self.passage().ready.is_empty();
        Poll::Ready(Ok(ended && self.stream.trailers.is_empty()))
    }

    /// Shows what has come of the body to the filters, and drops it.
    pub fn discard(&mut self) {
        let mut cx = Context::from_waker(Waker::noop());
        while let Poll::Ready(Ok(BodyEvent::Data(count))) = self.poll_read_body(&mut cx) {
            self.took(count);
        }
    }

    fn passage(&mut self) -> &mut Passage {
        passage(self.stream, self.side)
    }

    /// Reads a piece of the source, or its end, and passes it through the filters.
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ReadError>> {
        let mut bytes = match self.side {
            Side::Response if super::is_held(self.stream) => Vec::new(),
            _ => std::mem::take(&mut self.passage().ready),
        };
        bytes.clear();
        let read = self.poll_source(cx, &mut bytes);
        if read.is_pending() && !super::is_held(self.stream) {
            // The storage is of use again.
            self.passage().ready = std::mem::take(&mut bytes);
        }
        let end = ready!(read)?;
        let Some(mut bodies) = self.stream.bodies.take() else { return Poll::Ready(Ok(())) };
        let passed = match self.side {
            Side::Request => bodies.pass_request(self.stream, bytes, end),
            Side::Response => bodies.filter_response(self.stream, bytes, end),
        };
        self.stream.bodies = Some(bodies);
        Poll::Ready(passed.map_err(ReadError::Answered))
    }

    /// Reads the next bytes of the source into `bytes`. True: it has ended.
    fn poll_source(
        &mut self,
        cx: &mut Context<'_>,
        bytes: &mut Vec<u8>,
    ) -> Poll<Result<bool, ReadError>> {
        if self.passage().ended {
            return Poll::Ready(Ok(true));
        }
        match ready!(self.source.poll_read_body(cx))? {
            BodyEvent::Data(count) => {
                let count = count.min(PIECE);
                bytes.extend_from_slice(&self.source.body_bytes()[..count]);
                self.source.took(count);
                let info = &mut self.stream.info;
                match self.side {
                    Side::Request => info.bytes_received += count as u64,
                    Side::Response => info.upstream.body_bytes_received += count as u64,
                }
                Poll::Ready(Ok(false))
            }
            BodyEvent::End => {
                self.note_end();
                Poll::Ready(Ok(true))
            }
        }
    }

    fn note_end(&mut self) {
        self.passage().ended = true;
        let trailers = match self.trailers {
            true => self.source.trailers().clone(),
            false => Headers::new(),
        };
        match self.side {
            Side::Request => {
                self.stream.request_trailers = trailers;
                self.stream.request_complete();
            }
            Side::Response => self.stream.trailers = trailers,
        }
    }
}

fn passage(stream: &mut Stream, side: Side) -> &mut Passage {
    let bodies = stream.bodies.get_or_insert_default();
    match side {
        Side::Request => &mut bodies.request,
        Side::Response => &mut bodies.response,
    }
}

impl<S: BodySource + ?Sized> BodySource for Filtered<'_, S> {
    fn poll_read_body(&mut self, cx: &mut Context<'_>) -> Poll<Result<BodyEvent, ReadError>> {
        self.catch_up()?;
        loop {
            let passage = self.passage();
            let waiting = passage.ready.len() - passage.taken;
            if waiting > 0 {
                let count = ready!(self.poll_pace(cx, waiting));
                return Poll::Ready(Ok(BodyEvent::Data(count)));
            }
            if passage.finished {
                return Poll::Ready(Ok(BodyEvent::End));
            }
            passage.taken = 0;
            ready!(self.poll_piece(cx))?;
        }
    }

    fn body_bytes(&self) -> &[u8] {
        let passage = self.stream.bodies.as_ref().map(|bodies| match self.side {
            Side::Request => &bodies.request,
            Side::Response => &bodies.response,
        });
        passage.map_or(&[], |passage| &passage.ready[passage.taken..])
    }

    fn took(&mut self, count: usize) {
        self.passage().taken += count;
        if let Some(pace) = self.pace() {
            pace.took(count);
        }
    }

    fn trailers(&self) -> &Headers {
        match self.side {
            Side::Request => &self.stream.request_trailers,
            Side::Response => &self.stream.trailers,
        }
    }
}

impl<S: BodySource + ?Sized> Filtered<'_, S> {
    fn pace(&mut self) -> Option<&mut Pace> {
        match self.side {
            Side::Request => None,
            Side::Response => self.stream.bodies.as_mut()?.pace.as_mut(),
        }
    }

    /// How many of the bytes that wait may pass now.
    fn poll_pace(&mut self, cx: &Context<'_>, waiting: usize) -> Poll<usize> {
        match self.pace() {
            None => Poll::Ready(waiting),
            Some(pace) => pace.poll(cx, waiting),
        }
    }

    /// Shows what was kept of the request to the filters that attached themselves since.
    fn catch_up(&mut self) -> Result<(), ReadError> {
        let Some(mut bodies) = self.stream.bodies.take() else { return Ok(()) };
        let behind = self.side == Side::Request && bodies.seen_by < bodies.attached.len();
        let started = bodies.request.ended || !bodies.request.ready.is_empty();
        let mut result = Ok(());
        if started && self.side == Side::Request {
            let (from, end) = (bodies.seen_by, bodies.request.ended);
            if behind {
                result = bodies.filter_request(self.stream, from, end);
            }
            bodies.request.finished = end;
        }
        bodies.seen_by = bodies.attached.len();
        self.stream.bodies = Some(bodies);
        result.map_err(ReadError::Answered)
    }
}

impl Bodies {
    fn pass_request(
        &mut self,
        stream: &mut Stream,
        bytes: Vec<u8>,
        end: bool,
    ) -> Result<(), Box<Answer>> {
        self.request.ready = bytes;
        self.request.taken = 0;
        self.filter_request(stream, 0, end)?;
        self.request.finished = end;
        Ok(())
    }
}

/// How much of a request was read.
#[derive(Debug, PartialEq, Eq)]
pub enum Whole {
    /// All of it.
    Yes,
    /// As much as was asked for, and there is more.
    No,
}

/// Reads the body of a request, through the filters that have attached themselves so far, until it has ended or
/// more than `limit` bytes of it are there. It stays in the stream: the filters after this one, and the router,
/// get it as if it had just come.
///
/// # Errors
/// The client sends no well-formed body, or goes; a filter answers.
pub fn poll_whole_request<S: BodySource + ?Sized>(
    cx: &mut Context<'_>,
    source: &mut S,
    stream: &mut Stream,
    limit: usize,
) -> Poll<Result<Whole, ReadError>> {
    let trailers = stream.passes_trailers();
    let mut filtered = Filtered::request(source, stream, trailers);
    filtered.catch_up()?;
    loop {
        let passage = filtered.passage();
        if passage.finished || passage.ended {
            return Poll::Ready(Ok(Whole::Yes));
        }
        if passage.ready.len() > limit {
            return Poll::Ready(Ok(Whole::No));
        }
        let mut more = Vec::new();
        let end = ready!(filtered.poll_source(cx, &mut more))?;
        let stream = &mut *filtered.stream;
        let Some(mut bodies) = stream.bodies.take() else { return Poll::Ready(Ok(Whole::Yes)) };
        let mut kept = std::mem::replace(&mut bodies.request.ready, more);
        let passed = bodies.filter_request(stream, 0, end);
        kept.append(&mut bodies.request.ready);
        bodies.request.ready = kept;
        stream.bodies = Some(bodies);
        if let Err(answer) = passed {
            return Poll::Ready(Err(ReadError::Answered(answer)));
        }
    }
}
