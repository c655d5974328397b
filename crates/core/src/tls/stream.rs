//! A TLS connection over a socket.
//!
//! Records are read into storage of the worker and decrypted there; plain bytes go straight to whoever reads.
//! Written bytes are encrypted into storage of the worker and sent at once: the connection keeps only what a
//! full socket did not take, and the beginning of a record whose end has not come. The handshake is driven by
//! the first read or write.

use std::cell::RefCell;
use std::io::{self, IoSlice};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{ready, Context as TaskContext, Poll};
use std::time::Instant;

use rustls::HandshakeKind;

use super::context::ServerContext;
use super::failure::Failure;
use super::info::{Handshake, TlsInfo};
use super::names;
use super::notes;
use super::peer::PeerCertificate;
use super::session::{Session, Status};
use super::stats::{self, Agreed};
use super::{hello, ClientContext};
use crate::address::Address;
use crate::clock;
use crate::log::{Component, Level};
use crate::proto::{ListenerStat, SslStat};
use crate::stats::Block;
use crate::timer::Timer;
use crate::transport::{Transport, Write};

/// Records are read at once up to this, and more of them after a read that took all there was room for.
const SMALL_READ: usize = 17 * 1024;
const LARGE_READ: usize = 128 * 1024;
/// Plain bytes are encrypted and sent at once up to this.
const MOST_WRITTEN: usize = 64 * 1024;
/// The alerts certificate_required and handshake_failure of TLS 1.2, in records.
const NO_CERTIFICATE: [u8; 7] = [21, 3, 3, 0, 2, 2, 116];
const HANDSHAKE_FAILURE: [u8; 7] = [21, 3, 3, 0, 2, 2, 40];
/// The alert protocol_version, in a record.
const PROTOCOL_VERSION: [u8; 7] = [21, 3, 1, 0, 2, 2, 70];

