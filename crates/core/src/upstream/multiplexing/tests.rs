use std::time::Duration;

use lateen_http2::{Config, Connection, ErrorCode};
use tokio::io::AsyncWriteExt;

use crate::headers::Headers;
use crate::http2::Reset;
use crate::proto::{self, ClusterStat as Stat};
use crate::upstream::testing::*;
use crate::upstream::{Acquire, Carrier, Cluster, PooledStream};

fn carried(carrier: Carrier) -> PooledStream {
    match carrier {
        Carrier::Http2(stream) => stream,
        Carrier::Http1(_) => unreachable!("the cluster speaks HTTP/2"),
    }
}

async fn stream(cluster: &Cluster) -> PooledStream {
    let acquired = cluster.try_acquire().unwrap_or_else(|error| unreachable!("{error}"));
    carried(acquired.wait().await.unwrap_or_else(|error| unreachable!("{error}")))
}

/// Sends a request without a body.
fn ask(pooled: &mut PooledStream) {
    let pseudo: [(&[u8], &[u8]); 4] =
        [(b":method", b"GET"), (b":scheme", b"http"), (b":authority", b"a"), (b":path", b"/")];
    assert!(pooled.stream.send_head(&pseudo, &Headers::new(), true).is_ok());
}

async fn reset(pooled: &PooledStream) -> Reset {
    until(|| pooled.stream.reset().is_some()).await;
    pooled.stream.reset().unwrap_or(Reset::ConnectionEnd)
}

#[test]
fn requests_share_a_connection() {
    run(|upstream| async move {
        let (listener, address) = listen().await;
        let cluster = cluster(&http2(message(&[address]), 100), &upstream);
        let (first, second) = (stream(&cluster).await, stream(&cluster).await);
        assert_eq!((first.connection.id, first.requests), (second.connection.id, 1));
        assert_eq!(second.requests, 2);
        assert_eq!(cluster.stat(Stat::ClusterUpstreamCxHttp2Total), 1);
        drop((first, second, listener));
    });
}

#[test]
fn a_full_connection_is_joined_by_another() {
    run(|upstream| async move {
        let (_listener, address) = listen().await;
        let cluster = cluster(&http2(message(&[address]), 1), &upstream);
        let (first, second) = (stream(&cluster).await, stream(&cluster).await);
        assert_ne!(first.connection.id, second.connection.id);
        assert_eq!(cluster.stat(Stat::ClusterUpstreamCxTotal), 2);
    });
}

#[test]
fn the_peer_says_how_many_requests_it_takes() {
    run(|upstream| async move {
        let (listener, address) = listen().await;
        let limits = proto::CircuitBreakers { max_connections: 1, ..BREAKERS };
        let message = proto::Cluster { default_priority: Some(limits), ..message(&[address]) };
        let cluster = cluster(&http2(message, 100), &upstream);
        let mut first = stream(&cluster).await;
        ask(&mut first);
        let config = Config { max_concurrent_streams: 1, ..Config::default() };
        let mut peer = Peer::accept(&listener, &config).await;
        let key = peer.request().await.expect("a request");
        until(|| {
            let settings = |engine: &mut Connection| engine.peer_settings().max_concurrent_streams;
            first.connection.session.with_engine(settings) == 1
        })
        .await;
        let Ok(waiting @ Acquire::Pending(_)) = cluster.try_acquire() else {
            unreachable!("the connection is full")
        };
        peer.answer(key).await;
        drop(first);
        let second = carried(waiting.wait().await.unwrap_or_else(|error| unreachable!("{error}")));
        assert_eq!(second.requests, 2);
        assert_eq!(cluster.stat(Stat::ClusterUpstreamCxTotal), 1);
        assert_eq!(cluster.stat(Stat::ClusterUpstreamRqPendingActive), 0);
    });
}

