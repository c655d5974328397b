//! How hosts weigh by the load that they report (`client_side_weighted_round_robin`).
//! <https://www.envoyproxy.io/docs/envoy/latest/api-v3/extensions/load_balancing_policies/client_side_weighted_round_robin/v3/client_side_weighted_round_robin.proto>

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use super::{Host, HostSets};
use crate::clock;
use crate::proto;
use crate::proto::service::OrcaLoadReport;

/// Weights are not settled more often.
const SHORTEST_UPDATE: Duration = Duration::from_millis(100);

pub struct LoadWeights {
    blackout: Duration,
    expiration: Duration,
    pub update: Duration,
    error_penalty: f64,
    metrics: Vec<String>,
}

impl LoadWeights {
    pub fn compile(message: &proto::LoadWeights) -> Self {
        Self {
            blackout: Duration::from_millis(message.blackout_ms),
            expiration: Duration::from_millis(message.expiration_ms),
            update: Duration::from_millis(message.update_ms).max(SHORTEST_UPDATE),
            error_penalty: message.error_utilization_penalty,
            metrics: message.metric_names.clone(),
        }
    }

    /// Takes what a host reports.
    pub fn take(&self, report: &OrcaLoadReport, host: &Host) {
        if let Some(weight) = self.weight(report) {
            host.stats.load_weight().report(weight, clock::now());
        }
    }

    /// None: the report does not tell enough.
    fn weight(&self, report: &OrcaLoadReport) -> Option<u32> {
        let rate = report.rps_fractional;
        if rate <= 0.0 {
            return None;
        }
        let used = self.utilization(report) + self.error_penalty * report.eps / rate;
        // As in Envoy a fraction is cut off, and what is too much is the most.
        (used > 0.0).then_some((rate / used) as u32)
    }

    fn utilization(&self, report: &OrcaLoadReport) -> f64 {
        if report.application_utilization > 0.0 {
            return report.application_utilization;
        }
        let named = self.metrics.iter().map(|name| metric(report, name));
        match named.fold(0.0, f64::max) {
            used if used > 0.0 => used,
            _ => report.cpu_utilization,
        }
    }

    /// Settles what each host weighs: by its reports where they count, as the median of those of its priority where
    /// not. True when a weight has changed.
    pub fn settle(&self, sets: &HostSets, now: Instant) -> bool {
        let mut changed = false;
        for priority in &sets.priorities {
            let weights: Vec<_> =
                priority.hosts().map(|host| host.stats.load_weight().valid(self, now)).collect();
            let median = median(weights.iter().copied().flatten().collect());
            for (host, weight) in priority.hosts().zip(weights) {
                changed |= host.stats.load_weight().settle(weight.unwrap_or(median));
            }
        }
        changed
    }
}

/// The middle one of some weights, or between the two in the middle; 1 without any.
fn median(mut weights: Vec<u32>) -> u32 {
    weights.sort_unstable();
    let middle = weights.len() / 2;
    match weights.get(middle) {
        None => 1,
        Some(&upper) if weights.len() % 2 == 1 => upper,
        Some(&upper) => ((u64::from(weights[middle - 1]) + u64::from(upper)) / 2) as u32,
    }
}

/// The greatest of the metrics that a name is about, which may end with `*`.
fn metric(report: &OrcaLoadReport, name: &str) -> f64 {
    let of = |metrics: &BTreeMap<String, f64>, key: &str| match key {
        "*" => metrics.values().copied().fold(0.0, f64::max),
        key => metrics.get(key).copied().unwrap_or_default(),
    };
    match (name, name.split_once('.')) {
        ("application_utilization", _) => report.application_utilization,
        ("cpu_utilization", _) => report.cpu_utilization,
        ("mem_utilization", _) => report.mem_utilization,
        ("eps", _) => report.eps,
        ("rps_fractional", _) => report.rps_fractional,
        (_, Some(("named_metrics", key))) => of(&report.named_metrics, key),
        (_, Some(("utilization", key))) => of(&report.utilization, key),
        (_, Some(("request_cost", key))) => of(&report.request_cost, key),
        _ => 0.0,
    }
}

/// What one host has reported, written by every worker, and what it weighs.
pub struct LoadWeight {
    /// Times below count milliseconds from one before this.
    begin: Instant,
    reported: AtomicU32,
    /// Of the first report that counts, and of the last; 0: there was none.
    since: AtomicU64,
    last: AtomicU64,
    /// 0: not settled yet.
    settled: AtomicU32,
}

