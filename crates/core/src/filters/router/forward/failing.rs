//! No attempt gave a response that stands: what is counted, and what the client gets.

use super::super::charge;
use super::super::failure::Failure;
use super::super::usage;
use super::Forwarding;
use crate::headers::HeaderId;
use crate::http::stream::Answer;
use crate::proto::HttpStat;

impl Forwarding<'_> {
    /// No attempt gave a response that stands.
    pub(super) fn fail(&mut self, failure: &Failure) -> Option<Answer> {
        if self.parties.holding || matches!(failure, Failure::Connect { .. }) {
            self.parties.discard_body();
        }
        self.parties.leave_earlier(Some(failure));
        if failure.is_of_attempts() {
            usage::of_request(&self.parties, &self.cluster);
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
            let host = stream.info.upstream.host.as_deref();
            charge::answer(self.router, stream, &self.cluster, status, host);
        }
        if !matches!(failure, Failure::NoHost { .. }) {
            charge::host(stream, false);
        }
    }
}
