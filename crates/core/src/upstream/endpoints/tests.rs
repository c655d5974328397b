mod caches;

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use hickory_resolver::proto::op::{Message, MessageType, ResponseCode};
use hickory_resolver::proto::rr::{rdata, RData, Record, RecordType};
use hickory_resolver::system_conf::parse_resolv_conf;
use tokio::sync::mpsc::unbounded_channel;

use super::resolver::{build_with, Settings};
use super::{EndpointThread, Resolve};
use crate::proto::{self, ClusterStat, Discovery, DnsFamily, ProcessStat};
use crate::stats::{Block, BlockKind, Registry, PROCESS_BLOCK};
use crate::upstream::testing::{endpoints, message};
use crate::upstream::ClusterShared;

/// What the DNS server says of a name.
#[derive(Clone, Debug)]
enum Says {
    Addresses(Vec<IpAddr>),
    Code(ResponseCode),
}

fn addresses(list: &[&str]) -> Says {
    Says::Addresses(list.iter().filter_map(|text| text.parse().ok()).collect())
}

/// What a DNS server says and has heard.
#[derive(Clone, Default)]
struct Zone {
    names: Arc<Mutex<HashMap<String, Says>>>,
    ttl: Arc<AtomicU64>,
    queries: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
}

/// A DNS server on loopback with answers that a test changes.
struct Server {
    address: SocketAddr,
    zone: Zone,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    fn start() -> std::io::Result<Self> {
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        socket.set_read_timeout(Some(Duration::from_millis(20)))?;
        let address = socket.local_addr()?;
        let zone = Zone::default();
        let served = zone.clone();
        let thread = std::thread::spawn(move || {
            let mut bytes = [0; 1500];
            while !served.stop.load(Relaxed) {
                let Ok((length, peer)) = socket.recv_from(&mut bytes) else { continue };
                served.queries.fetch_add(1, Relaxed);
                if let Some(reply) = reply(&bytes[..length], &served) {
                    let _ = socket.send_to(&reply, peer);
                }
            }
        });
        Ok(Self { address, zone, thread: Some(thread) })
    }

    /// What asks it, every 20 ms.
    fn dns(&self) -> proto::Dns {
        proto::Dns {
            refresh_ms: 20,
            family: DnsFamily::DnsV4Only.into(),
            resolvers: vec![proto::SocketAddress {
                host: self.address.ip().to_string(),
                port: self.address.port().into(),
                ..Default::default()
            }],
            no_default_search_domain: true,
            ..Default::default()
        }
    }

