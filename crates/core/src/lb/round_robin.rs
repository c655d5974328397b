//! ROUND_ROBIN: hosts in turn from a random start; by weight when weights differ.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use super::edf::Edf;
use super::{weights_are_equal, LbContext, LbSettings, Policy};
use crate::random::Random;
use crate::upstream::Host;

pub fn build(hosts: &[Arc<Host>], _: &LbSettings, random: &Random) -> Box<dyn Policy> {
    match weights_are_equal(hosts) {
        true => Box::new(Turns(Cell::new(random.below(hosts.len() as u64) as usize))),
        false => {
            let weights: Vec<_> = hosts.iter().map(|host| host.weight.into()).collect();
            Box::new(Weighted(RefCell::new(Edf::new(&weights, random))))
        }
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

struct Weighted(RefCell<Edf>);

impl Policy for Weighted {
    fn pick(&self, hosts: &[Arc<Host>], _: &LbContext<'_>, _: &Random) -> usize {
        self.0.borrow_mut().pick(|index| hosts[index].weight.into()).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::build;
    use crate::lb::testing::{count, hosts};
    use crate::lb::{LbContext, LbSettings};
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
