//! A cluster in one worker: its load balancer and its connection pools, made when first used.

mod resolve;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::atomic::AtomicU64;
use std::sync::Arc;

use super::aggregate::{Aggregate, Target};
use super::breakers::{Permits, Priority, RetryPermit};
use super::dynamic::{Apart, DynamicHosts};
use super::host_sets::HostSets;
use super::internal::Doors;
use super::original_dst::OriginalDst;
use super::pending::{Acquire, Overflow};
use super::pool::{self, Pool, PoolContext, Protocol};
use super::zone_stats::ZoneStats;
use super::{ClusterConfig, ClusterShared, Clusters, Host, Opening, Outcome};
use crate::lb::{Asker, LbContext, LoadBalancer, RetryPriority};
use crate::overload::Overload;
use crate::proto::cluster::UpstreamProtocol;
use crate::proto::ClusterStat;
use crate::random::Random;
use crate::stats::{Block, BlockKind, Registry};
use crate::timer::Timers;

/// What a worker lends to its clusters.
pub struct UpstreamContext {
    /// Number of the worker.
    pub thread: usize,
    pub registry: Arc<Registry>,
    pub timers: Rc<Timers>,
    pub random: Rc<Random>,
    /// The next connection's id, unique in the process.
    pub connection_ids: Arc<AtomicU64>,
    /// The worker's internal listeners.
    pub doors: Rc<Doors>,
    pub overload: Rc<Overload>,
}

/// By priority, then by whether clients speak HTTP/2, where that decides.
type PoolsOfHost = [[Option<Rc<Pool>>; 2]; 2];

pub struct Cluster {
    context: Rc<PoolContext>,
    /// Of the host sets that the balancer knows.
    generation: Cell<u64>,
    balancer: RefCell<LoadBalancer>,
    /// By slot of the host, then by priority.
    pools: RefCell<Vec<PoolsOfHost>>,
    /// Hosts that the configuration does not name, where there are such.
    dynamic: Option<DynamicHosts>,
    /// It stands for other clusters.
    aggregate: Option<Box<Aggregate>>,
    zone_stats: ZoneStats,
}

impl Cluster {
    pub fn new(shared: Arc<ClusterShared>, upstream: Rc<UpstreamContext>) -> Rc<Self> {
        let number = shared.config.stats_block;
        let block = upstream.registry.block(upstream.thread, number, BlockKind::Cluster);
        let generation = shared.generation();
        let balancer = LoadBalancer::new(shared.prepared(), shared.lb());
        let dynamic = shared.config.dynamic_hosts.map(DynamicHosts::new);
        let failing = shared.config.closes_on_failure.then(Rc::default);
        let members = &shared.config.members;
        let threshold = shared.lb().panic_threshold;
        let aggregate = (!members.is_empty()).then(|| Box::new(Aggregate::new(members, threshold)));
        let permits = Permits::new(shared);
        Rc::new(Self {
            context: Rc::new(PoolContext { permits, block, upstream, failing }),
            generation: Cell::new(generation),
            balancer: RefCell::new(balancer),
            pools: RefCell::default(),
            dynamic,
            aggregate,
            zone_stats: ZoneStats::default(),
        })
    }

    pub fn shared(&self) -> &Arc<ClusterShared> {
        self.context.permits.shared()
    }

    pub(super) fn context(&self) -> &Rc<PoolContext> {
        &self.context
    }

    pub fn config(&self) -> &ClusterConfig {
        self.context.config()
    }

    /// The cluster's stats in this worker.
    pub fn block(&self) -> &Arc<Block> {
        &self.context.block
    }

    /// Counts a response of `host` by its zone.
    pub fn count_zone(&self, host: &Host, status: u16) {
        self.zone_stats.response(self.block(), self.shared().zone(), host, status);
    }

    /// Records the milliseconds that `host` took, by its zone.
    pub fn record_zone_time(&self, host: &Host, took: u64) {
        self.zone_stats.time(self.block(), self.shared().zone(), host, took);
    }

