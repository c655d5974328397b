//! A cache's configuration.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::HostName;
use crate::compile::{each, Result};
use crate::matcher::Cidr;
use crate::proto;

/// Immutable.
pub struct CacheSettings {
    /// Of its stats block; a cache of another number is another one.
    pub number: u32,
    pub name: String,
    pub dns: proto::Dns,
    /// Of the time after which a name is resolved again.
    pub min_refresh: Duration,
    pub host_ttl: Duration,
    pub max_hosts: usize,
    pub no_refresh_on_failure: bool,
    pub max_pending: u64,
    /// None: the resolver's own.
    pub query_timeout: Option<Duration>,
    pub preresolve: Vec<HostName>,
    filtered: Vec<Cidr>,
    filter_inverted: bool,
}

impl CacheSettings {
    /// # Errors
    /// A range of addresses that is none.
    pub fn compile(message: &proto::DnsCache) -> Result<Arc<Self>> {
        let query_timeout = Duration::from_millis(message.query_timeout_ms);
        let preresolve = message.preresolve.iter();
        Ok(Arc::new(Self {
            number: message.stats_block,
            name: message.name.clone(),
            dns: message.dns.clone().unwrap_or_default(),
            min_refresh: Duration::from_millis(message.min_refresh_ms),
            host_ttl: Duration::from_millis(message.host_ttl_ms),
            max_hosts: message.max_hosts as usize,
            no_refresh_on_failure: message.no_refresh_on_failure,
            max_pending: message.max_pending_requests.into(),
            query_timeout: (!query_timeout.is_zero()).then_some(query_timeout),
            preresolve: preresolve
                .filter_map(|host| HostName::new(&host.host, u16::try_from(host.port).unwrap_or(0)))
                .collect(),
            filtered: each(&message.filtered, "filtered", Cidr::compile)?,
            filter_inverted: message.filter_inverted,
        }))
    }

    /// Whether an address that was found counts.
    pub fn accepts(&self, address: IpAddr) -> bool {
        self.filtered.is_empty()
            || self.filtered.iter().any(|range| range.contains(address)) == self.filter_inverted
    }
}