thread_local! {
    /// Storage for records on their way: in (small and large reads) and out.
    static INCOMING: [RefCell<Vec<u8>>; 2] = const { [const { RefCell::new(Vec::new()) }; 2] };
    static OUTGOING: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Which side of the handshake this is.
pub enum Role {
    /// Waits for the client's first message.
    Server(Arc<ServerContext>),
    Client,
}

/// What has to be done by a time.
pub struct Limit {
    pub timer: Timer,
    pub deadline: Instant,
    /// ListenerStat
    pub block: Arc<Block>,
}

/// A TLS connection.
pub struct TlsStream {
    info: Rc<TlsInfo>,
    inner: RefCell<Inner>,
}

struct Inner {
    raw: Transport,
    role: Role,
    session: Option<Session>,
    info: Rc<TlsInfo>,
    /// SslStat
    block: Arc<Block>,
    /// Of the handshake.
    limit: Option<Limit>,
    server_name: Option<Arc<str>>,
    /// The beginning of a record.
    incoming: Vec<u8>,
    /// Records that the socket has not taken.
    outgoing: Vec<u8>,
    sent: usize,
    /// Plain bytes that are in `outgoing` and that the writer does not know to be taken.
    taken: usize,
    /// Plain bytes that came with the handshake, or that nobody has taken.
    plain: Vec<u8>,
    read_much: bool,
    open: bool,
    /// The peer sends no more.
    ended: bool,
    /// This side sends no more.
    closed: bool,
    failed: bool,
    /// By the verifier and the choice of certificate, until the handshake is done.
    noted: notes::Notes,
}

impl TlsStream {
    /// A client's connection that was accepted.
    pub fn server(
        raw: Transport,
        context: Arc<ServerContext>,
        block: Arc<Block>,
        limit: Option<Limit>,
    ) -> Self {
        let inner = Inner::new(raw, Role::Server(context), block, limit);
        inner.info.version.set("TLSv1.2");
        Self::new(inner)
    }

    /// A client's connection that ends at once, for want of a secret.
    pub fn not_ready(raw: Transport, block: Arc<Block>) -> Self {
        let mut inner = Inner::new(raw, Role::Client, block, None);
        inner.failed = true;
        let reason = "TLS error: Secret is not supplied by SDS";
        reason.clone_into(&mut inner.info.failure.borrow_mut());
        Self::new(inner)
    }

    /// A connection to a host called `hostname`.
    ///
    /// # Errors
    /// The configuration cannot be used.
    pub fn client(
        raw: Transport,
        context: &ClientContext,
        (hostname, requested): (&str, Option<&str>),
        block: Arc<Block>,
    ) -> io::Result<Self> {
        let (config, name, named) = context.target(hostname, requested);
        let mut inner = Inner::new(raw, Role::Client, block, None);
        inner.server_name = named.then(|| Arc::from(&*name.to_str()));
        inner.session = Some(Session::client(config, name).map_err(io::Error::other)?);
        Ok(Self::new(inner))
    }

    fn new(inner: Inner) -> Self {
        Self { info: inner.info.clone(), inner: RefCell::new(inner) }
    }

    /// What is known of the connection; more once the handshake is done.
    pub fn info(&self) -> &Rc<TlsInfo> {
        &self.info
    }

    /// Ready when the handshake is done.
    pub fn poll_handshake(&mut self, cx: &mut TaskContext<'_>) -> Poll<io::Result<()>> {
        self.inner.get_mut().poll_handshake(cx)
    }

    pub fn poll_read<'b>(
        &mut self,
        cx: &mut TaskContext<'_>,
        buffer: impl FnOnce() -> &'b mut Vec<u8>,
    ) -> Poll<io::Result<usize>> {
        self.inner.get_mut().poll_read(cx, buffer)
    }

    pub fn poll_write(
        &mut self,
        cx: &mut TaskContext<'_>,
        write: &Write<'_>,
    ) -> Poll<io::Result<usize>> {
        self.inner.get_mut().poll_write(cx, write)
    }

    pub fn poll_write_vectored(
        &mut self,
        cx: &mut TaskContext<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.inner.get_mut().poll_write_vectored(cx, slices)
    }

    pub fn poll_read_ready(&self, cx: &mut TaskContext<'_>) -> Poll<io::Result<()>> {
        let inner = self.inner.borrow();
        match inner.plain.is_empty() {
            true => inner.raw.poll_read_ready(cx),
            false => Poll::Ready(Ok(())),
        }
    }

    /// Reads without waiting: tickets and the like are no bytes of the peer.
    pub fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.inner.borrow_mut().try_read(buffer)
    }

    pub fn is_watched(&self) -> bool {
        self.inner.borrow().raw.is_watched()
    }

    pub fn local_address(&self) -> io::Result<Address> {
        self.inner.borrow().raw.local_address()
    }

    pub fn reset_on_close(&self) {
        let mut inner = self.inner.borrow_mut();
        inner.closed = true;
        inner.raw.reset_on_close();
    }

    /// Says that this side sends no more; the socket stays open for what the peer has to say.
    pub fn poll_shutdown(&mut self, cx: &mut TaskContext<'_>) -> Poll<io::Result<()>> {
        let inner = self.inner.get_mut();
        inner.say_closed();
        inner.poll_flush(cx)
    }
}

impl Inner {
    fn new(raw: Transport, role: Role, block: Arc<Block>, limit: Option<Limit>) -> Self {
        Self {
            raw,
            role,
            session: None,
            info: Rc::default(),
            block,
            limit,
            server_name: None,
            incoming: Vec::new(),
            outgoing: Vec::new(),
            sent: 0,
            taken: 0,
            plain: Vec::new(),
            read_much: false,
            open: false,
            ended: false,
            closed: false,
            failed: false,
            noted: notes::Notes::default(),
        }
    }

    fn poll_handshake(&mut self, cx: &mut TaskContext<'_>) -> Poll<io::Result<()>> {
        if self.open {
            return Poll::Ready(Ok(()));
        }
        if self.failed {
            return Poll::Ready(Err(io::ErrorKind::NotConnected.into()));
        }
        match self.poll_messages(cx) {
            Poll::Pending => self.poll_limit(cx),
            ready => ready,
        }
    }

    /// Reads and writes handshake messages.
    fn poll_messages(&mut self, cx: &mut TaskContext<'_>) -> Poll<io::Result<()>> {
        if let Some(session) = self.session.as_mut().filter(|_| matches!(self.role, Role::Client)) {
            // The client speaks first.
            let (_, result) = session.process(&mut [], &mut self.plain, &mut self.outgoing);
            if let Err(error) = result {
                return Poll::Ready(Err(self.fail_rustls(&error)));
            }
        }
        loop {
            ready!(self.poll_flush(cx))?;
            if self.open {
                return Poll::Ready(Ok(()));
            }
            let count = match ready!(self.poll_records(cx, None)) {
                Ok(count) => count,
                Err(error) => return Poll::Ready(Err(error)),
            };
            if count == Records::End {
                return Poll::Ready(Err(self.fail(Failure::closed())));
            }
        }
    }

