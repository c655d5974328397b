//! One endpoint of a cluster, shared by all workers.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicU8, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use super::dns_cache::CachedHost;
use super::health_check::{CheckFlags, EndpointCheck, SharedFlags};
use super::load_weights::LoadWeight;
use super::outlier::Monitor;
use crate::address::Address;
use crate::clock;
use crate::connection::SharedObject;
use crate::tls::TlsNames;

/// Health as configuration or discovery gave it (`health_status`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Health {
    Unknown = 0,
    Healthy = 1,
    Unhealthy = 2,
    Draining = 3,
    Timeout = 4,
    Degraded = 5,
}

impl Health {
    pub fn from_number(number: i32) -> Self {
        match number {
            1 => Self::Healthy,
            2 => Self::Unhealthy,
            3 => Self::Draining,
            4 => Self::Timeout,
            5 => Self::Degraded,
            _ => Self::Unknown,
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Locality {
    pub region: String,
    pub zone: String,
    pub sub_zone: String,
}

/// Counters of one host, as /clusters shows them; written by every worker.
#[derive(Default)]
pub struct HostStats {
    pub cx_active: AtomicU64,
    pub cx_connect_fail: AtomicU64,
    pub cx_total: AtomicU64,
    pub rq_active: AtomicU64,
    pub rq_error: AtomicU64,
    pub rq_pending_active: AtomicU64,
    pub rq_success: AtomicU64,
    pub rq_timeout: AtomicU64,
    pub rq_total: AtomicU64,
    /// How the host does, where outlier detection asks.
    monitor: OnceLock<Box<Monitor>>,
    /// What its reports of load make it weigh, where the cluster asks.
    load_weight: OnceLock<Box<LoadWeight>>,
    /// What active health checks have found out.
    pub checks: SharedFlags,
    /// What each of them has, where there are several.
    each_check: OnceLock<Box<[SharedFlags]>>,
    /// The host has said in a response that it wants no traffic, which the thread that checks has yet to see.
    pub failed_passively: AtomicBool,
    /// How often the host has failed its checks, or was ejected.
    pub failures: AtomicU32,
}

impl HostStats {
    /// Made when it is first asked for.
    pub fn monitor(&self) -> &Monitor {
        self.monitor.get_or_init(Box::default)
    }

    /// Made when it is first asked for.
    pub fn load_weight(&self) -> &LoadWeight {
        self.load_weight.get_or_init(Box::default)
    }

    /// What the check at `index` of `count` has found out. It begins with what holds for all.
    pub fn flags_of(&self, index: usize, count: usize) -> &SharedFlags {
        if count < 2 {
            return &self.checks;
        }
        let begin = || (0..count).map(|_| SharedFlags::new(self.checks.load())).collect();
        self.each_check.get_or_init(begin).get(index).unwrap_or(&self.checks)
    }

    /// Whether outlier detection keeps traffic away.
    pub fn is_ejected(&self) -> bool {
        self.monitor.get().is_some_and(|monitor| monitor.is_ejected())
    }

    /// Percent of good answers and of good connections in the last interval; -1: not known.
    pub fn rates(&self) -> [f64; 2] {
        self.monitor.get().map_or([-1.0; 2], |monitor| monitor.history().rates)
    }

    /// How often the host has failed so far: what was opened before the last time is not used any more.
    pub fn failures(&self) -> u32 {
        self.failures.load(Relaxed)
    }
}

/// What connections of one client begin with, which others do not share.
#[derive(Debug, Default, PartialEq, Eq, Hash)]
pub struct Opening {
    /// Bytes before all others.
    pub preamble: Vec<u8>,
    /// Filter state for an internal listener.
    pub shared: Vec<SharedObject>,
}

pub struct Host {
    pub address: Address,
    /// `hostname` of the endpoint, or the DNS name that gave the address; may be empty.
    pub hostname: Arc<str>,
    pub locality: Arc<Locality>,
    pub priority: u32,
    /// At least 1.
    pub weight: u32,
    pub canary: bool,
    pub metadata: Option<Arc<serde_json::Value>>,
    /// Tried in turn when the address does not answer soon (happy eyeballs).
    pub additional_addresses: Box<[Address]>,
    /// How it is checked, where it says so itself.
    pub check: Option<Arc<EndpointCheck>>,
    health: AtomicU8,
    /// Shared by the successive hosts of one endpoint whose weight, priority or metadata changed: two
    /// hosts are the same endpoint exactly if they share it.
    pub stats: Arc<HostStats>,
    /// The name of a DNS cache that it is resolved from.
    pub cached: Option<Arc<CachedHost>>,
    /// What its connections begin with.
    pub opening: Option<Arc<Opening>>,
    /// What requests decide of TLS.
    pub names: TlsNames,
    /// When the endpoint came.
    pub since: Instant,
    /// No configuration names it: its pools are kept apart.
    pub dynamic: bool,
    /// Place of the endpoint's connection pools in a worker; unique among the hosts of a cluster.
    pub slot: u32,
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.address)
    }
}

impl Host {
    pub fn new(
        address: Address,
        hostname: Arc<str>,
        locality: Arc<Locality>,
        priority: u32,
    ) -> Self {
        Self {
            address,
            hostname,
            locality,
            priority,
            weight: 1,
            canary: false,
            metadata: None,
            additional_addresses: Box::default(),
            check: None,
            health: AtomicU8::new(Health::Unknown as u8),
            stats: Arc::default(),
            cached: None,
            opening: None,
            names: TlsNames::default(),
            since: clock::now(),
            dynamic: false,
            slot: 0,
        }
    }

