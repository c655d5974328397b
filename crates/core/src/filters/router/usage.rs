//! What clusters that track it record of attempts and requests: how much of their time they used, and sizes.
//! <https://www.envoyproxy.io/docs/envoy/latest/configuration/upstream/cluster_manager/cluster_stats>

use std::time::{Duration, Instant};

use super::failure::{Failure, TimeoutKind};
use super::parties::Parties;
use crate::clock;
use crate::headers::Headers;
use crate::proto::ClusterHistogram;
use crate::upstream::Cluster;

/// Keeps what the head of a response is like before anything changes it.
pub fn note_head(parties: &mut Parties<'_>) {
    if parties.sizes {
        parties.stream.info.upstream.response_head = Some(size(&parties.stream.response));
    }
}

/// Records an attempt that is over. Where the time of the whole request was up before its head, the limit of the
/// attempt did not matter.
pub fn of_attempt(parties: &Parties<'_>, cluster: &Cluster, failure: Option<&Failure>) {
    let (block, config) = (cluster.block(), cluster.config());
    let info = &parties.stream.info.upstream;
    let of_request = matches!(failure, Some(Failure::Timeout(TimeoutKind::Route)));
    if config.track_timeout_budgets && !of_request {
        let used = percent(info.begun, parties.timeouts.per_try);
        block.record(ClusterHistogram::UpstreamRqTimeoutBudgetPerTryPercentUsed, used);
    }
    if parties.sizes {
        let (bytes, fields) = size(&parties.stream.request);
        block.record(ClusterHistogram::UpstreamRqHeadersSize, bytes);
        block.record(ClusterHistogram::UpstreamRqHeadersCount, fields);
        block.record(ClusterHistogram::UpstreamRqBodySize, info.body_bytes_sent);
        if let Some((bytes, fields)) = info.response_head {
            block.record(ClusterHistogram::UpstreamRsHeadersSize, bytes);
            block.record(ClusterHistogram::UpstreamRsHeadersCount, fields);
            block.record(ClusterHistogram::UpstreamRsBodySize, info.body_bytes_received);
        }
    }
}

/// Records a request that has its response, or took too long.
pub fn of_request(parties: &Parties<'_>, cluster: &Cluster) {
    if cluster.config().track_timeout_budgets {
        let used = percent(parties.stream.request_done, parties.timeouts.route);
        cluster.block().record(ClusterHistogram::UpstreamRqTimeoutBudgetPercentUsed, used);
    }
}

/// Bytes and fields.
fn size(headers: &Headers) -> (u64, u64) {
    (headers.byte_size() as u64, headers.len() as u64)
}

/// How much of a limit has passed; of none nothing has.
fn percent(since: Option<Instant>, limit: Option<Duration>) -> u64 {
    let Some((since, limit)) = since.zip(limit) else { return 0 };
    let used = clock::since(since).as_millis() * 100 / limit.as_millis().max(1);
    used as u64
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::percent;

    #[test]
    fn a_share_of_the_limit_was_used() {
        let since = Instant::now().checked_sub(Duration::from_secs(2));
        assert_eq!(percent(since, Some(Duration::from_secs(200))), 1);
        assert_eq!(percent(since, Some(Duration::from_secs(1))), 200);
        assert_eq!(percent(since, None), 0);
        assert_eq!(percent(None, Some(Duration::from_secs(1))), 0);
    }
}
