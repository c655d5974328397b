//! Active health checks: each host is asked again and again whether it is well; one that is not gets no traffic.
//! <https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/health_checking>

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

use serde_json::Value;
use tokio::sync::Notify;

use super::{Host, HostSets};
use crate::access_log::EventLog;
use crate::compile::{each, At, CompileError, Result};
use crate::proto::{self, health_check::Kind as Message, HealthCheckStat};
use crate::runtime::SharedRuntime;
use crate::stats::{Block, SharedCounters};
use crate::upstream::Surroundings;

pub use flags::{CheckFlags, SharedFlags};
use grpc::GrpcCheck;
use http::HttpCheck;
use link::Link;
pub use sessions::check_hosts;
use settings::Settings;
use state::{CheckResult, Event, FailureType};
use target::Target;
pub use target::{CheckContext, EndpointCheck};
use tcp::TcpCheck;

/// Values of [`HealthCheckStat`].
const STATS: usize = 8;

/// How hosts are asked.
enum Kind {
    Http(Box<HttpCheck>),
    Tcp(TcpCheck),
    Grpc(GrpcCheck),
}

impl Kind {
    fn compile(message: &proto::HealthCheck) -> Result<Self> {
        match &message.kind {
            Some(Message::Http(http)) => {
                HttpCheck::compile(http).at("http").map(|it| Self::Http(Box::new(it)))
            }
            Some(Message::Tcp(tcp)) => Ok(Self::Tcp(TcpCheck::compile(tcp))),
            Some(Message::Grpc(grpc)) => {
                GrpcCheck::compile(grpc, message.timeout_ms).at("grpc").map(Self::Grpc)
            }
            None => Err(CompileError::new("a health check needs a kind")),
        }
    }

    /// The name in envoy.data.core.v3.HealthCheckerType.
    fn name(&self) -> &'static str {
        match self {
            Self::Http(_) => "HTTP",
            Self::Tcp(_) => "TCP",
            Self::Grpc(_) => "GRPC",
        }
    }

    /// Asks a host, over `link` if there is one; leaves there what the next check may use.
    async fn run(&self, target: &Target<'_>, link: &mut Option<Link>) -> CheckResult {
        match self {
            Self::Http(check) => check.run(target, link).await,
            Self::Tcp(check) => check.run(target, link).await,
            Self::Grpc(check) => check.run(target, link).await,
        }
    }
}

/// The checks of one cluster's hosts. They run in the endpoint thread ([`check_hosts`]).
pub struct HealthChecker {
    stats_block: u32,
    settings: Settings,
    kind: Kind,
    cluster: Arc<str>,
    runtime: SharedRuntime,
    logs: Vec<EventLog>,
    counters: SharedCounters<STATS>,
    /// What is offered by ALPN in place of what the cluster's TLS offers.
    alpn: Option<Arc<[String]>>,
    /// What chooses among transport sockets in place of the metadata of hosts.
    socket_criteria: Option<Value>,
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
        message: &proto::HealthCheck,
        cluster: Arc<str>,
        with: &Surroundings<'_>,
    ) -> Result<Self> {
        let logs = with.sinks.map(|sinks| {
            each(&message.event_log_paths, "event_log_paths", |path| EventLog::open(path, sinks))
        });
        let criteria = Some(&message.socket_criteria_json).filter(|text| !text.is_empty());
        let criteria = criteria.map(|text| serde_json::from_str(text)).transpose();
        let alpn = &message.alpn_protocols;
        Ok(Self {
            stats_block: message.stats_block,
            settings: Settings::compile(message),
            kind: Kind::compile(message)?,
            cluster,
            runtime: with.runtime.clone(),
            logs: logs.transpose()?.unwrap_or_default(),
            counters: Default::default(),
            alpn: (!alpn.is_empty()).then(|| alpn.as_slice().into()),
            socket_criteria: criteria
                .map_err(|error| CompileError::new(error.to_string()).at("socket_criteria_json"))?,
            exclude_new_hosts: message.exclude_new_hosts,
            remove_at_once: message.remove_at_once,
            changed: Notify::new(),
            flags_changed: AtomicBool::new(false),
            first_round: AtomicBool::new(false),
        })
    }

    /// Number of the block that counts [`HealthCheckStat`].
    pub fn stats_block(&self) -> u32 {
        self.stats_block
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

    fn count(&self, stat: HealthCheckStat) {
        self.counters.inc(stat);
    }

    fn count_result(&self, result: &CheckResult) {
        match result {
            CheckResult::Passed { .. } => self.count(HealthCheckStat::HealthCheckSuccess),
            CheckResult::Failed(failure) => {
                self.count(HealthCheckStat::HealthCheckFailure);
                if failure.kind.is_network() {
                    self.count(HealthCheckStat::HealthCheckNetworkFailure);
                } else if failure.kind == FailureType::Passive {
                    self.count(HealthCheckStat::HealthCheckPassiveFailure);
                }
            }
        }
    }

    fn log(&self, event: Event, host: &Host) {
        for log in &self.logs {
            log.write(event.line(self.kind.name(), &self.cluster, host));
        }
    }

    /// Counts on from the checks of the cluster that this one's replaces.
    pub fn count_on(&self, old: &Self) {
        self.counters.count_on(&old.counters);
    }

    /// Writes counters and gauges to a block that nobody else writes.
    pub fn write_stats(&self, sets: &HostSets, block: &Block) {
        self.counters.write(block);
        let checked = sets.hosts().filter(|host| host.is_checked());
        let (mut healthy, mut degraded) = (0, 0);
        for flags in checked.map(|host| host.stats.checks.load()) {
            healthy += u64::from(!flags.contains(CheckFlags::FAILED));
            degraded += u64::from(flags.contains(CheckFlags::DEGRADED));
        }
        block.set(HealthCheckStat::HealthCheckHealthy, healthy);
        block.set(HealthCheckStat::HealthCheckDegraded, degraded);
    }

    /// Sets the counters to 0.
    pub fn reset_counters(&self) {
        self.counters.reset();
    }
}