    fn poll_limit(&mut self, cx: &mut TaskContext<'_>) -> Poll<io::Result<()>> {
        let Some(limit) = &self.limit else { return Poll::Pending };
        ready!(limit.timer.poll(cx, Some(limit.deadline)));
        limit.block.inc(ListenerStat::ListenerDownstreamCxTransportSocketConnectTimeout);
        self.failed = true;
        self.info.timed_out.set(true);
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }

    /// Reads records and uses them. Plain bytes go to `plain`, or are kept.
    fn poll_records(
        &mut self,
        cx: &mut TaskContext<'_>,
        plain: Option<&mut Vec<u8>>,
    ) -> Poll<io::Result<Records>> {
        INCOMING.with(|storage| {
            let mut storage = storage[usize::from(self.read_much)].borrow_mut();
            self.prepare(&mut storage);
            let before = storage.len();
            let read = match self.raw.poll_read(cx, || &mut storage) {
                Poll::Pending => {
                    self.keep(&storage);
                    return Poll::Pending;
                }
                Poll::Ready(Ok(0)) => return Poll::Ready(Ok(Records::End)),
                Poll::Ready(Ok(count)) => count,
                Poll::Ready(Err(error)) if self.open => return Poll::Ready(Err(error)),
                Poll::Ready(Err(error)) => {
                    return Poll::Ready(Err(self.fail(Failure::of_socket(&error))));
                }
            };
            self.read_much = before + read == storage.capacity();
            Poll::Ready(self.take_records(&mut storage, plain))
        })
    }

    /// Puts the beginning of a record in front of what will be read.
    fn prepare(&mut self, storage: &mut Vec<u8>) {
        storage.clear();
        let room = if self.read_much { LARGE_READ } else { SMALL_READ };
        storage.reserve(room + self.incoming.len());
        storage.append(&mut self.incoming);
    }

    fn keep(&mut self, rest: &[u8]) {
        self.incoming.extend_from_slice(rest);
    }

    fn take_records(
        &mut self,
        records: &mut [u8],
        plain: Option<&mut Vec<u8>>,
    ) -> io::Result<Records> {
        if self.session.is_none() && !self.begin(records)? {
            self.keep(records);
            return Ok(Records::Some);
        }
        let Some(session) = &mut self.session else { return Ok(Records::Some) };
        let plain = plain.unwrap_or(&mut self.plain);
        let (used, result) = session.process(records, plain, &mut self.outgoing);
        if !self.open {
            self.noted.gather();
        }
        match result {
            Ok(status) => {
                if !self.open && !session.state().is_handshaking() {
                    self.finish();
                }
                self.ended |= status == Status::PeerClosed;
                if !self.ended {
                    self.incoming.extend_from_slice(&records[used..]);
                }
                Ok(Records::Some)
            }
            Err(error) => Err(self.fail_rustls(&error)),
        }
    }

    /// Looks at a client's first message and begins with the configuration for it; false: not all is there.
    fn begin(&mut self, bytes: &[u8]) -> io::Result<bool> {
        let Role::Server(context) = &self.role else { return Ok(true) };
        let found = match hello::read(bytes) {
            hello::First::Partial => return Ok(false),
            hello::First::Foreign => {
                let failure = Failure::of_first_bytes(bytes);
                if failure.reason.contains("WRONG_VERSION") {
                    self.outgoing.extend_from_slice(&PROTOCOL_VERSION);
                    let _ = self.try_flush();
                }
                return Err(self.fail(failure));
            }
            hello::First::Hello(found) => found,
        };
        if found.offers_tls13 && context.offers_tls13() {
            self.info.version.set("TLSv1.3");
        } else if !found.offers_tls12 && !found.offers_tls13 {
            self.outgoing.extend_from_slice(&PROTOCOL_VERSION);
            let _ = self.try_flush();
            return Err(self.fail(Failure::unsupported_version()));
        }
        let session = Session::server(context.config(&found).clone()).map_err(io::Error::other)?;
        self.session = Some(session);
        Ok(true)
    }

