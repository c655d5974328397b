//! Names to addresses: by literal, hosts file or DNS, in the families that a cluster asks for.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use hickory_resolver::config::{NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts};
use hickory_resolver::name_server::TokioConnectionProvider;
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::RecordType;
use hickory_resolver::proto::xfer::Protocol;
use hickory_resolver::proto::ProtoErrorKind;
use hickory_resolver::system_conf::read_system_conf;
use hickory_resolver::{ResolveError, TokioResolver};

use super::hosts_file::HostsFile;
use super::{words, ResolveTable};
use crate::proto::{self, DnsFamily, ProcessStat};
use crate::stats::Block;

const HOSTS_FILE: &str = "/etc/hosts";
const RESOLV_CONF: &str = "/etc/resolv.conf";
const DNS_PORT: u16 = 53;

/// Addresses in the order of the answer; none when the name exists without any, or does not exist.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    pub addresses: Vec<SocketAddr>,
    /// The shortest of the records; none for what DNS did not say.
    pub ttl: Option<Duration>,
    /// Why there are no addresses, in the words of Envoy's resolver.
    pub missing: &'static str,
}

/// The name could not be resolved now: no answer, or a server's failure.
#[derive(Debug)]
pub struct Failure {
    reason: String,
    /// The same in the words of Envoy's resolver.
    pub cause: &'static str,
    timed_out: bool,
}

impl Failure {
    /// There is an answer, but a host is needed.
    pub fn empty() -> Self {
        Self { reason: "no address".into(), cause: words::NO_DATA, timed_out: false }
    }

    /// What is asked for cannot be a name.
    fn of_name(reason: &str) -> Self {
        Self { reason: reason.into(), cause: words::MISFORMATTED, timed_out: false }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

/// Which servers are asked, and how. Clusters with the same settings share a resolver.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Settings {
    /// Empty: the system's.
    servers: Vec<SocketAddr>,
    use_tcp: bool,
    no_search: bool,
}

impl Settings {
    /// Servers that are no IP address are left out; the main thread has refused them.
    pub fn new(dns: &proto::Dns) -> Self {
        let server = |address: &proto::SocketAddress| {
            let port =
                if address.port == 0 { DNS_PORT } else { u16::try_from(address.port).ok()? };
            Some(SocketAddr::new(address.host.parse().ok()?, port))
        };
        Self {
            servers: dns.resolvers.iter().filter_map(server).collect(),
            use_tcp: dns.use_tcp,
            no_search: dns.no_default_search_domain,
        }
    }
}

/// The resolvers in use and what comes before them.
pub struct Resolvers {
    table: ResolveTable,
    /// Counts questions and failures as `dns.cares.*`, whoever answers them.
    block: Arc<Block>,
    hosts: RefCell<HostsFile>,
    by_settings: RefCell<HashMap<Settings, Rc<TokioResolver>>>,
    /// Of resolv.conf, when `by_settings` was filled.
    modified: RefCell<Option<SystemTime>>,
}

impl Resolvers {
    pub fn new(table: ResolveTable, block: Arc<Block>) -> Self {
        Self {
            table,
            block,
            hosts: RefCell::new(HostsFile::new(HOSTS_FILE)),
            by_settings: RefCell::default(),
            modified: RefCell::new(None),
        }
    }

    /// The addresses of `host`, with `port`.
    ///
    /// # Errors
    /// No answer within the resolver's time, or a server's failure. A name that does not exist is an
    /// answer without addresses.
    pub async fn resolve(
        &self,
        host: &str,
        port: u16,
        family: DnsFamily,
        settings: &Settings,
    ) -> Result<Answer, Failure> {
        if let Some(address) = self.table.get(&(host.to_ascii_lowercase(), port)) {
            return Ok(Answer { addresses: vec![*address], ..Answer::default() });
        }
        if let Ok(literal) = host.parse::<IpAddr>() {
            return self.literal(SocketAddr::new(literal, port), family);
        }
        let source = match self.hosts.borrow_mut().lookup(host) {
            Some(addresses) => Source::Known(addresses),
            None => Source::Dns(self.resolver(settings)),
        };
        let found = Question { source, block: &self.block }.lookup_families(host, family).await?;
        let addresses = found.addresses.into_iter().map(|ip| SocketAddr::new(ip, port)).collect();
        Ok(Answer { addresses, ttl: found.ttl, missing: found.missing })
    }

