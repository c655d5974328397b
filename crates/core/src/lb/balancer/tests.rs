use std::cell::Cell;
use std::collections::HashMap;
use std::sync::Arc;

use super::Balancer;
use crate::lb::testing::{asker, host};
use crate::lb::{Asker, LbContext, LbSettings};
use crate::proto::ClusterStat;
use crate::random::Random;
use crate::upstream::{Health, Host, HostSets, LocalityHosts, PriorityHosts};

const GOOD: Health = Health::Healthy;
const BAD: Health = Health::Unhealthy;
const MEDIUM: Health = Health::Degraded;
const GONE: Health = Health::Draining;

/// Localities as (weight, health of each host); hosts are numbered through all of `priorities`.
fn sets(priorities: &[&[(u32, &[Health])]]) -> Arc<HostSets> {
    let mut number = 0;
    let mut locality = |(weight, hosts): &(u32, &[Health])| LocalityHosts {
        locality: Arc::default(),
        weight: *weight,
        hosts: hosts
            .iter()
            .map(|health| {
                number += 1;
                host(number, 1, *health)
            })
            .collect(),
    };
    let priorities = priorities
        .iter()
        .map(|localities| PriorityHosts {
            localities: localities.iter().map(&mut locality).collect(),
        })
        .collect();
    Arc::new(HostSets { priorities, ..HostSets::default() })
}

fn number(host: &Host) -> u8 {
    host.address.ip().map_or(0, |ip| match ip.ip() {
        std::net::IpAddr::V4(ip) => ip.octets()[3],
        std::net::IpAddr::V6(_) => 0,
    })
}

/// Percent of 1000 choices for each host number, and how often panic was told.
fn shares(sets: &Arc<HostSets>, settings: LbSettings) -> (HashMap<u8, usize>, usize) {
    let balancer = Balancer::new(sets.clone(), settings, None);
    let random = Random::seeded(9);
    let panics = Cell::new(0);
    let mut counts = HashMap::new();
    for _ in 0..1000 {
        let count = |stat| {
            assert_eq!(stat, ClusterStat::ClusterLbHealthyPanic);
            panics.set(panics.get() + 1);
        };
        let asker = Asker { count: &count, ..asker(&random) };
        if let Some(host) = balancer.choose(&LbContext::default(), &asker) {
            *counts.entry(number(host)).or_insert(0) += 1;
        }
    }
    counts.values_mut().for_each(|count| *count = (*count + 5) / 10);
    (counts, panics.get())
}

fn assert_shares(found: &HashMap<u8, usize>, expected: &[(u8, usize)]) {
    let about = |number: &u8, percent: usize| {
        found.get(number).copied().unwrap_or(0).abs_diff(percent) <= 4
    };
    let all = expected.iter().all(|(number, percent)| about(number, *percent));
    assert!(all && found.len() == expected.len(), "{found:?}, not {expected:?}");
}

#[test]
fn only_healthy_hosts_are_chosen() {
    let sets = sets(&[&[(0, &[GOOD, BAD, GOOD, Health::Timeout, GONE, Health::Unknown])]]);
    let (found, panics) = shares(&sets, LbSettings::default());
    assert_shares(&found, &[(1, 33), (3, 33), (6, 33)]);
    assert_eq!(panics, 0);
}

#[test]
fn panic_uses_all_hosts_or_none() {
    let sets = sets(&[&[(0, &[GOOD, BAD, BAD, BAD])]]);
    let (found, panics) = shares(&sets, LbSettings::default());
    assert_shares(&found, &[(1, 25), (2, 25), (3, 25), (4, 25)]);
    assert_eq!(panics, 1000);
    let settings = LbSettings { fail_traffic_on_panic: true, ..LbSettings::default() };
    let (found, panics) = shares(&sets, settings);
    assert_eq!((found.len(), panics), (0, 1000));
    let settings = LbSettings { panic_threshold: 0, ..LbSettings::default() };
    assert_shares(&shares(&sets, settings).0, &[(1, 100)]);
}

#[test]
fn without_panic_a_cluster_of_unhealthy_hosts_has_none() {
    let settings = LbSettings { panic_threshold: 0, ..LbSettings::default() };
    let (found, panics) = shares(&sets(&[&[(0, &[BAD, BAD])]]), settings);
    assert_eq!((found.len(), panics), (0, 0));
    assert_eq!(shares(&sets(&[&[]]), LbSettings::default()).0.len(), 0);
}

#[test]
fn load_spills_to_the_next_priority_and_to_degraded_hosts() {
    let sets = sets(&[&[(0, &[GOOD, BAD])], &[(0, &[GOOD])]]);
    assert_shares(&shares(&sets, LbSettings::default()).0, &[(1, 70), (3, 30)]);
    let sets = self::sets(&[&[(0, &[GOOD, MEDIUM])]]);
    assert_shares(&shares(&sets, LbSettings::default()).0, &[(1, 70), (2, 30)]);
}

#[test]
fn localities_by_weight_and_health() {
    let settings = LbSettings { locality_weighted: true, ..LbSettings::default() };
    let healthy = sets(&[&[(1, &[GOOD, GOOD]), (3, &[GOOD])]]);
    assert_shares(&shares(&healthy, settings).0, &[(1, 13), (2, 13), (3, 75)]);
    // Half of the second is gone: its weight is 3 * 0.7 = 2.1.
    let half = sets(&[&[(1, &[GOOD]), (3, &[GOOD, BAD])]]);
    assert_shares(&shares(&half, settings).0, &[(1, 32), (2, 68)]);
    let unweighted = sets(&[&[(0, &[GOOD]), (5, &[GOOD])]]);
    assert_shares(&shares(&unweighted, settings).0, &[(2, 100)]);
    let none = sets(&[&[(0, &[GOOD]), (0, &[GOOD])]]);
    assert_shares(&shares(&none, settings).0, &[(1, 50), (2, 50)]);
}

#[test]
fn a_retry_avoids_hosts_for_some_attempts() {
    let sets = sets(&[&[(0, &[GOOD, GOOD])]]);
    let balancer = Balancer::new(sets.clone(), LbSettings::default(), None);
    let random = Random::seeded(2);
    let tried: Vec<_> = sets.hosts().take(1).cloned().collect();
    let context = LbContext { avoid: &tried, max_attempts: 1, ..LbContext::default() };
    for _ in 0..10 {
        let host = balancer.choose(&context, &asker(&random)).map(|host| number(host));
        assert_eq!(host, Some(2));
    }
    let all: Vec<_> = sets.hosts().cloned().collect();
    let context = LbContext { avoid: &all, max_attempts: 3, ..LbContext::default() };
    assert!(balancer.choose(&context, &asker(&random)).is_some());
}
