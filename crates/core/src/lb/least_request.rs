//! LEAST_REQUEST: the least busy of a few random hosts; with unequal weights, by weight over load.

use std::cell::RefCell;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::Arc;

use super::edf::Edf;
use super::{weights_count, LbContext, LbSettings, Policy, SlowStart};
use crate::clock;
use crate::random::Random;
use crate::upstream::Host;

pub fn build(hosts: &[Arc<Host>], settings: &LbSettings, random: &Random) -> Box<dyn Policy> {
    if !weights_count(hosts, settings) {
        return match settings.full_scan {
            true => Box::new(FullScan),
            false => Box::new(Choices(settings.choice_count.max(1))),
        };
    }
    let weighing = Weighing { bias: settings.active_request_bias, slow_start: settings.slow_start };
    let weights: Vec<_> = hosts.iter().map(|host| weighing.weight(host)).collect();
    Box::new(Weighted { edf: RefCell::new(Edf::new(&weights, random)), weighing })
}

fn active(host: &Host) -> u64 {
    host.stats.rq_active.load(Relaxed)
}

struct Weighing {
    bias: f64,
    slow_start: Option<SlowStart>,
}

impl Weighing {
    /// weight / (active requests + 1) ^ bias
    fn weight(&self, host: &Host) -> f64 {
        let weight = f64::from(host.weight);
        let factor = self.slow_start.map_or(1.0, |slow| slow.factor(host, clock::now()));
        factor
            * match self.bias {
                0.0 => weight,
                1.0 => weight / (active(host) as f64 + 1.0),
                bias => weight / (active(host) as f64 + 1.0).powf(bias),
            }
    }
}

/// The least busy of this many random hosts, the first of equals.
struct Choices(u32);

impl Policy for Choices {
    fn pick(&self, hosts: &[Arc<Host>], _: &LbContext<'_>, random: &Random) -> usize {
        let any = || random.below(hosts.len() as u64) as usize;
        let mut best = any();
        for _ in 1..self.0 {
            let other = any();
            if active(&hosts[other]) < active(&hosts[best]) {
                best = other;
            }
        }
        best
    }
}

/// The least busy of all hosts, any of equals.
struct FullScan;

impl Policy for FullScan {
    fn pick(&self, hosts: &[Arc<Host>], _: &LbContext<'_>, random: &Random) -> usize {
        let (mut best, mut least, mut equals) = (0, u64::MAX, 0);
        for (index, host) in hosts.iter().enumerate() {
            let busy = active(host);
            if busy < least {
                (best, least, equals) = (index, busy, 1);
            } else if busy == least {
                equals += 1;
                if random.below(equals) == 0 {
                    best = index;
                }
            }
        }
        best
    }
}

struct Weighted {
    edf: RefCell<Edf>,
    weighing: Weighing,
}

impl Policy for Weighted {
    fn pick(&self, hosts: &[Arc<Host>], _: &LbContext<'_>, _: &Random) -> usize {
        let weight = |index: usize| self.weighing.weight(&hosts[index]);
        self.edf.borrow_mut().pick(weight).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering::Relaxed;

    use super::build;
    use crate::lb::testing::{count, hosts};
    use crate::lb::{LbContext, LbSettings};
    use crate::random::Random;

    #[test]
    fn the_less_busy_of_two_choices() {
        let hosts = hosts(&[1, 1]);
        hosts[0].stats.rq_active.store(5, Relaxed);
        let random = Random::seeded(3);
        let policy = build(&hosts, &LbSettings::default(), &random);
        let counts = count(4000, 2, || policy.pick(&hosts, &LbContext::default(), &random));
        // The busy host is taken only when both choices are it.
        assert!(counts[0].abs_diff(1000) < 150, "{counts:?}");
    }

    #[test]
    fn a_full_scan_finds_the_least_busy() {
        let hosts = hosts(&[1, 1, 1, 1]);
        hosts[0].stats.rq_active.store(5, Relaxed);
        hosts[2].stats.rq_active.store(1, Relaxed);
        let random = Random::seeded(3);
        let settings = LbSettings { full_scan: true, ..LbSettings::default() };
        let policy = build(&hosts, &settings, &random);
        let counts = count(1000, 4, || policy.pick(&hosts, &LbContext::default(), &random));
        assert_eq!((counts[0], counts[2]), (0, 0));
        assert!(counts[1].abs_diff(500) < 75, "{counts:?}");
    }

    #[test]
    fn unequal_weights_are_divided_by_load() {
        let hosts = hosts(&[3, 1]);
        hosts[0].stats.rq_active.store(2, Relaxed);
        let random = Random::seeded(3);
        let settings = LbSettings { active_request_bias: 1.0, ..LbSettings::default() };
        let policy = build(&hosts, &settings, &random);
        let counts = count(100, 2, || policy.pick(&hosts, &LbContext::default(), &random));
        assert!(counts[0].abs_diff(50) <= 1, "{counts:?}");
        let settings = LbSettings { active_request_bias: 0.0, ..settings };
        let policy = build(&hosts, &settings, &random);
        let counts = count(100, 2, || policy.pick(&hosts, &LbContext::default(), &random));
        assert!(counts[0].abs_diff(75) <= 1, "{counts:?}");
    }
}
