//! Filter chains: what happens to the connections that a listener gives them.

use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::task::Waker;
use std::time::{Duration, Instant};

use slab::Slab;

use crate::access_log::Sinks;
use crate::compile::Result;
use crate::http::manager::duration;
use crate::matcher::Regexes;
use crate::network::{NetworkFilters, Program};
use crate::proto;
use crate::stats::{Block, BlockKind};
use crate::tls::{Contexts, TransportSocket};
use crate::worker::Worker;

/// Immutable, shared by all workers and by the successive configurations of a listener that do not
/// change it.
pub struct FilterChain {
    pub name: Arc<str>,
    /// None: its connections are closed at once.
    pub filters: Option<NetworkFilters>,
    pub metadata: Option<Arc<serde_json::Value>>,
    /// None: plain TCP.
    pub tls: Option<TransportSocket>,
    /// None: a handshake may take its time.
    pub handshake_timeout: Option<Duration>,
    /// What it was compiled from.
    pub message: proto::FilterChain,
}

impl FilterChain {
    pub fn compile(
        message: &proto::FilterChain,
        sinks: &Sinks,
        contexts: &Contexts,
        regexes: &Regexes,
    ) -> Result<Self> {
        Ok(Self {
            name: message.name.as_str().into(),
            filters: NetworkFilters::compile(&message.filters, sinks, regexes)?,
            metadata: super::config::metadata(&message.metadata_json)?,
            tls: TransportSocket::compile(message.transport_socket.as_ref(), contexts),
            handshake_timeout: duration(message.transport_socket_connect_timeout_ms),
            message: message.clone(),
        })
    }
}

/// Since when connections of a chain are to end, if they are.
#[derive(Default)]
pub struct Drain {
    since: Cell<Option<Instant>>,
    /// A failed health check is no reason (`drain_type: MODIFY_ONLY`).
    modify_only: bool,
}

impl Drain {
    /// A response is to end its connection.
    pub fn is_on(&self, worker: &Worker) -> bool {
        let gone = self.since.get();
        gone.is_some_and(|since| worker.is_drained(since, worker.shared.drain_over))
            || worker.is_drain_close()
            || (worker.is_health_failed() && !self.modify_only)
    }
}

/// A filter chain in one worker, with its connections.
pub struct Chain {
    pub config: Arc<FilterChain>,
    pub drain: Rc<Drain>,
    /// Made by the first connection.
    program: OnceCell<Option<Program>>,
    /// SslStat
    ssl: OnceCell<Arc<Block>>,
    closed: Cell<bool>,
    /// Of the tasks of open connections.
    connections: RefCell<Slab<Waker>>,
}

impl Chain {
    pub fn new(config: Arc<FilterChain>, modify_only: bool) -> Rc<Self> {
        Rc::new(Self {
            config,
            drain: Rc::new(Drain { since: Cell::new(None), modify_only }),
            program: OnceCell::new(),
            ssl: OnceCell::new(),
            closed: Cell::new(false),
            connections: RefCell::default(),
        })
    }

    /// What serves its connections; none when it has no filter.
    pub fn program(&self, worker: &Worker) -> Option<&Program> {
        let make = || Some(self.config.filters.as_ref()?.program(worker, &self.drain));
        self.program.get_or_init(make).as_ref()
    }

    /// The block of TLS.
    pub fn ssl_block(&self, worker: &Worker, socket: &TransportSocket) -> &Arc<Block> {
        self.ssl.get_or_init(|| worker.block(socket.stats_block, BlockKind::Ssl))
    }

    /// Takes a connection in, by the waker of its task, until `leave` of the returned number.
    pub fn enter(&self, waker: &Waker) -> usize {
        self.connections.borrow_mut().insert(waker.clone())
    }

    pub fn leave(&self, connection: usize) {
        self.connections.borrow_mut().try_remove(connection);
    }

    pub fn is_unused(&self) -> bool {
        self.connections.borrow().is_empty()
    }

    /// Its connections are to end soon.
    pub fn start_drain(&self) {
        if self.drain.since.get().is_none() {
            self.drain.since.set(Some(Instant::now()));
        }
    }

    /// Ends its connections as they are.
    pub fn close(&self) {
        self.closed.set(true);
        self.connections.borrow().iter().for_each(|(_, waker)| waker.wake_by_ref());
    }

    pub fn is_closed(&self) -> bool {
        self.closed.get()
    }
}
