use std::net::SocketAddr;
use std::sync::atomic::Ordering::Relaxed;

use crate::proto::{self, ClusterStat as Stat, Discovery};
use crate::stats::{Block, BlockKind};
use crate::upstream::testing::{endpoints, message, shared};
use crate::upstream::{ClusterShared, Health, UpdateEvent};

const ONE: [u8; 4] = [10, 0, 0, 1];
const TWO: [u8; 4] = [10, 0, 0, 2];

fn at(ip: [u8; 4]) -> SocketAddr {
    SocketAddr::from((ip, 80))
}

fn stat(cluster: &ClusterShared, stat: Stat) -> u64 {
    let block = Block::new(BlockKind::Cluster);
    cluster.write_stats(&block, 1);
    block.get(stat)
}

#[test]
fn a_static_cluster_has_its_hosts_at_once() {
    let cluster = shared(&message(&[at(ONE), at(TWO)]));
    assert!(cluster.resolved());
    assert_eq!(stat(&cluster, Stat::ClusterMembershipTotal), 2);
    assert_eq!(stat(&cluster, Stat::ClusterMembershipHealthy), 2);
    assert_eq!(stat(&cluster, Stat::ClusterMembershipChange), 1);
    assert_eq!(stat(&cluster, Stat::ClusterMaxHostWeight), 0);
    assert_eq!(stat(&cluster, Stat::ClusterDefaultTotalMatchCount), 2);
    let empty = shared(&message(&[]));
    assert_eq!(stat(&empty, Stat::ClusterMembershipChange), 0);
    assert_eq!(stat(&empty, Stat::ClusterUpdateNoRebuild), 0);
}

#[test]
fn an_update_of_endpoints_changes_the_generation_once() {
    let eds =
        proto::Cluster { discovery: Discovery::Eds.into(), endpoints: None, ..message(&[at(ONE)]) };
    let cluster = shared(&eds);
    assert_eq!(stat(&cluster, Stat::ClusterMembershipTotal), 0, "EDS brings them");
    let before = cluster.generation();
    assert_eq!(cluster.set_endpoints(&endpoints(&[at(ONE)])), Ok(true));
    assert_eq!(cluster.generation(), before + 1);
    assert_eq!(cluster.set_endpoints(&endpoints(&[at(ONE)])), Ok(false));
    assert_eq!(cluster.generation(), before + 1);
    assert_eq!(stat(&cluster, Stat::ClusterUpdateNoRebuild), 1);
    let mut wrong = endpoints(&[at(TWO)]);
    wrong.localities[0].endpoints[0].address = None;
    assert!(cluster.set_endpoints(&wrong).is_err());
    assert_eq!(stat(&cluster, Stat::ClusterMembershipTotal), 1);
}

#[test]
fn health_that_changes_is_published() {
    let cluster = shared(&message(&[at(ONE), at(TWO)]));
    let before = cluster.generation();
    let sets = cluster.host_sets();
    let host = sets.hosts().next().unwrap();
    cluster.set_health(host, Health::Unhealthy);
    cluster.set_health(host, Health::Unhealthy);
    assert_eq!(cluster.generation(), before + 1);
    assert_eq!(stat(&cluster, Stat::ClusterMembershipHealthy), 1);
}

/// A cluster that places these hosts on a ring.
fn ring(endpoints: proto::Endpoints) -> proto::Cluster {
    let hashing = proto::Hashing {
        minimum_ring_size: 100,
        maximum_ring_size: 1000,
        ..proto::Hashing::default()
    };
    proto::Cluster {
        lb_policy: proto::LbPolicy::RingHash.into(),
        lb: Some(proto::LbOptions { hashing: Some(hashing), ..proto::LbOptions::default() }),
        endpoints: Some(endpoints),
        ..message(&[])
    }
}

#[test]
fn hosts_are_placed_anew_when_their_health_changes() {
    let cluster = shared(&ring(endpoints(&[at(ONE), at(TWO)])));
    let most = Stat::ClusterRingHashLbMaxHashesPerHost;
    assert_eq!((stat(&cluster, most), stat(&cluster, Stat::ClusterRingHashLbSize)), (50, 100));
    let sets = cluster.host_sets();
    cluster.set_health(sets.hosts().next().unwrap(), Health::Unhealthy);
    assert_eq!(stat(&cluster, most), 100);
}