    /// An address stands for itself; one of IPv4 also where IPv6 is asked for.
    fn literal(&self, literal: SocketAddr, family: DnsFamily) -> Result<Answer, Failure> {
        self.block.inc(ProcessStat::ProcessDnsCaresResolveTotal);
        if literal.is_ipv6() && family == DnsFamily::DnsV4Only {
            self.block.inc(ProcessStat::ProcessDnsCaresGetAddrFailure);
            return Err(Failure::of_name("an address of the other family"));
        }
        Ok(Answer { addresses: vec![literal], ..Answer::default() })
    }

    fn resolver(&self, settings: &Settings) -> Rc<TokioResolver> {
        let modified = Path::new(RESOLV_CONF).metadata().and_then(|file| file.modified()).ok();
        if *self.modified.borrow() != modified {
            *self.modified.borrow_mut() = modified;
            self.by_settings.borrow_mut().clear();
        }
        let mut by_settings = self.by_settings.borrow_mut();
        by_settings.entry(settings.clone()).or_insert_with(|| Rc::new(build(settings))).clone()
    }
}

fn build(settings: &Settings) -> TokioResolver {
    // Without a usable resolv.conf, a server on this machine, as resolv.conf(5) has it.
    let local = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), DNS_PORT);
    let system = read_system_conf()
        .unwrap_or_else(|_| (config(None, &[], &servers(&[local])), ResolverOpts::default()));
    build_with(settings, system)
}

/// A resolver without a cache: when to ask again is the cluster's matter.
pub(super) fn build_with(
    settings: &Settings,
    (system, mut options): (ResolverConfig, ResolverOpts),
) -> TokioResolver {
    options.cache_size = 0;
    options.use_hosts_file = ResolveHosts::Never;
    let mut config = match settings.servers.is_empty() {
        true => system,
        false => config(Some(&system), system.search(), &servers(&settings.servers)),
    };
    if settings.no_search {
        config = self::config(None, &[], config.name_servers());
    }
    if settings.use_tcp {
        let tcp = |server: &&NameServerConfig| server.protocol == Protocol::Tcp;
        let servers: Vec<_> = config.name_servers().iter().filter(tcp).cloned().collect();
        config = self::config(Some(&config), config.search(), &servers);
    }
    let provider = TokioConnectionProvider::default();
    TokioResolver::builder_with_config(config, provider).with_options(options).build()
}

fn config(
    domain_of: Option<&ResolverConfig>,
    search: &[hickory_resolver::Name],
    servers: &[NameServerConfig],
) -> ResolverConfig {
    let domain = domain_of.and_then(|config| config.domain().cloned());
    ResolverConfig::from_parts(domain, search.to_vec(), servers.to_vec())
}

/// Each address by UDP, and by TCP for answers that do not fit.
fn servers(addresses: &[SocketAddr]) -> Vec<NameServerConfig> {
    let both = |address: &SocketAddr| {
        [Protocol::Udp, Protocol::Tcp].map(|protocol| NameServerConfig::new(*address, protocol))
    };
    addresses.iter().flat_map(both).collect()
}

#[derive(Default)]
struct Found {
    addresses: Vec<IpAddr>,
    ttl: Option<Duration>,
    missing: &'static str,
}

enum Source {
    /// From the hosts file.
    Known(Vec<IpAddr>),
    Dns(Rc<TokioResolver>),
}

struct Question<'a> {
    source: Source,
    block: &'a Block,
}

