//! DNS caches in the endpoint thread: each name is resolved on a schedule of its own, until nobody uses it.
//!
//! A name keeps the addresses that it had when a later answer has none, or does not come.

use std::cell::RefCell;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::{spawn_local, AbortHandle};

use super::resolver::{Answer, Resolvers, Settings};
use super::schedule::Schedule;
use crate::proto::DnsCacheStat;
use crate::random::Random;
use crate::upstream::dns_cache::{
    CacheFull, CachedHost, DnsCache, Found, HostName, Loaded, Question,
};
use crate::upstream::ClusterShared;

/// The caches of the process.
pub(super) struct Caches {
    resolvers: Rc<Resolvers>,
    random: Rc<Random>,
    by_number: RefCell<HashMap<u32, Rc<Resolving>>>,
}

/// One cache.
struct Resolving {
    cache: Weak<DnsCache>,
    resolvers: Rc<Resolvers>,
    random: Rc<Random>,
    /// Who waits for the first answer, and the task, by name.
    hosts: RefCell<HashMap<Arc<str>, Resolved>>,
    /// They have a host for each name with addresses.
    clusters: RefCell<Vec<Weak<ClusterShared>>>,
}

struct Resolved {
    task: AbortHandle,
    waiting: Vec<oneshot::Sender<Loaded>>,
}

impl Caches {
    pub fn new(resolvers: Rc<Resolvers>, random: Rc<Random>) -> Self {
        Self { resolvers, random, by_number: RefCell::default() }
    }

    pub fn answer(&self, question: Question) {
        match question {
            Question::Begin(cache) => {
                let resolving = self.resolving(&cache);
                for name in &cache.settings.preresolve {
                    if cache.host(name.as_str()).is_none() {
                        resolving.start(&cache, name);
                    }
                }
            }
            Question::LookUp { cache, name, answer } => {
                self.resolving(&cache).look_up(&cache, &name, answer);
            }
            Question::Forget(number) => {
                let mut by_number = self.by_number.borrow_mut();
                // A new cache of that number may have come before.
                if by_number.get(&number).is_some_and(|it| it.cache.strong_count() == 0) {
                    by_number.remove(&number).into_iter().for_each(|it| it.stop());
                }
            }
        }
    }

    /// Gives a cluster a host for each name that has addresses, now and from now on.
    pub fn attach(&self, cluster: &Arc<ClusterShared>) {
        let Some(forward) = cluster.forward() else { return };
        let cache = &forward.cache;
        for host in cache.resolved_hosts() {
            if let Some(found) = host.found() {
                cluster.set_host(&host, &found.addresses);
            }
        }
        let resolving = self.resolving(cache);
        let mut clusters = resolving.clusters.borrow_mut();
        clusters.retain(|known| known.strong_count() > 0);
        clusters.push(Arc::downgrade(cluster));
        cache.begin();
    }

    fn resolving(&self, cache: &Arc<DnsCache>) -> Rc<Resolving> {
        let mut by_number = self.by_number.borrow_mut();
        let weak = Arc::downgrade(cache);
        let known = by_number.get(&cache.settings.number);
        if let Some(known) = known.filter(|known| known.cache.ptr_eq(&weak)) {
            return known.clone();
        }
        let made = Rc::new(Resolving {
            cache: weak,
            resolvers: self.resolvers.clone(),
            random: self.random.clone(),
            hosts: RefCell::default(),
            clusters: RefCell::default(),
        });
        let old = by_number.insert(cache.settings.number, made.clone());
        old.into_iter().for_each(|old| old.stop());
        made
    }
}

impl Resolving {
    fn look_up(
        self: &Rc<Self>,
        cache: &Arc<DnsCache>,
        name: &HostName,
        answer: oneshot::Sender<Loaded>,
    ) {
        let known = cache.host(name.as_str());
        let found = known.as_ref().and_then(|host| host.found());
        match found {
            Some(found) if !cache.asks_again(&found) => {
                let _ = answer.send(Ok(found));
                return;
            }
            Some(_) => self.remove(cache, name.as_str()),
            None => {}
        }
        if cache.host(name.as_str()).is_none() {
            // Requests of several workers may have found room for the same last name.
            if cache.is_full() {
                cache.count(DnsCacheStat::DnsCacheHostOverflow);
                let _ = answer.send(Err(CacheFull));
                return;
            }
            self.start(cache, name);
        }
        if let Some(host) = self.hosts.borrow_mut().get_mut(name.as_str()) {
            host.waiting.push(answer);
        }
    }

    /// Resolves a name from now on.
    fn start(self: &Rc<Self>, cache: &DnsCache, name: &HostName) {
        let host = Arc::new(CachedHost::new(name));
        cache.insert(host.clone());
        let schedule = Schedule::new(&cache.settings.dns);
        let run = self.clone().keep_resolving(host.clone(), name.clone(), schedule);
        let task = spawn_local(run).abort_handle();
        let resolved = Resolved { task, waiting: Vec::new() };
        self.hosts.borrow_mut().insert(host.name.clone(), resolved);
    }

