//! What becomes of an attempt: its response stands, or the request is made again.

use std::future::poll_fn;
use std::time::Duration;

use super::super::attempt::Upstream;
use super::super::charge;
use super::super::failure::Failure;
use super::super::hedging::Stop;
use super::super::retry::Outcome;
use super::hedged::Next;
use super::Forwarding;
use crate::clock;
use crate::headers::HeaderId;
use crate::http1::response::ResponseHead;
use crate::http1::BodyLength;
use crate::proto::ClusterStat;
use crate::upstream::ClosedBy;

/// What becomes of a response.
pub(super) enum Verdict {
    /// The client gets it.
    Stands,
    /// It is given up for another attempt.
    Next(Next),
    /// Another request follows in place of the client's.
    Redirects,
}

/// Leaves a response that the client does not get. Its connection lives on if nothing more of it is to come.
pub(super) fn discard(mut up: Upstream, head: &ResponseHead) {
    match up.sent && matches!(head.body, BodyLength::Empty | BodyLength::Length(0)) {
        true => up.release(head),
        false => up.abort(ClosedBy::Local),
    }
}

impl Forwarding<'_> {
    /// A response arrived.
    pub(super) fn judge(&mut self, up: &mut Upstream, head: &ResponseHead) -> Verdict {
        let response = std::mem::take(&mut self.parties.stream.response);
        let outcome = Outcome::Response(head.status, &response);
        let pause = self.retry(&outcome);
        let redirects = pause.is_none() && self.redirect(up, head.status, &response);
        let gives_way = !self.parties.earlier.is_empty() && self.retries.concern(&outcome);
        let stream = &mut *self.parties.stream;
        stream.response = response;
        if let Some(pause) = pause {
            charge::retried(&self.cluster, head.status);
            return Verdict::Next(Next::After(pause));
        }
        if redirects {
            self.parties.leave_earlier(None);
            return Verdict::Redirects;
        }
        if gives_way {
            if let Some(earlier) = self.parties.earlier.pop() {
                charge::host(stream, false);
                return Verdict::Next(Next::Resume(Box::new(earlier)));
            }
        }
        self.retries.end();
        self.parties.leave_earlier(None);
        let stream = &mut *self.parties.stream;
        charge::answer(self.router, stream, &self.cluster, head.status, Some(&up.host));
        charge::host(stream, head.status < 500);
        Verdict::Stands
    }

    /// The pause before another attempt, where there is to be one.
    fn retry(&mut self, outcome: &Outcome<'_>) -> Option<Duration> {
        match self.can_retry() {
            true => self.retries.next(self.parties.stream, &self.cluster, self.priority, outcome),
            false => None,
        }
    }

    /// What follows an attempt without a response; None: the request has failed.
    pub(super) fn reconsider(&mut self, failure: &Failure) -> Option<Next> {
        if !failure.is_of_upstream() {
            return None;
        }
        if let Some(pause) = self.retry(&Outcome::Failure(failure)) {
            charge::host(self.parties.stream, false);
            self.end_attempt(failure.is_of_attempts());
            return Some(Next::After(pause));
        }
        if matches!(failure, Failure::Timeout(_)) {
            return None;
        }
        let earlier = self.parties.earlier.pop()?;
        charge::lost(&self.parties, &self.cluster, failure);
        Some(Next::Resume(Box::new(earlier)))
    }

    /// Another attempt follows the latest one, which `late`: took too long.
    pub(super) fn end_attempt(&mut self, late: bool) {
        self.parties.timeouts.end_attempt();
        if self.route.include_is_timeout_retry_header() {
            let late: &[u8] = if late { b"true" } else { b"false" };
            self.parties.stream.request.set(HeaderId::XEnvoyIsTimeoutRetry, late);
        }
    }

    /// What was sent can be sent again.
    fn can_retry(&self) -> bool {
        let replay = &self.parties.replay;
        if !self.parties.committed && replay.wanted && replay.overflowed {
            self.cluster.block().inc(ClusterStat::ClusterRetryOrShadowAbandoned);
        }
        self.parties.is_repeatable()
    }

    pub(super) async fn wait(&mut self, pause: Duration) -> Result<(), Stop> {
        let until = clock::now() + pause;
        poll_fn(|cx| self.parties.poll_pause(cx, until)).await?;
        self.retries.begin(self.parties.stream, &self.cluster);
        self.parties.timeouts.announce(self.router, self.parties.stream);
        Ok(())
    }
}
