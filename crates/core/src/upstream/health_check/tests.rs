use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::spawn_local;

use super::{check_hosts, CheckContext, CheckFlags};
use crate::proto::{self, health_check::Kind, HealthCheckStat as Stat};
use crate::stats::{Block, BlockKind};
use crate::upstream::testing::{accept, listen, message, run, shared, until};
use crate::upstream::{ClusterShared, UpstreamContext};

fn settings(kind: Kind) -> proto::HealthCheck {
    proto::HealthCheck {
        timeout_ms: 5_000,
        interval_ms: 1,
        no_traffic_interval_ms: 1,
        no_traffic_healthy_interval_ms: 1,
        unhealthy_interval_ms: 1,
        unhealthy_edge_interval_ms: 1,
        healthy_edge_interval_ms: 1,
        unhealthy_threshold: 1,
        healthy_threshold: 1,
        reuse_connection: true,
        kind: Some(kind),
        ..Default::default()
    }
}

fn http() -> proto::HealthCheck {
    let path = "/hc".to_owned();
    settings(Kind::Http(proto::HttpHealthCheck {
        path,
        method: "GET".into(),
        ..Default::default()
    }))
}

/// A cluster whose hosts are checked from now on.
fn checked(
    upstream: &UpstreamContext,
    hosts: &[SocketAddr],
    check: proto::HealthCheck,
) -> Arc<ClusterShared> {
    checked_by(upstream, hosts, vec![check])
}

fn checked_by(
    upstream: &UpstreamContext,
    hosts: &[SocketAddr],
    checks: Vec<proto::HealthCheck>,
) -> Arc<ClusterShared> {
    let shared = shared(&proto::Cluster {
        health_checks: Some(proto::HealthChecks { checks, ..Default::default() }),
        max_response_headers_bytes: 60_000,
        max_response_headers_count: 100,
        ..message(hosts)
    });
    let context = Rc::new(CheckContext {
        registry: upstream.registry.clone(),
        thread: 0,
        timers: upstream.timers.clone(),
        random: upstream.random.clone(),
    });
    spawn_local(check_hosts(shared.clone(), context, || {}));
    shared
}

fn flags(cluster: &ClusterShared) -> CheckFlags {
    let sets = cluster.host_sets();
    let host = sets.hosts().next().unwrap();
    host.stats.checks.load()
}

fn stat(cluster: &ClusterShared, stat: Stat) -> u64 {
    let block = Arc::new(Block::new(BlockKind::HealthCheck));
    cluster.health_checker().unwrap().write_stats(&cluster.host_sets(), |_| block.clone());
    block.get(stat)
}

/// Answers a request on each of `answers`, all on one connection.
async fn answer(listener: &TcpListener, answers: &[&str]) {
    let mut stream = accept(listener).await;
    let mut bytes = [0; 1024];
    for answer in answers {
        let read = stream.read(&mut bytes).await.unwrap_or(0);
        assert_eq!(&bytes[..read], b"GET /hc HTTP/1.1\r\nhost: c\r\nuser-agent: Envoy/HC\r\n\r\n");
        stream.write_all(answer.as_bytes()).await.unwrap();
    }
}

const GOOD: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
const BAD: &str = "HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n";

#[test]
fn a_cluster_is_ready_when_its_hosts_were_checked() {
    run(|upstream| async move {
        let (listener, address) = listen().await;
        let cluster = checked(&upstream, &[address], http());
        assert!(!cluster.is_ready());
        assert_eq!(flags(&cluster), CheckFlags::FAILED);
        let generation = cluster.generation();
        let answered = answer(&listener, &[GOOD, GOOD]);
        answered.await;
        until(|| cluster.is_ready()).await;
        assert_eq!(flags(&cluster), CheckFlags::empty());
        assert!(cluster.generation() > generation);
        assert_eq!(stat(&cluster, Stat::HealthCheckHealthy), 1);
    });
}

#[test]
fn a_host_that_answers_otherwise_is_unhealthy() {
    run(|upstream| async move {
        let (listener, address) = listen().await;
        let cluster = checked(&upstream, &[address], http());
        answer(&listener, &[GOOD, BAD]).await;
        until(|| flags(&cluster).contains(CheckFlags::FAILED) && cluster.is_ready()).await;
        assert!(stat(&cluster, Stat::HealthCheckFailure) >= 1);
        assert_eq!(cluster.host_sets().membership().healthy, 0);
        let sets = cluster.host_sets();
        assert!(sets.hosts().all(|host| host.stats.failures() == 1), "it has been healthy");
    });
}

