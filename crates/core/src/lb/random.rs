//! RANDOM: any host with the same chance; endpoint weights are ignored, as Envoy does.

use std::sync::Arc;

use super::{LbContext, LbSettings, Policy};
use crate::random::Random;
use crate::upstream::Host;

pub fn build(_: &[Arc<Host>], _: &LbSettings, _: &Random) -> Box<dyn Policy> {
    Box::new(Uniform)
}

struct Uniform;

impl Policy for Uniform {
    fn pick(&self, hosts: &[Arc<Host>], _: &LbContext<'_>, random: &Random) -> usize {
        random.below(hosts.len() as u64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::build;
    use crate::lb::testing::{count, hosts};
    use crate::lb::{LbContext, LbSettings};
    use crate::random::Random;

    #[test]
    fn weights_are_ignored() {
        let hosts = hosts(&[1, 100, 1, 1]);
        let random = Random::seeded(11);
        let policy = build(&hosts, &LbSettings::default(), &random);
        let counts = count(4000, 4, || policy.pick(&hosts, &LbContext::default(), &random));
        assert!(counts.iter().all(|count| count.abs_diff(1000) < 150), "{counts:?}");
    }
}
