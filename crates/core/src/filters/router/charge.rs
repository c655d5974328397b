//! Counting responses of upstreams, and what is answered in their place, by code, for cluster and host.
//! <https://www.envoyproxy.io/docs/envoy/latest/configuration/upstream/cluster_manager/cluster_stats#dynamic-http-statistics>

use std::sync::atomic::Ordering::Relaxed;

use super::attempt::Upstream;
use super::failure::{Failure, TimeoutKind};
use super::parties::Parties;
use super::{scopes, Router};
use crate::http::stream::Stream;
use crate::proto::{ClusterStat, HttpStat};
use crate::route::is_grpc;
use crate::stats::Origin;
use crate::upstream::{Cluster, Host};

/// Counts an answer that the client gets, unless the client checks the health. `host`: of the last attempt.
pub fn answer(
    router: &Router,
    stream: &Stream,
    cluster: &Cluster,
    status: u16,
    host: Option<&Host>,
) {
    if !router.dynamic_stats || stream.info.health_check {
        return;
    }
    let origin = if stream.internal { Origin::Internal } else { Origin::External };
    let block = cluster.block();
    block.response(origin, status);
    if router.suppress_grpc_request_failure_code_stats && is_grpc(&stream.request) {
        block.response(Origin::Apart, status);
    }
    if let Some(host) = host {
        if host.canary {
            block.response(Origin::Canary, status);
        }
        cluster.count_zone(host, status);
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

/// Counts why an attempt gave no response. `cluster`: the one of the route, which may be an aggregate.
pub fn failed_attempt(cluster: &Cluster, up: &Upstream, failure: &Failure) {
    let stat = match failure {
        Failure::Timeout(TimeoutKind::Route) => ClusterStat::ClusterUpstreamRqTimeout,
        Failure::Timeout(TimeoutKind::PerTry) => ClusterStat::ClusterUpstreamRqPerTryTimeout,
        Failure::Timeout(TimeoutKind::PerTryIdle) => {
            ClusterStat::ClusterUpstreamRqPerTryIdleTimeout
        }
        Failure::Timeout(TimeoutKind::UpstreamDuration) => {
            ClusterStat::ClusterUpstreamRqMaxDurationReached
        }
        Failure::Protocol if !up.wire.shares_connection() => {
            ClusterStat::ClusterUpstreamCxProtocolError
        }
        _ => return,
    };
    let block = match stat {
        ClusterStat::ClusterUpstreamRqMaxDurationReached
        | ClusterStat::ClusterUpstreamCxProtocolError => up.cluster.block(),
        _ => cluster.block(),
    };
    block.inc(stat);
    if stat != ClusterStat::ClusterUpstreamRqMaxDurationReached
        && matches!(failure, Failure::Timeout(_))
    {
        up.host.stats.rq_timeout.fetch_add(1, Relaxed);
    }
}

/// Counts what stands for the response of an attempt that failed, while others are waited for.
pub fn lost(parties: &Parties<'_>, cluster: &Cluster, failure: &Failure) {
    let instead = failure.is_of_attempts() && parties.timeouts.alternative_response;
    let status = if instead { 204 } else { failure.status() };
    if matches!(failure, Failure::Overflow) {
        dropped(cluster, failure);
    }
    let chosen = parties.stream.info.upstream.host.as_deref();
    answer(parties.router, parties.stream, cluster, status, chosen);
    host(parties.stream, false);
}
