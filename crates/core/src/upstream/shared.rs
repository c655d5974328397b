//! A cluster as all threads of the process share it.

mod checks;
mod named_hosts;
mod status;
mod zoning;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::*};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use self::zoning::Zoning;
use arc_swap::ArcSwap;
use tokio::sync::Notify;

use super::breakers::{write_gauges, Breakers, Priority};
use super::discovered::Discovered;
use super::dns_cache::{CacheSettings, DnsCaches};
use super::forward_proxy::ForwardProxy;
use super::health_check::{CheckFlags, HealthChecker};
use super::host_sets::{Change, HostSets, Rules};
use super::load_weights::LoadWeights;
use super::outlier::{Detector, Outcome};
use super::{load_assignment, ClusterConfig, Host, LocalNode};
use crate::access_log::Sinks;
use crate::compile::{At, Result};
use crate::lb::{LbSettings, Prepared};
use crate::proto::{self, address::Kind, ClusterStat, Discovery};
use crate::runtime::SharedRuntime;
use crate::stats::Block;
use crate::tls::Contexts;

/// What came of one attempt to discover the endpoints (update_* counters).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpdateEvent {
    Attempt,
    Success,
    Failure,
    /// A good answer without endpoints.
    Empty,
}

/// What clusters are compiled with.
pub struct Surroundings<'a> {
    pub contexts: &'a Contexts,
    pub runtime: &'a SharedRuntime,
    /// Where events go; none: nowhere.
    pub sinks: Option<&'a Sinks>,
    pub dns_caches: &'a DnsCaches,
    /// This proxy among others, where that is known.
    pub node: Option<Arc<LocalNode>>,
}

pub struct ClusterShared {
    pub config: ClusterConfig,
    outlier: Option<Box<Detector>>,
    health_checker: Option<Box<HealthChecker>>,
    /// Its hosts are those that requests name.
    forward: Option<Box<ForwardProxy>>,
    /// Told of each ejection where something is prepared for it.
    ejected: Notify,
    breakers: [Breakers; 2],
    prepared: ArcSwap<Prepared>,
    generation: AtomicU64,
    resolved: AtomicBool,
    /// A connection was made for a client.
    has_traffic: AtomicBool,
    discovered: Discovered,
    zoning: Zoning,
    node: Option<Arc<LocalNode>>,
    runtime: SharedRuntime,
    updating: Mutex<()>,
}

impl ClusterShared {
    /// A static cluster has its hosts at once; one of another kind gets them by `set_endpoints`.
    ///
    /// # Errors
    /// What cannot be used of `message`, with its path.
    pub fn compile_with(message: &proto::Cluster, with: &Surroundings<'_>) -> Result<Arc<Self>> {
        let config = ClusterConfig::compile(message, with.contexts)?;
        let outlier = message.outlier_detection.as_ref().map(|outlier| {
            Detector::compile(outlier, config.name.clone(), with.runtime, with.sinks).map(Box::new)
        });
        let checker = message
            .health_checks
            .as_ref()
            .map(|checks| HealthChecker::compile(checks, &config.name, with).map(Box::new));
        let forward = message.forward_cache.as_ref().map(|cache| {
            let cache = with.dns_caches.get(&CacheSettings::compile(cache)?);
            Ok(Box::new(ForwardProxy { cache, default_port: config.default_port() }))
        });
        let subsets = config.subsets.as_ref();
        let zoning = Zoning::new(&config, with);
        let prepared = zoning.with_local(|local| {
            Prepared::of_cluster(Arc::default(), &config.lb, subsets, local, None)
        });
        let discovered = Discovered::default();
        if subsets.is_some() {
            // Envoy settles the zones of fallbacks once before there are hosts.
            discovered.count_zones(prepared.zone_counts());
        }
        let is_static = matches!(
            config.discovery,
            Discovery::Static
                | Discovery::OriginalDst
                | Discovery::Aggregate
                | Discovery::DynamicForwardProxy
        );
        let this = Self {
            config,
            outlier: outlier.transpose().at("outlier_detection")?,
            health_checker: checker.transpose().at("health_checks")?,
            forward: forward.transpose().at("forward_cache")?,
            ejected: Notify::new(),
            breakers: [
                Breakers::compile(message.default_priority.as_ref()),
                Breakers::compile(message.high_priority.as_ref()),
            ],
            prepared: ArcSwap::from_pointee(prepared),
            generation: AtomicU64::new(1),
            resolved: AtomicBool::new(false),
            has_traffic: AtomicBool::new(false),
            discovered,
            zoning,
            node: with.node.clone(),
            runtime: with.runtime.clone(),
            updating: Mutex::new(()),
        };
        let endpoints = message.endpoints.clone().unwrap_or_default();
        match this.config.discovery {
            Discovery::Static | Discovery::OriginalDst => {
                this.start_with(&endpoints).at("endpoints")?
            }
            Discovery::StrictDns | Discovery::LogicalDns => check(endpoints).at("endpoints")?,
            Discovery::Eds => this.start_eds(message)?,
            Discovery::Aggregate | Discovery::DynamicForwardProxy => {}
        }
        if is_static {
            this.resolved.store(true, Relaxed);
        }
        Ok(Arc::new(this))
    }

