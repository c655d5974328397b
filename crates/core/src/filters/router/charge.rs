//! Counting responses of upstreams, and what is answered in their place, by code, for cluster and host.
//! <https://www.envoyproxy.io/docs/envoy/latest/configuration/upstream/cluster_manager/cluster_stats#dynamic-http-statistics>

use std::sync::atomic::Ordering::Relaxed;

use super::failure::{Failure, TimeoutKind};
use super::{scopes, Router};
use crate::http::stream::Stream;
use crate::proto::{ClusterStat, HttpStat};
use crate::route::is_grpc;
use crate::stats::Origin;
use crate::upstream::Cluster;

/// Counts an answer that the client gets, unless the client checks the health.
pub fn answer(router: &Router, stream: &Stream, cluster: &Cluster, status: u16, canary: bool) {
    if !router.dynamic_stats || stream.info.health_check {
        return;
    }
    let origin = if stream.internal { Origin::Internal } else { Origin::External };
    let block = cluster.block();
    block.response(origin, status);
    if router.suppress_grpc_request_failure_code_stats && is_grpc(&stream.request) {
        block.response(Origin::Apart, status);
    }
    if canary {
        block.response(Origin::Canary, status);
    }
    scopes::response(stream, status);
}

/// Counts a response after which the request is made again.
pub fn retried(cluster: &Cluster, status: u16) {
    cluster.block().response(Origin::Retry, status);
}

/// Counts for the host of the attempt whether it did well.
pub fn host(stream: &Stream, good: bool) {
    if let Some(host) = &stream.info.upstream.host {
        let counter = if good { &host.stats.rq_success } else { &host.stats.rq_error };
        counter.fetch_add(1, Relaxed);
    }
}

/// Counts a request that the cluster turned away, for load reports.
pub fn dropped(cluster: &Cluster, failure: &Failure) {
    let block = cluster.block();
    block.inc(ClusterStat::ClusterUpstreamRqDropped);
    if matches!(failure, Failure::Dropped { .. }) {
        block.inc(ClusterStat::ClusterUpstreamRqDropOverload);
    }
}

/// Counts a limit of the connection manager that a request ran into.
pub fn manager_timeout(stream: &Stream, kind: TimeoutKind) {
    stream.manager.block.inc(match kind {
        TimeoutKind::StreamIdle => HttpStat::HttpDownstreamRqIdleTimeout,
        TimeoutKind::Request => HttpStat::HttpDownstreamRqTimeout,
        TimeoutKind::MaxDuration => HttpStat::HttpDownstreamRqMaxDurationReached,
        TimeoutKind::Route
        | TimeoutKind::PerTry
        | TimeoutKind::PerTryIdle
        | TimeoutKind::UpstreamDuration => return,
    });
}