    fn say(&self, name: &str, says: Says) {
        self.zone.names.lock().unwrap_or_else(PoisonError::into_inner).insert(name.into(), says);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.zone.stop.store(true, Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn reply(query: &[u8], zone: &Zone) -> Option<Vec<u8>> {
    let query = Message::from_vec(query).ok()?;
    let question = query.queries().first()?.clone();
    let name = question.name().to_ascii();
    let ttl = zone.ttl.load(Relaxed) as u32;
    let mut reply = Message::new();
    reply.set_id(query.id()).set_message_type(MessageType::Response).add_query(question.clone());
    let names = zone.names.lock().unwrap_or_else(PoisonError::into_inner);
    match names.get(name.trim_end_matches('.')) {
        None => {
            reply.set_response_code(ResponseCode::NXDomain);
        }
        Some(Says::Code(code)) => {
            reply.set_response_code(*code);
        }
        Some(Says::Addresses(list)) => {
            for ip in list {
                let data = match ip {
                    IpAddr::V4(ip) => RData::A(rdata::A(*ip)),
                    IpAddr::V6(ip) => RData::AAAA(rdata::AAAA(*ip)),
                };
                let wanted = question.query_type() == RecordType::A;
                if ip.is_ipv4() == wanted {
                    reply.add_answer(Record::from_rdata(question.name().clone(), ttl, data));
                }
            }
        }
    }
    reply.to_vec().ok()
}

/// A DNS cluster of one name, refreshed every 20 ms.
fn dns_cluster(server: &Server, discovery: Discovery, name: &str) -> proto::Cluster {
    let mut message = message(&[SocketAddr::from(([0, 0, 0, 0], 80))]);
    message.discovery = discovery.into();
    let mut template = endpoints(&[SocketAddr::from(([0, 0, 0, 0], 80))]);
    if let Some(address) = template.localities[0].endpoints[0].address.as_mut() {
        let socket = proto::SocketAddress { host: name.into(), port: 80, ..Default::default() };
        address.kind = Some(proto::address::Kind::Socket(socket));
    }
    message.endpoints = Some(template);
    message.dns = Some(server.dns());
    message
}

fn with_family(mut message: proto::Cluster, family: DnsFamily) -> proto::Cluster {
    if let Some(dns) = message.dns.as_mut() {
        dns.family = family.into();
    }
    message
}

struct Resolved {
    thread: EndpointThread,
    process: Arc<Block>,
    cluster: Arc<ClusterShared>,
}

fn resolve(message: &proto::Cluster, table: Vec<Resolve>) -> Resolved {
    let registry = Arc::new(Registry::default());
    let process = registry.block(1, PROCESS_BLOCK, BlockKind::Process);
    let (_, questions) = unbounded_channel();
    let started = EndpointThread::start(table, registry, 1, questions);
    let Ok(thread) = started else { unreachable!("no thread") };
    let Ok(cluster) = ClusterShared::compile(message) else { unreachable!("a good cluster") };
    thread.set_cluster(&cluster, message);
    assert!(thread.wait_ready(Duration::from_secs(15)));
    Resolved { thread, process, cluster }
}

impl Resolved {
    fn hosts(&self) -> Vec<String> {
        let sets = self.cluster.host_sets();
        sets.hosts().map(|host| format!("{} {}", host.address, host.hostname)).collect()
    }

    fn stat(&self, stat: ClusterStat) -> u64 {
        let block = Block::new(BlockKind::Cluster);
        self.cluster.write_stats(&block, 1);
        block.get(stat)
    }

    /// Waits, for at most 15 seconds, until the hosts are these.
    fn until_hosts(&self, expected: &[&str]) {
        self.until(|this| this.hosts() == expected);
        assert_eq!(self.hosts(), expected);
    }

    fn until(&self, done: impl Fn(&Self) -> bool) {
        let end = Instant::now() + Duration::from_secs(15);
        while !done(self) && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Waits for this many more answers of a kind.
    fn until_more(&self, stat: ClusterStat) {
        let before = self.stat(stat);
        self.until(|this| this.stat(stat) > before + 1);
        assert!(self.stat(stat) > before + 1);
    }
}

fn server() -> Server {
    Server::start().unwrap_or_else(|error| unreachable!("no server: {error}"))
}

#[test]
fn strict_dns_takes_all_addresses_and_keeps_those_that_stay() {
    let server = server();
    server.say("a.test", addresses(&["10.1.0.1", "10.1.0.2"]));
    let this = resolve(&dns_cluster(&server, Discovery::StrictDns, "a.test"), Default::default());
    assert_eq!(this.hosts(), ["10.1.0.1:80 a.test", "10.1.0.2:80 a.test"]);
    let kept = this.cluster.host_sets().hosts().nth(1).cloned();
    this.until_more(ClusterStat::ClusterUpdateNoRebuild);
    assert_eq!(this.stat(ClusterStat::ClusterMembershipChange), 1);
    server.say("a.test", addresses(&["10.1.0.2", "10.1.0.3"]));
    this.until_hosts(&["10.1.0.2:80 a.test", "10.1.0.3:80 a.test"]);
    assert_eq!(this.stat(ClusterStat::ClusterMembershipChange), 2);
    let stays = this.cluster.host_sets().hosts().next().cloned();
    assert!(kept.zip(stays).is_some_and(|(before, after)| Arc::ptr_eq(&before, &after)));
}

#[test]
fn a_failure_of_dns_keeps_the_hosts_and_an_answer_without_addresses_does_not() {
    let server = server();
    server.say("a.test", addresses(&["10.1.0.1"]));
    let this = resolve(&dns_cluster(&server, Discovery::StrictDns, "a.test"), Default::default());
    server.say("a.test", Says::Code(ResponseCode::ServFail));
    this.until_more(ClusterStat::ClusterUpdateFailure);
    assert_eq!(this.hosts(), ["10.1.0.1:80 a.test"]);
    server.say("a.test", Says::Code(ResponseCode::NXDomain));
    this.until_hosts(&[]);
    server.say("a.test", addresses(&["10.1.0.1"]));
    this.until_hosts(&["10.1.0.1:80 a.test"]);
    server.say("a.test", addresses(&[]));
    this.until_hosts(&[]);
}

#[test]
fn logical_dns_has_one_host_that_stays() {
    let server = server();
    server.say("a.test", addresses(&["10.1.0.1", "10.1.0.2"]));
    let this = resolve(&dns_cluster(&server, Discovery::LogicalDns, "a.test"), Default::default());
    assert_eq!(this.hosts(), ["10.1.0.1:80 a.test"]);
    let before = this.cluster.host_sets().hosts().next().cloned();
    server.say("a.test", addresses(&["10.1.0.9"]));
    this.until_hosts(&["10.1.0.9:80 a.test"]);
    assert_eq!(this.stat(ClusterStat::ClusterMembershipChange), 2);
    let after = this.cluster.host_sets().hosts().next().cloned();
    assert!(before.zip(after).is_some_and(|(before, after)| before.same_endpoint(&after)));
    server.say("a.test", Says::Code(ResponseCode::NXDomain));
    this.until_more(ClusterStat::ClusterUpdateFailure);
    assert_eq!(this.hosts(), ["10.1.0.9:80 a.test"]);
}

#[test]
fn families() {
    let server = server();
    server.say("both.test", addresses(&["10.1.0.1", "fd00::1"]));
    server.say("four.test", addresses(&["10.1.0.1"]));
    let (four, six) = ("10.1.0.1:80 both.test", "[fd00::1]:80 both.test");
    for (name, family, expected) in [
        ("both.test", DnsFamily::DnsAuto, vec![six]),
        ("both.test", DnsFamily::DnsV4Only, vec![four]),
        ("both.test", DnsFamily::DnsV6Only, vec![six]),
        ("both.test", DnsFamily::DnsV4Preferred, vec![four]),
        ("both.test", DnsFamily::DnsAll, vec![four, six]),
        ("four.test", DnsFamily::DnsAuto, vec!["10.1.0.1:80 four.test"]),
        ("four.test", DnsFamily::DnsV6Only, vec![]),
    ] {
        let message = dns_cluster(&server, Discovery::StrictDns, name);
        let this = resolve(&with_family(message, family), Default::default());
        assert_eq!(this.hosts(), expected, "{name} {family:?}");
    }
}

#[test]
fn names_that_need_no_dns() {
    let server = server();
    let Ok(entry) = Resolve::new("Sample".to_owned(), 80, "127.0.0.1", 8099) else {
        unreachable!("a good address")
    };
    let table = vec![entry];
    for (name, expected) in [
        ("sample", "127.0.0.1:8099 sample"),
        ("localhost", "127.0.0.1:80 localhost"),
        ("10.7.0.1", "10.7.0.1:80 10.7.0.1"),
    ] {
        let message = dns_cluster(&server, Discovery::LogicalDns, name);
        let this = resolve(&message, table.clone());
        assert_eq!(this.hosts(), [expected]);
    }
    assert_eq!(server.zone.queries.load(Relaxed), 0);
}

#[test]
fn the_ttl_replaces_the_refresh_rate() {
    let server = server();
    server.say("a.test", addresses(&["10.1.0.1"]));
    server.zone.ttl.store(3600, Relaxed);
    let mut message = dns_cluster(&server, Discovery::StrictDns, "a.test");
    if let Some(dns) = message.dns.as_mut() {
        dns.respect_ttl = true;
    }
    let this = resolve(&message, Default::default());
    server.say("a.test", addresses(&["10.1.0.2"]));
    // Another cluster with the same name but no regard for the TTL shows that time has passed.
    let other = resolve(&dns_cluster(&server, Discovery::StrictDns, "a.test"), Default::default());
    other.until_more(ClusterStat::ClusterUpdateSuccess);
    assert_eq!(this.stat(ClusterStat::ClusterUpdateAttempt), 1);
    assert_eq!(this.hosts(), ["10.1.0.1:80 a.test"]);
}

#[test]
fn a_removed_cluster_is_resolved_no_more() {
    let server = server();
    server.say("a.test", addresses(&["10.1.0.1"]));
    let this = resolve(&dns_cluster(&server, Discovery::StrictDns, "a.test"), Default::default());
    this.until_more(ClusterStat::ClusterUpdateSuccess);
    this.thread.remove(this.cluster.name());
    let cluster = this.cluster.clone();
    drop(this);
    let block = Block::new(BlockKind::Cluster);
    cluster.write_stats(&block, 1);
    assert!(block.get(ClusterStat::ClusterUpdateSuccess) > 1);
    assert_eq!(Arc::strong_count(&cluster), 1, "nobody else holds it");
}

#[test]
fn a_name_that_fails_does_not_hold_up_the_start() {
    let server = server();
    server.say("a.test", Says::Code(ResponseCode::Refused));
    let this = resolve(&dns_cluster(&server, Discovery::StrictDns, "a.test"), Default::default());
    assert!(this.cluster.resolved());
    assert_eq!(this.hosts(), [""; 0]);
    assert!(this.stat(ClusterStat::ClusterUpdateFailure) > 0);
}

#[test]
fn only_ip_addresses_replace_dns() {
    assert!(Resolve::new("a".to_owned(), 80, "[::1]", 80).is_ok());
    let refused = Resolve::new("a".to_owned(), 80, "b.test", 80).map(|_| ());
    let text = refused.map_err(|error| error.to_string());
    assert_eq!(text, Err("resolve a:80: \"b.test\" is not an IP address".to_owned()));
}

/// The addresses that a resolver with this resolv.conf gives for a name.
fn search(server: &Server, resolv_conf: &str, no_search: bool, name: &str) -> Vec<String> {
    let mut message = dns_cluster(server, Discovery::StrictDns, name);
    let Some(dns) = message.dns.as_mut() else { unreachable!("it has DNS settings") };
    dns.no_default_search_domain = no_search;
    let system = parse_resolv_conf(resolv_conf).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let resolver = build_with(&Settings::new(dns), system);
        let found = resolver.lookup(name, RecordType::A).await;
        let Ok(found) = found else { return Vec::new() };
        found.iter().filter_map(RData::ip_addr).map(|ip| ip.to_string()).collect()
    })
}

#[test]
fn search_domains_of_resolv_conf_complete_a_name() {
    let server = server();
    server.say("web.corp.test", addresses(&["10.1.0.1"]));
    server.say("a.b.lab.test", addresses(&["10.1.0.2"]));
    server.say("full.test", addresses(&["10.1.0.3"]));
    let conf = "nameserver 127.0.0.1\nsearch corp.test lab.test\n";
    assert_eq!(search(&server, conf, false, "web"), ["10.1.0.1"]);
    assert_eq!(search(&server, conf, false, "full.test"), ["10.1.0.3"]);
    // It has as many dots as `ndots`, but does not exist as it is.
    assert_eq!(search(&server, conf, false, "a.b"), ["10.1.0.2"]);
    assert_eq!(search(&server, conf, true, "web"), [""; 0], "no_default_search_domain");
    assert_eq!(search(&server, "nameserver 127.0.0.1\n", false, "web"), [""; 0]);
}

#[test]
fn questions_are_counted_whoever_answers() {
    let server = server();
    server.say("bad.test", Says::Code(ResponseCode::ServFail));
    for (name, counted) in [
        ("localhost", None),
        ("none.test", Some(ProcessStat::ProcessDnsCaresNotFound)),
        ("bad.test", Some(ProcessStat::ProcessDnsCaresGetAddrFailure)),
    ] {
        let this = resolve(&dns_cluster(&server, Discovery::StrictDns, name), Default::default());
        this.until_more(ClusterStat::ClusterUpdateAttempt);
        let process = this.process.clone();
        drop(this);
        let total = process.get(ProcessStat::ProcessDnsCaresResolveTotal);
        assert!(total > 1, "{name}");
        for stat in [
            ProcessStat::ProcessDnsCaresNotFound,
            ProcessStat::ProcessDnsCaresGetAddrFailure,
            ProcessStat::ProcessDnsCaresTimeouts,
        ] {
            let expected = if counted == Some(stat) { total - 1..=total } else { 0..=0 };
            assert!(expected.contains(&process.get(stat)), "{name} {stat:?}");
        }
        assert_eq!(process.get(ProcessStat::ProcessDnsCaresPendingResolutions), 0);
    }
}
