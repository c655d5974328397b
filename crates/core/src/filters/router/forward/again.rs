//! What becomes of an attempt: its response stands, or the request is made again.

use std::time::Duration;

use super::super::attempt::Upstream;
use super::super::charge;
use super::super::failure::Failure;
use super::super::retry::Outcome;
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
    /// The request is made again after a pause.
    Again(Duration),
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
        let stream = &mut *self.parties.stream;
        let response = std::mem::take(&mut stream.response);
        let outcome = Outcome::Response(head.status, &response);
        let possible = self.can_retry();
        let stream = &mut *self.parties.stream;
        let pause = match possible {
            true => self.retries.next(stream, &self.cluster, self.priority, &outcome),
            false => None,
        };
        let redirects = pause.is_none() && self.redirect(up, head.status, &response);
        let stream = &mut *self.parties.stream;
        stream.response = response;
        if let Some(pause) = pause {
            charge::retried(&self.cluster, head.status);
            return Verdict::Again(pause);
        }
        if redirects {
            return Verdict::Redirects;
        }
        charge::answer(self.router, stream, &self.cluster, head.status, up.host.canary);
        charge::host(stream, head.status < 500);
        Verdict::Stands
    }

    /// An attempt is over whose response is followed by another.
    pub(super) fn end_attempt(&mut self) {
        self.parties.timeouts.end_attempt();
        if self.route.include_is_timeout_retry_header() {
            self.parties.stream.request.set(HeaderId::XEnvoyIsTimeoutRetry, b"false");
        }
    }

    pub(super) fn reconsider(&mut self, failure: &Failure) -> Option<Duration> {
        if !failure.is_of_upstream() || !self.can_retry() {
            return None;
        }
        let stream = &mut *self.parties.stream;
        let outcome = Outcome::Failure(failure);
        let pause = self.retries.next(stream, &self.cluster, self.priority, &outcome)?;
        charge::host(stream, false);
        self.parties.timeouts.end_attempt();
        if self.route.include_is_timeout_retry_header() {
            let late = if failure.is_of_attempts() { "true" } else { "false" };
            stream.request.set(HeaderId::XEnvoyIsTimeoutRetry, late.as_bytes());
        }
        Some(pause)
    }

    /// What was sent can be sent again.
    fn can_retry(&self) -> bool {
        if self.parties.committed {
            return false;
        }
        let replay = &self.parties.replay;
        if replay.wanted && replay.overflowed {
            self.cluster.block().inc(ClusterStat::ClusterRetryOrShadowAbandoned);
        }
        !replay.overflowed
    }

    pub(super) async fn wait(&mut self, pause: Duration) -> Result<(), Failure> {
        let deadline = clock::now() + pause;
        let parties = &mut self.parties;
        std::future::poll_fn(|cx| {
            if clock::now() >= deadline {
                return std::task::Poll::Ready(Ok(()));
            }
            if parties.poll_gone(cx).is_ready() {
                return std::task::Poll::Ready(Err(Failure::ClientGone));
            }
            let limit = parties.timeouts.nearest(parties.stream);
            let nearest = limit.map_or(deadline, |limit| limit.min(deadline));
            match parties.timer.poll(cx, Some(nearest)) {
                std::task::Poll::Pending => std::task::Poll::Pending,
                std::task::Poll::Ready(()) if nearest == deadline => std::task::Poll::Ready(Ok(())),
                std::task::Poll::Ready(()) => std::task::Poll::Ready(Err(Failure::Timeout(
                    parties.timeouts.expired(parties.stream),
                ))),
            }
        })
        .await?;
        self.retries.begin(self.parties.stream, &self.cluster);
        if !self.router.suppress_envoy_headers {
            self.parties.timeouts.announce(self.parties.stream);
        }
        Ok(())
    }
}