    /// The handshake is done: notes and counts what was agreed on.
    fn finish(&mut self) {
        let Some(session) = &self.session else { return };
        let state = session.state();
        let noted = std::mem::take(&mut self.noted);
        let suite = state.negotiated_cipher_suite().map(|suite| suite.suite());
        let cipher = suite.and_then(names::describe_suite);
        let group = state.negotiated_key_exchange_group();
        let group = group.and_then(|group| names::describe_group(group.name()));
        let version = state.protocol_version().and_then(names::describe_version);
        let resumed = state.handshake_kind() == Some(HandshakeKind::Resumed);
        let peer = state.peer_certificates();
        let peer = peer.and_then(|chain| PeerCertificate::read(chain, noted.issuer)).map(Rc::new);
        let handshake = Handshake {
            version: version.map_or("", |version| version.0),
            cipher: cipher.map_or("", |cipher| cipher.0),
            group: group.map(|group| group.0),
            alpn: state.alpn_protocol().map(Box::from),
            server_name: self.server_name.clone(),
            resumed,
            local: noted.local,
            // A resumed session is of a peer that was verified when it began.
            validated: peer.is_some() && (noted.validated || resumed),
            peer,
            done: clock::now(),
        };
        let agreed = Agreed {
            cipher: cipher.map(|cipher| cipher.1),
            group: group.map(|group| group.1),
            version: version.map(|version| version.1),
            scheme: noted.scheme,
        };
        stats::count(&self.block, &handshake, &agreed);
        if let Some(stat) = noted.accepted {
            self.block.inc(stat);
        }
        let _ = self.info.handshake.set(handshake);
        self.limit = None;
        self.open = true;
    }

    fn fail_rustls(&mut self, error: &rustls::Error) -> io::Error {
        let mut failure = Failure::of(error, self.noted.refusal.take());
        let unanswered = |session: &Session| session.state().protocol_version().is_none();
        if matches!(self.role, Role::Client) && self.session.as_ref().is_some_and(unanswered) {
            failure = failure.on_client_hello();
        }
        if failure.stat == Some(SslStat::SslFailVerifyNoCert) {
            // Up to TLS 1.2 there is no alert certificate_required; rustls sends it all the same.
            let alert = self.outgoing.last_chunk_mut::<7>();
            if let Some(alert) = alert.filter(|alert| **alert == NO_CERTIFICATE) {
                *alert = HANDSHAKE_FAILURE;
            }
        }
        // The alert is worth one try: the connection ends either way.
        if !self.outgoing.is_empty() {
            let _ = self.try_flush();
        }
        self.fail(failure)
    }

    fn fail(&mut self, failure: Failure) -> io::Error {
        self.failed = true;
        self.closed = true;
        if let Some(stat) = failure.stat {
            self.block.inc(stat);
        }
        if crate::log::enabled(Component::Connection, Level::Info) {
            let side = if matches!(self.role, Role::Client) { "upstream" } else { "downstream" };
            let reason = match failure.reason.as_str() {
                "" => "connection closed",
                reason => reason,
            };
            let text = format!("{side} TLS failed: {reason} ({})", failure.hint);
            crate::log::send(Component::Connection, Level::Info, text);
        }
        self.info.failure.borrow_mut().clone_from(&failure.reason);
        failure.into_io()
    }