impl Question<'_> {
    /// AUTO and V4_PREFERRED ask for the second family only when the first has nothing; ALL joins both.
    async fn lookup_families(&self, host: &str, family: DnsFamily) -> Result<Found, Failure> {
        use RecordType::{A, AAAA};
        match family {
            DnsFamily::DnsV4Only => self.lookup(host, A).await,
            DnsFamily::DnsV6Only => self.lookup(host, AAAA).await,
            DnsFamily::DnsAuto => self.first_of(host, AAAA, A).await,
            DnsFamily::DnsV4Preferred => self.first_of(host, A, AAAA).await,
            DnsFamily::DnsAll => {
                let both = tokio::join!(self.lookup(host, A), self.lookup(host, AAAA));
                match both {
                    (Ok(mut four), Ok(six)) => {
                        four.addresses.extend(six.addresses);
                        four.ttl = four.ttl.into_iter().chain(six.ttl).min();
                        Ok(four)
                    }
                    (Ok(found), Err(_)) | (Err(_), Ok(found)) if !found.addresses.is_empty() => {
                        Ok(found)
                    }
                    (Err(failure), _) | (_, Err(failure)) => Err(failure),
                }
            }
        }
    }

    async fn first_of(
        &self,
        host: &str,
        first: RecordType,
        second: RecordType,
    ) -> Result<Found, Failure> {
        match self.lookup(host, first).await {
            Ok(found) if !found.addresses.is_empty() => Ok(found),
            _ => self.lookup(host, second).await,
        }
    }

    async fn lookup(&self, host: &str, kind: RecordType) -> Result<Found, Failure> {
        self.block.inc(ProcessStat::ProcessDnsCaresResolveTotal);
        let pending = Pending::new(self.block);
        let found = self.source.lookup(host, kind).await;
        drop(pending);
        match &found {
            Ok(found) if !found.addresses.is_empty() => {}
            Ok(_) => self.block.inc(ProcessStat::ProcessDnsCaresNotFound),
            Err(failure) if failure.timed_out => {
                self.block.inc(ProcessStat::ProcessDnsCaresTimeouts);
            }
            Err(_) => self.block.inc(ProcessStat::ProcessDnsCaresGetAddrFailure),
        }
        found
    }
}

/// A question that waits for its answer; it may be given up.
struct Pending<'a>(&'a Block);

impl<'a> Pending<'a> {
    fn new(block: &'a Block) -> Self {
        block.inc(ProcessStat::ProcessDnsCaresPendingResolutions);
        Self(block)
    }
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        self.0.dec(ProcessStat::ProcessDnsCaresPendingResolutions);
    }
}

impl Source {
    async fn lookup(&self, host: &str, kind: RecordType) -> Result<Found, Failure> {
        let wanted = |ip: &&IpAddr| ip.is_ipv4() == (kind == RecordType::A);
        match self {
            Self::Known(addresses) => Ok(Found {
                addresses: addresses.iter().filter(wanted).copied().collect(),
                ttl: None,
                missing: words::NO_NAME,
            }),
            Self::Dns(_) if !words::is_name(host) => Err(Failure::of_name("no name")),
            Self::Dns(resolver) => match resolver.lookup(host, kind).await {
                Ok(answer) => Ok(Found {
                    addresses: answer.iter().filter_map(|data| data.ip_addr()).collect(),
                    ttl: ttl(answer.records().iter().map(|record| record.ttl())),
                    missing: words::NO_DATA,
                }),
                Err(error) if is_answer(&error) => {
                    Ok(Found { missing: words::of(&error), ..Found::default() })
                }
                Err(error) => Err(Failure {
                    reason: error.to_string(),
                    cause: words::of(&error),
                    timed_out: is_timeout(&error),
                }),
            },
        }
    }
}

fn ttl(seconds: impl Iterator<Item = u32>) -> Option<Duration> {
    seconds.min().map(|seconds| Duration::from_secs(seconds.into()))
}

fn is_timeout(error: &ResolveError) -> bool {
    error.proto().is_some_and(|error| matches!(error.kind(), ProtoErrorKind::Timeout))
}

/// "There is no such name" and "it has no such record" are answers; a server's failure is not.
fn is_answer(error: &ResolveError) -> bool {
    let Some(error) = error.proto() else { return false };
    matches!(
        error.kind(),
        ProtoErrorKind::NoRecordsFound {
            response_code: ResponseCode::NoError | ResponseCode::NXDomain,
            ..
        }
    )
}