#[test]
fn weights_that_cannot_be_summed_are_refused_where_hosts_are_placed() {
    let mut heavy = endpoints(&[at(ONE), at(TWO)]);
    heavy.localities[0].endpoints.iter_mut().for_each(|endpoint| endpoint.weight = u32::MAX);
    let refused = ClusterShared::compile(&ring(heavy.clone())).err().unwrap();
    assert_eq!(refused.path, "endpoints");
    assert!(refused.reason.starts_with("The sum of weights of all upstream hosts"), "{refused}");
    let unhashed = proto::Cluster { endpoints: Some(heavy), ..message(&[]) };
    assert!(ClusterShared::compile(&unhashed).is_ok());
}

#[test]
fn counters_are_reset_and_gauges_stay() {
    let cluster = shared(&message(&[at(ONE)]));
    cluster.count_update(UpdateEvent::Attempt);
    assert_eq!(stat(&cluster, Stat::ClusterUpdateAttempt), 1);
    cluster.reset_counters();
    assert_eq!(stat(&cluster, Stat::ClusterUpdateAttempt), 0);
    assert_eq!(stat(&cluster, Stat::ClusterMembershipChange), 0);
    assert_eq!(stat(&cluster, Stat::ClusterMembershipTotal), 1);
}

#[test]
fn a_replacement_counts_on() {
    let eds = proto::Cluster { discovery: Discovery::Eds.into(), ..message(&[]) };
    let (old, new) = (shared(&eds), shared(&message(&[at(ONE)])));
    assert!(old.set_endpoints(&endpoints(&[at(ONE)])).is_ok());
    new.count_on(&old);
    assert_eq!(stat(&new, Stat::ClusterMembershipChange), 2);
    assert_eq!(stat(&new, Stat::ClusterMembershipTotal), 1);
}

#[test]
fn an_eds_cluster_may_begin_with_endpoints() {
    let mut eds = proto::Cluster { discovery: Discovery::Eds.into(), ..message(&[at(ONE)]) };
    let cluster = shared(&eds);
    assert!(cluster.resolved());
    assert_eq!(stat(&cluster, Stat::ClusterMembershipTotal), 1);
    eds.endpoints = None;
    assert!(!shared(&eds).resolved(), "its endpoints are still to come");
    eds.load_assignment = vec![8, 1];
    let error = ClusterShared::compile(&eds).map(|_| ()).unwrap_err();
    assert_eq!(error.path, "load_assignment");
}

#[test]
fn what_cannot_be_used_is_refused_with_its_place() {
    let refused = |message: &proto::Cluster| {
        ClusterShared::compile(message).map(|_| ()).map_err(|error| error.path)
    };
    let mut wrong = message(&[at(ONE)]);
    wrong.metadata_json = "[".into();
    assert_eq!(refused(&wrong), Err("metadata_json".into()));
    let mut wrong = message(&[at(ONE)]);
    wrong.bind_source = Some(proto::SocketAddress { host: "x".into(), ..Default::default() });
    assert_eq!(refused(&wrong), Err("bind_source".into()));
    let mut wrong = message(&[at(ONE)]);
    wrong.discovery = Discovery::StrictDns.into();
    if let Some(endpoints) = wrong.endpoints.as_mut() {
        endpoints.localities[0].endpoints[0].metadata_json = "x".into();
    }
    let path = "endpoints.localities[0].endpoints[0].metadata_json";
    assert_eq!(refused(&wrong), Err(path.into()));
}

#[test]
fn the_status_shows_hosts_and_their_counters() {
    let cluster = shared(&message(&[at(ONE)]));
    let sets = cluster.host_sets();
    sets.hosts().for_each(|host| host.stats.rq_total.store(3, Relaxed));
    let status = cluster.status();
    assert_eq!((status.name.as_str(), status.ready), ("c", true));
    assert_eq!((status.hosts[0].rq_total, status.hosts[0].weight), (3, 1));
}