    /// An EDS cluster may begin with endpoints, so that traffic never meets it without them.
    fn start_eds(&self, message: &proto::Cluster) -> Result<()> {
        if !message.load_assignment.is_empty() {
            let endpoints = load_assignment::compile(&message.load_assignment);
            self.start_with(&endpoints.at("load_assignment")?)?;
        } else if let Some(endpoints) = &message.endpoints {
            self.start_with(endpoints).at("endpoints")?;
        } else {
            return Ok(());
        }
        self.resolved.store(true, Relaxed);
        Ok(())
    }

    fn start_with(&self, endpoints: &proto::Endpoints) -> Result<()> {
        let (sets, change) = HostSets::default().update(endpoints, self.rules())?;
        self.check(&sets)?;
        self.count_matches(&sets);
        self.prepare(Arc::new(sets));
        if let Change::Members(count) = change {
            self.discovered.membership_changes.store(count, Relaxed);
        }
        Ok(())
    }

    fn check(&self, sets: &HostSets) -> Result<()> {
        match self.config.lb.hashing {
            Some(_) => sets.check_sums(),
            None => Ok(()),
        }
    }

    fn rules(&self) -> Rules {
        let discovery = self.config.discovery;
        let checker = self.health_checker();
        Rules {
            one_endpoint: discovery == Discovery::LogicalDns,
            unique: discovery != Discovery::Static,
            new_flags: checker.map_or(CheckFlags::empty(), HealthChecker::new_flags),
            keep_passing: matches!(discovery, Discovery::Eds | Discovery::StrictDns)
                && checker.is_some_and(|checker| !checker.remove_at_once),
        }
    }

    /// Counts on from the cluster that this one replaces.
    pub fn count_on(&self, old: &ClusterShared) {
        for (new, old) in self.discovered.all().into_iter().zip(old.discovered.all()) {
            new.fetch_add(old.load(Relaxed), Relaxed);
        }
        if let (Some(new), Some(old)) = (&self.outlier, &old.outlier) {
            new.count_on(old);
        }
        if let (Some(new), Some(old)) = (&self.health_checker, &old.health_checker) {
            new.count_on(old);
        }
        if old.has_traffic() {
            self.note_traffic();
        }
    }

    pub fn name(&self) -> &Arc<str> {
        &self.config.name
    }

    /// The zone of this proxy; may be empty.
    pub fn zone(&self) -> &str {
        self.node.as_ref().map_or("", |node| node.zone())
    }

    /// How hosts are chosen, as runtime has it now.
    pub fn lb(&self) -> LbSettings {
        let lb = self.config.lb;
        let key = "upstream.healthy_panic_threshold";
        let threshold = self.runtime.load().number(key, lb.panic_threshold.into()).min(100);
        LbSettings { panic_threshold: threshold as u32, ..lb }
    }

    pub fn breakers(&self, priority: Priority) -> &Breakers {
        &self.breakers[priority as usize]
    }

    pub fn host_sets(&self) -> Arc<HostSets> {
        self.prepared.load().sets.clone()
    }

    pub fn prepared(&self) -> Arc<Prepared> {
        self.prepared.load_full()
    }

    /// Requests that hosts have, in all workers.
    pub fn active_requests(&self) -> u64 {
        self.breakers.iter().map(|breakers| breakers.requests.used()).sum()
    }

    /// Changes whenever the hosts, or the health of one, change.
    pub fn generation(&self) -> u64 {
        self.generation.load(Acquire)
    }