    /// The share of requests that are to be turned away, from 0 to 1.
    pub fn drop_share(&self) -> f64 {
        self.refresh();
        self.balancer.borrow().sets().drop_share
    }

    pub fn is_aggregate(&self) -> bool {
        self.aggregate.is_some()
    }

    /// Which cluster is to choose the host: this one, or a member of it. None: no member has hosts.
    pub fn target(
        self: &Rc<Self>,
        clusters: &Clusters,
        retry: Option<&RetryPriority>,
    ) -> Option<Target> {
        match &self.aggregate {
            None => Some(Target { cluster: self.clone(), at: None }),
            Some(aggregate) => aggregate.choose(clusters, &self.context.upstream.random, retry),
        }
    }

    /// Counts that there was no host for who asked this cluster.
    pub fn count_no_host(&self) {
        self.context.block.inc(ClusterStat::ClusterUpstreamCxNoneHealthy);
    }

    /// A host by the cluster's policy; none when no host can be used.
    pub fn choose_host(&self, context: &LbContext<'_>) -> Option<Arc<Host>> {
        self.refresh();
        let block = &self.context.block;
        let asker = Asker {
            random: &self.context.upstream.random,
            count: &|stat| block.inc(stat),
            active_requests: &|| self.shared().active_requests(),
        };
        let balancer = self.balancer.borrow();
        let host = match &self.config().original_dst {
            Some(original) => self.original_host(original, context),
            None => match self.shared().forward() {
                Some(forward) => resolve::host(&balancer, &forward.name(context)?),
                None => self
                    .named_host(&balancer, context)
                    .or_else(|| balancer.choose(context, &asker).cloned()),
            },
        };
        let (Some(dynamic), Some(host)) = (&self.dynamic, &host) else { return host };
        let opening = self.opening(host, context);
        if opening.is_none() && context.names.is_none() {
            return Some(host.clone());
        }
        let apart = Apart { opening, names: context.names.cloned().unwrap_or_default() };
        Some(dynamic.host(host.address.clone(), apart, Some(host)))
    }

    /// The host that the request names, where the cluster asks it.
    fn named_host(&self, balancer: &LoadBalancer, context: &LbContext<'_>) -> Option<Arc<Host>> {
        let policy = self.config().override_host.as_ref()?;
        policy.choose(balancer.prepared().named()?, context).cloned()
    }

    /// What connections to `host` begin with that is the client's own.
    fn opening(&self, host: &Host, context: &LbContext<'_>) -> Option<Arc<Opening>> {
        let config = self.config();
        let mut opening = Opening::default();
        if let Some(proxy) = &config.proxy_protocol {
            opening.preamble = proxy.header(context.connection, context.tlvs);
        }
        if let Some(connection) = context.connection {
            if config.sockets.of(host).internal.is_some() {
                opening.shared = connection.state.borrow().shared_objects();
            }
        }
        let is_own = config.proxy_protocol.is_some() || !opening.shared.is_empty();
        is_own.then(|| Arc::new(opening))
    }

    fn original_host(&self, original: &OriginalDst, context: &LbContext<'_>) -> Option<Arc<Host>> {
        let block = &self.context.block;
        let invalid = || block.inc(ClusterStat::ClusterOriginalDstHostInvalid);
        let address = original.address(context, invalid)?;
        let dynamic = self.dynamic.as_ref()?;
        let before = dynamic.count();
        let host = dynamic.host(address, Apart::default(), None);
        let change = dynamic.count().wrapping_sub(before) as u64;
        if change != 0 {
            block.inc(ClusterStat::ClusterMembershipChange);
            block.add(ClusterStat::ClusterMembershipTotal, change);
            block.add(ClusterStat::ClusterMembershipHealthy, change);
        }
        Some(host)
    }

