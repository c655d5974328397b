use std::net::SocketAddr;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::Arc;

use super::{Change, HostSets, Membership, Rules};
use crate::proto::{self, endpoint::Health};
use crate::upstream::testing::{endpoint, endpoints};
use crate::upstream::{CheckFlags, Host};

const UNIQUE: Rules = Rules {
    one_endpoint: false,
    unique: true,
    new_flags: CheckFlags::empty(),
    keep_passing: false,
};

fn at(number: u8) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, number], 80))
}

fn of(numbers: &[u8]) -> proto::Endpoints {
    endpoints(&numbers.iter().map(|number| at(*number)).collect::<Vec<_>>())
}

fn update(sets: &HostSets, message: &proto::Endpoints) -> (HostSets, Change) {
    sets.update(message, UNIQUE).unwrap()
}

fn hosts(sets: &HostSets) -> Vec<Arc<Host>> {
    sets.hosts().cloned().collect()
}

#[test]
fn hosts_that_stay_are_the_same() {
    let (first, change) = update(&HostSets::default(), &of(&[1, 2]));
    assert_eq!(change, Change::Members(1));
    let (second, change) = update(&first, &of(&[2, 3]));
    assert_eq!(change, Change::Members(1));
    let (old, new) = (hosts(&first), hosts(&second));
    assert!(Arc::ptr_eq(&old[1], &new[0]));
    assert_eq!(update(&second, &of(&[2, 3])).1, Change::None);
    assert!(new[1].slot != old[0].slot, "workers may still use the host that went");
    let (third, _) = update(&second, &of(&[2, 3, 4]));
    assert_eq!(hosts(&third)[2].slot, old[0].slot, "now its slot is free");
}

#[test]
fn changed_hosts_keep_their_counters_and_slot() {
    let (first, _) = update(&HostSets::default(), &of(&[1, 2]));
    hosts(&first)[0].stats.rq_total.store(7, Relaxed);
    let mut message = of(&[1, 2]);
    message.localities[0].endpoints[0].weight = 5;
    let (second, change) = update(&first, &message);
    assert_eq!(change, Change::Hosts);
    let (old, new) = (hosts(&first), hosts(&second));
    assert!(new[0].same_endpoint(&old[0]) && !Arc::ptr_eq(&new[0], &old[0]));
    assert_eq!((new[0].weight, new[0].slot), (5, old[0].slot));
    assert_eq!(new[0].stats.rq_total.load(Relaxed), 7);
}

#[test]
fn health_changes_in_place() {
    let (first, _) = update(&HostSets::default(), &of(&[1, 2]));
    let mut message = of(&[1, 2]);
    message.localities[0].endpoints[0].health = Health::Degraded.into();
    message.localities[0].endpoints[1].health = Health::Draining.into();
    let (second, change) = update(&first, &message);
    assert_eq!(change, Change::Hosts);
    assert!(Arc::ptr_eq(&hosts(&first)[0], &hosts(&second)[0]));
    let expected = Membership { total: 2, healthy: 0, degraded: 1, excluded: 1, max_weight: 1 };
    assert_eq!(second.membership(), expected);
}

#[test]
fn an_address_counts_once_unless_the_cluster_is_static() {
    let (sets, _) = update(&HostSets::default(), &of(&[1, 1, 2]));
    assert_eq!(hosts(&sets).len(), 2);
    let (sets, _) = HostSets::default().update(&of(&[1, 1, 2]), Rules::default()).unwrap();
    assert_eq!(hosts(&sets).len(), 3);
    let (_, change) = sets.update(&of(&[1, 1, 2]), Rules::default()).unwrap();
    assert_eq!(change, Change::None);
}

#[test]
fn a_logical_host_stays_when_its_address_changes() {
    let rules = Rules { one_endpoint: true, ..UNIQUE };
    let (first, _) = HostSets::default().update(&of(&[1]), rules).unwrap();
    let (second, change) = first.update(&of(&[9]), rules).unwrap();
    assert_eq!(change, Change::Members(1));
    let (old, new) = (hosts(&first), hosts(&second));
    assert!(new[0].same_endpoint(&old[0]));
    assert_eq!((new[0].address.ip(), new[0].slot), (Some(at(9)), old[0].slot));
}

