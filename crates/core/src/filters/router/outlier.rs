//! What outlier detection and health checks are told of the requests that the router makes.
//! <https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/outlier>

use super::attempt::Upstream;
use super::failure::{Failure, TimeoutKind};
use super::hedging::Stop;
use super::parties::Parties;
use crate::formatter::{header_status, http_of_status, is_grpc};
use crate::headers::HeaderId;
use crate::http1::response::ResponseHead;
use crate::upstream::{Cluster, Host, Outcome};

/// Reports whether there was a connection for a request.
pub(super) fn report_connection(
    cluster: &Cluster,
    host: &Host,
    connected: &Result<Upstream, Stop>,
) {
    match connected {
        Ok(_) => cluster.report(host, Outcome::Connected),
        Err(Stop::Failed(Failure::Connect { .. })) => cluster.report(host, Outcome::Failed),
        Err(_) => {}
    }
}

impl Upstream {
    /// Reports the head of a response. That of a gRPC call may have the status of the call.
    pub(super) fn report_answer(&self, parties: &mut Parties<'_>, head: &ResponseHead) {
        self.take_load(parties);
        if let Some(checker) = self.cluster.shared().health_checker() {
            let fails = parties.stream.response.contains(HeaderId::XEnvoyImmediateHealthCheckFail);
            if fails && self.host.is_checked() {
                checker.fail_passively(&self.host);
            }
        }
        if self.cluster.shared().outlier().is_none() {
            return;
        }
        let stream = &*parties.stream;
        let status = is_grpc(&stream.request).then(|| header_status(Some(&stream.response)));
        let status = status.flatten().map_or(head.status, http_of_status);
        self.cluster.report(&self.host, Outcome::Answered(status));
    }

    /// Reports that there was no response, or only a part of one.
    pub(super) fn report_failure(&self, parties: &Parties<'_>, failure: &Failure) {
        let outcome = match failure {
            Failure::Terminated | Failure::Reset { .. } | Failure::Protocol => Outcome::Failed,
            Failure::Timeout(
                TimeoutKind::Route | TimeoutKind::PerTry | TimeoutKind::PerTryIdle,
            ) if !self.late => {
                let instead = parties.timeouts.alternative_response;
                Outcome::TimedOut(if instead { 204 } else { 504 })
            }
            _ => return,
        };
        self.cluster.report(&self.host, outcome);
    }
}