    /// Asks for a connection to `host`: at once when one is idle or has room, else by waiting for one.
    /// `client_http2` decides what is spoken where the cluster follows its clients.
    ///
    /// # Errors
    /// A breaker is open: too many requests wait (or, with an idle connection, are in flight).
    pub fn acquire(
        &self,
        host: &Arc<Host>,
        priority: Priority,
        client_http2: bool,
    ) -> Result<Acquire, Overflow> {
        let protocol = match self.config().protocol {
            UpstreamProtocol::Http1 => Protocol::Http1,
            UpstreamProtocol::Http2 => Protocol::Http2,
            UpstreamProtocol::Auto => Protocol::Negotiated,
            UpstreamProtocol::Downstream if client_http2 => Protocol::Http2,
            UpstreamProtocol::Downstream => Protocol::Http1,
        };
        self.pool(host, priority, protocol).acquire()
    }

    /// A permit for one retry; none when the breaker or the retry budget is used up.
    pub fn retry(&self, priority: Priority) -> Option<RetryPermit> {
        self.context.permits.retry(priority)
    }

    fn pool(&self, host: &Arc<Host>, priority: Priority, protocol: Protocol) -> Rc<Pool> {
        if let Some(dynamic) = self.dynamic.as_ref().filter(|_| host.dynamic) {
            let make = || Pool::new(self.context.clone(), host.clone(), priority, protocol);
            let place = (priority as usize, usize::from(protocol == Protocol::Http2));
            return dynamic.pool(host, place, make);
        }
        let mut pools = self.pools.borrow_mut();
        let slot = host.slot as usize;
        if pools.len() <= slot {
            pools.resize_with(slot + 1, PoolsOfHost::default);
        }
        let place = &mut pools[slot][priority as usize][usize::from(protocol == Protocol::Http2)];
        if let Some(pool) = place.as_ref().filter(|pool| pool.host.borrow().same_endpoint(host)) {
            return pool.clone();
        }
        let pool = Pool::new(self.context.clone(), host.clone(), priority, protocol);
        let sets = self.balancer.borrow().sets().clone();
        match sets.hosts().any(|known| known.same_endpoint(host)) {
            true => *place = Some(pool.clone()),
            // Chosen before an update took it away: it is used this once.
            false => pool.drain(),
        }
        pool
    }

    /// Tells outlier detection what came of a request or a connection to `host`. Connections to a host that it
    /// ejects end when they are idle.
    #[inline]
    pub fn report(&self, host: &Host, outcome: Outcome) {
        if self.shared().report(host, outcome) {
            self.refresh();
        }
    }

    /// Takes notice of changed hosts. Cheap when nothing changed; done on every choice, and now and then
    /// for clusters without traffic, so that connections to hosts that are gone do not stay.
    pub fn refresh(&self) {
        let generation = self.shared().generation();
        if generation != self.generation.get() {
            self.generation.set(generation);
            let prepared = self.shared().prepared();
            self.update_pools(&prepared.sets);
            self.context.failing.as_ref().inspect(|failing| failing.wake());
            *self.balancer.borrow_mut() = LoadBalancer::new(prepared, self.shared().lb());
        }
    }

    fn update_pools(&self, sets: &HostSets) {
        let mut by_slot: Vec<Option<&Arc<Host>>> = vec![None; sets.slots as usize];
        for host in sets.hosts() {
            by_slot[host.slot as usize] = Some(host);
        }
        let at = |slot: usize| by_slot.get(slot).copied().flatten();
        for (slot, pools) in self.pools.borrow_mut().iter_mut().enumerate() {
            pools.iter_mut().flatten().for_each(|place| pool::follow(place, at(slot)));
        }
        // Those of ORIGINAL_DST are in no set.
        if self.config().original_dst.is_none() {
            if let Some(dynamic) = &self.dynamic {
                dynamic.follow(|host| at(host.slot as usize));
            }
        }
    }

    /// Closes idle connections; those in use end with their request.
    pub fn drain(&self) {
        let pools = std::mem::take(&mut *self.pools.borrow_mut());
        pools.iter().flatten().flatten().flatten().for_each(|pool| pool.drain());
        if let Some(dynamic) = &self.dynamic {
            dynamic.drain();
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.drain();
    }
}

#[cfg(test)]
mod tests;
