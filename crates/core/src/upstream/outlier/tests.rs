use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Detector, HostSets, Outcome};
use crate::proto::{self, Discovery, OutlierStat as Stat};
use crate::runtime::{Runtime, SharedRuntime};
use crate::stats::{Block, BlockKind};
use crate::upstream::testing::{endpoints, message, shared};
use crate::upstream::{Availability, ClusterShared};

fn settings() -> proto::OutlierDetection {
    proto::OutlierDetection {
        interval_ms: 10_000,
        base_ejection_time_ms: 30_000,
        max_ejection_time_ms: 300_000,
        max_ejection_percent: 50,
        consecutive_5xx: 3,
        enforcing_consecutive_5xx: 100,
        consecutive_gateway_failure: 2,
        consecutive_local_origin_failure: 2,
        enforcing_consecutive_local_origin_failure: 100,
        success_rate_minimum_hosts: 5,
        success_rate_request_volume: 100,
        failure_percentage_minimum_hosts: 5,
        failure_percentage_request_volume: 50,
        failure_percentage_threshold: 85,
        ..Default::default()
    }
}

/// A cluster of `count` hosts.
fn cluster(count: u8, settings: proto::OutlierDetection) -> Arc<ClusterShared> {
    let addresses: Vec<_> = (1..=count).map(|i| ([10, 0, 0, i], 80).into()).collect();
    let outlier_detection = Some(settings);
    shared(&proto::Cluster { outlier_detection, ..message(&addresses) })
}

fn fail(cluster: &ClusterShared, host: usize, outcome: Outcome, times: usize) {
    let sets = cluster.host_sets();
    let host = sets.hosts().nth(host).unwrap();
    (0..times).for_each(|_| _ = cluster.report(host, outcome));
}

fn ejected(cluster: &ClusterShared) -> Vec<bool> {
    cluster.host_sets().hosts().map(|host| host.stats.is_ejected()).collect()
}

fn stat(cluster: &ClusterShared, stat: Stat) -> u64 {
    let block = Block::new(BlockKind::Outlier);
    cluster.outlier().unwrap().write_stats(&cluster.host_sets(), &block);
    block.get(stat)
}

#[test]
fn failures_in_a_row_eject_and_success_ends_the_row() {
    let cluster = cluster(2, settings());
    let before = cluster.generation();
    fail(&cluster, 0, Outcome::Answered(500), 2);
    fail(&cluster, 0, Outcome::Answered(404), 1);
    fail(&cluster, 0, Outcome::Answered(500), 2);
    assert_eq!(ejected(&cluster), [false, false]);
    assert_eq!(cluster.generation(), before);
    fail(&cluster, 0, Outcome::Answered(500), 1);
    assert_eq!(ejected(&cluster), [true, false]);
    assert_eq!(cluster.generation(), before + 1);
    let sets = cluster.host_sets();
    assert_eq!(sets.hosts().next().unwrap().availability(), Availability::Unhealthy);
    assert_eq!(stat(&cluster, Stat::OutlierEjectionsActive), 1);
    assert_eq!(stat(&cluster, Stat::OutlierEjectionsEnforcedConsecutive5xx), 1);
    assert_eq!(stat(&cluster, Stat::OutlierEjectionsTotal), 1);
}

#[test]
fn no_more_hosts_are_ejected_than_may_be() {
    let all = cluster(2, settings());
    fail(&all, 0, Outcome::Failed, 3);
    fail(&all, 1, Outcome::Failed, 3);
    assert_eq!(ejected(&all), [true, false]);
    assert_eq!(stat(&all, Stat::OutlierEjectionsOverflow), 2, "of both kinds of rows");
    let ten_percent = proto::OutlierDetection { max_ejection_percent: 10, ..settings() };
    let none = cluster(2, ten_percent.clone());
    fail(&none, 0, Outcome::Answered(500), 3);
    assert_eq!(ejected(&none), [false, false]);
    let one = proto::OutlierDetection { always_eject_one_host: true, ..ten_percent };
    let one = cluster(2, one);
    fail(&one, 0, Outcome::Answered(500), 3);
    fail(&one, 1, Outcome::Answered(500), 3);
    assert_eq!(ejected(&one), [true, false]);
}

#[test]
fn what_is_not_enforced_is_detected_alone() {
    let cluster = cluster(2, settings());
    fail(&cluster, 0, Outcome::TimedOut(504), 2);
    assert_eq!(ejected(&cluster), [false, false]);
    assert_eq!(stat(&cluster, Stat::OutlierEjectionsDetectedConsecutiveGatewayFailure), 1);
    assert_eq!(stat(&cluster, Stat::OutlierEjectionsEnforcedTotal), 0);
}

