//! One stream of an HTTP/2 connection, for the task that uses it.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use lateen_http2::{
    Connection, ConnectionError, ErrorCode, FieldRef, OpenError, StreamFault, StreamKey,
};

use super::metadata::{Metadata, MetadataEnd};
use super::session::Session;
use crate::body::{BodyEvent, BodySink, BodySource, ReadError};
use crate::buffer::Buffer;
use crate::headers::{HeaderId, Headers};
use crate::http1::encode::HeaderCase;

/// Why a stream ended before its messages did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reset {
    /// The peer reset it.
    Remote(ErrorCode),
    /// Its message was malformed.
    Malformed(StreamFault),
    /// The peer said that it will not be answered.
    Refused,
    /// The connection is gone.
    ConnectionEnd,
    /// The connection is gone, for the peer broke the protocol.
    ConnectionProtocol(ConnectionError),
}

impl Reset {
    /// The response's headers are more than they may be, which counts as if the upstream had reset it.
    pub fn is_too_large(self) -> bool {
        use StreamFault::{HeadersTooLarge, TooManyHeaders};
        matches!(self, Self::Malformed(HeadersTooLarge | TooManyHeaders))
    }
}

/// The head of a response.
pub struct Head {
    pub headers: Headers,
    /// Bytes of its frames.
    pub size: usize,
    /// The message ended with it.
    pub end: bool,
}

/// What has come of a stream and was not used yet.
pub(super) struct StreamState {
    key: Cell<Option<StreamKey>>,
    heads: RefCell<VecDeque<Head>>,
    incoming: RefCell<Buffer>,
    trailers: RefCell<Headers>,
    ended: Cell<bool>,
    reset: Cell<Option<Reset>>,
    /// Bytes received, frames and all.
    received: Cell<u64>,
    waker: RefCell<Option<Waker>>,
    pub(super) metadata: RefCell<Option<Box<Metadata>>>,
}

impl StreamState {
    fn new(key: Option<StreamKey>) -> Self {
        Self {
            key: Cell::new(key),
            heads: RefCell::default(),
            incoming: RefCell::default(),
            trailers: RefCell::default(),
            ended: Cell::new(false),
            reset: Cell::new(None),
            received: Cell::new(0),
            waker: RefCell::default(),
            metadata: RefCell::default(),
        }
    }

    /// None until it is opened.
    pub fn key(&self) -> Option<StreamKey> {
        self.key.get()
    }

    pub fn push_head(&self, head: Head) {
        self.ended.set(self.ended.get() || head.end);
        self.heads.borrow_mut().push_back(head);
        self.wake();
    }

    pub fn push_data(&self, bytes: &[u8], end: bool) {
        self.incoming.borrow_mut().extend(bytes);
        self.ended.set(self.ended.get() || end);
        self.wake();
    }

    pub fn end_with(&self, trailers: Headers) {
        *self.trailers.borrow_mut() = trailers;
        self.ended.set(true);
        self.wake();
    }

    pub fn reset_by(&self, reset: Reset) {
        if self.reset.get().is_none() {
            self.reset.set(Some(reset));
            self.wake();
        }
    }

    pub fn wake(&self) {
        if let Some(waker) = self.waker.borrow_mut().take() {
            waker.wake();
        }
    }

    /// Counts bytes that were received.
    pub fn note_received(&self, count: usize) {
        self.received.set(self.received.get() + count as u64);
    }

    fn wait(&self, cx: &Context<'_>) {
        let mut waker = self.waker.borrow_mut();
        if !waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            *waker = Some(cx.waker().clone());
        }
    }
}

/// A stream in use. Dropping it resets it, unless both messages have ended.
pub struct Http2Stream {
    session: Rc<Session>,
    state: Rc<StreamState>,
    tag: u32,
    /// Body bytes taken from the session.
    incoming: Buffer,
    trailers: Headers,
    /// This side's message has ended.
    sent: bool,
    /// What a reset by this side says.
    reset_code: ErrorCode,
    /// Bytes sent so far, frames and all.
    pub wire_sent: u64,
}

