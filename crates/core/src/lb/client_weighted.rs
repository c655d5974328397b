//! CLIENT_SIDE_WEIGHTED_ROUND_ROBIN: hosts by the weight that their reports of load give them.

use std::sync::Arc;

use super::round_robin::by_weight;
use super::{LbSettings, Policy};
use crate::random::Random;
use crate::upstream::Host;

pub fn build(hosts: &[Arc<Host>], settings: &LbSettings, random: &Random) -> Box<dyn Policy> {
    by_weight(hosts, Host::reported_weight, settings.slow_start, random)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Instant;

    use super::build;
    use crate::lb::testing::{count, hosts};
    use crate::lb::{LbContext, LbSettings};
    use crate::proto;
    use crate::proto::service::OrcaLoadReport;
    use crate::random::Random;
    use crate::upstream::{HostSets, LoadWeights, LocalityHosts, PriorityHosts};

    #[test]
    fn hosts_without_a_report_weigh_the_median() {
        let hosts = hosts(&[9, 1, 1, 1]);
        let weights = LoadWeights::compile(&proto::LoadWeights {
            expiration_ms: 60_000,
            ..Default::default()
        });
        for (host, used) in hosts.iter().zip([1.0, 0.5, 0.25]) {
            let report = OrcaLoadReport {
                rps_fractional: 10.0,
                cpu_utilization: used,
                ..Default::default()
            };
            weights.take(&report, host);
        }
        let localities = vec![LocalityHosts {
            locality: Arc::default(),
            weight: 0,
            hosts: hosts.iter().cloned().collect(),
        }];
        let sets =
            HostSets { priorities: vec![PriorityHosts { localities }], ..Default::default() };
        assert!(weights.settle(&sets, Instant::now()));
        assert!(!weights.settle(&sets, Instant::now()));
        let random = Random::seeded(5);
        let policy = build(&hosts, &LbSettings::default(), &random);
        let counts = count(90, 4, || policy.pick(&hosts, &LbContext::default(), &random));
        for (count, expected) in counts.iter().zip([10, 20, 40, 20]) {
            assert!(count.abs_diff(expected) <= 1, "{counts:?}");
        }
    }
}
