//! Outlier detection: a host that fails where others do well gets no traffic for a while.
//! <https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/outlier>

mod ejection;
mod event_log;
mod monitor;
mod rates;
mod settings;
mod sweep;
#[cfg(test)]
mod tests;

use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::{Host, HostSets};
use crate::access_log::{EventLog, Sinks};
use crate::compile::{At, Result};
use crate::proto::{self, OutlierStat};
use crate::random::Random;
use crate::runtime::SharedRuntime;
use crate::stats::{Block, SharedCounters};

use ejection::Ejection;
use event_log::Event;
pub use monitor::Monitor;
use monitor::Origin;
use rates::Averages;
use settings::Settings;

/// What a request or a connection tells of a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// There is a connection for a request; how the host answers is still to come.
    Connected,
    /// There is a connection, and nothing more will be known.
    Served,
    /// The host answered with this HTTP status.
    Answered(u16),
    /// No connection, or one that ended before the answer.
    Failed,
    /// No answer in time; the client gets this HTTP status.
    TimedOut(u16),
}

/// Values of [`OutlierStat`].
const STATS: usize = 20;

/// Watches the hosts of one cluster. Workers report to it; a sweep a while ends ejections and judges rates.
pub struct Detector {
    settings: Settings,
    runtime: SharedRuntime,
    cluster: Arc<str>,
    log: Option<EventLog>,
    counters: SharedCounters<STATS>,
    /// By [`Origin`].
    averages: Mutex<[Averages; 2]>,
    /// Held to eject: how many hosts may be is limited.
    ejecting: Mutex<Random>,
}

impl Detector {
    /// # Errors
    /// The file for events cannot be opened.
    pub fn compile(
        message: &proto::OutlierDetection,
        cluster: Arc<str>,
        runtime: &SharedRuntime,
        sinks: Option<&Sinks>,
    ) -> Result<Self> {
        let path = &message.event_log_path;
        let log = sinks.filter(|_| !path.is_empty()).map(|sinks| EventLog::open(path, sinks));
        Ok(Self {
            settings: Settings::compile(message),
            runtime: runtime.clone(),
            cluster,
            log: log.transpose().at("event_log_path")?,
            counters: Default::default(),
            averages: Mutex::default(),
            ejecting: Mutex::new(Random::new()),
        })
    }

    /// Number of the block that counts [`OutlierStat`].
    pub fn stats_block(&self) -> u32 {
        self.settings.stats_block
    }

    /// The time from one sweep to the next.
    pub fn interval(&self) -> Duration {
        self.settings.interval(&self.runtime.load())
    }

    /// Takes an outcome of `host`, one of `sets`. True when that ejects it.
    pub fn report(&self, host: &Host, outcome: Outcome, sets: impl Fn() -> Arc<HostSets>) -> bool {
        let monitor = host.stats.monitor();
        let apart = self.settings.splits_origins;
        let reached = match outcome {
            Outcome::Connected | Outcome::Served if apart => self.connected(monitor),
            Outcome::Failed | Outcome::TimedOut(_) if apart => self.unreachable(monitor),
            Outcome::Connected => return false,
            Outcome::Served => self.answered(monitor, 200),
            Outcome::Failed => self.answered(monitor, 503),
            Outcome::Answered(status) | Outcome::TimedOut(status) => self.answered(monitor, status),
        };
        let mut ejected = false;
        for ejection in reached.into_iter().flatten() {
            ejected |= self.fail_in_a_row(host, ejection, &sets());
        }
        ejected
    }

    /// Which limits of failures in a row an answer reaches.
    fn answered(&self, monitor: &Monitor, status: u16) -> [Option<Ejection>; 2] {
        let failed = (500..600).contains(&status);
        monitor.count(Origin::Answers, !failed);
        if !failed {
            monitor.forget(Ejection::Consecutive5xx);
            monitor.forget(Ejection::ConsecutiveGatewayFailure);
            return [None; 2];
        }
        let gateway = match status {
            502..=504 => self.one_more(monitor, Ejection::ConsecutiveGatewayFailure),
            _ => {
                monitor.forget(Ejection::ConsecutiveGatewayFailure);
                None
            }
        };
        [gateway, self.one_more(monitor, Ejection::Consecutive5xx)]
    }

