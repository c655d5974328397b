//! Network filters before the last one of a chain: they judge a new connection, or its first bytes.

use std::rc::Rc;
use std::sync::Arc;

use super::connection_limit::{ConnectionLimit, Permit};
use super::local_ratelimit::LocalRateLimit;
use super::rbac::NetworkRbac;
use super::set_filter_state::SetFilterState;
use super::sni_dynamic_forward_proxy::SniDynamicForwardProxy;
use crate::http::flags::ResponseFlags;
use crate::http::stream_info::{ConnectionInfo, StreamInfo};
use crate::worker::Worker;

/// One of them, in one worker.
pub enum Step {
    ConnectionLimit(ConnectionLimit),
    LocalRateLimit(LocalRateLimit),
    Rbac(Rc<NetworkRbac>),
    SetFilterState(Arc<SetFilterState>),
    SniCluster,
    SniDynamicForwardProxy(Arc<SniDynamicForwardProxy>),
}

/// What became of a new connection.
pub enum Opened {
    Continue,
    /// The connection counts for as long as this lives.
    Held(Permit),
    Closed(Closed),
}

/// Why a filter ends a connection.
#[derive(Clone, Debug)]
pub struct Closed {
    pub flags: ResponseFlags,
    pub reason: &'static str,
    pub termination_details: String,
    /// It is kept, unserved, for so long.
    pub after: Option<std::time::Duration>,
    /// What is held until then.
    pub permit: Option<Rc<Permit>>,
}

impl Closed {
    pub fn for_reason(reason: &'static str) -> Self {
        Self {
            flags: ResponseFlags::empty(),
            reason,
            termination_details: String::new(),
            after: None,
            permit: None,
        }
    }

    /// Tells logs of it.
    pub fn note(&self, info: &mut StreamInfo) {
        info.flags |= self.flags;
        info.local_close_reason = self.reason.into();
        if !self.termination_details.is_empty() {
            info.termination_details = self.termination_details.clone().into();
        }
    }
}

impl Step {
    pub async fn open(&self, worker: &Worker, connection: &Rc<ConnectionInfo>) -> Opened {
        match self {
            Self::ConnectionLimit(limit) => limit.open(worker),
            Self::LocalRateLimit(limit) => limit.open(worker),
            Self::Rbac(_) => Opened::Continue,
            Self::SetFilterState(filter) => {
                filter.open(connection);
                Opened::Continue
            }
            Self::SniCluster => {
                let name = connection.requested_server_name();
                if !name.is_empty() {
                    let name = name.into();
                    connection.state.borrow_mut().set_filter_state(super::CLUSTER_KEY, name);
                }
                Opened::Continue
            }
            Self::SniDynamicForwardProxy(proxy) => proxy.open(worker, connection).await,
        }
    }

    fn check(&self) -> Option<Check> {
        match self {
            Self::Rbac(rbac) => Some(Check::Rbac(rbac.clone(), false)),
            Self::SetFilterState(filter) if filter.wants_data() => {
                Some(Check::SetFilterState(filter.clone(), false))
            }
            _ => None,
        }
    }
}

/// What is done when the client sends something, and whether it was done.
enum Check {
    Rbac(Rc<NetworkRbac>, bool),
    SetFilterState(Arc<SetFilterState>, bool),
}

/// Judges the bytes of a client before anything else sees them.
pub struct Gate {
    checks: Vec<Check>,
}

impl Gate {
    /// None when no filter wants to see bytes.
    pub fn new(steps: &[Step]) -> Option<Box<Self>> {
        let checks: Vec<_> = steps.iter().filter_map(Step::check).collect();
        (!checks.is_empty()).then(|| Box::new(Self { checks }))
    }

    /// The client has sent something, or has ended.
    ///
    /// # Errors
    /// The connection is to be closed.
    pub fn on_data(&mut self, connection: &Rc<ConnectionInfo>) -> Result<(), Closed> {
        for check in &mut self.checks {
            match check {
                Check::Rbac(rbac, done) if !*done || rbac.is_continuous() => {
                    *done = true;
                    rbac.judge(connection)?;
                }
                Check::SetFilterState(filter, done) if !*done => {
                    *done = true;
                    filter.data(connection);
                }
                _ => {}
            }
        }
        Ok(())
    }
}
