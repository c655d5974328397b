//! Pieces on their way through filters that are made for the test.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use super::{attach, poll_whole_request, Filtered, Piece, StreamFilter, Whole};
use crate::access_log::Sinks;
use crate::body::{BodyEvent, BodySource, ReadError};
use crate::filters::PLACES;
use crate::filters::{response, Head};
use crate::headers::Headers;
use crate::http::connection_manager::Manager;
use crate::http::manager::ManagerConfig;
use crate::http::stream::{Answer, Stream};
use crate::http1::BodyLength;
use crate::listener::Drain;
use crate::matcher::Regexes;
use crate::proto::{self, http_filter::Kind};
use crate::stats::Registry;
use crate::worker::Worker;

const LIMIT: usize = 10;

/// A request with a body, on a connection manager with three filters and a small buffer.
fn with_stream(test: impl FnOnce(Stream)) {
    let registry = Arc::new(Registry::default());
    let sinks = Sinks::start(Duration::from_secs(1), &registry, 1).unwrap();
    let worker = Worker::alone(registry, sinks.clone());
    let filter = proto::HttpFilter {
        kind: Some(Kind::GrpcWeb(proto::GrpcWebFilter {})),
        ..Default::default()
    };
    let message = proto::HttpConnectionManager {
        per_connection_buffer_limit_bytes: LIMIT as u32,
        http_filters: vec![filter; 3],
        http1: Some(proto::Http1Options { enable_trailers: true, ..Default::default() }),
        ..Default::default()
    };
    let config = ManagerConfig::compile(&message, &sinks, &Regexes::default()).unwrap();
    let manager = Rc::new(Manager::new(&worker, Arc::new(config), Rc::new(Drain::default())));
    let connection = crate::route::test_support::stream_info().connection;
    let mut stream = Stream::new(worker, manager, connection, Instant::now());
    stream.head.body = BodyLength::Chunked;
    test(stream);
    sinks.shutdown();
}

/// A body in pieces; `None`: nothing is there yet.
struct Script {
    pieces: Vec<Option<&'static [u8]>>,
    trailers: Headers,
    reads: usize,
}

impl Script {
    fn new(pieces: &[Option<&'static [u8]>]) -> Self {
        let mut trailers = Headers::new();
        trailers.append_raw(b"x-end", b"1");
        Self { pieces: pieces.to_vec(), trailers, reads: 0 }
    }
}

impl BodySource for Script {
    fn poll_read_body(&mut self, _cx: &mut Context<'_>) -> Poll<Result<BodyEvent, ReadError>> {
        self.reads += 1;
        match self.pieces.first() {
            Some(Some(piece)) => Poll::Ready(Ok(BodyEvent::Data(piece.len()))),
            Some(None) => {
                self.pieces.remove(0);
                Poll::Pending
            }
            None => Poll::Ready(Ok(BodyEvent::End)),
        }
    }

    fn body_bytes(&self) -> &[u8] {
        self.pieces.first().copied().flatten().unwrap_or_default()
    }

    fn took(&mut self, count: usize) {
        assert_eq!(count, self.body_bytes().len());
        self.pieces.remove(0);
    }

    fn trailers(&self) -> &Headers {
        &self.trailers
    }
}

type Log = Rc<RefCell<Vec<String>>>;

/// Puts its name behind each piece, and notes what it sees.
struct Named {
    name: char,
    log: Log,
    holds: bool,
}

impl Named {
    fn see(&self, piece: &mut Piece<'_>) {
        let text = String::from_utf8_lossy(piece.bytes).into_owned();
        let end = if piece.end { "." } else { "" };
        let trailers = piece.trailers.len();
        self.log.borrow_mut().push(format!("{}:{text}{end}{trailers}", self.name));
        piece.bytes.push(self.name as u8);
    }
}

impl StreamFilter for Named {
    fn request_body(
        &mut self,
        _stream: &mut Stream,
        piece: &mut Piece<'_>,
    ) -> Result<(), Box<Answer>> {
        if piece.bytes.starts_with(b"bad") {
            return Err(Box::new(Answer::new(400, "", "bad")));
        }
        self.see(piece);
        Ok(())
    }

