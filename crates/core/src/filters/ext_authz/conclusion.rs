//! What becomes of a request when the service has answered.

use std::rc::Rc;
use std::time::Instant;

use serde_json::Value;

use super::super::bodies::attach;
use super::super::routing::clear_route;
use super::changes::Changes;
use super::verdict::{Decision, LocalReply, Verdict};
use super::ExtAuthz;
use crate::clock;
use crate::http::flags::ResponseFlags;
use crate::http::stream::{Answer, Stream};
use crate::proto::ExtAuthzStat;
use crate::stats::{Family, Origin};
use crate::upstream::Cluster;

/// The dynamic metadata that a service gives a request.
const NAMESPACE: &str = "envoy.filters.http.ext_authz";

/// What is counted for the cluster of the request.
static OF_CLUSTER: Family = Family {
    counters: &["denied", "error", "failure_mode_allowed", "invalid", "ok"],
    histograms: &[],
};

impl ExtAuthz {
    pub(super) fn note_metadata(
        &self,
        stream: &mut Stream,
        decision: &mut Decision,
        start: Instant,
    ) {
        if decision.metadata.is_empty() {
            return;
        }
        if self.ignores_dynamic_metadata {
            return self.block(stream).inc(ExtAuthzStat::ExtAuthzIgnoredDynamicMetadata);
        }
        if matches!(decision.verdict, Verdict::Allowed(_)) {
            let took = Value::from(clock::since(start).as_millis() as u64);
            decision.metadata.insert("ext_authz_duration".into(), took);
        }
        stream.info.merge_metadata(NAMESPACE, &decision.metadata);
    }

    pub(super) fn conclude(
        &self,
        place: usize,
        stream: &mut Stream,
        verdict: Verdict,
        cluster: Option<&Rc<Cluster>>,
    ) -> Result<(), Answer> {
        let count = |stat, counter| {
            self.block(stream).inc(stat);
            self.count_for(cluster, counter);
        };
        match verdict {
            Verdict::Allowed(changes) => self.allow(place, stream, *changes, cluster),
            Verdict::Denied(reply) => {
                count(ExtAuthzStat::ExtAuthzDenied, "denied");
                let status = reply.status.unwrap_or(403);
                if let Some(cluster) = cluster.filter(|_| self.charges_cluster) {
                    cluster.block().response(Origin::Internal, status);
                }
                match reply.is_well_formed() {
                    true => Err(self.answer(reply, status, "ext_authz_denied")),
                    false => Err(self.answer_invalid(stream, cluster)),
                }
            }
            Verdict::Failed(reply) => {
                count(ExtAuthzStat::ExtAuthzError, "error");
                if !self.failure_mode_allow {
                    return Err(self.answer_error(reply));
                }
                count(ExtAuthzStat::ExtAuthzFailureModeAllowed, "failure_mode_allowed");
                if self.failure_mode_allow_header {
                    stream.request.append_raw(b"x-envoy-auth-failure-mode-allowed", b"true");
                }
                Ok(())
            }
        }
    }

    fn allow(
        &self,
        place: usize,
        stream: &mut Stream,
        changes: Changes,
        cluster: Option<&Rc<Cluster>>,
    ) -> Result<(), Answer> {
        let permissions = self.permissions.as_ref();
        if changes.apply(stream, permissions, self.validate_query).is_err() {
            return Err(self.answer_invalid(stream, cluster));
        }
        if self.clear_route_cache && changes.concern_route(&self.clear_route_cache_headers) {
            clear_route(stream);
        }
        let block = self.block(stream);
        if is_too_large(stream) {
            block.inc(ExtAuthzStat::ExtAuthzRequestHeaderLimitsReached);
            return Err(self.answer_invalid(stream, cluster));
        }
        if !changes.response.is_empty() {
            attach(stream, place, changes.response);
        }
        block.inc(ExtAuthzStat::ExtAuthzOk);
        self.count_for(cluster, "ok");
        Ok(())
    }

    fn answer(&self, mut reply: LocalReply, status: u16, details: &'static str) -> Answer {
        reply.body.truncate(self.longest_body);
        let mut answer = Answer::new(status, "", details);
        answer.headers = reply.headers();
        answer.body = reply.body.into();
        answer.flag(ResponseFlags::UNAUTHORIZED_EXTERNAL_SERVICE)
    }

    /// The service has not decided.
    pub(super) fn answer_error(&self, mut reply: LocalReply) -> Answer {
        reply.leave_out_malformed();
        let status = reply.status.unwrap_or(self.status_on_error);
        self.answer(reply, status, "ext_authz_error")
    }

    /// What the service has decided cannot be done.
    fn answer_invalid(&self, stream: &Stream, cluster: Option<&Rc<Cluster>>) -> Answer {
        self.block(stream).inc(ExtAuthzStat::ExtAuthzInvalid);
        self.count_for(cluster, "invalid");
        self.answer(LocalReply::default(), 500, "ext_authz_invalid")
    }

    fn count_for(&self, cluster: Option<&Rc<Cluster>>, counter: &str) {
        let Some(cluster) = cluster else { return };
        let place = OF_CLUSTER.counters.iter().position(|known| *known == counter);
        let group = cluster.block().group(&OF_CLUSTER, &self.cluster_stats);
        if let (Some(group), Some(place)) = (group, place) {
            group.add(place, 1);
        }
    }
}

/// The service has made a request of this one that no client may send.
fn is_too_large(stream: &Stream) -> bool {
    let limits = &stream.manager.config.limits;
    stream.request.len() > limits.max_headers || stream.request.byte_size() > limits.max_head_bytes
}