    fn connected(&self, monitor: &Monitor) -> [Option<Ejection>; 2] {
        monitor.count(Origin::Connections, true);
        monitor.forget(Ejection::ConsecutiveLocalOriginFailure);
        [None; 2]
    }

    fn unreachable(&self, monitor: &Monitor) -> [Option<Ejection>; 2] {
        monitor.count(Origin::Connections, false);
        [self.one_more(monitor, Ejection::ConsecutiveLocalOriginFailure), None]
    }

    /// One more failure in a row; `ejection` when it is the one that is too many.
    fn one_more(&self, monitor: &Monitor, ejection: Ejection) -> Option<Ejection> {
        let count = monitor.one_more(ejection);
        (count == self.settings.in_a_row(&self.runtime.load(), ejection)).then_some(ejection)
    }

    fn fail_in_a_row(&self, host: &Host, ejection: Ejection, sets: &HostSets) -> bool {
        let random = self.lock();
        let monitor = host.stats.monitor();
        let known = sets.hosts().any(|each| each.same_endpoint(host));
        if !known || monitor.is_ejected() {
            return false;
        }
        let ejected = self.detect(host, ejection, sets, &random);
        if ejection == Ejection::Consecutive5xx {
            self.count(OutlierStat::OutlierEjectionsConsecutive5xx);
        }
        monitor.forget(ejection);
        ejected
    }

    /// Ejects `host`, unless too many are or chance spares it.
    fn detect(&self, host: &Host, ejection: Ejection, sets: &HostSets, random: &Random) -> bool {
        self.count(ejection.detected());
        let runtime = self.runtime.load();
        if !self.settings.may_eject(&runtime, active(sets), sets.hosts().count()) {
            self.count(OutlierStat::OutlierEjectionsOverflow);
            return false;
        }
        if matches!(ejection, Ejection::Consecutive5xx | Ejection::SuccessRate) {
            self.count(OutlierStat::OutlierEjectionsTotal);
        }
        let enforced = self.settings.enforces(&runtime, ejection, random);
        if enforced {
            self.count(OutlierStat::OutlierEjectionsEnforcedTotal);
            self.count(ejection.enforced());
            host.stats.monitor().eject(&self.settings.times(&runtime), random);
            host.stats.failures.fetch_add(1, Relaxed);
        }
        self.log(Event::Ejected { ejection, enforced, averages: self.averages() }, host);
        enforced
    }

    /// Ends the ejection of a host that has passed its health check, unless checks are not to do that. True when
    /// there was one.
    pub fn forgive(&self, host: &Host) -> bool {
        if !self.settings.forgives || !host.stats.is_ejected() {
            return false;
        }
        host.stats.monitor().uneject(Instant::now());
        self.log(Event::Unejected, host);
        true
    }

    fn log(&self, event: Event, host: &Host) {
        if let Some(log) = &self.log {
            log.write(event.line(&self.cluster, host));
        }
    }

    fn count(&self, stat: OutlierStat) {
        self.counters.inc(stat);
    }

    fn lock(&self) -> MutexGuard<'_, Random> {
        self.ejecting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn averages(&self) -> [Averages; 2] {
        *self.averages.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts on from the detector of the cluster that this one's replaces.
    pub fn count_on(&self, old: &Self) {
        self.counters.count_on(&old.counters);
    }

    /// Writes the counters to a block that nobody else writes.
    pub fn write_stats(&self, sets: &HostSets, block: &Block) {
        self.counters.write(block);
        block.set(OutlierStat::OutlierEjectionsActive, active(sets) as u64);
    }

    /// Sets the counters to 0.
    pub fn reset_counters(&self) {
        self.counters.reset();
    }

    /// What the last sweep found, as /clusters shows it.
    pub fn status(&self) -> proto::OutlierStatus {
        let [answers, connections] = self.averages();
        proto::OutlierStatus {
            success_rate_average: answers.average,
            success_rate_ejection_threshold: answers.threshold,
            local_origin_success_rate_average: connections.average,
            local_origin_success_rate_ejection_threshold: connections.threshold,
        }
    }
}

/// How many hosts are ejected.
fn active(sets: &HostSets) -> usize {
    sets.hosts().filter(|host| host.stats.is_ejected()).count()
}
