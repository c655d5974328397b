//! A listener's configuration as workers use it.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::atomic::AtomicU64;
use std::sync::Arc;
use std::time::Duration;

use prost::Message;

use super::balance::Balance;
use super::filters::ListenerFilter;
use super::matching::{self, Node, Traits};
use super::FilterChain;
use crate::access_log::{AccessLog, Sinks};
use crate::address::Address;
use crate::compile::{each, At, CompileError, Result};
use crate::http::manager::duration;
use crate::matcher::tree::Matcher;
use crate::matcher::Regexes;
use crate::proto;
use crate::tls::Contexts;
use crate::worker::Worker;

/// Envoy's default of per_connection_buffer_limit_bytes; also stands for its 0, which is no limit there.
const DEFAULT_BUFFER_LIMIT: usize = 1 << 20;

/// What a listener is apart from its filter chains. Immutable, shared by all workers.
pub struct ListenerSettings {
    pub name: Arc<str>,
    pub addresses: Vec<Address>,
    pub stats_block: u32,
    /// 0: no limit.
    pub max_connections: u64,
    /// Connections open now, over all workers; counted only when they are limited.
    pub connections: Arc<AtomicU64>,
    /// None: connections stay with the workers that accept them.
    pub balance: Option<Arc<Balance>>,
    /// 0: as many as wait.
    pub max_accepts_per_event: usize,
    /// Bytes that wait to be written to a client before no more are read for it.
    pub buffer_limit: usize,
    pub traffic_direction: &'static str,
    pub metadata: Option<Arc<serde_json::Value>>,
    /// Written at the end of each connection.
    pub access_logs: Vec<AccessLog>,
    pub filters: Vec<ListenerFilter>,
    /// What the filters of a connection have to end; none: as long as they want.
    pub filters_timeout: Option<Duration>,
    /// What it was compiled from, without the filter chains.
    pub message: proto::Listener,
}

/// Immutable, shared by all workers.
pub struct ListenerConfig {
    pub settings: Arc<ListenerSettings>,
    /// In the order of the configuration; the default chain, if there is one, is the last.
    pub chains: Vec<Arc<FilterChain>>,
    matches: Matches,
    default: Option<usize>,
}

/// How a chain is chosen.
enum Matches {
    /// By the criteria of the chains.
    Criteria(Option<Node>),
    /// By a tree that names a chain, or one that is not there.
    Tree(Matcher<Option<usize>>),
}

impl Matches {
    fn compile(message: &proto::Listener, regexes: &Regexes) -> Result<Self> {
        let chains = &message.filter_chains;
        let Some(tree) = &message.filter_chain_matcher else {
            return matching::compile(chains.iter().map(|c| c.r#match.as_ref()))
                .map(Self::Criteria);
        };
        let action = |action: &proto::MatchAction| {
            Ok(chains.iter().position(|chain| chain.name == action.name))
        };
        Matcher::compile(tree, regexes, &action).at("filter_chain_matcher").map(Self::Tree)
    }
}

pub(super) fn metadata(json: &str) -> Result<Option<Arc<serde_json::Value>>> {
    if json.is_empty() {
        return Ok(None);
    }
    serde_json::from_str(json)
        .map(|value| Some(Arc::new(value)))
        .map_err(|error| CompileError::new(format!("metadata_json: {error}")))
}

/// The listener without its filter chains.
fn without_chains(message: &proto::Listener) -> proto::Listener {
    let mut rest = message.clone();
    rest.filter_chains.clear();
    rest.default_filter_chain = None;
    rest.filter_chain_matcher = None;
    rest
}

impl ListenerSettings {
    /// Its connections come from this process.
    pub fn is_internal(&self) -> bool {
        self.message.internal_buffer_bytes > 0
    }

    fn compile(message: proto::Listener, sinks: &Sinks, old: Option<&Self>) -> Result<Self> {
        let limit = message.per_connection_buffer_limit_bytes as usize;
        Ok(Self {
            name: message.name.as_str().into(),
            addresses: each(&message.addresses, "addresses", Address::compile)?,
            stats_block: message.stats_block,
            max_connections: message.max_connections,
            connections: old.map(|old| old.connections.clone()).unwrap_or_default(),
            balance: message
                .exact_balance
                .then(|| old.and_then(|old| old.balance.clone()).unwrap_or_default()),
            max_accepts_per_event: message.max_connections_to_accept_per_socket_event as usize,
            buffer_limit: if limit == 0 { DEFAULT_BUFFER_LIMIT } else { limit },
            traffic_direction: match message.traffic_direction {
                1 => "INBOUND",
                2 => "OUTBOUND",
                _ => "UNSPECIFIED",
            },
            metadata: metadata(&message.metadata_json)?,
            access_logs: each(&message.access_logs, "access_logs", |log| {
                AccessLog::compile(log, sinks)
            })?,
            filters: each(&message.listener_filters, "listener_filters", ListenerFilter::compile)?,
            filters_timeout: duration(message.listener_filters_timeout_ms),
            message,
        })
    }
}

impl ListenerConfig {
    /// Begins what its filters do beside requests. Once they have, it changes nothing.
    pub fn start(&self, worker: &Rc<Worker>) {
        self.chains
            .iter()
            .filter_map(|chain| chain.filters.as_ref())
            .for_each(|it| it.start(worker));
    }

    /// Compiles a listener. Of `old`, the listener that it replaces, it takes over the chains that are
    /// equal, if nothing but chains changed.
    ///
    /// # Errors
    /// A part that cannot be taken, with its path.
    pub fn compile(
        message: &proto::Listener,
        sinks: &Sinks,
        contexts: &Contexts,
        old: Option<&Self>,
    ) -> Result<Self> {
        let rest = without_chains(message);
        let same = old.filter(|old| old.settings.message == rest);
        let settings = match same {
            Some(old) => old.settings.clone(),
            None => {
                let old = old.map(|old| &*old.settings);
                Arc::new(ListenerSettings::compile(rest, sinks, old)?)
            }
        };
        let known: HashMap<Vec<u8>, &Arc<FilterChain>> = same
            .iter()
            .flat_map(|old| &old.chains)
            .map(|c| (c.message.encode_to_vec(), c))
            .collect();
        let regexes = Regexes::default();
        let chain = |message: &proto::FilterChain| match known.get(&message.encode_to_vec()) {
            Some(chain) => Ok(Arc::clone(chain)),
            None => FilterChain::compile(message, sinks, contexts, &regexes).map(Arc::new),
        };
        let mut chains = each(&message.filter_chains, "filter_chains", chain)?;
        let matches = Matches::compile(message, &regexes)?;
        let default = message.default_filter_chain.as_ref();
        let default =
            default.map(|message| chain(message).at("default_filter_chain")).transpose()?;
        let place = default.map(|chain| {
            chains.push(chain);
            chains.len() - 1
        });
        Ok(Self { settings, chains, matches, default: place })
    }

    /// The index of the chain that takes a connection.
    pub fn find(&self, traits: &Traits<'_>) -> Option<usize> {
        match &self.matches {
            Matches::Criteria(node) => {
                node.as_ref().and_then(|node| node.find(traits)).or(self.default)
            }
            // A chain that is not there takes nothing, though there be a default one.
            Matches::Tree(tree) => tree.find(traits).map_or(self.default, |chain| *chain),
        }
    }
}