    fn poll_read<'b>(
        &mut self,
        cx: &mut TaskContext<'_>,
        buffer: impl FnOnce() -> &'b mut Vec<u8>,
    ) -> Poll<io::Result<usize>> {
        if !self.open {
            ready!(self.poll_handshake(cx))?;
        }
        if !self.plain.is_empty() {
            let target = buffer();
            let count = self.plain.len();
            target.append(&mut self.plain);
            return Poll::Ready(Ok(count));
        }
        if self.failed {
            return Poll::Ready(Err(io::ErrorKind::NotConnected.into()));
        }
        if self.ended {
            return Poll::Ready(Ok(0));
        }
        ready!(self.raw.poll_read_ready(cx))?;
        let target = buffer();
        let before = target.len();
        loop {
            let records = ready!(self.poll_records(cx, Some(target)))?;
            if !self.outgoing.is_empty() && self.taken == 0 {
                // Answers to key updates and the like.
                let _ = self.poll_flush(cx);
            }
            let count = target.len() - before;
            if count > 0 || records == Records::End || self.ended {
                self.ended |= records == Records::End;
                return Poll::Ready(Ok(count));
            }
        }
    }

    fn try_read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if !self.plain.is_empty() {
                let count = self.plain.len().min(buffer.len());
                buffer[..count].copy_from_slice(&self.plain[..count]);
                self.plain.drain(..count);
                return Ok(count);
            }
            if self.ended {
                return Ok(0);
            }
            let mut chunk = [0; 4096];
            let count = self.raw.try_read(&mut chunk)?;
            if count == 0 {
                return Ok(0);
            }
            let mut records = std::mem::take(&mut self.incoming);
            records.extend_from_slice(&chunk[..count]);
            self.take_records(&mut records, None)?;
        }
    }

    fn poll_write(
        &mut self,
        cx: &mut TaskContext<'_>,
        write: &Write<'_>,
    ) -> Poll<io::Result<usize>> {
        if !self.open {
            ready!(self.poll_handshake(cx))?;
        }
        if self.outgoing.len() > self.sent {
            ready!(self.poll_flush(cx))?;
        }
        if self.taken > 0 {
            let count = self.taken.min(write.bytes.len());
            self.taken = 0;
            return Poll::Ready(Ok(count));
        }
        let bytes = &write.bytes[..write.bytes.len().min(MOST_WRITTEN)];
        let last = write.last && bytes.len() == write.bytes.len();
        self.poll_encrypted(cx, bytes, last)
    }

    fn poll_write_vectored(
        &mut self,
        cx: &mut TaskContext<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        // One record takes the head and the beginning of the body.
        let mut joined = crate::buffer::borrow_storage();
        for slice in slices {
            let room = MOST_WRITTEN - joined.len();
            joined.extend_from_slice(&slice[..slice.len().min(room)]);
        }
        let result = self.poll_write(cx, &Write { bytes: &joined, last: false });
        joined.clear();
        crate::buffer::return_storage(joined);
        result
    }

    /// Encrypts and sends; ready when the socket has taken all of it.
    fn poll_encrypted(
        &mut self,
        cx: &mut TaskContext<'_>,
        bytes: &[u8],
        last: bool,
    ) -> Poll<io::Result<usize>> {
        let Some(session) = self.session.as_mut().filter(|_| !self.closed) else {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        };
        OUTGOING.with_borrow_mut(|storage| {
            let mut length = session.encrypt(bytes, storage).map_err(io::Error::other)?;
            if last {
                let mut alert = Vec::new();
                session.close_notify(&mut alert);
                storage.truncate(length);
                storage.extend_from_slice(&alert);
                length += alert.len();
                self.closed = true;
            }
            let mut sent = 0;
            while sent < length {
                let write = Write { bytes: &storage[sent..length], last };
                match self.raw.poll_write(cx, &write) {
                    Poll::Ready(Ok(count)) => sent += count,
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                    Poll::Pending => {
                        self.outgoing.extend_from_slice(&storage[sent..length]);
                        self.taken = bytes.len();
                        return Poll::Pending;
                    }
                }
            }
            Poll::Ready(Ok(bytes.len()))
        })
    }

    /// Sends what waits.
    fn poll_flush(&mut self, cx: &mut TaskContext<'_>) -> Poll<io::Result<()>> {
        while self.sent < self.outgoing.len() {
            let write = Write { bytes: &self.outgoing[self.sent..], last: false };
            self.sent += ready!(self.raw.poll_write(cx, &write))?;
        }
        self.outgoing.clear();
        self.sent = 0;
        Poll::Ready(Ok(()))
    }

    /// Sends what waits, as far as the socket takes it at once.
    fn try_flush(&mut self) -> io::Result<()> {
        let mut cx = TaskContext::from_waker(std::task::Waker::noop());
        match self.poll_flush(&mut cx) {
            Poll::Ready(result) => result,
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    fn say_closed(&mut self) {
        if let Some(session) = self.session.as_mut().filter(|_| self.open && !self.closed) {
            session.close_notify(&mut self.outgoing);
        }
        self.closed = true;
    }
}

impl Drop for Inner {
    /// The peer is told, so that it knows that nothing was cut off.
    fn drop(&mut self) {
        if self.open && !self.closed && self.outgoing.is_empty() {
            self.say_closed();
            let _ = self.try_flush();
        }
    }
}

/// What a read of records found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Records {
    Some,
    /// The socket has ended.
    End,
}
