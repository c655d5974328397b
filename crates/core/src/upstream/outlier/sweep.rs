//! What happens once an interval: ejections end, and shares of success are judged.

use super::ejection::Ejection;
use super::event_log::Event;
use super::monitor::{History, Origin};
use super::rates::{judge, Verdict};
use super::{Arc, Detector, Host, HostSets, Instant, PoisonError};

impl Detector {
    /// Judges what happened since the last call. True when a host was ejected or may serve again.
    pub fn sweep(&self, sets: &HostSets, now: Instant) -> bool {
        let hosts: Vec<_> = sets.hosts().collect();
        let mut changed = self.end_ejections(&hosts, now);
        for origin in Origin::ALL {
            changed |= self.judge(&hosts, sets, origin);
        }
        let interval = self.interval();
        for host in hosts.iter().filter(|host| !host.stats.is_ejected()) {
            calm_down(&mut host.stats.monitor().history(), |unejected| now - unejected >= interval);
        }
        changed
    }

    fn end_ejections(&self, hosts: &[&Arc<Host>], now: Instant) -> bool {
        let times = self.settings.times(&self.runtime.load());
        let mut changed = false;
        for host in hosts {
            let monitor = host.stats.monitor();
            if monitor.is_due(&times, now) {
                monitor.uneject(now);
                changed = true;
                self.log(Event::Unejected, host);
            }
        }
        changed
    }

    fn judge(&self, hosts: &[&Arc<Host>], sets: &HostSets, origin: Origin) -> bool {
        let random = self.lock();
        let limits = self.settings.rates(&self.runtime.load());
        let enough = limits.success_volume.min(limits.failure_volume);
        let mut rates = Vec::with_capacity(hosts.len());
        for host in hosts {
            let monitor = host.stats.monitor();
            let rate = monitor.take_rate(origin).filter(|_| !monitor.is_ejected());
            let shown = rate.filter(|rate| rate.volume >= enough).map_or(-1.0, |rate| rate.percent);
            monitor.history().rates[origin as usize] = shown;
            rates.push(rate);
        }
        let (averages, verdicts) = judge(&rates, hosts.len() as u64, &limits);
        self.averages.lock().unwrap_or_else(PoisonError::into_inner)[origin as usize] = averages;
        let mut changed = false;
        for (place, verdict) in verdicts {
            let ejection = ejection(verdict, origin);
            if verdict == Verdict::BelowAverage {
                self.count(super::OutlierStat::OutlierEjectionsSuccessRate);
            }
            changed |= self.detect(hosts[place], ejection, sets, &random);
        }
        changed
    }
}

fn ejection(verdict: Verdict, origin: Origin) -> Ejection {
    match (verdict, origin) {
        (Verdict::BelowAverage, Origin::Answers) => Ejection::SuccessRate,
        (Verdict::BelowAverage, Origin::Connections) => Ejection::SuccessRateLocalOrigin,
        (Verdict::TooManyFailures, Origin::Answers) => Ejection::FailurePercentage,
        (Verdict::TooManyFailures, Origin::Connections) => Ejection::FailurePercentageLocalOrigin,
    }
}

/// Shortens the next ejection of a host that has served for a whole interval.
fn calm_down(history: &mut History, long_ago: impl Fn(Instant) -> bool) {
    if history.unejected.is_some_and(long_ago) {
        history.backoff = history.backoff.saturating_sub(1);
    }
}