    /// The same endpoint for connections that begin with `opening`, whose TLS is for `names`.
    pub fn variant(&self, opening: Option<Arc<Opening>>, names: TlsNames) -> Self {
        Self {
            address: self.address.clone(),
            hostname: self.hostname.clone(),
            locality: self.locality.clone(),
            priority: self.priority,
            weight: self.weight,
            canary: self.canary,
            metadata: self.metadata.clone(),
            additional_addresses: self.additional_addresses.clone(),
            check: self.check.clone(),
            health: AtomicU8::new(self.health.load(Relaxed)),
            stats: self.stats.clone(),
            cached: self.cached.clone(),
            opening,
            names,
            since: self.since,
            dynamic: true,
            slot: self.slot,
        }
    }

    pub fn health(&self) -> Health {
        Health::from_number(self.health.load(Relaxed).into())
    }

    pub fn set_health(&self, health: Health) {
        self.health.store(health as u8, Relaxed);
    }

    /// Where this host's health puts it in load balancing.
    pub fn availability(&self) -> Availability {
        let checks = self.stats.checks.load();
        match self.health() {
            Health::Draining => Availability::Excluded,
            _ if checks.intersects(CheckFlags::PENDING | CheckFlags::EXCLUDED) => {
                Availability::Excluded
            }
            Health::Unhealthy | Health::Timeout => Availability::Unhealthy,
            _ if self.stats.is_ejected() => Availability::Unhealthy,
            _ if checks.contains(CheckFlags::FAILED) => Availability::Unhealthy,
            Health::Degraded => Availability::Degraded,
            _ if checks.contains(CheckFlags::DEGRADED) => Availability::Degraded,
            Health::Unknown | Health::Healthy => Availability::Healthy,
        }
    }

    /// Health checks ask it, where its cluster has them.
    pub fn is_checked(&self) -> bool {
        !self.check.as_ref().is_some_and(|check| check.disabled)
    }

    /// True when both are the same endpoint, possibly of different updates.
    pub fn same_endpoint(&self, other: &Host) -> bool {
        Arc::ptr_eq(&self.stats, &other.stats)
    }
}

/// The classes that load balancing knows. An excluded host gets no traffic and, unlike an unhealthy one,
/// does not count as missing when health is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Availability {
    Healthy,
    Degraded,
    Unhealthy,
    Excluded,
}
