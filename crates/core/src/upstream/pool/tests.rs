use crate::proto::{self, ClusterStat as Stat};
use crate::upstream::testing::*;
use crate::upstream::{Acquire, Carrier, ClosedBy, ConnectError, Overflow, Priority};

#[test]
fn the_newest_idle_connection_is_used_again_at_once() {
    run(|upstream| async move {
        let (listener, address) = listen().await;
        let cluster = cluster(&message(&[address]), &upstream);
        let (first, second) = (cluster.connection().await, cluster.connection().await);
        let newest = second.id;
        let _peers = (accept(&listener).await, accept(&listener).await);
        first.release(true);
        second.release(true);
        let Ok(Acquire::Ready(Carrier::Http1(again))) = cluster.try_acquire() else {
            unreachable!("an idle connection is there")
        };
        assert_eq!((again.id, again.requests), (newest, 2));
        assert_eq!(cluster.stat(Stat::ClusterUpstreamCxTotal), 2);
        assert_eq!(cluster.stat(Stat::ClusterUpstreamCxActive), 2);
        assert_eq!(cluster.stat(Stat::ClusterUpstreamCxHttp1Total), 2);
        assert_eq!(cluster.stat(Stat::ClusterUpstreamRqPendingTotal), 2);
        assert_eq!(cluster.stat(Stat::ClusterUpstreamRqPendingActive), 0);
    });
}

#[test]
fn a_released_connection_goes_to_the_first_who_waits() {
    run(|upstream| async move {
        let (listener, address) = listen().await;
        let limits = proto::CircuitBreakers { max_connections: 1, ..BREAKERS };
        let message = proto::Cluster { default_priority: Some(limits), ..message(&[address]) };
        let cluster = cluster(&message, &upstream);
        let connection = cluster.connection().await;
        let _peer = accept(&listener).await;
        let (Ok(first), Ok(second)) = (cluster.try_acquire(), cluster.try_acquire()) else {
            unreachable!("requests may wait")
        };
        assert_eq!(cluster.stat(Stat::ClusterUpstreamCxOverflow), 2);
        connection.release(true);
        let connection = first.wait_http1().await.unwrap();
        assert_eq!(connection.requests, 2);
        assert_eq!(cluster.stat(Stat::ClusterUpstreamRqPendingActive), 1);
        drop(second);
        assert_eq!(cluster.stat(Stat::ClusterUpstreamRqPendingActive), 0);
        assert_eq!(cluster.stat(Stat::ClusterUpstreamRqCancelled), 1);
        assert_eq!(cluster.stat(Stat::ClusterUpstreamCxTotal), 1);
    });
}

#[test]
fn a_refused_connection_fails_all_who_wait() {
    run(|upstream| async move {
        let (listener, address) = listen().await;
        drop(listener);
        let cluster = cluster(&message(&[address]), &upstream);
        let (Ok(first), Ok(second)) = (cluster.try_acquire(), cluster.try_acquire()) else {
            unreachable!("requests may wait")
        };
        let reason = "delayed connect error: Connection refused";
        for waiting in [first, second] {
            assert_eq!(waiting.wait_http1().await.err(), Some(ConnectError::Remote(reason.into())));
        }
        until(|| cluster.stat(Stat::ClusterUpstreamCxActive) == 0).await;
        let fails = cluster.stat(Stat::ClusterUpstreamCxConnectFail);
        assert_eq!(fails, cluster.stat(Stat::ClusterUpstreamCxDestroyRemote));
        assert_eq!(fails, cluster.stat(Stat::ClusterUpstreamCxTotal));
        assert_eq!(cluster.stat(Stat::ClusterUpstreamRqPendingFailureEject), 2);
        assert_eq!(cluster.stat(Stat::ClusterUpstreamRqPendingActive), 0);
    });
}

#[test]
fn an_idle_connection_that_its_peer_closes_is_dropped() {
    run(|upstream| async move {
        let (listener, address) = listen().await;
        let cluster = cluster(&message(&[address]), &upstream);
        let connection = cluster.connection().await;
        let peer = accept(&listener).await;
        connection.release(true);
        drop(peer);
        until(|| cluster.stat(Stat::ClusterUpstreamCxActive) == 0).await;
        assert_eq!(cluster.stat(Stat::ClusterUpstreamCxDestroyRemote), 1);
        assert_eq!(cluster.stat(Stat::ClusterUpstreamCxDestroyWithActiveRq), 0);
    });
}

