use std::collections::HashMap;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::Arc;

use super::{HashSettings, Order, TableSettings, Tables};
use crate::lb::testing::{asker, host};
use crate::lb::{Asker, LbContext, LbSettings};
use crate::proto::ClusterStat;
use crate::random::Random;
use crate::stats::{Block, BlockKind, Registry};
use crate::upstream::{Health, Host, HostSets, LocalityHosts, PriorityHosts};

const RING: TableSettings = TableSettings::Ring { minimum: 1024, maximum: 8 << 20, murmur: false };
const MAGLEV: TableSettings = TableSettings::Maglev { size: 65_537 };

/// Localities of one priority as (weight, weights of their hosts).
fn sets(localities: &[(u32, &[u32])]) -> HostSets {
    let mut number = 0;
    let mut locality = |(weight, hosts): &(u32, &[u32])| LocalityHosts {
        locality: Arc::default(),
        weight: *weight,
        hosts: hosts
            .iter()
            .map(|weight| {
                number += 1;
                host(number, *weight, Health::Healthy)
            })
            .collect(),
    };
    let localities = localities.iter().map(&mut locality).collect();
    HostSets { priorities: vec![PriorityHosts { localities }], ..HostSets::default() }
}

fn tables(sets: &HostSets, table: TableSettings) -> Tables {
    tables_with(sets, HashSettings { use_hostname: false, balance_factor: 0, table })
}

fn tables_with(sets: &HostSets, hashing: HashSettings) -> Tables {
    Tables::new(sets, &LbSettings::default(), hashing, None)
}

fn choose(tables: &Tables, hash: u64) -> Option<Arc<Host>> {
    let context = LbContext { hash: Some(hash), ..LbContext::default() };
    tables.choose(&context, &asker(&Random::seeded(1)), &Order::default()).cloned()
}

/// A hash that is another for each number, and anywhere.
fn spread(number: u64) -> u64 {
    crate::hash::xxhash64(&number.to_le_bytes(), 7)
}

fn shares(tables: &Tables) -> HashMap<String, u64> {
    let mut counts = HashMap::new();
    for number in 0..10_000 {
        let host = choose(tables, spread(number)).unwrap();
        *counts.entry(host.address.to_string()).or_insert(0) += 1;
    }
    counts
}

fn block(tables: &Tables) -> Arc<Block> {
    let block = Registry::default().block(0, 1, BlockKind::Cluster);
    tables.write_stats(&block);
    block
}

#[test]
fn places_follow_the_weights() {
    let sets = sets(&[(0, &[1, 2, 1])]);
    for table in [RING, MAGLEV] {
        let shares = shares(&tables(&sets, table));
        for (address, share) in [("10.0.0.1:80", 2500), ("10.0.0.2:80", 5000)] {
            assert!(shares[address].abs_diff(share) < 500, "{table:?}: {shares:?}");
        }
    }
}

/// The numbers are those that Envoy shows for the same weights.
#[test]
fn stats_tell_the_places_of_hosts() {
    let sets = sets(&[(0, &[1, 2, 1])]);
    let ring = block(&tables(&sets, RING));
    assert_eq!(ring.get(ClusterStat::ClusterRingHashLbSize), 1024);
    assert_eq!(ring.get(ClusterStat::ClusterRingHashLbMinHashesPerHost), 256);
    assert_eq!(ring.get(ClusterStat::ClusterRingHashLbMaxHashesPerHost), 512);
    let maglev = block(&tables(&sets, MAGLEV));
    assert_eq!(maglev.get(ClusterStat::ClusterMaglevLbMinEntriesPerHost), 16_384);
    assert_eq!(maglev.get(ClusterStat::ClusterMaglevLbMaxEntriesPerHost), 32_768);
}

#[test]
fn few_keys_move_when_a_host_goes() {
    let (all, fewer) = (sets(&[(0, &[1; 10])]), sets(&[(0, &[1; 9])]));
    for (table, most) in [(RING, 1500), (MAGLEV, 400)] {
        let (before, after) = (tables(&all, table), tables(&fewer, table));
        let moved = (0..10_000).filter(|number| {
            let old = choose(&before, spread(*number)).unwrap();
            let new = choose(&after, spread(*number)).unwrap();
            old.address != new.address && old.address.to_string() != "10.0.0.10:80"
        });
        assert!(moved.count() <= most, "{table:?}");
    }
}

