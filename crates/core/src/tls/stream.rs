//! A TLS connection over a socket.
//!
//! Records are read into storage of the worker and decrypted there; plain bytes go straight to whoever reads.
//! Written bytes are encrypted into storage of the worker and sent at once: the connection keeps only what a
//! full socket did not take, and the beginning of a record whose end has not come. The handshake is driven by
//! the first read or write.

mod handshake;
mod read;
mod write;

use std::cell::RefCell;
use std::io::{self, IoSlice};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};
use std::time::Instant;

use super::context::ServerContext;
use super::info::TlsInfo;
use super::notes;
use super::server_name::TlsNames;
use super::session::Session;
use super::ClientContext;
use crate::address::Address;
use crate::stats::Block;
use crate::timer::Timer;
use crate::transport::{Transport, Write};

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

    /// A connection to a host called `hostname`, with the names that a request gives it.
    ///
    /// # Errors
    /// The configuration cannot be used.
    pub fn client(
        raw: Transport,
        context: &ClientContext,
        (hostname, names): (&str, &TlsNames),
        block: Arc<Block>,
    ) -> io::Result<Self> {
        let (config, name, named) = context.target(hostname, names);
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

    /// See `Transport::poll_peek`.
    pub fn poll_peek(
        &mut self,
        cx: &mut TaskContext<'_>,
        buffer: &mut [u8],
        seen: usize,
    ) -> Poll<io::Result<usize>> {
        self.inner.get_mut().poll_peek(cx, buffer, seen)
    }

    /// See `Transport::original_destination`.
    pub fn original_destination(&self) -> Option<Address> {
        self.inner.borrow().raw.original_destination()
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