#[test]
fn a_stream_that_goaway_leaves_out_is_refused() {
    run(|upstream| async move {
        let (listener, address) = listen().await;
        let cluster = cluster(&http2(message(&[address]), 100), &upstream);
        let (mut first, mut second) = (stream(&cluster).await, stream(&cluster).await);
        ask(&mut first);
        let mut peer = Peer::accept(&listener, &Config::default()).await;
        peer.request().await.expect("a request");
        peer.engine.go_away(ErrorCode::NO_ERROR, b"");
        ask(&mut second);
        peer.flush().await;
        assert_eq!(reset(&second).await, Reset::Refused);
        assert_eq!(first.stream.reset(), None);
        assert_eq!(cluster.stat(Stat::ClusterUpstreamCxCloseNotify), 1);
        let third = stream(&cluster).await;
        assert_ne!(third.connection.id, first.connection.id);
        drop((first, second));
        assert!(peer.request().await.is_none(), "nothing is left to do on it");
    });
}

#[test]
fn a_connection_takes_so_many_requests() {
    run(|upstream| async move {
        let (listener, address) = listen().await;
        let message = proto::Cluster { max_requests_per_connection: 1, ..message(&[address]) };
        let cluster = cluster(&http2(message, 100), &upstream);
        let first = stream(&cluster).await;
        let mut peer = Peer::accept(&listener, &Config::default()).await;
        assert_eq!(cluster.stat(Stat::ClusterUpstreamCxMaxRequests), 1);
        drop(first);
        assert!(peer.request().await.is_none());
        until(|| cluster.stat(Stat::ClusterUpstreamCxActive) == 0).await;
        assert_eq!(cluster.stat(Stat::ClusterUpstreamCxDestroyLocal), 1);
    });
}

#[test]
fn a_connection_ends_when_it_was_idle_or_open_for_too_long() {
    run(|upstream| async move {
        for (message, stat) in [
            (
                proto::Cluster { idle_timeout_ms: 20, ..Default::default() },
                Stat::ClusterUpstreamCxIdleTimeout,
            ),
            (
                proto::Cluster { max_connection_duration_ms: 20, ..Default::default() },
                Stat::ClusterUpstreamCxMaxDurationReached,
            ),
        ] {
            let (listener, address) = listen().await;
            let limits = (message.idle_timeout_ms, message.max_connection_duration_ms);
            let message = proto::Cluster {
                idle_timeout_ms: limits.0,
                max_connection_duration_ms: limits.1,
                ..crate::upstream::testing::message(&[address])
            };
            let cluster = cluster(&http2(message, 100), &upstream);
            let mut first = stream(&cluster).await;
            ask(&mut first);
            let mut peer = Peer::accept(&listener, &Config::default()).await;
            let key = peer.request().await.expect("a request");
            tokio::time::sleep(Duration::from_millis(60)).await;
            assert_eq!(first.stream.reset(), None, "a request in flight is left alone");
            peer.answer(key).await;
            drop(first);
            assert!(peer.request().await.is_none());
            until(|| cluster.stat(Stat::ClusterUpstreamCxActive) == 0).await;
            assert_eq!(cluster.stat(stat), 1);
        }
    });
}

#[test]
fn an_unanswered_ping_ends_the_connection_and_its_requests() {
    run(|upstream| async move {
        let (listener, address) = listen().await;
        let mut message = http2(message(&[address]), 100);
        if let Some(options) = &mut message.http2 {
            options.keepalive = Some(proto::Http2Keepalive {
                interval_ms: 20,
                timeout_ms: 20,
                ..Default::default()
            });
        }
        let cluster = cluster(&message, &upstream);
        let first = stream(&cluster).await;
        let mut silent = accept(&listener).await;
        assert_eq!(reset(&first).await, Reset::ConnectionEnd);
        assert_eq!(cluster.stat(Stat::ClusterHttp2KeepaliveTimeout), 1);
        silent.shutdown().await.expect("nothing to write");
    });
}
