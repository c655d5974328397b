//! LEAST_REQUEST: the least busy of a few random hosts; with unequal weights, by weight over load.

use std::cell::RefCell;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::Arc;

use super::edf::Edf;
use super::{weights_are_equal, LbContext, LbSettings, Policy};
use crate::random::Random;
use crate::upstream::Host;

pub fn build(hosts: &[Arc<Host>], settings: &LbSettings, random: &Random) -> Box<dyn Policy> {
    if weights_are_equal(hosts) {
        return Box::new(Choices(settings.choice_count.max(1)));
    }
    let bias = settings.active_request_bias;
    let weights: Vec<_> = hosts.iter().map(|host| effective_weight(host, bias)).collect();
    Box::new(Weighted { edf: RefCell::new(Edf::new(&weights, random)), bias })
}

fn active(host: &Host) -> u64 {
    host.stats.rq_active.load(Relaxed)
}

/// weight / (active requests + 1) ^ bias
fn effective_weight(host: &Host, bias: f64) -> f64 {
    let weight = f64::from(host.weight);
    match bias {
        0.0 => weight,
        1.0 => weight / (active(host) as f64 + 1.0),
        _ => weight / (active(host) as f64 + 1.0).powf(bias),
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

struct Weighted {
    edf: RefCell<Edf>,
    bias: f64,
}

impl Policy for Weighted {
    fn pick(&self, hosts: &[Arc<Host>], _: &LbContext<'_>, _: &Random) -> usize {
        let weight = |index: usize| effective_weight(&hosts[index], self.bias);
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