    async fn keep_resolving(
        self: Rc<Self>,
        host: Arc<CachedHost>,
        name: HostName,
        mut schedule: Schedule,
    ) {
        loop {
            let Some(pause) = self.resolve(&host, &name, &mut schedule).await else { return };
            tokio::time::sleep(pause).await;
            let Some(cache) = self.cache.upgrade() else { return };
            if host.unused_for() > cache.settings.host_ttl {
                self.remove(&cache, &host.name);
                return;
            }
        }
    }

    /// Resolves a name once, and says when to do it again; none: not before somebody asks.
    async fn resolve(
        &self,
        host: &Arc<CachedHost>,
        name: &HostName,
        schedule: &mut Schedule,
    ) -> Option<Duration> {
        let cache = self.cache.upgrade()?;
        cache.count(DnsCacheStat::DnsCacheDnsQueryAttempt);
        let dns = &cache.settings.dns;
        let settings = Settings::new(dns);
        let (to_resolve, port) = name.parts();
        let answer = self.resolvers.resolve(to_resolve, port, dns.family(), &settings);
        let answer = match cache.settings.query_timeout {
            None => Ok(answer.await),
            Some(limit) => tokio::time::timeout(limit, answer).await,
        };
        let result = match &answer {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(failure)) => Err(format!("cares_failure:{}", failure.cause)),
            Err(_) => {
                cache.count(DnsCacheStat::DnsCacheDnsQueryTimeout);
                Err("resolve_timeout".to_owned())
            }
        };
        self.take(&cache, host, &result);
        match result {
            Ok(answer) if answer.addresses.is_empty() => {
                Some(schedule.after_success(None, &self.random))
            }
            Ok(answer) => {
                schedule.after_success(None, &self.random);
                Some(answer.ttl.unwrap_or_default().max(cache.settings.min_refresh))
            }
            Err(_) if cache.settings.no_refresh_on_failure => None,
            Err(_) => Some(schedule.after_failure(&self.random).max(cache.settings.min_refresh)),
        }
    }

    /// Publishes what came of resolving a name.
    fn take(&self, cache: &DnsCache, host: &Arc<CachedHost>, result: &Result<&Answer, String>) {
        let (stat, addresses) = match result {
            Ok(answer) => {
                (DnsCacheStat::DnsCacheDnsQuerySuccess, accepted(cache, &answer.addresses))
            }
            Err(_) => (DnsCacheStat::DnsCacheDnsQueryFailure, Box::default()),
        };
        cache.count(stat);
        let before = host.found();
        let had_address = before.as_ref().is_some_and(|found| found.is_usable());
        if addresses.is_empty() && had_address {
            return;
        }
        let changed = before.is_none_or(|found| found.addresses != addresses);
        let details = if addresses.is_empty() { details(result) } else { "".into() };
        let found = Found { addresses, details, failed: result.is_err() };
        if changed && found.is_usable() {
            cache.count(DnsCacheStat::DnsCacheHostAddressChanged);
            self.each_cluster(|cluster| cluster.set_host(host, &found.addresses));
        }
        let found = host.set_found(found);
        if let Some(resolved) = self.hosts.borrow_mut().get_mut(&host.name) {
            for waiting in resolved.waiting.drain(..) {
                let _ = waiting.send(Ok(found.clone()));
            }
        }
    }

    fn remove(&self, cache: &DnsCache, name: &str) {
        cache.remove(name);
        self.each_cluster(|cluster| cluster.remove_host(name));
        let removed = self.hosts.borrow_mut().remove(name);
        removed.into_iter().for_each(|host| host.task.abort());
    }

    fn each_cluster(&self, act: impl Fn(&ClusterShared)) {
        let clusters = self.clusters.borrow();
        clusters.iter().filter_map(Weak::upgrade).for_each(|cluster| act(&cluster));
    }

    fn stop(&self) {
        self.hosts.borrow_mut().drain().for_each(|(_, host)| host.task.abort());
    }
}

/// Why a name has no address.
fn details(result: &Result<&Answer, String>) -> Box<str> {
    let why = match result {
        Ok(answer) if answer.addresses.is_empty() => format!("cares_norecords:{}", answer.missing),
        Ok(_) => "address_denied".to_owned(),
        Err(why) => why.clone(),
    };
    format!("dns_resolution_failure{{{}}}", why.replace(' ', "_")).into()
}

/// The addresses that count; others are counted.
fn accepted(cache: &DnsCache, addresses: &[SocketAddr]) -> Box<[SocketAddr]> {
    let accept = |address: &&SocketAddr| {
        let accepted = cache.settings.accepts(address.ip());
        if !accepted {
            cache.count(DnsCacheStat::DnsCacheDnsAddressFilterOut);
        }
        accepted
    };
    addresses.iter().filter(accept).copied().collect()
}
