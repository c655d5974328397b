//! One endpoint of a cluster, shared by all workers.

use std::sync::atomic::{AtomicU64, AtomicU8, Ordering::Relaxed};
use std::sync::Arc;

use crate::address::Address;

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

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
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
    pub rq_success: AtomicU64,
    pub rq_timeout: AtomicU64,
    pub rq_total: AtomicU64,
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
    health: AtomicU8,
    pub stats: HostStats,
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
            health: AtomicU8::new(Health::Unknown as u8),
            stats: HostStats::default(),
        }
    }

    pub fn health(&self) -> Health {
        Health::from_number(self.health.load(Relaxed).into())
    }

    pub fn set_health(&self, health: Health) {
        self.health.store(health as u8, Relaxed);
    }
}
