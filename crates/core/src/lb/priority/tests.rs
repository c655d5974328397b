use super::{Loads, PriorityHealth};
use crate::lb::Choice;

/// A priority of 100 hosts, of which these are healthy and degraded.
fn of_hundred(healthy: u64, degraded: u64) -> PriorityHealth {
    of(100, healthy, degraded)
}

fn of(hosts: u64, healthy: u64, degraded: u64) -> PriorityHealth {
    PriorityHealth {
        hosts,
        counted: hosts,
        healthy,
        degraded,
        total_weight: hosts,
        healthy_weight: healthy,
        degraded_weight: degraded,
        overprovisioning: 140,
    }
}

fn loads(priorities: &[PriorityHealth]) -> Loads {
    Loads::new(priorities, 50)
}

/// The tables of Envoy's page on priority levels.
#[test]
fn spill_over_to_lower_priorities() {
    let two = [
        ([100, 100], [100, 0]),
        ([72, 72], [100, 0]),
        ([71, 71], [99, 1]),
        ([50, 50], [70, 30]),
        ([25, 100], [35, 65]),
        ([25, 25], [50, 50]),
    ];
    for (healthy, expected) in two {
        let loads = loads(&healthy.map(|percent| of_hundred(percent, 0)));
        assert_eq!(loads.healthy, expected, "{healthy:?}");
    }
    let three = [
        ([100, 100, 100], [100, 0, 0]),
        ([72, 72, 100], [100, 0, 0]),
        ([71, 71, 100], [99, 1, 0]),
        ([50, 50, 100], [70, 30, 0]),
        ([25, 100, 100], [35, 65, 0]),
        ([25, 25, 100], [35, 35, 30]),
    ];
    for (healthy, expected) in three {
        let loads = loads(&healthy.map(|percent| of_hundred(percent, 0)));
        assert_eq!(loads.healthy, expected, "{healthy:?}");
    }
}

/// The table of Envoy's page on degraded endpoints.
#[test]
fn degraded_hosts_take_what_healthy_ones_cannot() {
    let cases = [
        ((100, 0), (100, 0)),
        ((71, 0), (100, 0)),
        ((71, 29), (99, 1)),
        ((50, 50), (70, 30)),
        ((25, 75), (35, 65)),
        ((0, 100), (0, 100)),
    ];
    for ((healthy, degraded), expected) in cases {
        let loads = loads(&[of_hundred(healthy, degraded)]);
        assert_eq!((loads.healthy[0], loads.degraded[0]), expected, "{healthy}% {degraded}%");
    }
}

/// The table of Envoy's page on the panic threshold, for two priorities of the same size.
/// What rounding leaves goes to the first, so 5% and 65% are 8 and 92 (the page says 7 and 93).
#[test]
fn panic() {
    let cases = [
        ([72, 72], [100, 0], [false, false]),
        ([71, 71], [99, 1], [false, false]),
        ([50, 60], [70, 30], [false, false]),
        ([25, 100], [35, 65], [false, false]),
        ([5, 65], [8, 92], [true, false]),
        ([25, 25], [50, 50], [true, true]),
        ([5, 0], [50, 50], [true, true]),
        ([0, 0], [50, 50], [true, true]),
    ];
    for (healthy, expected, panic) in cases {
        let loads = loads(&healthy.map(|percent| of_hundred(percent, 0)));
        assert_eq!(
            (&loads.healthy[..], &loads.panic[..]),
            (&expected[..], &panic[..]),
            "{healthy:?}"
        );
    }
}

#[test]
fn total_panic_goes_by_number_of_hosts() {
    let loads = loads(&[of(1, 0, 0), of(2, 0, 0), of(0, 0, 0)]);
    assert_eq!(loads.healthy, [34, 66, 0]);
    assert_eq!(loads.panic, [true, true, true]);
}

#[test]
fn without_hosts_or_panic_the_first_priority_has_the_load() {
    assert_eq!(loads(&[of(0, 0, 0)]).healthy, [100]);
    let loads = Loads::new(&[of(4, 0, 0), of(4, 0, 0)], 0);
    assert_eq!((loads.healthy, loads.panic), (vec![100, 0], vec![false, false]));
}

#[test]
fn excluded_hosts_do_not_count_as_missing() {
    let mut priority = of(10, 5, 0);
    priority.counted = 5;
    priority.total_weight = 5;
    let loads = loads(&[priority, of(5, 5, 0)]);
    assert_eq!((loads.healthy, loads.panic), (vec![100, 0], vec![false, false]));
}

#[test]
fn a_hash_chooses_in_proportion() {
    let loads = loads(&[of_hundred(25, 0), of_hundred(25, 50)]);
    assert_eq!((&loads.healthy[..], &loads.degraded[..]), (&[35, 35][..], &[0, 30][..]));
    assert_eq!(loads.choose(34), (0, Choice::Healthy));
    assert_eq!(loads.choose(135), (1, Choice::Healthy));
    assert_eq!(loads.choose(69), (1, Choice::Healthy));
    assert_eq!(loads.choose(70), (1, Choice::Degraded));
    assert_eq!(loads.choose(99), (1, Choice::Degraded));
}