#[test]
fn connections_count_apart_where_they_are_told_apart() {
    let apart = proto::OutlierDetection { split_external_local_origin_errors: true, ..settings() };
    let cluster = cluster(2, apart);
    fail(&cluster, 0, Outcome::Failed, 1);
    fail(&cluster, 0, Outcome::Connected, 1);
    fail(&cluster, 0, Outcome::Failed, 1);
    assert_eq!(ejected(&cluster), [false, false]);
    fail(&cluster, 0, Outcome::TimedOut(504), 1);
    assert_eq!(ejected(&cluster), [true, false]);
    assert_eq!(stat(&cluster, Stat::OutlierEjectionsEnforcedConsecutiveLocalOriginFailure), 1);
    assert_eq!(stat(&cluster, Stat::OutlierEjectionsTotal), 0);
}

#[test]
fn an_ejection_lasts_longer_each_time() {
    let cluster = cluster(2, settings());
    let detector = cluster.outlier().unwrap();
    let mut now = Instant::now();
    for times in 1..=3 {
        fail(&cluster, 0, Outcome::Answered(500), 3);
        let start = Instant::now();
        let end = start + Duration::from_secs(30 * times);
        cluster.sweep_outliers(detector, end - Duration::from_secs(1));
        assert_eq!(ejected(&cluster), [true, false], "{times} times the base");
        now = end + Duration::from_secs(1);
        cluster.sweep_outliers(detector, now);
        assert_eq!(ejected(&cluster), [false, false]);
    }
    let backoff = |now| {
        cluster.sweep_outliers(detector, now);
        let sets = cluster.host_sets();
        let history = sets.hosts().next().unwrap().stats.monitor().history();
        history.backoff
    };
    assert_eq!(backoff(now + Duration::from_secs(5)), 3);
    assert_eq!(backoff(now + Duration::from_secs(15)), 2);
}

#[test]
fn hosts_are_judged_by_their_share_of_success() {
    let rates = proto::OutlierDetection {
        consecutive_5xx: 0,
        success_rate_stdev_factor: 1900,
        enforcing_success_rate: 100,
        ..settings()
    };
    let cluster = cluster(5, rates);
    for host in 0..5 {
        let good = if host == 3 { 50 } else { 100 };
        fail(&cluster, host, Outcome::Answered(200), good);
        fail(&cluster, host, Outcome::Answered(500), 100 - good);
    }
    cluster.sweep_outliers(cluster.outlier().unwrap(), Instant::now());
    assert_eq!(ejected(&cluster), [false, false, false, true, false]);
    let status = cluster.status();
    assert_eq!(status.hosts[3].success_rate, 50.0);
    assert_eq!(status.hosts[3].local_origin_success_rate, -1.0);
    let outlier = status.outlier.unwrap();
    assert_eq!(outlier.success_rate_average, 90.0);
    assert_eq!(outlier.success_rate_ejection_threshold, 52.0);
    assert_eq!(stat(&cluster, Stat::OutlierEjectionsEnforcedSuccessRate), 1);
}

#[test]
fn runtime_overrides() {
    let values = [("outlier_detection.consecutive_5xx".to_owned(), "1".to_owned())].into();
    let runtime = SharedRuntime::default();
    runtime.store(Arc::new(Runtime::compile(&proto::Runtime { values })));
    let detector = Detector::compile(&settings(), "c".into(), &runtime, None);
    let detector = detector.unwrap_or_else(|error| unreachable!("{error}"));
    let sets = Arc::new(two_hosts());
    let host = sets.hosts().next().unwrap();
    assert!(detector.report(host, Outcome::Answered(500), || sets.clone()));
}

fn two_hosts() -> HostSets {
    let two = endpoints(&[([10, 0, 0, 1], 80).into(), ([10, 0, 0, 2], 80).into()]);
    HostSets::default().update(&two, Default::default()).unwrap().0
}

#[test]
fn a_host_that_is_gone_is_not_ejected() {
    let message = proto::Cluster {
        discovery: Discovery::Eds.into(),
        outlier_detection: Some(settings()),
        ..message(&[])
    };
    let cluster = shared(&message);
    let sets = two_hosts();
    let gone = sets.hosts().next().unwrap();
    assert!((0..3).all(|_| !cluster.report(gone, Outcome::Answered(500))));
}