    fn response_head(&mut self, _stream: &mut Stream, end: bool) -> Result<Head, Box<Answer>> {
        self.log.borrow_mut().push(format!("{} head {end}", self.name));
        Ok(if self.holds { Head::Hold } else { Head::Pass })
    }

    fn response_body(
        &mut self,
        _stream: &mut Stream,
        piece: &mut Piece<'_>,
    ) -> Result<Head, Box<Answer>> {
        if !self.holds {
            self.see(piece);
        }
        Ok(Head::Hold)
    }
}

fn attach_named(stream: &mut Stream, number: usize, name: char, log: &Log, holds: bool) {
    attach(stream, number * PLACES, Named { name, log: log.clone(), holds });
}

fn context() -> Context<'static> {
    Context::from_waker(Waker::noop())
}

/// Reads what is there.
fn read(source: &mut impl BodySource) -> (String, bool) {
    let mut out = String::new();
    loop {
        match source.poll_read_body(&mut context()) {
            Poll::Ready(Ok(BodyEvent::Data(count))) => {
                out.push_str(&String::from_utf8_lossy(&source.body_bytes()[..count]));
                source.took(count);
            }
            Poll::Ready(Ok(BodyEvent::End)) => return (out, true),
            Poll::Ready(Err(error)) => panic!("{error:?}"),
            Poll::Pending => return (out, false),
        }
    }
}

#[test]
fn a_request_passes_in_order_and_a_response_backwards() {
    with_stream(|mut stream| {
        let log = Log::default();
        attach_named(&mut stream, 0, 'a', &log, false);
        attach_named(&mut stream, 1, 'b', &log, false);
        let mut source = Script::new(&[Some(b"1"), None, Some(b"2")]);
        let mut request = Filtered::request(&mut source, &mut stream, true);
        assert_eq!(read(&mut request), ("1ab".into(), false));
        assert_eq!(read(&mut request), ("2abab".into(), true));
        assert_eq!(read(&mut request), ("".into(), true));
        assert_eq!(
            request.trailers().get_str(&crate::headers::HeaderName::new("x-end")),
            Some("1")
        );
        assert_eq!(log.take(), ["a:10", "b:1a0", "a:20", "b:2a0", "a:.1", "b:a.1"]);
        assert_eq!(stream.info.bytes_received, 2);
        assert!(stream.request_done.is_some());
        let mut source = Script::new(&[Some(b"3")]);
        let mut back = Filtered::response(&mut source, &mut stream, false);
        assert_eq!(read(&mut back), ("3baba".into(), true));
        assert_eq!(log.take(), ["b:30", "a:3b0", "b:.0", "a:b.0"]);
    });
}

#[test]
fn nothing_is_read_before_the_last_piece_was_taken() {
    with_stream(|mut stream| {
        attach_named(&mut stream, 0, 'a', &Log::default(), false);
        let mut source = Script::new(&[Some(b"1"), Some(b"2")]);
        let mut request = Filtered::request(&mut source, &mut stream, true);
        for _ in 0..3 {
            assert!(matches!(
                request.poll_read_body(&mut context()),
                Poll::Ready(Ok(BodyEvent::Data(2)))
            ));
        }
        request.took(1);
        assert_eq!(request.body_bytes(), b"a");
        assert_eq!(source.reads, 1);
    });
}

#[test]
fn a_request_without_a_body_passes_no_filter() {
    with_stream(|mut stream| {
        let log = Log::default();
        attach_named(&mut stream, 0, 'a', &log, false);
        stream.head.body = BodyLength::Empty;
        let mut source = Script::new(&[]);
        let mut request = Filtered::request(&mut source, &mut stream, true);
        assert_eq!(read(&mut request), ("".into(), true));
        assert!(log.take().is_empty());
    });
}

