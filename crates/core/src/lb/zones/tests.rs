use std::cell::RefCell;
use std::sync::Arc;

use super::{routing, Local, Routing, Zone, ZoneCounts, ZoneSettings, Zones};
use crate::lb::testing::{asker, host};
use crate::lb::{Asker, LbSettings};
use crate::proto::{self, ClusterStat};
use crate::random::Random;
use crate::runtime::{Runtime, SharedRuntime};
use crate::upstream::{Health, HostSets, Locality, LocalityHosts, PriorityHosts};

const GOOD: Health = Health::Healthy;
const BAD: Health = Health::Unhealthy;

fn zone(name: &str) -> Locality {
    Locality { zone: name.into(), ..Locality::default() }
}

/// Zones with the health and the weight of their hosts.
fn sets(zones: &[(&str, &[(Health, u32)])]) -> HostSets {
    let locality = |(name, hosts): &(&str, &[(Health, u32)])| LocalityHosts {
        locality: Arc::new(zone(name)),
        weight: 0,
        hosts: hosts.iter().map(|(health, weight)| host(1, *weight, *health)).collect(),
    };
    let localities = zones.iter().map(locality).collect();
    HostSets { priorities: vec![PriorityHosts { localities }], ..HostSets::default() }
}

/// Healthy hosts by zone.
fn counts(zones: &[(&str, usize)]) -> HostSets {
    let hosts: Vec<_> = zones.iter().map(|(name, count)| (name, vec![(GOOD, 1); *count])).collect();
    let zones: Vec<_> = hosts.iter().map(|(name, hosts)| (**name, &hosts[..])).collect();
    sets(&zones)
}

fn settle(
    upstream: &HostSets,
    proxies: &HostSets,
    zones: ZoneSettings,
    runtime: &[(&str, &str)],
) -> (Option<Zones>, ZoneCounts) {
    let values = runtime.iter().map(|(key, value)| (key.to_string(), value.to_string()));
    let runtime = SharedRuntime::default();
    runtime.store(Arc::new(Runtime::compile(&proto::Runtime { values: values.collect() })));
    let here = zone("b");
    let local = Local { sets: proxies, locality: Some(&here), runtime: &runtime };
    Zones::settle(upstream, &LbSettings { zones, ..LbSettings::default() }, &local)
}

fn any_size() -> ZoneSettings {
    ZoneSettings { min_cluster_size: 1, ..ZoneSettings::default() }
}

/// Percent of 1000 choices by zone of `upstream`, and what was counted.
fn shares(zones: &Zones, upstream: &HostSets, fail: bool) -> (Vec<u64>, Vec<ClusterStat>) {
    let random = Random::seeded(5);
    let counted = RefCell::new(Vec::new());
    let count = |stat| counted.borrow_mut().push(stat);
    let asker = Asker { count: &count, ..asker(&random) };
    let mut shares = vec![0; upstream.priorities[0].localities.len()];
    for _ in 0..1000 {
        if let Zone::One(index) = zones.choose(fail, &asker) {
            shares[index] += 1;
        }
    }
    let mut counted = counted.into_inner();
    counted.sort();
    counted.dedup();
    (shares.into_iter().map(|share| (share + 5) / 10).collect(), counted)
}

#[test]
fn all_stay_where_there_are_hosts_enough() {
    let (upstream, proxies) = (counts(&[("a", 3), ("b", 3)]), counts(&[("a", 1), ("b", 1)]));
    let (zones, counted) = settle(&upstream, &proxies, ZoneSettings::default(), &[]);
    assert_eq!(counted, ZoneCounts { settled: 1, ..ZoneCounts::default() });
    let (shares, counted) = shares(&zones.unwrap(), &upstream, false);
    assert_eq!(shares, [0, 100]);
    assert_eq!(counted, [ClusterStat::ClusterLbZoneRoutingAllDirectly]);
}

/// The example of Envoy's page: proxies 20 %, hosts 10 % in this zone: half of the requests stay.
#[test]
fn what_does_not_fit_goes_where_there_is_room() {
    let upstream = counts(&[("c", 5), ("b", 1), ("a", 4)]);
    let proxies = counts(&[("a", 3), ("b", 2), ("c", 5)]);
    let zones = settle(&upstream, &proxies, any_size(), &[]).0.unwrap();
    assert_eq!(
        zones.routing,
        Routing::Residual { staying: 5000, capacity: [0, 1000, 1000].into() }
    );
    let (shares, counted) = shares(&zones, &upstream, false);
    assert!(
        shares[0] == 0 && shares[1].abs_diff(50) < 5 && shares[2].abs_diff(50) < 5,
        "{shares:?}"
    );
    let stats =
        [ClusterStat::ClusterLbZoneRoutingCrossZone, ClusterStat::ClusterLbZoneRoutingSampled];
    assert_eq!(counted, stats);
}