#[test]
fn bytes_on_an_idle_connection_reach_nobody() {
    run(|upstream| async move {
        let (listener, address) = listen().await;
        let cluster = cluster(&message(&[address]), &upstream);
        let connection = cluster.connection().await;
        let mut peer = accept(&listener).await;
        connection.release(true);
        send(&mut peer, b"HTTP/1.1 200 OK\r\n\r\n").await;
        until(|| cluster.stat(Stat::ClusterUpstreamCxActive) == 0).await;
        assert_eq!(cluster.stat(Stat::ClusterUpstreamCxDestroyLocal), 1);
        assert!(matches!(cluster.try_acquire(), Ok(Acquire::Pending(_))));
    });
}

#[test]
fn who_ends_a_connection_is_counted() {
    run(|upstream| async move {
        let (listener, address) = listen().await;
        let cluster = cluster(&message(&[address]), &upstream);
        let mut peers = Vec::new();
        for _ in 0..3 {
            let connection = cluster.connection().await;
            peers.push(accept(&listener).await);
            match peers.len() {
                1 => connection.close(ClosedBy::Remote, true),
                2 => connection.release(false),
                _ => drop(connection),
            }
        }
        for (stat, count) in [
            (Stat::ClusterUpstreamCxActive, 0),
            (Stat::ClusterUpstreamCxDestroy, 3),
            (Stat::ClusterUpstreamCxDestroyLocal, 2),
            (Stat::ClusterUpstreamCxDestroyRemote, 1),
            (Stat::ClusterUpstreamCxDestroyWithActiveRq, 2),
            (Stat::ClusterUpstreamCxDestroyLocalWithActiveRq, 1),
            (Stat::ClusterUpstreamCxDestroyRemoteWithActiveRq, 1),
        ] {
            assert_eq!(cluster.stat(stat), count, "{stat:?}");
        }
        for peer in &mut peers {
            assert!(closed(peer).await);
        }
    });
}

#[test]
fn limits_of_a_connection_close_it() {
    run(|upstream| async move {
        let (listener, address) = listen().await;
        let message = proto::Cluster { max_requests_per_connection: 2, ..message(&[address]) };
        let cluster = cluster(&message, &upstream);
        cluster.connection().await.release(true);
        cluster.connection().await.release(true);
        assert!(closed(&mut accept(&listener).await).await);
        assert_eq!(cluster.stat(Stat::ClusterUpstreamCxMaxRequests), 1);
    });
    run(|upstream| async move {
        let (listener, address) = listen().await;
        let message = proto::Cluster { max_connection_duration_ms: 1, ..message(&[address]) };
        let cluster = cluster(&message, &upstream);
        cluster.connection().await.release(true);
        assert!(closed(&mut accept(&listener).await).await);
        assert_eq!(cluster.stat(Stat::ClusterUpstreamCxMaxDurationReached), 1);
    });
    run(|upstream| async move {
        let (listener, address) = listen().await;
        let cluster =
            cluster(&proto::Cluster { idle_timeout_ms: 1, ..message(&[address]) }, &upstream);
        cluster.connection().await.release(true);
        assert!(closed(&mut accept(&listener).await).await);
        assert_eq!(cluster.stat(Stat::ClusterUpstreamCxIdleTimeout), 1);
    });
}

#[test]
fn breakers_refuse_what_is_too_much() {
    run(|upstream| async move {
        let (_listener, address) = listen().await;
        let limits = proto::CircuitBreakers { max_pending_requests: 1, ..BREAKERS };
        let message = proto::Cluster { default_priority: Some(limits), ..message(&[address]) };
        let cluster = cluster(&message, &upstream);
        let waiting = cluster.try_acquire();
        assert!(matches!(cluster.try_acquire(), Err(Overflow::Pending)));
        assert_eq!(cluster.stat(Stat::ClusterUpstreamRqPendingOverflow), 1);
        drop(waiting);
        assert!(cluster.try_acquire().is_ok());
    });
    run(|upstream| async move {
        let (_listener, address) = listen().await;
        let limits = proto::CircuitBreakers { max_requests: 1, ..BREAKERS };
        let message = proto::Cluster { default_priority: Some(limits), ..message(&[address]) };
        let cluster = cluster(&message, &upstream);
        let connection = cluster.connection().await;
        let Ok(second) = cluster.try_acquire() else { unreachable!("it may wait") };
        assert_eq!(second.wait_http1().await.err(), Some(ConnectError::Overflow));
        assert!(matches!(cluster.try_acquire(), Err(Overflow::Requests)));
        connection.release(true);
        assert!(matches!(cluster.try_acquire(), Ok(Acquire::Ready(_))));
    });
}