    /// Replaces the endpoints. Hosts that stay keep their counters and connections; nothing changes when
    /// the endpoints are the same. Returns true if endpoints came or went.
    ///
    /// # Errors
    /// An endpoint that cannot be used, with its path; then nothing changes.
    pub fn set_endpoints(&self, message: &proto::Endpoints) -> Result<bool> {
        let _one_at_a_time = self.updating.lock().unwrap_or_else(PoisonError::into_inner);
        let old = self.host_sets();
        let (new, change) = old.update(message, self.rules())?;
        self.check(&new)?;
        self.count_matches(&new);
        match change {
            Change::None => bump(&self.discovered.no_rebuild),
            Change::Hosts => self.publish(new),
            Change::Members(count) => {
                self.publish(new);
                self.discovered.membership_changes.fetch_add(count, Relaxed);
            }
        }
        Ok(matches!(change, Change::Members(_)))
    }

    fn count_matches(&self, sets: &HostSets) {
        self.discovered.matches.fetch_add(sets.hosts().count() as u64, Relaxed);
    }

    fn publish(&self, sets: HostSets) {
        self.prepare(Arc::new(sets));
        self.generation.fetch_add(1, AcqRel);
        self.health_checker().into_iter().for_each(HealthChecker::notify);
        self.tell_followers();
    }

    fn prepare(&self, sets: Arc<HostSets>) {
        let config = &self.config;
        let old = self.prepared.load();
        let new = self.zoning.with_local(|local| {
            let subsets = config.subsets.as_ref();
            Prepared::of_cluster(sets, &self.lb(), subsets, local, Some(&old))
        });
        self.discovered.count_zones(new.zone_counts());
        let (created, removed) = new.subset_changes();
        self.discovered.subsets_created.fetch_add(created, Relaxed);
        self.discovered.subsets_removed.fetch_add(removed, Relaxed);
        self.prepared.store(Arc::new(new));
    }

    /// Changes the health of `host`; workers see it when they next use the cluster.
    pub fn set_health(&self, host: &Host, health: super::Health) {
        if host.health() != health {
            host.set_health(health);
            self.renew();
        }
    }

    /// Takes notice of the health that hosts have now.
    fn renew(&self) {
        if self.prepares_health() {
            let _one_at_a_time = self.updating.lock().unwrap_or_else(PoisonError::into_inner);
            self.prepare(self.host_sets());
        }
        self.generation.fetch_add(1, AcqRel);
        self.tell_followers();
    }

    /// What is prepared for the policy depends on the health of hosts.
    fn prepares_health(&self) -> bool {
        self.config.lb.hashing.is_some() || self.zoning.is_followed_here()
    }

    /// Prepares anew whenever a host is ejected, which would hold up the worker that ejects it.
    pub async fn renew_on_ejection(&self) {
        loop {
            self.ejected.notified().await;
            self.renew();
        }
    }

    /// What names its hosts, where requests do.
    pub fn forward(&self) -> Option<&ForwardProxy> {
        self.forward.as_deref()
    }

    /// Outlier detection, where the cluster has it.
    pub fn outlier(&self) -> Option<&Detector> {
        self.outlier.as_deref()
    }

    /// Tells outlier detection what came of a request or a connection to `host`. True when it was ejected.
    #[inline]
    pub fn report(&self, host: &Host, outcome: Outcome) -> bool {
        let Some(detector) = &self.outlier else { return false };
        let ejected = detector.report(host, outcome, || self.host_sets());
        match ejected {
            true if self.prepares_health() => self.ejected.notify_one(),
            true => self.renew(),
            false => {}
        }
        ejected
    }

    /// Ends an interval of outlier detection.
    pub fn sweep_outliers(&self, detector: &Detector, now: Instant) {
        if detector.sweep(&self.host_sets(), now) {
            self.renew();
        }
    }

    /// Settles what hosts weigh by the load that they have reported.
    pub fn settle_weights(&self, weights: &LoadWeights, now: Instant) {
        if weights.settle(&self.host_sets(), now) {
            self.renew();
        }
    }

    /// Counts a step of discovery. Any answer, good or bad, makes the cluster resolved.
    pub fn count_update(&self, event: UpdateEvent) {
        let counter = match event {
            UpdateEvent::Attempt => &self.discovered.attempts,
            UpdateEvent::Success => &self.discovered.successes,
            UpdateEvent::Failure => &self.discovered.failures,
            UpdateEvent::Empty => &self.discovered.empty,
        };
        bump(counter);
    }