#[test]
fn rounding_may_leave_no_room() {
    let (routing, random) =
        (routing(&[(3334, 3333), (3333, 3333)], true, false), Random::seeded(1));
    assert_eq!(routing, Routing::Residual { staying: 9997, capacity: [0, 0].into() });
    let zones = Zones {
        order: [1, 0].into(),
        routing: Routing::Residual { staying: 0, capacity: [0, 0].into() },
        local_panics: false,
        runtime: SharedRuntime::default(),
        routing_enabled: 100,
    };
    let counted = RefCell::new(Vec::new());
    let count = |stat| counted.borrow_mut().push(stat);
    assert!(matches!(
        zones.choose(false, &Asker { count: &count, ..asker(&random) }),
        Zone::One(_)
    ));
    let stats =
        [ClusterStat::ClusterLbZoneRoutingCrossZone, ClusterStat::ClusterLbZoneNoCapacityLeft];
    assert_eq!(*counted.borrow(), stats);
}

#[test]
fn no_zones_without_their_conditions() {
    let upstream = counts(&[("a", 3), ("b", 3)]);
    let proxies = counts(&[("a", 1), ("b", 1)]);
    let settled = ZoneCounts { settled: 1, ..ZoneCounts::default() };
    let too_small = ZoneCounts { too_small: 1, ..settled };
    let not_ok = ZoneCounts { local_not_ok: 1, ..settled };
    let default = ZoneSettings::default();
    for (upstream, proxies, runtime, expected) in [
        (&counts(&[("b", 6)]), &proxies, &[][..], settled),
        (&upstream, &counts(&[("b", 2)]), &[], settled),
        (&upstream, &counts(&[("a", 2), ("c", 1)]), &[], not_ok),
        (&counts(&[("a", 3), ("b", 2)]), &proxies, &[], too_small),
        (&upstream, &proxies, &[("upstream.zone_routing.min_cluster_size", "7")], too_small),
    ] {
        let (zones, counted) = settle(upstream, proxies, default, runtime);
        assert!(zones.is_none());
        assert_eq!(counted, expected);
    }
}

#[test]
fn hosts_enough_in_the_zone_keep_all() {
    let upstream = counts(&[("a", 6), ("b", 2)]);
    let proxies = counts(&[("b", 1)]);
    for (least, runtime, direct) in [
        (Some(2), &[][..], true),
        (Some(3), &[], false),
        (None, &[("upstream.zone_routing.force_local_zone.min_size", "2")], true),
    ] {
        let settings = ZoneSettings { force_local_min_size: least, ..any_size() };
        let zones = settle(&upstream, &proxies, settings, runtime).0.unwrap();
        assert_eq!(zones.routing == Routing::Direct, direct, "{least:?}");
    }
}

#[test]
fn localities_count_by_weight_if_asked() {
    let upstream = sets(&[("a", &[(GOOD, 3)]), ("b", &[(GOOD, 1)])]);
    let proxies = sets(&[("a", &[(GOOD, 1)]), ("b", &[(GOOD, 1)])]);
    let routing = |by_weight| {
        let settings = ZoneSettings { by_weight, ..any_size() };
        settle(&upstream, &proxies, settings, &[]).0.unwrap().routing
    };
    assert_eq!(routing(false), Routing::Direct);
    assert_eq!(routing(true), Routing::Residual { staying: 5000, capacity: [0, 2500].into() });
}

#[test]
fn a_local_cluster_that_panics_says_nothing() {
    let upstream = counts(&[("a", 1), ("b", 1)]);
    let proxies = sets(&[("a", &[(BAD, 1), (BAD, 1)]), ("b", &[(GOOD, 1)])]);
    let zones = settle(&upstream, &proxies, any_size(), &[]).0.unwrap();
    let random = Random::seeded(1);
    assert_eq!(zones.choose(false, &asker(&random)), Zone::Any);
    assert_eq!(zones.choose(true, &asker(&random)), Zone::None);
    assert_eq!(shares(&zones, &upstream, true).1, [ClusterStat::ClusterLbLocalClusterNotOk]);
}

#[test]
fn a_part_of_the_requests_is_enough() {
    let upstream = counts(&[("a", 1), ("b", 1)]);
    let proxies = counts(&[("a", 1), ("b", 1)]);
    let settings = ZoneSettings { routing_enabled: 30, ..any_size() };
    let in_zone = |runtime: &[(&str, &str)]| {
        let zones = settle(&upstream, &proxies, settings, runtime).0.unwrap();
        shares(&zones, &upstream, false).0[1]
    };
    assert!(in_zone(&[]).abs_diff(30) < 5);
    assert_eq!(in_zone(&[("upstream.zone_routing.enabled", "0")]), 0);
}