#[test]
fn without_a_connection_one_is_opened_past_the_limit() {
    run(|upstream| async move {
        let (_listener, address) = listen().await;
        let limits = proto::CircuitBreakers { max_connections: 0, ..BREAKERS };
        let message = proto::Cluster { default_priority: Some(limits), ..message(&[address]) };
        let cluster = cluster(&message, &upstream);
        let connection = cluster.connection().await;
        let waiting = cluster.try_acquire();
        assert_eq!(cluster.stat(Stat::ClusterUpstreamCxTotal), 1);
        connection.release(false);
        assert!(waiting.is_ok_and(|waiting| matches!(waiting, Acquire::Pending(_))));
        until(|| cluster.stat(Stat::ClusterUpstreamCxTotal) == 2).await;
    });
}

#[test]
fn a_connection_for_a_request_that_gave_up_is_kept() {
    run(|upstream| async move {
        let (_listener, address) = listen().await;
        let cluster = cluster(&message(&[address]), &upstream);
        let waiting = cluster.try_acquire();
        drop(waiting);
        assert_eq!(cluster.stat(Stat::ClusterUpstreamRqCancelled), 1);
        let connection = cluster.connection().await;
        assert_eq!(connection.requests, 1);
        assert_eq!(cluster.stat(Stat::ClusterUpstreamCxTotal), 1);
    });
}

#[test]
fn pools_end_with_their_cluster() {
    run(|upstream| async move {
        let (listener, address) = listen().await;
        let cluster = cluster(&message(&[address]), &upstream);
        let (idle, used) = (cluster.connection().await, cluster.connection().await);
        let (mut idle_peer, mut used_peer) = (accept(&listener).await, accept(&listener).await);
        idle.release(true);
        let block = cluster.block().clone();
        drop(cluster);
        assert!(closed(&mut idle_peer).await);
        used.release(true);
        assert!(closed(&mut used_peer).await);
        assert_eq!(block.get(Stat::ClusterUpstreamCxActive), 0);
    });
}

#[test]
fn a_dropped_connection_makes_room_for_one_that_waits() {
    run(|upstream| async move {
        let (_listener, address) = listen().await;
        let limits = proto::CircuitBreakers { max_connections: 2, ..BREAKERS };
        let message = proto::Cluster { default_priority: Some(limits), ..message(&[address]) };
        let cluster = cluster(&message, &upstream);
        let (first, second) = (cluster.connection().await, cluster.connection().await);
        let Ok(waiting) = cluster.try_acquire() else { unreachable!("it may wait") };
        drop(first);
        let third = waiting.wait_http1().await.unwrap();
        assert_eq!(third.requests, 1);
        assert_eq!(cluster.stat(Stat::ClusterUpstreamCxOverflow), 1);
        assert_eq!(cluster.shared().breakers(Priority::Default).connections.used(), 2);
        drop((second, third));
        assert_eq!(cluster.shared().breakers(Priority::Default).connections.used(), 0);
    });
}

#[test]
fn pools_are_limited_while_they_have_connections() {
    run(|upstream| async move {
        let (_one, first) = listen().await;
        let (_two, second) = listen().await;
        let limits = proto::CircuitBreakers { max_connection_pools: Some(1), ..BREAKERS };
        let message =
            proto::Cluster { default_priority: Some(limits), ..message(&[first, second]) };
        let cluster = cluster(&message, &upstream);
        let connection = cluster.connection().await;
        assert!(matches!(cluster.try_acquire(), Err(Overflow::Pools)));
        assert_eq!(cluster.stat(Stat::ClusterUpstreamCxPoolOverflow), 1);
        // The turn comes back to the first host only after the second: end the first one's pool before.
        let _host = cluster.choose_host(&Default::default());
        connection.release(false);
        assert!(cluster.try_acquire().is_ok());
    });
}
