//! Listeners: sockets, the choice of a filter chain, and the connections of one worker.

pub mod accept;
pub mod socket;

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use tokio::task::AbortHandle;

use crate::access_log::{AccessLog, Sinks};
use crate::address::Address;
use crate::compile::{each, At, CompileError, Result};
use crate::http::manager::ManagerConfig;
use crate::http::stream::Manager;
use crate::matcher::Regexes;
use crate::proto::{self, network_filter::Kind};
use crate::stats::{Block, BlockKind};
use crate::worker::Worker;

pub use socket::Socket;

/// What takes a connection's bytes.
pub enum NetworkFilter {
    Http(Arc<ManagerConfig>),
}

pub struct FilterChain {
    pub name: Arc<str>,
    pub filter: NetworkFilter,
    pub metadata: Option<Arc<serde_json::Value>>,
}

/// Immutable, shared by all workers.
pub struct ListenerConfig {
    pub name: Arc<str>,
    pub addresses: Vec<Address>,
    pub stats_block: u32,
    pub chain: Option<FilterChain>,
    pub max_connections: u64,
    pub traffic_direction: &'static str,
    pub metadata: Option<Arc<serde_json::Value>>,
    /// Written at the end of each connection.
    pub access_logs: Vec<AccessLog>,
    pub message: proto::Listener,
}

fn metadata(json: &str) -> Result<Option<Arc<serde_json::Value>>> {
    if json.is_empty() {
        return Ok(None);
    }
    serde_json::from_str(json)
        .map(|value| Some(Arc::new(value)))
        .map_err(|error| CompileError::new(format!("metadata_json: {error}")))
}

impl FilterChain {
    fn compile(message: &proto::FilterChain, sinks: &Sinks, regexes: &Regexes) -> Result<Self> {
        let filters = each(&message.filters, "filters", |filter| match &filter.kind {
            Some(Kind::HttpConnectionManager(manager)) => {
                Ok(NetworkFilter::Http(Arc::new(ManagerConfig::compile(manager, sinks, regexes)?)))
            }
            _ => Err(CompileError::new(format!("network filter {:?} is unknown", filter.name))),
        })?;
        let filter = filters
            .into_iter()
            .next()
            .ok_or_else(|| CompileError::new("a filter chain without filters"))?;
        let metadata = metadata(&message.metadata_json)?;
        Ok(Self { name: message.name.as_str().into(), filter, metadata })
    }
}

impl ListenerConfig {
    pub fn compile(message: &proto::Listener, sinks: &Sinks) -> Result<Self> {
        let regexes = Regexes::default();
        let chains = each(&message.filter_chains, "filter_chains", |c| {
            FilterChain::compile(c, sinks, &regexes)
        })?;
        let default = message
            .default_filter_chain
            .as_ref()
            .map(|chain| FilterChain::compile(chain, sinks, &regexes).at("default_filter_chain"))
            .transpose()?;
        Ok(Self {
            name: message.name.as_str().into(),
            addresses: each(&message.addresses, "addresses", Address::compile)?,
            stats_block: message.stats_block,
            chain: chains.into_iter().next().or(default),
            max_connections: message.max_connections,
            traffic_direction: match message.traffic_direction {
                1 => "INBOUND",
                2 => "OUTBOUND",
                _ => "UNSPECIFIED",
            },
            metadata: metadata(&message.metadata_json)?,
            access_logs: each(&message.access_logs, "access_logs", |log| {
                AccessLog::compile(log, sinks)
            })?,
            message: message.clone(),
        })
    }
}

/// A listener in one worker.
pub struct Listener {
    pub config: Arc<ListenerConfig>,
    pub block: Arc<Block>,
    pub manager: Option<Rc<Manager>>,
}

impl Listener {
    fn new(worker: &Worker, config: Arc<ListenerConfig>) -> Rc<Self> {
        let manager = config.chain.as_ref().map(|chain| match &chain.filter {
            NetworkFilter::Http(manager) => Rc::new(Manager {
                block: worker.block(manager.stats_block, BlockKind::Http),
                listener_http: (manager.listener_stats_block != 0)
                    .then(|| worker.block(manager.listener_stats_block, BlockKind::ListenerHttp)),
                routes: worker.route_slot(&manager.route_table),
                config: manager.clone(),
            }),
        });
        Rc::new(Self {
            block: worker.block(config.stats_block, BlockKind::Listener),
            config,
            manager,
        })
    }
}

struct Entry {
    listener: Rc<Listener>,
    waiting: Vec<Socket>,
    tasks: Vec<AbortHandle>,
}

/// The listeners of one worker.
#[derive(Default)]
pub struct Listeners {
    entries: HashMap<Arc<str>, Entry>,
    started: bool,
}

impl Listeners {
    /// Adds a listener; its sockets accept once the worker is started.
    pub fn add(&mut self, worker: &Rc<Worker>, config: Arc<ListenerConfig>, sockets: Vec<Socket>) {
        let name = config.name.clone();
        self.remove(&name);
        let listener = Listener::new(worker, config);
        self.entries.insert(name, Entry { listener, waiting: sockets, tasks: Vec::new() });
        if self.started {
            self.start(worker);
        }
    }

    pub fn remove(&mut self, name: &str) {
        if let Some(mut entry) = self.entries.remove(name) {
            entry.stop();
        }
    }

    pub fn start(&mut self, worker: &Rc<Worker>) {
        self.started = true;
        for entry in self.entries.values_mut() {
            for socket in entry.waiting.drain(..) {
                let task = accept::accept_loop(worker.clone(), entry.listener.clone(), socket);
                entry.tasks.push(tokio::task::spawn_local(task).abort_handle());
            }
        }
    }

    pub fn stop(&mut self, inbound_only: bool) {
        for entry in self.entries.values_mut() {
            if !inbound_only || entry.listener.config.traffic_direction == "INBOUND" {
                entry.stop();
            }
        }
    }
}

impl Entry {
    fn stop(&mut self) {
        self.waiting.clear();
        for task in self.tasks.drain(..) {
            task.abort();
        }
    }
}