impl Http2Stream {
    /// Takes a stream that the peer has opened, or (`None`) one that this side will open with its head.
    pub fn new(session: Rc<Session>, key: Option<StreamKey>) -> Self {
        let state = Rc::new(StreamState::new(key));
        let tag = session.register(state.clone());
        Self {
            session,
            state,
            tag,
            incoming: Buffer::new(),
            trailers: Headers::new(),
            sent: false,
            reset_code: ErrorCode::CANCEL,
            wire_sent: 0,
        }
    }

    pub fn tag(&self) -> u32 {
        self.tag
    }

    pub fn session(&self) -> &Rc<Session> {
        &self.session
    }

    /// Where its metadata comes from and goes to; None where METADATA frames are not allowed.
    pub fn metadata(&self) -> Option<MetadataEnd> {
        let end = || MetadataEnd { session: self.session.clone(), state: self.state.clone() };
        self.session.allows_metadata().then(end)
    }

    /// The peer's message has come to its end, and nothing of it is left to be read.
    pub fn is_read(&self) -> bool {
        self.state.ended.get()
            && self.incoming.is_empty()
            && self.state.incoming.borrow().is_empty()
    }

    /// Bytes of body and trailers received so far, frames and all.
    pub fn wire_received(&self) -> u64 {
        self.state.received.get()
    }

    pub fn is_sent(&self) -> bool {
        self.sent
    }

    /// Both messages have ended.
    pub fn is_over(&self) -> bool {
        self.sent && self.state.ended.get()
    }

    pub fn reset(&self) -> Option<Reset> {
        self.state.reset.get()
    }

    /// What the reset says that ends the stream if it is dropped before its time.
    pub fn set_reset_code(&mut self, code: ErrorCode) {
        self.reset_code = code;
    }

    /// The peer's message began with its end.
    pub fn mark_ended(&self) {
        self.state.ended.set(true);
    }

    /// Sends the head of a message, or an informational one. `pseudo` come first, other pseudo headers and those
    /// of a connection not at all. Returns the bytes of its frames.
    ///
    /// # Errors
    /// The peer takes no more streams.
    pub fn send_head(
        &mut self,
        pseudo: &[(&[u8], &[u8])],
        headers: &Headers,
        end: bool,
    ) -> Result<u64, OpenError> {
        let pseudo = pseudo.iter().map(|(name, value)| FieldRef::new(name, value));
        let rest = headers.iter().filter(|(id, ..)| is_carried(*id));
        let fields = pseudo.chain(rest.map(|(_, name, value)| FieldRef::new(name, value)));
        let sent = self.send(|engine, state, tag| match state.key() {
            Some(key) => {
                engine.send_headers(key, fields, end);
                Ok(())
            }
            None => {
                let key = engine.open_stream(fields, end)?;
                engine.set_tag(key, tag);
                state.key.set(Some(key));
                Ok(())
            }
        });
        sent.1?;
        self.sent |= end;
        Ok(sent.0)
    }

    /// Calls the engine; how many bytes that put in the output.
    fn send<R>(&mut self, with: impl FnOnce(&mut Connection, &StreamState, u32) -> R) -> (u64, R) {
        let (state, tag) = (&self.state, self.tag);
        let (sent, result) = self.session.with_engine(|engine| {
            let before = engine.output().len();
            let result = with(engine, state, tag);
            (engine.output().len() - before, result)
        });
        self.wire_sent += sent as u64;
        (sent as u64, result)
    }

    /// Sends body bytes: how many were taken. `last` says that the message ends with them.
    pub fn poll_send(
        &mut self,
        cx: &Context<'_>,
        bytes: &[u8],
        last: bool,
    ) -> Poll<io::Result<usize>> {
        if self.sent {
            return Poll::Ready(Ok(bytes.len()));
        }
        let Some(key) = self.state.key().filter(|_| self.reset().is_none()) else {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        };
        let (_, count) = self.send(|engine, _, _| engine.send_data(key, bytes, last));
        self.sent = last && count == bytes.len();
        if count == 0 && !bytes.is_empty() {
            self.wait(cx);
            return Poll::Pending;
        }
        Poll::Ready(Ok(count))
    }

