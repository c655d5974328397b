//! Filters that see bodies: what a filter keeps for one request, and how bodies pass through.
//!
//! A filter that wants more than the heads attaches a [`StreamFilter`] to the request ([`attach`]). A request to
//! which none is attached pays nothing: its bodies go from connection to connection as they are. Otherwise they
//! are read through [`Filtered`], a piece at a time; nothing is read before the piece before it was taken.

mod filtered;
mod pace;
#[cfg(test)]
mod tests;

use super::delegate::is_skipped;
use super::{response_before, Head};
use crate::headers::Headers;
use crate::http::stream::{Answer, Stream};

pub use filtered::{poll_whole_request, Filtered, Whole};
use pace::Pace;

/// The next bytes of a body on their way through the filters.
pub struct Piece<'a> {
    /// Changed in place. A filter that holds the head of the response finds all that came since here, and leaves
    /// what is to be kept.
    pub bytes: &'a mut Vec<u8>,
    /// With the end: the trailers, if there are any. A filter may add some, change them and take them away.
    pub trailers: &'a mut Headers,
    /// Nothing follows.
    pub end: bool,
}

/// What one filter does in one request beyond its head. Each method may give an answer, which the client gets in
/// place of the response as long as the head of that was not sent; after that its connection or stream breaks.
pub trait StreamFilter {
    /// Sees the next bytes of the request's body. It is not called for a request without a body. What a filter
    /// keeps back here, it bounds itself (`stream.buffer_limit()`).
    fn request_body(
        &mut self,
        _stream: &mut Stream,
        _piece: &mut Piece<'_>,
    ) -> Result<(), Box<Answer>> {
        Ok(())
    }

    /// Sees the head of a response, of an upstream or the proxy's own; `end`: no body follows.
    ///
    /// [`Head::Hold`] keeps it from the filters before this one and from the client, until
    /// [`Self::response_body`] lets it go; a response without a body can get one so.
    fn response_head(&mut self, _stream: &mut Stream, _end: bool) -> Result<Head, Box<Answer>> {
        Ok(Head::Pass)
    }

    /// Sees the next bytes of the response's body. [`Head::Hold`] goes on holding a head that is held: the bytes
    /// that stand in the piece are kept, up to the limit of the connection's buffer. With the end no head is held
    /// any more.
    fn response_body(
        &mut self,
        _stream: &mut Stream,
        _piece: &mut Piece<'_>,
    ) -> Result<Head, Box<Answer>> {
        Ok(Head::Pass)
    }
}

/// A filter's part, and the filter's place in the program.
struct Attached {
    place: usize,
    filter: Box<dyn StreamFilter>,
}

/// One direction.
#[derive(Default)]
struct Passage {
    /// What came out of the filters and was not taken yet, from `taken` on. While a head is held, and while the
    /// request waits for filters that have yet to attach themselves: what was kept.
    ready: Vec<u8>,
    taken: usize,
    /// The source has ended.
    ended: bool,
    /// The end has passed all filters.
    finished: bool,
}

/// The filters of one request, in the order of the program, and what is on its way through them.
#[derive(Default)]
pub struct Bodies {
    attached: Vec<Attached>,
    request: Passage,
    response: Passage,
    /// How many of the filters have seen what stands ready of the request.
    seen_by: usize,
    /// The filter, by its number, that holds the head of the response.
    held_by: Option<usize>,
    /// Filters have seen a head of a response of an upstream.
    begun: bool,
    /// How fast the response of an upstream may go.
    pace: Option<Pace>,
}

/// Lets the filter at `place` in the program take part in the bodies of the request.
pub fn attach(stream: &mut Stream, place: usize, filter: impl StreamFilter + 'static) {
    let bodies = stream.bodies.get_or_insert_default();
    bodies.attached.push(Attached { place, filter: Box::new(filter) });
}

/// Lets the response of an upstream go no faster than so many bytes a second.
pub fn slow_down(stream: &mut Stream, bytes_per_second: u64) {
    let pace = Pace::new(stream.worker.timers.timer(), bytes_per_second);
    stream.bodies.get_or_insert_default().pace = Some(pace);
}

/// Filters have seen a head of a response of an upstream: an answer does not pass through them any more.
pub fn has_begun(stream: &Stream) -> bool {
    stream.bodies.as_ref().is_some_and(|bodies| bodies.begun)
}

/// What is kept of the request's body.
pub fn kept_request(stream: &Stream) -> &[u8] {
    stream.bodies.as_ref().map_or(&[], |bodies| &bodies.request.ready)
}

