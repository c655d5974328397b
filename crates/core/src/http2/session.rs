//! A connection that speaks HTTP/2: one task drives it, the tasks of its streams use it.

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;
use std::task::{ready, Context, Poll, Waker};

use lateen_http2::{
    Connection, ConnectionError, Counters, ErrorCode, Event, FieldBlock, FieldRef, HeadersKind,
    StreamFault, StreamKey,
};
use slab::Slab;

use super::fields;
use super::stream::{Head, Reset, StreamState};
use crate::buffer::Buffer;
use crate::headers::Headers;
use crate::transport::{Transport, Write};

/// Room made for a read.
const READ: usize = 64 * 1024;

/// Answers to frames of one read that wait, after which they are written: only what the peer does not take is to
/// count as a flood.
const ANSWERS: u32 = 64;

/// Why a connection is over.
#[derive(Clone, Copy, Debug)]
pub enum Closed {
    /// The peer closed it, or the transport failed.
    Remote,
    /// The peer broke the protocol; what was to be said of it was written.
    Protocol(ConnectionError),
    /// It was to be closed, and all was written.
    Local,
}

/// What a connection tells whoever drives it.
pub enum Notice {
    /// Streams after `last` are not answered; those of this session know already.
    GoAway {
        code: ErrorCode,
    },
    /// A message was malformed: its stream, `known` if it was in use, was reset.
    Invalid {
        fault: StreamFault,
        known: bool,
    },
    /// The peer reset a stream.
    Reset,
    /// The peer's settings have changed.
    Settings,
    Pong,
}

/// The head of a request, decoded, and how many bytes it took on the wire.
pub struct Block<'a> {
    pub fields: &'a FieldBlock,
    pub size: usize,
}

/// Whoever drives a connection. It must not use the engine while it is told of something.
pub trait Observer {
    /// A client has opened a stream: the tag of the [`super::Http2Stream`] that takes it. Servers do not open
    /// streams: pushes are refused by the engine.
    ///
    /// # Errors
    /// It is not taken, but reset with this code.
    fn request(
        &mut self,
        _session: &Rc<Session>,
        _key: StreamKey,
        _head: Block<'_>,
        _end: bool,
    ) -> Result<u32, ErrorCode> {
        Err(ErrorCode::REFUSED_STREAM)
    }

    fn notice(&mut self, session: &Rc<Session>, notice: Notice);

    /// Bytes came from which no frame was taken yet.
    fn heard(&mut self, _: &Rc<Session>) {}

    /// Nothing more is to be taken from the peer: the connection ends here.
    fn has_enough(&self) -> bool {
        false
    }
}

/// The part of a connection that its streams share.
pub struct Session {
    pub(super) engine: RefCell<Connection>,
    /// By tag.
    streams: RefCell<Slab<Rc<StreamState>>>,
    driver: RefCell<Option<Waker>>,
    /// The driver will take its turn.
    woken: Cell<bool>,
    closing: Cell<bool>,
    over: Cell<bool>,
    metadata: bool,
}

impl Session {
    pub fn new(engine: Connection) -> Rc<Self> {
        Rc::new(Self {
            metadata: engine.allows_metadata(),
            engine: RefCell::new(engine),
            streams: RefCell::default(),
            driver: RefCell::default(),
            woken: Cell::new(false),
            closing: Cell::new(false),
            over: Cell::new(false),
        })
    }

    /// METADATA frames come and go.
    pub fn allows_metadata(&self) -> bool {
        self.metadata
    }

    /// Sends metadata of a stream, if it is open.
    pub(super) fn send_metadata(&self, state: &StreamState, fields: &Headers) {
        let Some(key) = state.key() else { return };
        let fields = fields.iter().map(|(_, name, value)| FieldRef::new(name, value));
        self.with_engine(|engine| engine.send_metadata(Some(key), fields));
    }

    /// Calls `with` with the engine; what it put in the output is written soon.
    pub fn with_engine<R>(&self, with: impl FnOnce(&mut Connection) -> R) -> R {
        let mut engine = self.engine.borrow_mut();
        let result = with(&mut engine);
        if !engine.output().is_empty() {
            drop(engine);
            self.wake();
        }
        result
    }

