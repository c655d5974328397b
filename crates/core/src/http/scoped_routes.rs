//! The scoped routes of a connection manager.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use crate::headers::Headers;
use crate::proto;
use crate::route::{RouteScopes, RouteTable, ScopeKeyBuilder};
use crate::worker::{ScopesSlot, Worker};

/// Immutable, shared by all workers.
pub struct ScopedRoutes {
    key: ScopeKeyBuilder,
    source: Source,
}

enum Source {
    Fixed(RouteScopes),
    /// The name of scopes that come by themselves.
    Named(Arc<str>),
}

impl ScopedRoutes {
    pub fn compile(message: &proto::ScopedRoutes) -> Self {
        let source = if message.route_scopes.is_empty() {
            Source::Fixed(RouteScopes::compile("", &message.scopes))
        } else {
            Source::Named(message.route_scopes.as_str().into())
        };
        Self { key: ScopeKeyBuilder::compile(&message.key), source }
    }
}

/// The scopes of a connection manager in one worker.
pub struct ManagerScopes {
    scopes: Rc<ScopesSlot>,
    /// Holds one request's key at a time, so that a request allocates nothing.
    key: RefCell<Vec<u8>>,
}

impl ManagerScopes {
    pub fn new(worker: &Worker, scoped: &ScopedRoutes) -> Self {
        let scopes = match &scoped.source {
            Source::Fixed(scopes) => Rc::new(RefCell::new(worker.scope_slots(scopes))),
            Source::Named(name) => worker.scopes_slot(name),
        };
        Self { scopes, key: RefCell::default() }
    }

    /// The route table of the scope with the request's key.
    pub fn find(&self, scoped: &ScopedRoutes, request: &Headers) -> Option<Arc<RouteTable>> {
        let mut key = self.key.borrow_mut();
        key.clear();
        if !scoped.key.build(request, &mut key) {
            return None;
        }
        let scopes = self.scopes.borrow();
        let table = scopes.get(key.as_slice())?.borrow().clone();
        table
    }
}