    /// True once an answer, good or bad, has arrived; at once for a static cluster.
    pub fn resolved(&self) -> bool {
        self.resolved.load(Acquire)
    }

    pub fn set_resolved(&self) {
        self.resolved.store(true, Release);
        self.health_checker().into_iter().for_each(HealthChecker::notify);
    }

    /// Writes what is not counted per worker (circuit_breakers.*, membership_*, update_*) to a block that
    /// nobody else writes. `balancers`: see `Prepared::write_stats`.
    pub fn write_stats(&self, block: &Block, balancers: u64) {
        write_gauges(&self.breakers, block);
        let prepared = self.prepared.load();
        prepared.write_stats(block, balancers);
        let membership = prepared.sets.membership();
        let discovered = &self.discovered;
        let (created, removed) = (&discovered.subsets_created, &discovered.subsets_removed);
        for (stat, value) in [
            (ClusterStat::ClusterLbSubsetsCreated, balancers * created.load(Relaxed)),
            (ClusterStat::ClusterLbSubsetsRemoved, balancers * removed.load(Relaxed)),
            (ClusterStat::ClusterMembershipTotal, membership.total),
            (ClusterStat::ClusterMembershipHealthy, membership.healthy),
            (ClusterStat::ClusterMembershipDegraded, membership.degraded),
            (ClusterStat::ClusterMembershipExcluded, membership.excluded),
            (ClusterStat::ClusterMaxHostWeight, self.max_host_weight(membership.max_weight)),
            (ClusterStat::ClusterMembershipChange, discovered.membership_changes.load(Relaxed)),
            (ClusterStat::ClusterDefaultTotalMatchCount, discovered.matches.load(Relaxed)),
            (
                ClusterStat::ClusterLbRecalculateZoneStructures,
                balancers * discovered.zones_settled.load(Relaxed),
            ),
            (
                ClusterStat::ClusterLbZoneClusterTooSmall,
                balancers * discovered.zones_too_small.load(Relaxed),
            ),
            (
                ClusterStat::ClusterLbLocalClusterNotOk,
                balancers * discovered.local_not_ok.load(Relaxed),
            ),
            (ClusterStat::ClusterUpdateAttempt, discovered.attempts.load(Relaxed)),
            (ClusterStat::ClusterUpdateSuccess, discovered.successes.load(Relaxed)),
            (ClusterStat::ClusterUpdateFailure, discovered.failures.load(Relaxed)),
            (ClusterStat::ClusterUpdateEmpty, discovered.empty.load(Relaxed)),
            (ClusterStat::ClusterUpdateNoRebuild, discovered.no_rebuild.load(Relaxed)),
        ] {
            block.set(stat, value);
        }
    }

    /// Envoy sets this gauge only where discovery updates hosts, and then to at least 1.
    fn max_host_weight(&self, weight: u64) -> u64 {
        match self.config.discovery {
            Discovery::StrictDns | Discovery::Eds if self.resolved() => weight.max(1),
            Discovery::StrictDns | Discovery::Eds => 0,
            Discovery::Static
            | Discovery::LogicalDns
            | Discovery::OriginalDst
            | Discovery::Aggregate
            | Discovery::DynamicForwardProxy => 0,
        }
    }

    /// Sets the counters that `write_stats` writes to 0; gauges stay.
    pub fn reset_counters(&self) {
        self.discovered.all().iter().for_each(|counter| counter.store(0, Relaxed));
        self.outlier().into_iter().for_each(Detector::reset_counters);
        self.health_checker().into_iter().for_each(HealthChecker::reset_counters);
    }
}

/// Refuses what could not become hosts once the names are resolved.
fn check(mut endpoints: proto::Endpoints) -> Result<()> {
    for endpoint in endpoints.localities.iter_mut().flat_map(|l| l.endpoints.iter_mut()) {
        if let Some(Kind::Socket(socket)) = endpoint.address.as_mut().and_then(|a| a.kind.as_mut())
        {
            socket.host = "0.0.0.0".into();
        }
    }
    HostSets::default().update(&endpoints, Rules::default()).map(|_| ())
}

fn bump(counter: &AtomicU64) {
    counter.fetch_add(1, Relaxed);
}

#[cfg(test)]
mod tests;