    /// The next head of a response.
    pub fn poll_head(&mut self, cx: &Context<'_>) -> Poll<Result<Head, Reset>> {
        if let Some(head) = self.state.heads.borrow_mut().pop_front() {
            return Poll::Ready(Ok(head));
        }
        match self.reset() {
            Some(reset) => Poll::Ready(Err(reset)),
            None => {
                self.state.wait(cx);
                Poll::Pending
            }
        }
    }

    /// Ready when the stream was reset.
    pub fn poll_reset(&self, cx: &Context<'_>) -> Poll<Reset> {
        match self.reset() {
            Some(reset) => Poll::Ready(reset),
            None => {
                self.state.wait(cx);
                Poll::Pending
            }
        }
    }

    /// Drops what has come of the body: how many bytes.
    pub fn discard(&mut self) -> u64 {
        let mut dropped = 0;
        while self.take_incoming() {
            let count = self.incoming.len();
            dropped += count as u64;
            self.took(count);
        }
        dropped
    }

    /// Whether there are body bytes.
    fn take_incoming(&mut self) -> bool {
        if self.incoming.is_empty() {
            std::mem::swap(&mut self.incoming, &mut *self.state.incoming.borrow_mut());
        }
        !self.incoming.is_empty()
    }

    pub fn take_trailers(&mut self) -> Headers {
        std::mem::take(&mut self.trailers)
    }

    fn wait(&self, cx: &Context<'_>) {
        self.state.wait(cx);
    }
}

impl BodySource for Http2Stream {
    fn poll_read_body(&mut self, cx: &mut Context<'_>) -> Poll<Result<BodyEvent, ReadError>> {
        if self.take_incoming() {
            return Poll::Ready(Ok(BodyEvent::Data(self.incoming.len())));
        }
        if self.state.ended.get() {
            let mut trailers = self.state.trailers.borrow_mut();
            if !trailers.is_empty() {
                self.trailers = std::mem::take(&mut *trailers);
            }
            return Poll::Ready(Ok(BodyEvent::End));
        }
        if let Some(reset) = self.reset() {
            return Poll::Ready(Err(ReadError::Reset(reset)));
        }
        self.wait(cx);
        Poll::Pending
    }

    fn body_bytes(&self) -> &[u8] {
        self.incoming.bytes()
    }

    fn took(&mut self, count: usize) {
        self.incoming.consume(count);
        if let Some(key) = self.state.key() {
            self.session.with_engine(|engine| engine.release(key, count));
        }
    }

    fn trailers(&self) -> &Headers {
        &self.trailers
    }
}

impl BodySink for Http2Stream {
    fn poll_write_body(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_send(cx, bytes, false)
    }

    fn finish(&mut self, trailers: Option<&Headers>, _: HeaderCase) {
        let Some(key) = self.state.key().filter(|_| !self.sent) else { return };
        self.sent = true;
        match trailers.filter(|trailers| !trailers.is_empty()) {
            Some(trailers) => {
                let fields = trailers.iter().filter(|(id, ..)| is_carried(*id));
                let fields = fields.map(|(_, name, value)| FieldRef::new(name, value));
                self.send(|engine, _, _| engine.send_headers(key, fields, true));
            }
            None => {
                self.send(|engine, _, _| engine.end_stream(key));
            }
        }
    }

    /// The session's task writes: a stream has nothing to wait for.
    fn poll_flush(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.reset() {
            Some(_) if !self.sent => Poll::Ready(Err(io::ErrorKind::ConnectionReset.into())),
            _ => Poll::Ready(Ok(())),
        }
    }
}

/// Pseudo headers are written by themselves, and what is about a connection has no place here (RFC 9113
/// section 8.2.2).
fn is_carried(id: HeaderId) -> bool {
    !id.is_pseudo()
        && !matches!(
            id,
            HeaderId::Connection
                | HeaderId::KeepAlive
                | HeaderId::ProxyConnection
                | HeaderId::TransferEncoding
                | HeaderId::Upgrade
        )
}

impl Drop for Http2Stream {
    fn drop(&mut self) {
        if let Some(key) = self.state.key().filter(|_| !self.session.is_over()) {
            // The connection's window counts what nobody has read.
            self.discard();
            if !self.is_over() {
                self.session.with_engine(|engine| engine.reset(key, self.reset_code));
            }
        }
        self.session.forget(self.tag);
    }
}
