//! Active health checks: each host is asked again and again whether it is well; one that is not gets no traffic.
//! <https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/health_checking>

mod check;
mod event_log;
mod flags;
mod grpc;
mod http;
mod link;
mod payload;
mod session;
mod sessions;
mod settings;
mod state;
mod target;
mod tcp;
#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicBool, Ordering::*};
use std::sync::Arc;

use tokio::sync::Notify;

use super::{Host, HostSets};
use crate::compile::{each, CompileError, Result};
use crate::proto::{self, HealthCheckStat};
use crate::stats::Block;
use crate::upstream::Surroundings;

use check::{count_flags, Check};
pub use flags::{CheckFlags, SharedFlags};
pub use sessions::check_hosts;
pub use target::{CheckContext, EndpointCheck};

/// The checks of one cluster's hosts, each of which a host has to pass. They run in the endpoint thread
/// ([`check_hosts`]).
pub struct HealthChecker {
    checks: Box<[Check]>,
    /// Number of the block with the gauges of all together, where there are several.
    stats_block: u32,
    /// Hosts are not counted before they were checked.
    exclude_new_hosts: bool,
    /// A host that discovery removes goes although it is well.
    pub remove_at_once: bool,
    /// Told when hosts come or go, or their flags change.
    changed: Notify,
    /// Flags have changed since this was looked at.
    flags_changed: AtomicBool,
    /// Every host that was there at the beginning was checked.
    first_round: AtomicBool,
}

impl HealthChecker {
    /// # Errors
    /// What cannot be used of `message`, with its path.
    pub fn compile(
        message: &proto::HealthChecks,
        cluster: &Arc<str>,
        with: &Surroundings<'_>,
    ) -> Result<Self> {
        let checks =
            each(&message.checks, "checks", |check| Check::compile(check, cluster.clone(), with))?;
        if checks.is_empty() {
            return Err(CompileError::new("no check"));
        }
        Ok(Self {
            checks: checks.into(),
            stats_block: message.stats_block,
            exclude_new_hosts: message.exclude_new_hosts,
            remove_at_once: message.remove_at_once,
            changed: Notify::new(),
            flags_changed: AtomicBool::new(false),
            first_round: AtomicBool::new(false),
        })
    }

    /// How hosts begin.
    pub fn new_flags(&self) -> CheckFlags {
        match self.exclude_new_hosts {
            true => CheckFlags::FAILED | CheckFlags::PENDING,
            false => CheckFlags::FAILED,
        }
    }

    /// Hosts came or went.
    pub fn notify(&self) {
        self.changed.notify_one();
    }

    /// A host said that it wants no traffic; the thread that checks makes it unhealthy.
    pub fn fail_passively(&self, host: &Host) {
        host.stats.checks.set(CheckFlags::EXCLUDED);
        host.stats.failed_passively.store(true, Relaxed);
        self.flags_changed.store(true, Relaxed);
        self.changed.notify_one();
    }

    /// Whether every host that was there at the beginning was checked.
    pub fn had_first_round(&self) -> bool {
        self.first_round.load(Acquire)
    }

    fn note(&self, flags_changed: bool) {
        if flags_changed {
            self.flags_changed.store(true, Relaxed);
        }
        if flags_changed || !self.had_first_round() {
            self.changed.notify_one();
        }
    }

    /// Counts on from the checks of the cluster that this one's replaces.
    pub fn count_on(&self, old: &Self) {
        for (new, old) in self.checks.iter().zip(&old.checks) {
            new.count_on(old);
        }
    }

    /// Writes counters and gauges to blocks that nobody else writes.
    pub fn write_stats(&self, sets: &HostSets, block: impl Fn(u32) -> Arc<Block>) {
        let count = self.checks.len();
        let hosts = || sets.hosts().filter(|host| host.is_checked());
        for (index, check) in self.checks.iter().enumerate() {
            let flags = hosts().map(|host| host.stats.flags_of(index, count).load());
            check.write_stats(flags, &block(check.stats_block));
        }
        if count > 1 {
            let (healthy, degraded) = count_flags(hosts().map(|host| host.stats.checks.load()));
            let block = block(self.stats_block);
            block.set(HealthCheckStat::HealthCheckHealthy, healthy);
            block.set(HealthCheckStat::HealthCheckDegraded, degraded);
        }
    }

    /// Sets the counters to 0.
    pub fn reset_counters(&self) {
        self.checks.iter().for_each(Check::reset_counters);
    }
}
