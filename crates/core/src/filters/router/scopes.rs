//! Counting a request where its virtual host and route ask for it: in its virtual cluster and under the route's
//! stat_prefix.
//! <https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/router_filter#statistics>

use crate::http::stream::Stream;
use crate::proto::{VirtualClusterHistogram, VirtualClusterStat};
use crate::route::Route;
use crate::stats::{BlockKind, Origin};

/// Finds the virtual cluster of the request, and the blocks that count it.
pub fn choose(stream: &mut Stream, route: &Route) {
    stream.scopes.clear();
    if let Some(found) = route.virtual_clusters().of(&stream.request) {
        stream.info.virtual_cluster = Some(found.name.clone());
        count_in(stream, found.stats_block);
    }
    if route.stats_block != 0 {
        count_in(stream, route.stats_block);
    }
}

fn count_in(stream: &mut Stream, number: u32) {
    stream.scopes.push(stream.worker.kept_block(number, BlockKind::VirtualCluster));
}

pub fn inc(stream: &Stream, stat: VirtualClusterStat) {
    for scope in &stream.scopes {
        scope.inc(stat);
    }
}

/// Counts a response by its status.
pub fn response(stream: &Stream, status: u16) {
    for scope in &stream.scopes {
        scope.response(Origin::External, status);
    }
}

/// Records the milliseconds that the upstream took.
pub fn record_time(stream: &Stream, took: u64) {
    for scope in &stream.scopes {
        scope.record(VirtualClusterHistogram::UpstreamRqTime, took);
    }
}