    /// Lets the driver take its turn.
    pub fn wake(&self) {
        if self.woken.replace(true) {
            return;
        }
        if let Some(driver) = &*self.driver.borrow() {
            driver.wake_by_ref();
        }
    }

    /// What happened since it was asked last.
    pub fn take_counters(&self) -> Counters {
        self.engine.borrow_mut().take_counters()
    }

    /// Streams in use.
    pub fn active(&self) -> usize {
        self.streams.borrow().len()
    }

    /// What is in use, and what waits.
    pub fn gauges(&self) -> Gauges {
        let engine = self.engine.borrow();
        Gauges {
            streams: self.active() as u64,
            frames: u64::from(engine.outbound_frames()),
            control_frames: u64::from(engine.outbound_control_frames()),
            pending_bytes: engine.output().len() as u64,
        }
    }

    /// Nothing more is read or written.
    pub fn is_over(&self) -> bool {
        self.over.get()
    }

    /// Ends the connection once all that waits is written.
    pub fn close(&self) {
        self.closing.set(true);
        self.wake();
    }

    /// Takes a stream into use: its tag.
    pub(super) fn register(&self, state: Rc<StreamState>) -> u32 {
        self.streams.borrow_mut().insert(state) as u32
    }

    /// Forgets a stream that is not used any more.
    pub(super) fn forget(&self, tag: u32) {
        let mut streams = self.streams.borrow_mut();
        streams.try_remove(tag as usize);
        if streams.is_empty() {
            self.wake();
        }
    }

    fn end(&self, reset: Reset) {
        self.over.set(true);
        for (_, state) in self.streams.borrow().iter() {
            state.reset_by(reset);
        }
    }

    /// Wakes streams that may send more.
    fn wake_writable(&self, engine: &mut Connection) {
        while let Some((_, tag)) = engine.next_writable() {
            if let Some(state) = self.stream(tag) {
                state.wake();
            }
        }
    }

    fn stream(&self, tag: u32) -> Option<Rc<StreamState>> {
        self.streams.borrow().get(tag as usize).cloned()
    }
}

/// Streams in use, and what waits to be written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gauges {
    pub streams: u64,
    pub frames: u64,
    pub control_frames: u64,
    pub pending_bytes: u64,
}

/// What moves the bytes of a session.
pub struct Driver {
    pub session: Rc<Session>,
    pub transport: Transport,
    input: Buffer,
    failed: Option<ConnectionError>,
    /// Bytes written and read that nobody has counted yet.
    pub written: u64,
    pub read: u64,
}

impl Driver {
    /// `input` holds what was read of the connection before.
    pub fn new(session: Rc<Session>, transport: Transport, input: Buffer) -> Self {
        Self { session, transport, input, failed: None, written: 0, read: 0 }
    }

    /// Reads, tells `observer`, and writes, until the connection is over.
    pub fn poll(&mut self, cx: &mut Context<'_>, observer: &mut dyn Observer) -> Poll<Closed> {
        let closed = ready!(self.poll_open(cx, observer));
        let reset = match closed {
            Closed::Protocol(error) => Reset::ConnectionProtocol(error),
            Closed::Remote | Closed::Local => Reset::ConnectionEnd,
        };
        self.session.end(reset);
        Poll::Ready(closed)
    }

