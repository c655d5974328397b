//! The body of a request that the proxy makes itself: all there, or on its way from the request that it copies.

use std::cell::RefCell;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use crate::body::{BodyEvent, ReadError};
use crate::filters::bodies::{Piece, StreamFilter};
use crate::headers::Headers;
use crate::http::stream::{Answer, Stream};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum End {
    #[default]
    Open,
    Whole,
    /// The request broke off, or the copy does not keep up with it.
    Broken,
}

#[derive(Default)]
struct State {
    /// What the copy has not read yet.
    waiting: Vec<u8>,
    trailers: Headers,
    end: End,
    reader: Option<Waker>,
}

impl State {
    fn finish(&mut self, end: End) {
        if self.end == End::Open {
            self.end = end;
        }
        self.wake();
    }

    fn wake(&mut self) {
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }
}

/// Filled by the request as its body goes by, read by the copy. The request never waits for it: a copy that is
/// more than `limit` bytes behind is given up.
#[derive(Clone)]
pub struct Feed {
    state: Rc<RefCell<State>>,
    limit: usize,
}

/// What sees the body of the request. The copy breaks off when it goes before the end.
pub struct FeedWriter(Feed);

impl Feed {
    pub fn new(limit: usize) -> Self {
        Self { state: Rc::default(), limit }
    }

    /// A body that is all there.
    pub fn whole(body: Vec<u8>) -> Self {
        let limit = body.len();
        let state = State { waiting: body, end: End::Whole, ..State::default() };
        Self { state: Rc::new(RefCell::new(state)), limit }
    }

    pub fn writer(&self) -> FeedWriter {
        FeedWriter(self.clone())
    }

    /// Nothing more comes.
    pub fn end(&self) {
        self.state.borrow_mut().finish(End::Whole);
    }

    /// Bytes that were not read yet.
    pub fn waiting(&self) -> usize {
        self.state.borrow().waiting.len()
    }

    pub fn push(&self, bytes: &[u8]) {
        let mut state = self.state.borrow_mut();
        if state.end != End::Open {
            return;
        }
        if state.waiting.len() + bytes.len() > self.limit {
            return state.finish(End::Broken);
        }
        state.waiting.extend_from_slice(bytes);
        state.wake();
    }

    /// Moves what waits to `taken`, which is empty.
    pub fn poll_take(
        &self,
        taken: &mut Vec<u8>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<BodyEvent, ReadError>> {
        let mut state = self.state.borrow_mut();
        if state.end == End::Broken {
            return Poll::Ready(Err(ReadError::Truncated));
        }
        if !state.waiting.is_empty() {
            std::mem::swap(taken, &mut state.waiting);
            return Poll::Ready(Ok(BodyEvent::Data(taken.len())));
        }
        if state.end == End::Whole {
            return Poll::Ready(Ok(BodyEvent::End));
        }
        state.reader = Some(cx.waker().clone());
        Poll::Pending
    }

    /// Ready when the request broke off.
    pub fn poll_broken(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.state.borrow_mut();
        if state.end == End::Broken {
            return Poll::Ready(());
        }
        state.reader = Some(cx.waker().clone());
        Poll::Pending
    }

    /// Those of the request, once its body has ended.
    pub fn take_trailers(&self) -> Headers {
        std::mem::take(&mut self.state.borrow_mut().trailers)
    }
}

impl StreamFilter for FeedWriter {
    fn request_body(
        &mut self,
        _stream: &mut Stream,
        piece: &mut Piece<'_>,
    ) -> Result<(), Box<Answer>> {
        self.0.push(piece.bytes);
        if piece.end {
            self.0.state.borrow_mut().trailers = piece.trailers.clone();
            self.0.end();
        }
        Ok(())
    }
}

impl Drop for FeedWriter {
    fn drop(&mut self) {
        self.0.state.borrow_mut().finish(End::Broken);
    }
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Poll, Waker};

    use super::{Feed, ReadError};
    use crate::body::BodyEvent;

    fn take(feed: &Feed) -> Poll<Result<Vec<u8>, ReadError>> {
        let mut taken = Vec::new();
        let mut cx = Context::from_waker(Waker::noop());
        let event = feed.poll_take(&mut taken, &mut cx);
        event.map_ok(|event| {
            assert_eq!(event == BodyEvent::End, taken.is_empty());
            taken
        })
    }

    #[test]
    fn a_copy_reads_what_came_and_then_the_end() {
        let feed = Feed::new(10);
        let writer = feed.writer();
        assert!(take(&feed).is_pending());
        writer.0.push(b"ab");
        writer.0.push(b"c");
        assert!(matches!(take(&feed), Poll::Ready(Ok(bytes)) if bytes == b"abc"));
        assert!(take(&feed).is_pending());
        writer.0.push(b"d");
        writer.0.end();
        drop(writer);
        assert!(matches!(take(&feed), Poll::Ready(Ok(bytes)) if bytes == b"d"));
        assert!(matches!(take(&feed), Poll::Ready(Ok(bytes)) if bytes.is_empty()));
    }

    #[test]
    fn a_whole_body_ends_at_once() {
        let feed = Feed::whole(b"ab".to_vec());
        assert!(matches!(take(&feed), Poll::Ready(Ok(bytes)) if bytes == b"ab"));
        assert!(matches!(take(&feed), Poll::Ready(Ok(bytes)) if bytes.is_empty()));
    }

    #[test]
    fn a_request_that_breaks_off_breaks_its_copy_off() {
        let feed = Feed::new(10);
        drop(feed.writer());
        assert!(matches!(take(&feed), Poll::Ready(Err(ReadError::Truncated))));
    }

    #[test]
    fn a_copy_too_far_behind_is_given_up() {
        let feed = Feed::new(3);
        let writer = feed.writer();
        writer.0.push(b"abc");
        writer.0.push(b"d");
        assert!(matches!(take(&feed), Poll::Ready(Err(ReadError::Truncated))));
    }
}
