//! Names that requests ask for.

use std::sync::Arc;
use std::time::{Duration, Instant};

use hickory_resolver::proto::op::ResponseCode;
use tokio::sync::mpsc::unbounded_channel;

use super::{addresses, Says, Server};
use crate::proto::{self, Discovery, DnsCacheStat};
use crate::runtime::SharedRuntime;
use crate::stats::{Block, BlockKind, Registry};
use crate::tls::Contexts;
use crate::upstream::dns_cache::{CacheSettings, DnsCache, DnsCaches, Found, HostName, Lookup};
use crate::upstream::testing::message;
use crate::upstream::{ClusterShared, EndpointThread, Surroundings};

struct Scene {
    server: Server,
    thread: EndpointThread,
    caches: DnsCaches,
    message: proto::DnsCache,
}

impl Scene {
    fn new(change: impl FnOnce(&mut proto::DnsCache)) -> Self {
        let Ok(server) = Server::start() else { unreachable!("no server") };
        let mut message = proto::DnsCache {
            stats_block: 9,
            dns: Some(server.dns()),
            min_refresh_ms: 20,
            host_ttl_ms: 60_000,
            max_hosts: 3,
            max_pending_requests: 2,
            ..Default::default()
        };
        change(&mut message);
        let (questions, asked) = unbounded_channel();
        let started = EndpointThread::start(Vec::new(), Arc::new(Registry::default()), 1, asked);
        let Ok(thread) = started else { unreachable!("no thread") };
        Self { server, thread, caches: DnsCaches::new(questions), message }
    }

    fn cache(&self) -> Arc<DnsCache> {
        let Ok(settings) = CacheSettings::compile(&self.message) else { unreachable!("good") };
        self.caches.get(&settings)
    }

    /// A cluster whose hosts are the names of the cache.
    fn cluster(&self) -> Arc<ClusterShared> {
        let mut cluster = message(&[]);
        cluster.discovery = Discovery::DynamicForwardProxy.into();
        cluster.endpoints = None;
        cluster.forward_cache = Some(self.message.clone());
        let surroundings = Surroundings {
            contexts: &Contexts::default(),
            runtime: &SharedRuntime::default(),
            sinks: None,
            node: None,
            dns_caches: &self.caches,
        };
        let shared = ClusterShared::compile_with(&cluster, &surroundings);
        let Ok(shared) = shared else { unreachable!("a good cluster") };
        self.thread.set_cluster(&shared, &cluster);
        shared
    }
}

fn resolve(cache: &Arc<DnsCache>, name: &str) -> Arc<Found> {
    let Some(name) = HostName::new(name, 80) else { unreachable!("a name") };
    let known = || cache.host(name.as_str()).and_then(|host| host.found());
    match cache.look_up(&name) {
        Lookup::Usable => known().unwrap_or_default(),
        Lookup::Failed(found) => found,
        Lookup::Loading(loading) => {
            let runtime = tokio::runtime::Builder::new_current_thread().build();
            let loaded = runtime.map(|runtime| runtime.block_on(loading));
            loaded.ok().and_then(Result::ok).unwrap_or_default()
        }
        Lookup::TooManyHosts | Lookup::TooManyPending => unreachable!("there is room"),
    }
}

fn count(cache: &DnsCache, stat: DnsCacheStat) -> u64 {
    let block = Block::new(BlockKind::Filter);
    cache.write_stats(&block);
    block.get(stat)
}

