use std::sync::Arc;

use crate::lb::LbContext;
use crate::proto::{self, ClusterStat as Stat, Discovery};
use crate::upstream::testing::*;
use crate::upstream::{Acquire, Carrier, Cluster, Priority};

#[test]
fn connections_to_a_host_that_went_are_closed_and_others_stay() {
    run(|upstream| async move {
        let (one, first) = listen().await;
        let (two, second) = listen().await;
        let cluster = cluster(&message(&[first, second]), &upstream);
        let (one_connection, two_connection) =
            (cluster.connection().await, cluster.connection().await);
        let went = [&one_connection, &two_connection].map(|c| c.host.address.ip() == Some(first));
        let (mut one_peer, _two_peer) = (accept(&one).await, accept(&two).await);
        one_connection.release(true);
        two_connection.release(true);
        assert!(went[0] != went[1], "they took turns");
        assert_eq!(cluster.shared().set_endpoints(&endpoints(&[second])), Ok(true));
        let Ok(Acquire::Ready(Carrier::Http1(kept))) = cluster.try_acquire() else {
            unreachable!("the other connection stays")
        };
        assert_eq!(kept.host.address.ip(), Some(second));
        assert!(closed(&mut one_peer).await);
        assert_eq!(cluster.stat(Stat::ClusterUpstreamCxDestroyLocal), 1);
    });
}

#[test]
fn a_connection_in_use_ends_with_its_request_when_its_host_went() {
    run(|upstream| async move {
        let (listener, address) = listen().await;
        let (_other, second) = listen().await;
        let cluster = cluster(&message(&[address]), &upstream);
        let connection = cluster.connection().await;
        let mut peer = accept(&listener).await;
        assert_eq!(cluster.shared().set_endpoints(&endpoints(&[second])), Ok(true));
        cluster.refresh();
        assert_eq!(cluster.stat(Stat::ClusterUpstreamCxActive), 1);
        connection.release(true);
        assert!(closed(&mut peer).await);
        assert_eq!(cluster.stat(Stat::ClusterUpstreamCxActive), 0);
    });
}

#[test]
fn a_host_of_an_old_update_can_be_used_once_more() {
    run(|upstream| async move {
        let (listener, address) = listen().await;
        let (_other, second) = listen().await;
        let cluster = cluster(&message(&[address]), &upstream);
        let host = cluster.choose_host(&LbContext::default()).unwrap();
        assert_eq!(cluster.shared().set_endpoints(&endpoints(&[second])), Ok(true));
        cluster.connection().await.release(true);
        let connection =
            cluster.acquire(&host, Priority::Default, false).unwrap().wait_http1().await.unwrap();
        assert!(Arc::ptr_eq(&connection.host, &host));
        connection.release(true);
        assert!(closed(&mut accept(&listener).await).await);
    });
}

#[test]
fn old_connections_of_a_logical_host_stay_when_its_address_changes() {
    run(|upstream| async move {
        let (_one, first) = listen().await;
        let (_two, second) = listen().await;
        let logical =
            proto::Cluster { discovery: Discovery::LogicalDns.into(), ..message(&[first]) };
        let shared = shared(&logical);
        assert_eq!(shared.set_endpoints(&endpoints(&[first])), Ok(true));
        let cluster = Cluster::new(shared, upstream);
        cluster.connection().await.release(true);
        assert_eq!(cluster.shared().set_endpoints(&endpoints(&[second])), Ok(true));
        let old = cluster.connection().await;
        let new = cluster.connection().await;
        assert_eq!(old.host.address.ip(), Some(first));
        assert_eq!(new.host.address.ip(), Some(second));
    });
}

#[test]
fn priorities_have_pools_of_their_own() {
    run(|upstream| async move {
        let (_listener, address) = listen().await;
        let cluster = cluster(&message(&[address]), &upstream);
        cluster.connection().await.release(true);
        let host = cluster.choose_host(&LbContext::default()).unwrap();
        assert!(matches!(cluster.acquire(&host, Priority::High, false), Ok(Acquire::Pending(_))));
        assert!(matches!(cluster.acquire(&host, Priority::Default, false), Ok(Acquire::Ready(_))));
    });
}

#[test]
fn a_cluster_without_hosts_has_none_to_choose() {
    run(|upstream| async move {
        let cluster = cluster(&message(&[]), &upstream);
        assert!(cluster.choose_host(&LbContext::default()).is_none());
    });
}