#[test]
fn a_connection_that_was_closed_is_opened_anew() {
    run(|upstream| async move {
        let (listener, address) = listen().await;
        let cluster = checked(&upstream, &[address], http());
        for _ in 0..3 {
            answer(&listener, &[GOOD]).await;
        }
        until(|| stat(&cluster, Stat::HealthCheckSuccess) >= 3).await;
    });
}

#[test]
fn a_host_that_cannot_be_reached_fails() {
    run(|upstream| async move {
        let (listener, address) = listen().await;
        drop(listener);
        let cluster = checked(&upstream, &[address], http());
        until(|| stat(&cluster, Stat::HealthCheckNetworkFailure) >= 2).await;
        assert!(cluster.is_ready());
        assert_eq!(flags(&cluster), CheckFlags::FAILED);
    });
}

#[test]
fn a_host_that_does_not_answer_in_time_fails() {
    run(|upstream| async move {
        let (_listener, address) = listen().await;
        let check = proto::HealthCheck { timeout_ms: 20, ..http() };
        let cluster = checked(&upstream, &[address], check);
        until(|| cluster.is_ready()).await;
        assert_eq!(flags(&cluster), CheckFlags::FAILED | CheckFlags::TIMEOUT);
    });
}

#[test]
fn a_response_may_make_a_host_unhealthy() {
    run(|upstream| async move {
        let (listener, address) = listen().await;
        let slowly = proto::HealthCheck { no_traffic_healthy_interval_ms: 60_000, ..http() };
        let cluster = checked(&upstream, &[address], slowly);
        answer(&listener, &[GOOD]).await;
        until(|| cluster.is_ready()).await;
        let sets = cluster.host_sets();
        let host = sets.hosts().next().unwrap();
        cluster.health_checker().unwrap().fail_passively(host);
        until(|| flags(&cluster) == CheckFlags::FAILED | CheckFlags::EXCLUDED).await;
        assert_eq!(stat(&cluster, Stat::HealthCheckPassiveFailure), 1);
        assert_eq!(cluster.host_sets().membership().excluded, 1);
    });
}

#[test]
fn a_host_has_to_pass_each_of_several_checks() {
    for (last, expected) in [(GOOD, CheckFlags::empty()), (BAD, CheckFlags::FAILED)] {
        run(|upstream| async move {
            let (listener, address) = listen().await;
            let slowly = proto::HealthCheck {
                no_traffic_interval_ms: 60_000,
                no_traffic_healthy_interval_ms: 60_000,
                ..http()
            };
            let cluster = checked_by(&upstream, &[address], vec![slowly.clone(), slowly]);
            answer(&listener, &[GOOD]).await;
            assert_eq!(flags(&cluster), CheckFlags::FAILED, "the other has not come to an end");
            assert!(!cluster.is_ready());
            answer(&listener, &[last]).await;
            until(|| cluster.is_ready()).await;
            assert_eq!(flags(&cluster), expected);
        });
    }
}

#[test]
fn tcp_hosts_are_expected_to_answer() {
    run(|upstream| async move {
        let (listener, address) = listen().await;
        let tcp = proto::TcpHealthCheck {
            send: b"ping".to_vec(),
            receive: vec![b"po".to_vec(), b"g".to_vec()],
            ..Default::default()
        };
        let cluster = checked(&upstream, &[address], settings(Kind::Tcp(tcp)));
        let mut stream = accept(&listener).await;
        let mut bytes = [0; 4];
        for answer in ["pong", "po--g"] {
            stream.read_exact(&mut bytes).await.unwrap();
            assert_eq!(&bytes, b"ping");
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
        until(|| stat(&cluster, Stat::HealthCheckSuccess) >= 2).await;
        drop(stream);
        until(|| flags(&cluster).contains(CheckFlags::FAILED)).await;
    });
}

#[test]
fn hosts_that_come_are_checked_and_those_that_go_are_not() {
    run(|upstream| async move {
        let ((one, first), (two, second)) = (listen().await, listen().await);
        let cluster = checked(&upstream, &[first], http());
        answer(&one, &[GOOD]).await;
        until(|| cluster.is_ready()).await;
        let endpoints = crate::upstream::testing::endpoints(&[second]);
        assert_eq!(cluster.set_endpoints(&endpoints), Ok(true));
        answer(&two, &[GOOD]).await;
        until(|| cluster.host_sets().membership().healthy == 1).await;
        assert_eq!(cluster.host_sets().membership().total, 1);
    });
}