/// Waits, for at most 15 seconds.
fn until(done: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(15);
    while !done() {
        assert!(Instant::now() < deadline, "it does not happen");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn hosts(cluster: &ClusterShared) -> Vec<String> {
    let sets = cluster.host_sets();
    sets.hosts().map(|host| format!("{} {}", host.address, host.hostname)).collect()
}

#[test]
fn a_name_becomes_a_host_of_every_cluster() {
    let scene = Scene::new(|_| {});
    scene.server.say("a.test", addresses(&["10.0.0.1", "10.0.0.2"]));
    let (cluster, cache) = (scene.cluster(), scene.cache());
    let found = resolve(&cache, "a.test");
    let expected = ["10.0.0.1:80", "10.0.0.2:80"].map(|text| text.parse().ok());
    assert_eq!(found.addresses.iter().copied().map(Some).collect::<Vec<_>>(), expected);
    assert_eq!(hosts(&cluster), ["10.0.0.1:80 a.test:80"]);
    let later = scene.cluster();
    until(|| hosts(&later) == ["10.0.0.1:80 a.test:80"]);
    let before = cluster.host_sets().hosts().next().cloned();
    scene.server.say("a.test", addresses(&["10.0.0.3"]));
    until(|| hosts(&cluster) == ["10.0.0.3:80 a.test:80"]);
    let after = cluster.host_sets().hosts().next().cloned();
    assert!(before.zip(after).is_some_and(|(before, after)| before.same_endpoint(&after)));
    assert_eq!(count(&cache, DnsCacheStat::DnsCacheHostAddressChanged), 2);
    assert_eq!(count(&cache, DnsCacheStat::DnsCacheHostAdded), 1);
}

#[test]
fn addresses_stay_when_a_later_answer_has_none() {
    let scene = Scene::new(|_| {});
    scene.server.say("a.test", addresses(&["10.0.0.1"]));
    let (cluster, cache) = (scene.cluster(), scene.cache());
    resolve(&cache, "a.test");
    for says in [Says::Code(ResponseCode::ServFail), Says::Addresses(Vec::new())] {
        scene.server.say("a.test", says);
        let attempts = count(&cache, DnsCacheStat::DnsCacheDnsQueryAttempt);
        until(|| count(&cache, DnsCacheStat::DnsCacheDnsQueryAttempt) > attempts + 1);
        assert!(resolve(&cache, "a.test").is_usable());
        assert_eq!(hosts(&cluster), ["10.0.0.1:80 a.test:80"]);
    }
    assert!(count(&cache, DnsCacheStat::DnsCacheDnsQueryFailure) > 0);
}

#[test]
fn it_is_told_why_a_name_has_no_address() {
    let scene = Scene::new(|_| {});
    scene.server.say("broken.test", Says::Code(ResponseCode::Refused));
    let cache = scene.cache();
    let missing = resolve(&cache, "no.test");
    assert_eq!(&*missing.details, "dns_resolution_failure{cares_norecords:Domain_name_not_found}");
    assert!(!missing.failed && !missing.is_usable());
    let broken = resolve(&cache, "broken.test");
    assert!(broken.failed);
    assert_eq!(&*broken.details, "dns_resolution_failure{cares_failure:DNS_server_refused_query}");
    let literal = resolve(&cache, "[::1]");
    assert!(literal.failed && literal.details.contains("Misformatted"));
}

#[test]
fn a_name_that_nobody_uses_is_forgotten() {
    let scene = Scene::new(|cache| cache.host_ttl_ms = 1);
    scene.server.say("a.test", addresses(&["10.0.0.1"]));
    let (cluster, cache) = (scene.cluster(), scene.cache());
    resolve(&cache, "a.test");
    until(|| hosts(&cluster).is_empty());
    assert_eq!(count(&cache, DnsCacheStat::DnsCacheNumHosts), 0);
    assert_eq!(count(&cache, DnsCacheStat::DnsCacheHostRemoved), 1);
    resolve(&cache, "a.test");
    assert_eq!(count(&cache, DnsCacheStat::DnsCacheHostAdded), 2);
}

#[test]
fn without_refreshes_a_failure_counts_until_somebody_asks() {
    let scene = Scene::new(|cache| cache.no_refresh_on_failure = true);
    scene.server.say("a.test", Says::Code(ResponseCode::ServFail));
    let cache = scene.cache();
    assert!(resolve(&cache, "a.test").failed);
    scene.server.say("a.test", addresses(&["10.0.0.1"]));
    assert!(resolve(&cache, "a.test").is_usable());
    assert_eq!(count(&cache, DnsCacheStat::DnsCacheHostRemoved), 1);
    assert_eq!(count(&cache, DnsCacheStat::DnsCacheNumHosts), 1);
}

#[test]
fn addresses_in_filtered_ranges_do_not_count() {
    let range = proto::Cidr { address: "10.0.0.0".into(), prefix_len: 8 };
    let scene = Scene::new(|cache| cache.filtered = vec![range]);
    scene.server.say("a.test", addresses(&["10.0.0.1", "11.0.0.1"]));
    scene.server.say("b.test", addresses(&["10.0.0.1"]));
    let cache = scene.cache();
    assert_eq!(resolve(&cache, "a.test").addresses.len(), 1);
    assert!(!resolve(&cache, "b.test").is_usable());
    assert!(count(&cache, DnsCacheStat::DnsCacheDnsAddressFilterOut) >= 2);
}

#[test]
fn a_cache_has_so_many_names_and_so_many_wait_for_it() {
    let scene = Scene::new(|cache| cache.max_hosts = 1);
    let cache = scene.cache();
    resolve(&cache, "a.test");
    let Some(other) = HostName::new("b.test", 80) else { unreachable!("a name") };
    assert!(matches!(cache.look_up(&other), Lookup::TooManyHosts));
    assert_eq!(count(&cache, DnsCacheStat::DnsCacheHostOverflow), 1);
    let (first, second) = (cache.load(&other), cache.load(&other));
    assert!(matches!((&first, &second), (Lookup::Loading(_), Lookup::Loading(_))));
    assert_eq!(count(&cache, DnsCacheStat::DnsCacheCircuitBreakersRqPendingOpen), 1);
    assert!(matches!(cache.look_up(&other), Lookup::TooManyPending));
    drop(first);
    assert_eq!(count(&cache, DnsCacheStat::DnsCacheCircuitBreakersRqPendingRemaining), 1);
    assert_eq!(count(&cache, DnsCacheStat::DnsCacheDnsRqPendingOverflow), 1);
}

/// Requests of several workers may find room for the last name at once.
#[test]
fn requests_that_race_do_not_overfill_a_cache() {
    let scene = Scene::new(|cache| {
        cache.max_hosts = 2;
        cache.max_pending_requests = 100;
    });
    let cache = scene.cache();
    let names = (0..9).filter_map(|number| HostName::new(&format!("n{number}.test"), 80));
    let racing: Vec<_> = names
        .filter_map(|name| match cache.load(&name) {
            Lookup::Loading(loading) => Some(loading),
            _ => None,
        })
        .collect();
    assert_eq!(racing.len(), 9);
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().build() else {
        unreachable!("a runtime")
    };
    let refused = racing.into_iter().filter_map(|it| runtime.block_on(it).err()).count();
    assert_eq!(refused, 7);
    assert_eq!(count(&cache, DnsCacheStat::DnsCacheNumHosts), 2);
    assert_eq!(count(&cache, DnsCacheStat::DnsCacheHostOverflow), 7);
}

#[test]
fn names_that_are_known_ahead_are_resolved_with_the_first_use() {
    let name = proto::SocketAddress { host: "a.test".into(), port: 80, ..Default::default() };
    let scene = Scene::new(|cache| cache.preresolve = vec![name]);
    scene.server.say("a.test", addresses(&["10.0.0.1"]));
    let cluster = scene.cluster();
    until(|| hosts(&cluster) == ["10.0.0.1:80 a.test:80"]);
}