#[test]
fn a_host_that_passes_its_checks_stays_until_it_fails() {
    let checked = Rules { new_flags: CheckFlags::FAILED, keep_passing: true, ..UNIQUE };
    let update = |sets: &HostSets, message| sets.update(&message, checked).unwrap();
    let (first, _) = update(&HostSets::default(), of(&[1, 2]));
    assert_eq!(first.membership().healthy, 0, "nobody has asked them yet");
    hosts(&first)[0].stats.checks.clear(CheckFlags::FAILED);
    let (second, change) = update(&first, of(&[3]));
    assert_eq!(change, Change::Members(1));
    let kept = hosts(&second)[1].clone();
    assert!(Arc::ptr_eq(&kept, &hosts(&first)[0]), "the other one failed");
    assert_eq!(kept.stats.checks.load(), CheckFlags::REMOVED);
    let (third, change) = update(&second, of(&[3, 1]));
    assert_eq!((change, hosts(&third).len()), (Change::None, 2), "it is back");
    assert_eq!(kept.stats.checks.load(), CheckFlags::empty());
    let (fourth, _) = update(&third, of(&[3]));
    kept.stats.checks.set(CheckFlags::FAILED);
    let (left, changed) = fourth.without_failed();
    assert_eq!((hosts(&left).len(), changed), (1, 1));
    assert_eq!(left.without_failed().1, 0);
}

#[test]
fn a_host_that_is_checked_elsewhere_is_a_new_one() {
    let checked = Rules { new_flags: CheckFlags::FAILED, keep_passing: true, ..UNIQUE };
    let (first, _) = HostSets::default().update(&of(&[1, 2]), checked).unwrap();
    hosts(&first).iter().for_each(|host| host.stats.checks.clear(CheckFlags::FAILED));
    let mut message = of(&[1, 2]);
    let endpoints = &mut message.localities[0].endpoints;
    endpoints[0].check = Some(proto::EndpointCheck { port: 81, ..Default::default() });
    endpoints[1].check = Some(proto::EndpointCheck { disabled: true, ..Default::default() });
    let (second, change) = first.update(&message, checked).unwrap();
    assert_eq!(change, Change::Members(1));
    let flags: Vec<_> = second.hosts().map(|host| host.stats.checks.load()).collect();
    assert_eq!(flags, [CheckFlags::FAILED, CheckFlags::empty()]);
}

#[test]
fn priorities_and_localities() {
    let locality = |zone: &str, priority, weight, number| proto::Locality {
        zone: zone.into(),
        priority,
        weight,
        endpoints: vec![endpoint(at(number))],
        ..Default::default()
    };
    let message = proto::Endpoints {
        localities: vec![
            locality("a", 0, Some(3), 1),
            locality("b", 0, None, 2),
            locality("a", 0, None, 3),
            locality("a", 2, None, 4),
        ],
        overprovisioning_factor: 200,
        ..Default::default()
    };
    let (sets, change) = update(&HostSets::default(), &message);
    assert_eq!(change, Change::Members(2), "priority 1 has none");
    let shape: Vec<Vec<_>> = sets
        .priorities
        .iter()
        .map(|p| {
            p.localities.iter().map(|l| (&l.locality.zone[..], l.weight, l.hosts.len())).collect()
        })
        .collect();
    assert_eq!(shape, [vec![("a", 3, 2), ("b", 0, 1)], vec![], vec![("a", 0, 1)]]);
    assert_eq!(hosts(&sets)[3].priority, 2);
    assert_eq!(sets.overprovisioning_factor, 200);
}

#[test]
fn errors_name_their_place() {
    let mut message = of(&[1, 2]);
    message.localities[0].endpoints[1].metadata_json = "{".into();
    let error = HostSets::default().update(&message, UNIQUE).map(|_| ()).unwrap_err();
    assert_eq!(error.path, "localities[0].endpoints[1].metadata_json");
    message.localities[0].priority = 4_000_000;
    assert!(HostSets::default().update(&message, UNIQUE).is_err());
}