#[test]
fn a_filter_may_answer_in_the_middle() {
    with_stream(|mut stream| {
        attach_named(&mut stream, 0, 'a', &Log::default(), false);
        let mut source = Script::new(&[Some(b"1"), Some(b"bad")]);
        let mut request = Filtered::request(&mut source, &mut stream, true);
        assert!(request.poll_read_body(&mut context()).is_ready());
        request.took(2);
        let Poll::Ready(Err(ReadError::Answered(answer))) = request.poll_read_body(&mut context())
        else {
            panic!("no answer");
        };
        assert_eq!((answer.status, &*answer.details), (400, "bad"));
    });
}

#[test]
fn a_request_is_read_whole_and_later_filters_see_it_as_if_it_had_just_come() {
    with_stream(|mut stream| {
        let log = Log::default();
        attach_named(&mut stream, 0, 'a', &log, false);
        let mut source = Script::new(&[Some(b"1"), None, Some(b"2")]);
        let whole = poll_whole_request(&mut context(), &mut source, &mut stream, 100);
        assert!(whole.is_pending());
        let whole = poll_whole_request(&mut context(), &mut source, &mut stream, 100);
        assert!(matches!(whole, Poll::Ready(Ok(Whole::Yes))));
        assert_eq!(log.take(), ["a:10", "a:20", "a:.1"]);
        attach_named(&mut stream, 1, 'b', &log, false);
        let mut request = Filtered::request(&mut source, &mut stream, true);
        assert_eq!(read(&mut request), ("1a2aab".into(), true));
        assert_eq!(log.take(), ["b:1a2aa.1"]);
    });
}

#[test]
fn no_more_of_a_request_is_kept_than_was_asked_for() {
    with_stream(|mut stream| {
        let log = Log::default();
        attach_named(&mut stream, 0, 'a', &log, false);
        let mut source = Script::new(&[Some(b"12345"), Some(b"6")]);
        let whole = poll_whole_request(&mut context(), &mut source, &mut stream, 4);
        assert!(matches!(whole, Poll::Ready(Ok(Whole::No))));
        assert_eq!(source.pieces.len(), 1);
        let mut request = Filtered::request(&mut source, &mut stream, true);
        assert_eq!(read(&mut request), ("12345a6aa".into(), true));
    });
}

#[test]
fn a_head_that_is_held_goes_on_with_the_end() {
    with_stream(|mut stream| {
        let log = Log::default();
        attach_named(&mut stream, 0, 'a', &log, false);
        attach_named(&mut stream, 1, 'b', &log, true);
        attach_named(&mut stream, 2, 'c', &log, false);
        assert!(matches!(response(&mut stream, false), Ok(Head::Hold)));
        assert_eq!(log.take(), ["c head false", "b head false"]);
        let mut source = Script::new(&[Some(b"1"), None, Some(b"2")]);
        let mut back = Filtered::response(&mut source, &mut stream, true);
        assert!(back.poll_head_let_go(&mut context()).is_pending());
        assert_eq!(log.take(), ["c:10"]);
        let let_go = back.poll_head_let_go(&mut context());
        assert!(matches!(let_go, Poll::Ready(Ok(false))));
        assert_eq!(read(&mut back), ("1c2cca".into(), true));
        assert_eq!(log.take(), ["c:20", "c:.1", "a head false", "a:1c2cc.1"]);
    });
}

#[test]
fn a_held_response_is_bounded() {
    with_stream(|mut stream| {
        attach_named(&mut stream, 1, 'b', &Log::default(), true);
        assert!(matches!(response(&mut stream, false), Ok(Head::Hold)));
        let mut source = Script::new(&[Some(b"12345678"), Some(b"90a")]);
        let mut back = Filtered::response(&mut source, &mut stream, true);
        let Poll::Ready(Err(ReadError::Answered(answer))) = back.poll_head_let_go(&mut context())
        else {
            panic!("no answer");
        };
        assert_eq!((answer.status, &*answer.details), (500, "response_payload_too_large"));
    });
}