    fn poll_open(&mut self, cx: &mut Context<'_>, observer: &mut dyn Observer) -> Poll<Closed> {
        let mut driver = self.session.driver.borrow_mut();
        if !driver.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            *driver = Some(cx.waker().clone());
        }
        drop(driver);
        self.session.woken.set(false);
        loop {
            let mut more = false;
            if self.failed.is_none() && !self.session.closing.get() {
                match self.dispatch(observer) {
                    Ok(left) => more = left,
                    Err(error) => self.failed = Some(error),
                }
            }
            if observer.has_enough() {
                return Poll::Ready(Closed::Local);
            }
            let flushed = self.poll_flush(cx);
            if let Poll::Ready(Err(_)) = flushed {
                return Poll::Ready(Closed::Remote);
            }
            if let Some(error) = self.failed.take_if(|_| flushed.is_ready()) {
                return Poll::Ready(Closed::Protocol(error));
            }
            if self.session.closing.get() && flushed.is_ready() {
                return Poll::Ready(Closed::Local);
            }
            if self.failed.is_some() {
                return Poll::Pending;
            }
            if more {
                continue;
            }
            let input = &mut self.input;
            match self.transport.poll_read(cx, || input.spare(READ)) {
                Poll::Ready(Ok(0) | Err(_)) => return Poll::Ready(Closed::Remote),
                Poll::Ready(Ok(count)) => {
                    self.read += count as u64;
                    observer.heard(&self.session);
                }
                Poll::Pending => {
                    self.input.release();
                    return Poll::Pending;
                }
            }
        }
    }

    /// Writes what waits.
    pub fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut engine = self.session.engine.borrow_mut();
        if engine.output().is_empty() {
            return Poll::Ready(Ok(()));
        }
        while !engine.output().is_empty() {
            let write = Write { bytes: engine.output(), last: false };
            match ready!(self.transport.poll_write(cx, &write))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                count => {
                    engine.consume_output(count);
                    self.written += count as u64;
                }
            }
        }
        self.session.wake_writable(&mut engine);
        Poll::Ready(Ok(()))
    }

    /// Takes all whole frames that were read; true when some are left, for answers are to be written first.
    fn dispatch(&mut self, observer: &mut dyn Observer) -> Result<bool, ConnectionError> {
        loop {
            let mut engine = self.session.engine.borrow_mut();
            let (used, event) = engine.receive(self.input.bytes())?;
            if let Some(event) = event {
                handle(&self.session, &mut engine, event, used, observer);
            }
            let answers = engine.outbound_control_frames();
            drop(engine);
            if used == 0 {
                return Ok(false);
            }
            self.input.consume(used);
            if observer.has_enough() {
                return Ok(false);
            }
            if answers == ANSWERS {
                return Ok(true);
            }
        }
    }
}

impl Drop for Driver {
    /// The streams of a connection that is given up end with it.
    fn drop(&mut self) {
        self.session.end(Reset::ConnectionEnd);
    }
}

/// Passes an event on; its frame took `used` bytes.
fn handle(
    session: &Rc<Session>,
    engine: &mut Connection,
    event: Event<'_>,
    used: usize,
    observer: &mut dyn Observer,
) {
    match event {
        Event::Headers { stream, kind: HeadersKind::Request, end_stream, .. } => {
            let head = Block { fields: engine.fields(), size: used };
            match observer.request(session, stream, head, end_stream) {
                Ok(tag) => engine.set_tag(stream, tag),
                Err(code) => engine.reset(stream, code),
            }
        }
        Event::Headers { tag, kind, end_stream, .. } => {
            if let Some(state) = session.stream(tag) {
                let headers = fields::headers(engine.fields());
                match kind {
                    HeadersKind::Trailers => {
                        state.note_received(used);
                        state.end_with(headers);
                    }
                    _ => state.push_head(Head { headers, size: used, end: end_stream }),
                }
            }
        }
        Event::Data { stream, tag, bytes, end_stream } => match session.stream(tag) {
            Some(state) => {
                state.note_received(used);
                state.push_data(bytes, end_stream);
            }
            None => engine.release(stream, bytes.len()),
        },
        Event::Reset { tag, code, .. } => {
            if let Some(state) = session.stream(tag) {
                state.note_received(used);
                state.reset_by(Reset::Remote(code));
            }
            observer.notice(session, Notice::Reset);
        }
        Event::Invalid { tag, fault, .. } => {
            let state = session.stream(tag);
            if let Some(state) = &state {
                state.reset_by(Reset::Malformed(fault));
            }
            observer.notice(session, Notice::Invalid { fault, known: state.is_some() });
        }
        Event::GoAway { code, .. } => {
            while let Some((_, tag)) = engine.next_unhandled() {
                if let Some(state) = session.stream(tag) {
                    state.reset_by(Reset::Refused);
                }
            }
            observer.notice(session, Notice::GoAway { code });
        }
        Event::Window { .. } => session.wake_writable(engine),
        Event::Settings => {
            session.wake_writable(engine);
            observer.notice(session, Notice::Settings);
        }
        Event::Pong { .. } => observer.notice(session, Notice::Pong),
        Event::Metadata { stream: Some((_, tag)) } => {
            if let Some(state) = session.stream(tag) {
                state.push_metadata(fields::headers(engine.fields()));
            }
        }
        Event::SettingsAck | Event::Metadata { stream: None } => {}
    }
}