impl Default for LoadWeight {
    fn default() -> Self {
        Self {
            begin: clock::now(),
            reported: AtomicU32::new(0),
            since: AtomicU64::new(0),
            last: AtomicU64::new(0),
            settled: AtomicU32::new(0),
        }
    }
}

impl LoadWeight {
    fn millis(&self, now: Instant) -> u64 {
        now.saturating_duration_since(self.begin).as_millis() as u64 + 1
    }

    fn report(&self, weight: u32, now: Instant) {
        let now = self.millis(now);
        self.reported.store(weight, Relaxed);
        self.last.store(now, Relaxed);
        _ = self.since.compare_exchange(0, now, Relaxed, Relaxed);
    }

    /// What was reported, if it counts now.
    fn valid(&self, settings: &LoadWeights, now: Instant) -> Option<u32> {
        let now = self.millis(now);
        let since = self.since.load(Relaxed);
        if since == 0 || now < since + settings.blackout.as_millis() as u64 {
            return None;
        }
        if now > self.last.load(Relaxed) + settings.expiration.as_millis() as u64 {
            self.since.store(0, Relaxed);
            return None;
        }
        Some(self.reported.load(Relaxed))
    }

    fn settle(&self, weight: u32) -> bool {
        let weight = weight.max(1);
        self.settled.swap(weight, Relaxed) != weight
    }
}

impl Host {
    /// What its reports of load make it weigh, or what is configured before that is settled.
    pub fn reported_weight(&self) -> u32 {
        match self.stats.load_weight().settled.load(Relaxed) {
            0 => self.weight,
            settled => settled,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{median, LoadWeight, LoadWeights};
    use crate::proto;
    use crate::proto::service::OrcaLoadReport;

    fn weights(names: &[&str]) -> LoadWeights {
        LoadWeights::compile(&proto::LoadWeights {
            blackout_ms: 100,
            expiration_ms: 1000,
            update_ms: 1,
            error_utilization_penalty: 2.0,
            metric_names: names.iter().map(|&name| name.to_owned()).collect(),
        })
    }

    fn report() -> OrcaLoadReport {
        OrcaLoadReport { rps_fractional: 100.0, cpu_utilization: 0.5, ..Default::default() }
    }

    #[test]
    fn a_weight_is_requests_by_utilization() {
        let weights = weights(&["named_metrics.*", "utilization.u"]);
        assert_eq!(weights.weight(&report()), Some(200));
        assert_eq!(weights.weight(&OrcaLoadReport { eps: 25.0, ..report() }), Some(100));
        let mut named = report();
        named.named_metrics.insert("a".into(), 0.25);
        assert_eq!(weights.weight(&named), Some(400));
        named.utilization.insert("u".into(), 0.8);
        assert_eq!(weights.weight(&named), Some(125));
        named.application_utilization = 1.0;
        assert_eq!(weights.weight(&named), Some(100));
        let tiny = OrcaLoadReport { cpu_utilization: 1e-9, ..report() };
        assert_eq!(weights.weight(&tiny), Some(u32::MAX));
        for nothing in [
            OrcaLoadReport { rps_fractional: 0.0, ..report() },
            OrcaLoadReport { cpu_utilization: 0.0, ..report() },
        ] {
            assert_eq!(weights.weight(&nothing), None);
        }
    }

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(vec![]), 1);
        assert_eq!(median(vec![7]), 7);
        assert_eq!(median(vec![400, 200]), 300);
        assert_eq!(median(vec![9, 1, 5]), 5);
        assert_eq!(median(vec![u32::MAX, u32::MAX]), u32::MAX);
    }

    #[test]
    fn a_report_counts_after_a_blackout_until_it_expires() {
        let (weights, load) = (weights(&[]), LoadWeight::default());
        let at = |ms| load.begin + Duration::from_millis(ms);
        let valid = |now: Instant| load.valid(&weights, now);
        assert_eq!(valid(at(500)), None);
        load.report(7, at(500));
        assert_eq!(valid(at(599)), None);
        assert_eq!(valid(at(600)), Some(7));
        load.report(8, at(700));
        assert_eq!(valid(at(1700)), Some(8));
        assert_eq!(valid(at(1701)), None);
        load.report(9, at(1800));
        assert_eq!(valid(at(1850)), None);
        assert_eq!(valid(at(1900)), Some(9));
    }
}
