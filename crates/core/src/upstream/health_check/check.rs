//! One of the checks of a cluster's hosts: what is asked, how often, and what is counted and logged of it.

use std::sync::Arc;

use serde_json::Value;

use super::grpc::GrpcCheck;
use super::http::HttpCheck;
use super::link::Link;
use super::settings::Settings;
use super::state::{CheckResult, Event, FailureType};
use super::target::Target;
use super::tcp::TcpCheck;
use super::CheckFlags;
use crate::access_log::EventLog;
use crate::compile::{each, At, CompileError, Result};
use crate::proto::{self, health_check::Kind as Message, HealthCheckStat};
use crate::runtime::SharedRuntime;
use crate::stats::{Block, SharedCounters};
use crate::upstream::{Host, Surroundings};

/// Values of [`HealthCheckStat`].
const STATS: usize = 8;

/// How hosts are asked.
pub(super) enum Kind {
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
    pub async fn run(&self, target: &Target<'_>, link: &mut Option<Link>) -> CheckResult {
        match self {
            Self::Http(check) => check.run(target, link).await,
            Self::Tcp(check) => check.run(target, link).await,
            Self::Grpc(check) => check.run(target, link).await,
        }
    }
}

pub struct Check {
    /// Number of the block that counts [`HealthCheckStat`].
    pub stats_block: u32,
    pub(super) settings: Settings,
    pub(super) kind: Kind,
    cluster: Arc<str>,
    pub(super) runtime: SharedRuntime,
    logs: Vec<EventLog>,
    counters: SharedCounters<STATS>,
    /// What is offered by ALPN in place of what the cluster's TLS offers.
    pub(super) alpn: Option<Arc<[String]>>,
    /// What chooses among transport sockets in place of the metadata of hosts.
    pub(super) socket_criteria: Option<Value>,
}

impl Check {
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
        })
    }

    pub(super) fn count(&self, stat: HealthCheckStat) {
        self.counters.inc(stat);
    }

    pub(super) fn count_result(&self, result: &CheckResult) {
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

    pub(super) fn log(&self, event: Event, host: &Host) {
        for log in &self.logs {
            log.write(event.line(self.kind.name(), &self.cluster, host));
        }
    }

    /// Counts on from the check that this one replaces.
    pub fn count_on(&self, old: &Self) {
        self.counters.count_on(&old.counters);
    }

    /// Writes counters, and gauges of hosts with these flags, to a block that nobody else writes.
    pub fn write_stats(&self, flags: impl Iterator<Item = CheckFlags>, block: &Block) {
        self.counters.write(block);
        let (healthy, degraded) = count_flags(flags);
        block.set(HealthCheckStat::HealthCheckHealthy, healthy);
        block.set(HealthCheckStat::HealthCheckDegraded, degraded);
    }

    /// Sets the counters to 0.
    pub fn reset_counters(&self) {
        self.counters.reset();
    }
}

/// How many hosts are healthy, and how many degraded.
pub(super) fn count_flags(flags: impl Iterator<Item = CheckFlags>) -> (u64, u64) {
    flags.fold((0, 0), |(healthy, degraded), flags| {
        let is_healthy = !flags.contains(CheckFlags::FAILED);
        let is_degraded = flags.contains(CheckFlags::DEGRADED);
        (healthy + u64::from(is_healthy), degraded + u64::from(is_degraded))
    })
}