#[test]
fn another_attempt_finds_another_host() {
    let sets = sets(&[(0, &[1, 1, 1])]);
    for table in [RING, MAGLEV] {
        let tables = tables(&sets, table);
        let avoid = [choose(&tables, 42).unwrap()];
        let context =
            LbContext { hash: Some(42), avoid: &avoid, max_attempts: 20, ..LbContext::default() };
        let random = Random::seeded(1);
        let other = tables.choose(&context, &asker(&random), &Order::default()).unwrap();
        assert!(!other.same_endpoint(&avoid[0]), "{table:?}");
    }
}

#[test]
fn unhealthy_hosts_have_no_place_but_in_panic() {
    let sets = sets(&[(0, &[1, 1, 1])]);
    let hosts: Vec<_> = sets.hosts().cloned().collect();
    hosts[0].set_health(Health::Unhealthy);
    assert_eq!(shares(&tables(&sets, MAGLEV)).len(), 2);
    hosts[1].set_health(Health::Unhealthy);
    assert_eq!(shares(&tables(&sets, MAGLEV)).len(), 3);
    let settings = LbSettings { panic_threshold: 0, ..LbSettings::default() };
    let hashing = HashSettings { use_hostname: false, balance_factor: 0, table: MAGLEV };
    hosts[2].set_health(Health::Degraded);
    let degraded_alone = Tables::new(&sets, &settings, hashing, None);
    assert!(choose(&degraded_alone, 1).is_none());
}

#[test]
fn localities_share_the_places_by_weight() {
    let sets = sets(&[(1, &[1, 1]), (3, &[1]), (0, &[1])]);
    let settings = LbSettings { locality_weighted: true, ..LbSettings::default() };
    let hashing = HashSettings { use_hostname: false, balance_factor: 0, table: RING };
    let shares = shares(&Tables::new(&sets, &settings, hashing, None));
    assert!(shares["10.0.0.3:80"].abs_diff(7500) < 500, "{shares:?}");
    assert_eq!(shares.len(), 3);
}

#[test]
fn a_table_stays_while_its_hosts_do() {
    let sets = sets(&[(0, &[1, 1])]);
    let hashing = HashSettings { use_hostname: false, balance_factor: 0, table: RING };
    let settings = LbSettings::default();
    let first = Tables::new(&sets, &settings, hashing, None);
    let second = Tables::new(&sets, &settings, hashing, Some(&first));
    assert!(Arc::ptr_eq(&first.priorities[0], &second.priorities[0]));
    sets.hosts().for_each(|host| host.set_health(Health::Degraded));
    let third = Tables::new(&sets, &settings, hashing, Some(&second));
    assert!(!Arc::ptr_eq(&second.priorities[0], &third.priorities[0]));
}

#[test]
fn a_host_with_too_many_requests_is_passed_over() {
    let sets = sets(&[(0, &[1, 1, 1, 1])]);
    let hashing = HashSettings { use_hostname: false, balance_factor: 150, table: RING };
    let tables = tables_with(&sets, hashing);
    let first = choose(&tables, 42).unwrap();
    // 8 requests and this one, and half as many again: 14 slots, 4 for each host.
    first.stats.rq_active.store(5, Relaxed);
    let random = Random::seeded(1);
    let asker = Asker { active_requests: &|| 8, ..asker(&random) };
    let context = LbContext { hash: Some(42), ..LbContext::default() };
    let order = Order::default();
    let other = tables.choose(&context, &asker, &order).unwrap();
    assert!(!other.same_endpoint(&first));
    assert!(tables.choose(&context, &asker, &order).unwrap().same_endpoint(other));
    sets.hosts().for_each(|host| host.stats.rq_active.store(9, Relaxed));
    first.stats.rq_active.store(8, Relaxed);
    assert!(tables.choose(&context, &asker, &order).unwrap().same_endpoint(&first));
}
