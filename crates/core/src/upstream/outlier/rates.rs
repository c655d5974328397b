//! Judging the hosts of a cluster by their shares of success: against each other, or against a limit.

use super::monitor::Rate;
use super::settings::RateLimits;

/// Of the hosts with enough outcomes, in percent; -1: too few hosts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Averages {
    pub average: f64,
    /// A host below it is ejected.
    pub threshold: f64,
}

impl Default for Averages {
    fn default() -> Self {
        Self { average: -1.0, threshold: -1.0 }
    }
}

/// Why a host is to be ejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    BelowAverage,
    TooManyFailures,
}

/// What one interval gives: `rates` are those of the hosts that are not ejected, of `hosts` in all.
/// Verdicts name hosts by their place in `rates`; those by comparison come first.
pub fn judge(
    rates: &[Option<Rate>],
    hosts: u64,
    limits: &RateLimits,
) -> (Averages, Vec<(usize, Verdict)>) {
    let mut verdicts = Vec::new();
    let mut averages = Averages::default();
    if hosts < limits.success_hosts && hosts < limits.failure_hosts {
        return (averages, verdicts);
    }
    let with = |volume: u64| -> Vec<(usize, f64)> {
        let rates = rates.iter().enumerate().filter_map(|(i, rate)| Some((i, (*rate)?)));
        rates.filter(|(_, rate)| rate.volume >= volume).map(|(i, rate)| (i, rate.percent)).collect()
    };
    let compared = with(limits.success_volume);
    if !compared.is_empty() && compared.len() as u64 >= limits.success_hosts {
        averages = average(&compared, limits.deviations);
        let below = compared.iter().filter(|(_, percent)| *percent < averages.threshold);
        verdicts.extend(below.map(|(i, _)| (*i, Verdict::BelowAverage)));
    }
    let measured = with(limits.failure_volume);
    if !measured.is_empty() && measured.len() as u64 >= limits.failure_hosts {
        let bad = measured.iter().filter(|(_, good)| 100.0 - good >= limits.failure_threshold);
        verdicts.extend(bad.map(|(i, _)| (*i, Verdict::TooManyFailures)));
    }
    (averages, verdicts)
}

fn average(rates: &[(usize, f64)], deviations: f64) -> Averages {
    let count = rates.len() as f64;
    let average = rates.iter().map(|(_, percent)| percent).sum::<f64>() / count;
    let variance = rates.iter().map(|(_, p)| (p - average).powi(2)).sum::<f64>() / count;
    Averages { average, threshold: average - deviations * variance.sqrt() }
}

#[cfg(test)]
mod tests {
    use super::{judge, Averages, Verdict};
    use crate::upstream::outlier::monitor::Rate;
    use crate::upstream::outlier::settings::RateLimits;

    const LIMITS: RateLimits = RateLimits {
        success_hosts: 5,
        success_volume: 100,
        deviations: 1.9,
        failure_hosts: 5,
        failure_volume: 50,
        failure_threshold: 85.0,
    };

    fn rates(percents: &[f64]) -> Vec<Option<Rate>> {
        percents.iter().map(|&percent| Some(Rate { percent, volume: 100 })).collect()
    }

    #[test]
    fn a_host_far_below_the_others_is_ejected() {
        let (averages, verdicts) = judge(&rates(&[50.0, 100.0, 100.0, 100.0, 100.0]), 5, &LIMITS);
        assert_eq!(averages, Averages { average: 90.0, threshold: 52.0 });
        assert_eq!(verdicts, [(0, Verdict::BelowAverage)]);
    }

    #[test]
    fn too_few_hosts_or_outcomes_decide_nothing() {
        let four = rates(&[0.0, 100.0, 100.0, 100.0]);
        assert_eq!(judge(&four, 4, &LIMITS), (Averages::default(), Vec::new()));
        let mut quiet = rates(&[0.0, 100.0, 100.0, 100.0, 100.0]);
        quiet[4] = Some(Rate { percent: 100.0, volume: 49 });
        assert_eq!(judge(&quiet, 5, &LIMITS), (Averages::default(), Vec::new()));
        quiet[4] = None;
        assert_eq!(judge(&quiet, 5, &LIMITS), (Averages::default(), Vec::new()));
    }

    #[test]
    fn a_share_of_failures_over_the_limit_counts_where_all_fail() {
        let (averages, verdicts) = judge(&rates(&[15.0, 15.1, 15.0, 16.0, 15.0]), 5, &LIMITS);
        assert!(averages.threshold < 15.0);
        let failing = [0, 2, 4].map(|i| (i, Verdict::TooManyFailures));
        assert_eq!(verdicts, failing);
    }
}
