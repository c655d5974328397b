//! A connection manager at work.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use super::manager::ManagerConfig;
use super::scoped_routes::ManagerScopes;
use crate::headers::Headers;
use crate::listener::Drain;
use crate::overload::Overload;
use crate::route::RouteTable;
use crate::stats::{Block, BlockKind};
use crate::tracing::Tracer;
use crate::worker::{RouteSlot, Worker};

/// A connection manager in one worker.
pub struct Manager {
    pub config: Arc<ManagerConfig>,
    pub block: Arc<Block>,
    /// The listener's block, which counts responses by class for each stat prefix.
    pub listener_http: Option<Arc<Block>>,
    routes: Rc<RouteSlot>,
    scopes: Option<ManagerScopes>,
    pub(super) drain: Rc<Drain>,
    pub overload: Rc<Overload>,
    /// None: no request has a span.
    pub tracer: Option<Rc<Tracer>>,
}

impl Manager {
    /// `drain` tells when connections are to end, beside the drain of the whole worker.
    pub fn new(worker: &Worker, config: Arc<ManagerConfig>, drain: Rc<Drain>) -> Self {
        let of_listener = config.listener_stats_block;
        let listener_http =
            (of_listener != 0).then(|| worker.block(of_listener, BlockKind::ListenerHttp));
        Self {
            block: worker.block(config.stats_block, BlockKind::Http),
            listener_http,
            routes: worker.route_slot(&config.route_table),
            scopes: config.scoped_routes.as_ref().map(|scoped| ManagerScopes::new(worker, scoped)),
            overload: worker.overload(config.bypass_overload).clone(),
            tracer: config
                .tracing
                .as_ref()
                .and_then(|tracing| tracing.tracer.as_ref())
                .map(|tracer| worker.tracers.get(tracer, worker)),
            config,
            drain,
        }
    }

    /// What requests of the proxy's own are under, whose connection manager counts nothing that anyone sees.
    pub fn of_own_requests(worker: &Worker, config: Arc<ManagerConfig>) -> Self {
        Self {
            overload: worker.overload(true).clone(),
            tracer: None,
            block: Arc::new(Block::new(BlockKind::Http)),
            listener_http: None,
            routes: Rc::default(),
            scopes: None,
            config,
            drain: Rc::default(),
        }
    }

    /// The route table that a request takes now.
    pub fn route_table(&self, request: &Headers) -> Option<Arc<RouteTable>> {
        match (&self.scopes, &self.config.scoped_routes) {
            (Some(scopes), Some(scoped)) => scopes.find(scoped, request),
            _ => self.routes.borrow().clone(),
        }
    }

    /// When connections without a request are to close, if the worker drains.
    pub fn drain_end(&self, worker: &Worker) -> Option<Instant> {
        worker.drain_complete().map(|complete| complete + self.config.timeouts.drain)
    }
}