/// Puts another body in the place of what is kept of the request's.
pub fn replace_request(stream: &mut Stream, body: Vec<u8>) {
    if let Some(bodies) = &mut stream.bodies {
        bodies.request.ready = body;
    }
}

/// A filter holds the head of the response.
pub fn is_held(stream: &Stream) -> bool {
    stream.bodies.as_ref().is_some_and(|bodies| bodies.held_by.is_some())
}

impl Bodies {
    /// A request of which all has come, and no filter has seen anything.
    pub fn with_request(body: Vec<u8>) -> Self {
        let request = Passage { ready: body, ended: true, ..Passage::default() };
        Self { request, ..Self::default() }
    }

    /// Notes that the head of an upstream's response goes through the filters; `end`: it is all of it.
    pub fn begin_response(&mut self, end: bool) {
        self.begun = true;
        self.response.finished = end;
    }

    /// Shows the head of a response to the filter at `place`, if it takes part.
    pub fn head(
        &mut self,
        stream: &mut Stream,
        place: usize,
        end: bool,
    ) -> Result<Head, Box<Answer>> {
        let found = self.attached.iter().rposition(|attached| attached.place == place);
        let Some(number) = found else { return Ok(Head::Pass) };
        let verdict = self.attached[number].filter.response_head(stream, end)?;
        if verdict == Head::Hold {
            self.held_by = Some(number);
            self.response.finished = false;
        }
        Ok(verdict)
    }

    /// Passes the next bytes of the request through the filters that have not seen them.
    fn filter_request(
        &mut self,
        stream: &mut Stream,
        from: usize,
        end: bool,
    ) -> Result<(), Box<Answer>> {
        let mut trailers = std::mem::take(&mut stream.request_trailers);
        let mut bytes = std::mem::take(&mut self.request.ready);
        let mut piece = Piece { bytes: &mut bytes, trailers: &mut trailers, end };
        let result = self.attached[from..].iter_mut().try_for_each(|attached| {
            match is_skipped(stream, attached.place) {
                true => Ok(()),
                false => attached.filter.request_body(stream, &mut piece),
            }
        });
        stream.request_trailers = trailers;
        self.request.ready = bytes;
        self.seen_by = self.attached.len();
        result
    }

    /// Passes the next bytes of the response, which stand in `bytes`, through the filters, the last one first.
    fn filter_response(
        &mut self,
        stream: &mut Stream,
        mut bytes: Vec<u8>,
        end: bool,
    ) -> Result<(), Box<Answer>> {
        let mut trailers = std::mem::take(&mut stream.trailers);
        let result = self.response_through(stream, &mut bytes, &mut trailers, end);
        stream.trailers = trailers;
        self.response.ready = bytes;
        self.response.taken = 0;
        result
    }

    fn response_through(
        &mut self,
        stream: &mut Stream,
        bytes: &mut Vec<u8>,
        trailers: &mut Headers,
        end: bool,
    ) -> Result<(), Box<Answer>> {
        for number in (0..self.attached.len()).rev() {
            let holds = self.held_by == Some(number);
            if holds {
                let mut kept = std::mem::take(&mut self.response.ready);
                kept.append(bytes);
                *bytes = kept;
            }
            let attached = &mut self.attached[number];
            let place = attached.place;
            if !holds && is_skipped(stream, place) {
                continue;
            }
            let mut piece = Piece { bytes, trailers, end };
            let verdict = attached.filter.response_body(stream, &mut piece)?;
            if !holds {
                continue;
            }
            if verdict == Head::Hold && !end {
                return match bytes.len() > stream.buffer_limit() {
                    true => Err(Box::new(response_too_large())),
                    false => Ok(()),
                };
            }
            self.held_by = None;
            let whole = end && bytes.is_empty() && trailers.is_empty();
            response_before(Some(self), stream, place, whole)?;
        }
        self.response.finished = end;
        Ok(())
    }

    /// Passes all of an answer of the proxy's own through the filters: the body that is to be sent.
    pub fn filter_answer(
        &mut self,
        stream: &mut Stream,
        body: Vec<u8>,
    ) -> Result<Vec<u8>, Box<Answer>> {
        self.filter_response(stream, body, true)?;
        Ok(std::mem::take(&mut self.response.ready))
    }
}

/// A response that a filter wants whole does not fit into the buffer.
pub fn response_too_large() -> Answer {
    Answer::new(500, "Internal Server Error", "response_payload_too_large")
}

/// A request that a filter wants whole does not fit into the buffer.
pub fn request_too_large() -> Answer {
    Answer::new(413, "Payload Too Large", "request_payload_too_large")
}
