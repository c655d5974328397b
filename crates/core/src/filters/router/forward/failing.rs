//! No attempt gave a response that stands: what is counted, and what the client gets.

use std::sync::atomic::Ordering::Relaxed;

use super::super::attempt::Upstream;
use super::super::charge;
use super::super::failure::{Failure, TimeoutKind};
use super::Forwarding;
use crate::headers::HeaderId;
use crate::http::stream::Answer;
use crate::proto::{ClusterStat, HttpStat};
use crate::upstream::Cluster;

impl Forwarding<'_> {
    /// No attempt gave a response that stands.
    pub(super) fn fail(&mut self, failure: &Failure) -> Option<Answer> {
        if self.parties.holding || matches!(failure, Failure::Connect { .. }) {
            self.parties.discard_body();
        }
        let stream = &mut *self.parties.stream;
        stream.info.flags |= failure.flag();
        if let Failure::Connect { reason, .. } = failure {
            stream.info.upstream.transport_failure_reason = reason.clone();
        }
        match failure {
            Failure::ClientGone => {
                stream.info.details = "downstream_remote_disconnect".into();
                return None;
            }
            Failure::ClientBody(_) => {
                stream.close = true;
                stream.manager.block.inc(HttpStat::HttpDownstreamCxProtocolError);
            }
            Failure::Timeout(kind) => charge::manager_timeout(stream, *kind),
            Failure::Dropped { .. } | Failure::Overflow => charge::dropped(&self.cluster, failure),
            _ => {}
        }
        let transport = stream.info.upstream.transport_failure_reason.replace(' ', "_");
        let done = stream.request_done.is_some();
        let retried = self.retries.made() > 0;
        let mut answer = failure.answer(retried, self.parties.committed, done, &transport);
        if failure.is_of_attempts() && self.parties.timeouts.alternative_response {
            answer.status = 204;
            answer.body = "".as_bytes().into();
        }
        if matches!(failure, Failure::Overflow) {
            answer = answer.header(HeaderId::XEnvoyOverloaded, "true");
        }
        if failure.answers_for_upstream() {
            if self.route.include_attempt_count_in_response() {
                let attempts = self.parties.stream.info.attempts.to_string();
                answer = answer.header(HeaderId::XEnvoyAttemptCount, attempts);
            }
            self.charge_failure(failure, answer.status);
        }
        Some(answer)
    }

    fn charge_failure(&self, failure: &Failure, status: u16) {
        if self.retries.is_pausing() {
            return;
        }
        let stream = &*self.parties.stream;
        if !self.parties.committed {
            charge::answer(self.router, stream, &self.cluster, status, false);
        }
        if !matches!(failure, Failure::NoHost { .. }) {
            charge::host(stream, false);
        }
    }
}

/// `cluster`: the one of the route, which may be an aggregate.
pub(super) fn count_failed_attempt(cluster: &Cluster, up: &Upstream, failure: &Failure) {
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
