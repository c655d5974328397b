//! ROUND_ROBIN: hosts in turn from a random start; by weight when weights differ.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use super::edf::Edf;
use super::{weights_count, LbContext, LbSettings, Policy, SlowStart};
use crate::clock;
use crate::random::Random;
use crate::upstream::Host;

pub fn build(hosts: &[Arc<Host>], settings: &LbSettings, random: &Random) -> Box<dyn Policy> {
    if !weights_count(hosts, settings) {
        return Box::new(Turns(Cell::new(random.below(hosts.len() as u64) as usize)));
    }
    by_weight(hosts, |host| host.weight, settings.slow_start, random)
}

/// Hosts in turn by what `weight` says of them.
pub fn by_weight(
    hosts: &[Arc<Host>],
    weight: fn(&Host) -> u32,
    slow_start: Option<SlowStart>,
    random: &Random,
) -> Box<dyn Policy> {
    let weighing = Weighing { weight, slow_start };
    let weights: Vec<_> = hosts.iter().map(|host| weighing.weight(host)).collect();
    Box::new(Weighted { edf: RefCell::new(Edf::new(&weights, random)), weighing })
}

struct Weighing {
    weight: fn(&Host) -> u32,
    slow_start: Option<SlowStart>,
}

impl Weighing {
    fn weight(&self, host: &Host) -> f64 {
        let factor = self.slow_start.map_or(1.0, |slow| slow.factor(host, clock::now()));
        f64::from((self.weight)(host)) * factor
    }
}

struct Turns(Cell<usize>);

impl Policy for Turns {
    fn pick(&self, hosts: &[Arc<Host>], _: &LbContext<'_>, _: &Random) -> usize {
        let index = self.0.get();
        self.0.set(if index + 1 < hosts.len() { index + 1 } else { 0 });
        index.min(hosts.len() - 1)
    }
}

struct Weighted {
    edf: RefCell<Edf>,
    weighing: Weighing,
}

impl Policy for Weighted {
    fn pick(&self, hosts: &[Arc<Host>], _: &LbContext<'_>, _: &Random) -> usize {
        self.edf.borrow_mut().pick(|index| self.weighing.weight(&hosts[index])).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::build;
    use crate::lb::testing::{count, hosts};
    use crate::lb::{LbContext, LbSettings, SlowStart};
    use crate::random::Random;

    #[test]
    fn equal_weights_take_turns() {
        let hosts = hosts(&[3, 3, 3]);
        let random = Random::seeded(5);
        let policy = build(&hosts, &LbSettings::default(), &random);
        let pick = || policy.pick(&hosts, &LbContext::default(), &random);
        let first = [pick(), pick(), pick()];
        assert_eq!(first.map(|i| (i + 1) % 3), [first[1], first[2], first[0]]);
        assert_eq!([pick(), pick(), pick()], first);
    }

    #[test]
    fn the_start_is_random() {
        let hosts = hosts(&[1; 8]);
        let random = Random::seeded(5);
        let starts = count(400, 8, || {
            build(&hosts, &LbSettings::default(), &random).pick(
                &hosts,
                &LbContext::default(),
                &random,
            )
        });
        assert!(starts.iter().all(|&count| count > 25), "{starts:?}");
    }

    #[test]
    fn a_new_host_starts_slowly() {
        let mut hosts = hosts(&[1, 1]);
        let window = Duration::from_secs(3600);
        if let Some(old) = Arc::get_mut(&mut hosts[0]) {
            old.since -= 2 * window;
        }
        let slow_start = Some(SlowStart { window, aggression: 1.0, least: 0.25 });
        let settings = LbSettings { slow_start, ..LbSettings::default() };
        let random = Random::seeded(5);
        let policy = build(&hosts, &settings, &random);
        let counts = count(100, 2, || policy.pick(&hosts, &LbContext::default(), &random));
        assert!(counts[1].abs_diff(20) <= 1, "{counts:?}");
    }

    #[test]
    fn unequal_weights_are_followed() {
        let hosts = hosts(&[1, 4, 5]);
        let random = Random::seeded(5);
        let policy = build(&hosts, &LbSettings::default(), &random);
        let counts = count(100, 3, || policy.pick(&hosts, &LbContext::default(), &random));
        for (count, expected) in counts.iter().zip([10, 40, 50]) {
            assert!(count.abs_diff(expected) <= 1, "{counts:?}");
        }
    }
}
