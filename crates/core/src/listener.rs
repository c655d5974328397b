//! Listeners: sockets, the choice of a filter chain, and the life of both in one worker.

pub mod accept;
mod accepting;
mod arrivals;
mod balance;
mod chain;
mod config;
mod directory;
mod drains;
pub mod filters;
mod guard;
mod inherited;
mod listeners;
mod matching;
mod places;
mod secure;
pub mod socket;

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use crate::formatter::FormatContext;
use crate::http::stream_info::StreamInfo;
use crate::stats::{Block, BlockKind};
use crate::worker::Worker;

pub use accept::RAW_BUFFER;
pub use chain::{Chain, Drain, FilterChain};
pub use config::{ListenerConfig, ListenerSettings};
pub use directory::Directory;
pub use inherited::Inherited;
pub use listeners::{ListenerUpdate, Listeners, Source};
pub use matching::{is_local, Traits};
pub use socket::Socket;

/// A listener in one worker, as its connections know it. An update of nothing but filter chains leaves it.
pub struct Listener {
    pub settings: Arc<ListenerSettings>,
    pub block: Arc<Block>,
    pub filters: Vec<filters::Program>,
}

impl Listener {
    fn new(worker: &Worker, settings: Arc<ListenerSettings>) -> Rc<Self> {
        let block = worker.block(settings.stats_block, BlockKind::Listener);
        let filters = settings.filters.iter().map(|filter| filter.program(worker)).collect();
        Rc::new(Self { settings, block, filters })
    }

    /// Writes the listener's own access logs about a connection that has ended.
    pub fn log(&self, worker: &Rc<Worker>, info: &StreamInfo) {
        if self.settings.access_logs.is_empty() {
            return;
        }
        let context = FormatContext::of_connection(info);
        let runtime = worker.runtime();
        for log in &self.settings.access_logs {
            log.write(&context, worker, &runtime);
        }
    }
}

/// What a new connection meets: a listener with its filter chains. Replaced whole.
pub struct Current {
    pub listener: Rc<Listener>,
    pub config: Arc<ListenerConfig>,
    chains: Vec<Rc<Chain>>,
}

/// Where the accept loops of a listener find what is current.
pub type Slot = RefCell<Rc<Current>>;

impl Current {
    /// Takes over from `old` what did not change: the chains it shares with `config`, and the listener
    /// itself if nothing but chains changed.
    fn new(worker: &Worker, config: Arc<ListenerConfig>, old: Option<&Self>) -> Rc<Self> {
        let same = old.filter(|old| Arc::ptr_eq(&old.config.settings, &config.settings));
        let listener = match same {
            Some(old) => old.listener.clone(),
            None => Listener::new(worker, config.settings.clone()),
        };
        let known: HashMap<_, _> =
            same.iter().flat_map(|old| &old.chains).map(|c| (Arc::as_ptr(&c.config), c)).collect();
        let modify_only = config.settings.message.drain_on_modify_only;
        let chain = |chain: &Arc<FilterChain>| match known.get(&Arc::as_ptr(chain)) {
            Some(kept) => Rc::clone(kept),
            None => Chain::new(chain.clone(), modify_only),
        };
        let chains = config.chains.iter().map(chain).collect();
        Rc::new(Self { listener, config, chains })
    }

    /// The chain that takes a connection.
    pub fn find(&self, traits: &Traits<'_>) -> Option<&Rc<Chain>> {
        self.chains.get(self.config.find(traits)?)
    }

    /// The chains that `new` does not have.
    fn gone<'a>(&'a self, new: Option<&'a Self>) -> impl Iterator<Item = &'a Rc<Chain>> {
        let kept: std::collections::HashSet<_> =
            new.iter().flat_map(|new| &new.chains).map(Rc::as_ptr).collect();
        self.chains.iter().filter(move |chain| !kept.contains(&Rc::as_ptr(chain)))
    }
}
