//! DNS caches: the names that requests ask for, and what they are resolved to. The endpoint thread resolves them
//! (`endpoints/caches.rs`); to look up a name that is known, workers share no lock.
//! <https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/http/http_proxy>

mod cached_host;
mod caches;
mod handle;
mod host_name;
mod loading;
mod settings;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;

use crate::proto::DnsCacheStat;
use crate::stats::{Block, SharedCounters};

pub use cached_host::{CachedHost, Found};
pub use caches::DnsCaches;
pub use handle::CacheHandle;
pub use host_name::HostName;
pub use loading::Loading;
pub use settings::CacheSettings;

/// What comes of looking up a name.
pub enum Lookup {
    /// It has addresses.
    Usable,
    /// It has none.
    Failed(Arc<Found>),
    /// The answer is on its way.
    Loading(Loading),
    /// There are as many names as may be.
    TooManyHosts,
    /// As many requests wait as may.
    TooManyPending,
}

/// There are as many names as may be.
#[derive(Clone, Copy, Debug)]
pub struct CacheFull;

impl CacheFull {
    /// What logs say of it.
    pub const DETAILS: &'static str = "dns_cache_overflow";
}

/// What a wait for a name comes to.
pub type Loaded = Result<Arc<Found>, CacheFull>;

/// What the endpoint thread is to do for a cache.
pub enum Question {
    /// Resolve the names that are known ahead.
    Begin(Arc<DnsCache>),
    LookUp {
        cache: Arc<DnsCache>,
        name: HostName,
        answer: oneshot::Sender<Loaded>,
    },
    /// Nobody has the cache of this number any more.
    Forget(u32),
}

type Hosts = HashMap<Arc<str>, Arc<CachedHost>, ahash::RandomState>;

pub struct DnsCache {
    pub settings: Arc<CacheSettings>,
    hosts: ArcSwap<Hosts>,
    counters: SharedCounters<16>,
    /// Requests that wait for an answer.
    pending: AtomicU64,
    begun: AtomicBool,
    questions: UnboundedSender<Question>,
}

impl DnsCache {
    pub fn new(settings: Arc<CacheSettings>, questions: UnboundedSender<Question>) -> Self {
        Self {
            settings,
            hosts: ArcSwap::default(),
            counters: SharedCounters::default(),
            pending: AtomicU64::new(0),
            begun: AtomicBool::new(false),
            questions,
        }
    }

    /// It is in use from now on.
    pub fn begin(self: &Arc<Self>) {
        if !self.begun.swap(true, Relaxed) && !self.settings.preresolve.is_empty() {
            let _ = self.questions.send(Question::Begin(self.clone()));
        }
    }

    /// Whether a name has addresses, or will have.
    pub fn look_up(self: &Arc<Self>, name: &HostName) -> Lookup {
        if self.pending.load(Relaxed) >= self.settings.max_pending {
            return self.too_many_pending();
        }
        let hosts = self.hosts.load();
        if let Some(host) = hosts.get(name.as_str()) {
            match &*host.found.load() {
                Some(found) if found.is_usable() => return Lookup::Usable,
                Some(found) if !self.asks_again(found) => return Lookup::Failed(found.clone()),
                _ => {}
            }
        }
        match self.is_full() {
            true => {
                self.count(DnsCacheStat::DnsCacheHostOverflow);
                Lookup::TooManyHosts
            }
            false => self.load(name),
        }
    }

    pub fn is_full(&self) -> bool {
        self.hosts.load().len() >= self.settings.max_hosts
    }

    /// Asks the endpoint thread, whose answer comes once the clusters have the host.
    pub fn load(self: &Arc<Self>, name: &HostName) -> Lookup {
        let (answer, answered) = oneshot::channel();
        let Some(loading) = Loading::new(self, answered) else { return self.too_many_pending() };
        let (cache, name) = (self.clone(), name.clone());
        // It fails only when the thread has ended, and then nobody answers.
        let _ = self.questions.send(Question::LookUp { cache, name, answer });
        Lookup::Loading(loading)
    }

    fn too_many_pending(&self) -> Lookup {
        self.count(DnsCacheStat::DnsCacheDnsRqPendingOverflow);
        Lookup::TooManyPending
    }

    /// What was found counts no more when somebody asks for it.
    pub fn asks_again(&self, found: &Found) -> bool {
        self.settings.no_refresh_on_failure && found.failed
    }

    pub fn host(&self, name: &str) -> Option<Arc<CachedHost>> {
        self.hosts.load().get(name).cloned()
    }

    /// Every host that was ever resolved to an address.
    pub fn resolved_hosts(&self) -> Vec<Arc<CachedHost>> {
        let has_address = |host: &&Arc<CachedHost>| host.found().is_some_and(|it| it.is_usable());
        self.hosts.load().values().filter(has_address).cloned().collect()
    }

    /// To be called by the endpoint thread alone, as is `remove`.
    pub fn insert(&self, host: Arc<CachedHost>) {
        let mut hosts = Hosts::clone(&self.hosts.load());
        hosts.insert(host.name.clone(), host);
        self.hosts.store(Arc::new(hosts));
        self.count(DnsCacheStat::DnsCacheHostAdded);
    }

    pub fn remove(&self, name: &str) {
        let mut hosts = Hosts::clone(&self.hosts.load());
        hosts.remove(name);
        self.hosts.store(Arc::new(hosts));
        self.count(DnsCacheStat::DnsCacheHostRemoved);
    }

    pub fn count(&self, stat: DnsCacheStat) {
        self.counters.inc(stat);
    }

    /// Writes everything to a block that nobody else writes.
    pub fn write_stats(&self, block: &Block) {
        self.counters.write(block);
        let pending = self.pending.load(Relaxed);
        let most = self.settings.max_pending;
        let open = pending >= most && pending > 0;
        block.set(DnsCacheStat::DnsCacheNumHosts, self.hosts.load().len() as u64);
        block.set(DnsCacheStat::DnsCacheCircuitBreakersRqPendingOpen, u64::from(open));
        let left = most.saturating_sub(pending);
        block.set(DnsCacheStat::DnsCacheCircuitBreakersRqPendingRemaining, left);
    }

    pub fn reset_counters(&self) {
        self.counters.reset();
    }
}

impl Drop for DnsCache {
    fn drop(&mut self) {
        let _ = self.questions.send(Question::Forget(self.settings.number));
    }
}
