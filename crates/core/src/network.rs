//! Network filters: what takes a connection's bytes. A kind is one file here and one line in each `match`.

pub mod tcp_proxy;

use std::rc::Rc;
use std::sync::Arc;

use crate::access_log::Sinks;
use crate::compile::{At, CompileError, Result};
use crate::http::manager::ManagerConfig;
use crate::http::stream::Manager;
use crate::listener::Drain;
use crate::matcher::Regexes;
use crate::proto::{self, network_filter::Kind};
use crate::worker::Worker;

use tcp_proxy::{TcpProxy, TcpProxyConfig};

/// The filter of a chain. Immutable, shared by all workers.
pub enum NetworkFilter {
    Http(Arc<ManagerConfig>),
    TcpProxy(Arc<TcpProxyConfig>),
}

/// The same in one worker.
pub enum Program {
    Http(Rc<Manager>),
    TcpProxy(Rc<TcpProxy>),
}

impl NetworkFilter {
    /// # Errors
    /// A filter that is not known, or what cannot be taken of it.
    pub fn compile(
        message: &proto::NetworkFilter,
        sinks: &Sinks,
        regexes: &Regexes,
    ) -> Result<Self> {
        match &message.kind {
            Some(Kind::HttpConnectionManager(manager)) => {
                Ok(Self::Http(Arc::new(ManagerConfig::compile(manager, sinks, regexes)?)))
            }
            Some(Kind::TcpProxy(proxy)) => {
                let config = TcpProxyConfig::compile(proxy, sinks).at("tcp_proxy")?;
                Ok(Self::TcpProxy(Arc::new(config)))
            }
            None => Err(CompileError::new(format!("network filter {:?} is unknown", message.name))),
        }
    }

    /// Makes what serves connections. `drain` tells when they are to end.
    pub fn program(&self, worker: &Worker, drain: &Rc<Drain>) -> Program {
        match self {
            Self::Http(config) => {
                Program::Http(Rc::new(Manager::new(worker, config.clone(), drain.clone())))
            }
            Self::TcpProxy(config) => {
                Program::TcpProxy(Rc::new(TcpProxy::new(worker, config.clone())))
            }
        }
    }
}
