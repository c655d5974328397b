//! Hedging: an attempt that takes too long goes on beside the next one, and the first good head wins.
//! <https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/http/http_routing#request-hedging>

use std::mem::{swap, take};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use super::attempt::Upstream;
use super::failure::{Failure, TimeoutKind};
use super::parties::Parties;
use super::retry::{is_retriable, Outcome};
use super::{charge, log};
use crate::clock;
use crate::http::stream::Stream;
use crate::http::stream_info::UpstreamInfo;
use crate::http1::response::ResponseHead;
use crate::route::RetryPolicy;
use crate::tracing::{exchange_attempt, Span};
use crate::upstream::{ClosedBy, Cluster};

/// Why the latest attempt is not waited for any more.
pub enum Stop {
    Failed(Failure),
    /// It takes longer than an attempt may, but can go on beside another.
    Late(Box<Upstream>, TimeoutKind),
    /// An earlier attempt has a response, or has begun one.
    Overtaken(Box<Earlier>),
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// An attempt that takes too long. Its limits for one attempt hold no more.
pub struct Earlier {
    pub up: Upstream,
    /// What is known of it, while another is the latest.
    pub info: UpstreamInfo,
    pub span: Option<Span>,
    /// When it has to be over, its response included.
    pub end: Option<Instant>,
    /// Of its response, if that came while another attempt was waited for.
    pub head: Option<ResponseHead>,
    /// The cluster of the route.
    cluster: Rc<Cluster>,
    policy: Option<Arc<RetryPolicy>>,
}

impl Earlier {
    /// The latest attempt, `up`.
    pub fn new(
        up: Upstream,
        parties: &mut Parties<'_>,
        cluster: Rc<Cluster>,
        policy: Option<Arc<RetryPolicy>>,
    ) -> Self {
        let info = parties.stream.info.upstream.clone();
        let mut span = None;
        exchange_attempt(parties.stream, &mut span);
        Self { up, info, span, end: parties.timeouts.upstream_end, head: None, cluster, policy }
    }

    /// Calls `with` while the request is told of this attempt.
    fn with_info<R>(
        &mut self,
        parties: &mut Parties<'_>,
        with: impl FnOnce(&mut Self, &mut Parties<'_>) -> R,
    ) -> R {
        self.exchange_facts(parties.stream);
        let result = with(self, parties);
        self.exchange_facts(parties.stream);
        result
    }

    fn exchange_facts(&mut self, stream: &mut Stream) {
        swap(&mut stream.info.upstream, &mut self.info);
        exchange_attempt(stream, &mut self.span);
    }

    /// Ready when it has come to something: whether that decides the request.
    fn poll(&mut self, parties: &mut Parties<'_>, cx: &mut Context<'_>) -> Poll<bool> {
        let polled = match self.up.poll_response(parties, cx) {
            Poll::Pending if self.end.is_some_and(|end| end <= clock::now()) => {
                Poll::Ready(Err(Failure::Timeout(TimeoutKind::UpstreamDuration)))
            }
            polled => polled,
        };
        if parties.committed {
            // The client has an interim response of it.
            if let Poll::Ready(Ok(head)) = polled {
                self.up.report_answer(parties, &head);
                self.head = Some(head);
            }
            return Poll::Ready(true);
        }
        polled.map(|result| match result {
            Ok(head) => self.is_good(parties, head),
            Err(failure) => {
                self.up.fail(parties, &self.cluster, &failure);
                if !matches!(failure, Failure::Timeout(_)) {
                    charge::lost(parties, &self.cluster, &failure);
                }
                log::attempt(parties, &self.cluster, 0, Some(&failure));
                false
            }
        })
    }

    /// Whether its response stands. One that would be retried does not, as long as others are to come.
    fn is_good(&mut self, parties: &mut Parties<'_>, head: ResponseHead) -> bool {
        self.up.report_answer(parties, &head);
        let outcome = Outcome::Response(head.status, &parties.stream.response);
        let good = !self.policy.as_ref().is_some_and(|policy| is_retriable(policy, &outcome));
        if good {
            self.head = Some(head);
        } else {
            charge::host(parties.stream, false);
            self.up.abort(ClosedBy::Local);
            log::attempt(parties, &self.cluster, head.status, None);
        }
        good
    }

    /// It is not waited for any more: the request is over, by `failure` or by the response of another attempt.
    fn leave(&mut self, parties: &mut Parties<'_>, failure: Option<&Failure>) {
        match failure {
            Some(failure @ Failure::Timeout(TimeoutKind::Route)) => {
                self.up.fail(parties, &self.cluster, failure);
                charge::lost(parties, &self.cluster, failure);
            }
            _ => self.up.abort(ClosedBy::Local),
        }
        log::attempt(parties, &self.cluster, 0, failure);
    }
}

impl Parties<'_> {
    /// Ready when an earlier attempt decides the request. Those that fail are given up.
    pub(super) fn poll_earlier(&mut self, cx: &mut Context<'_>) -> Poll<Stop> {
        let mut waiting = take(&mut self.earlier);
        let mut index = 0;
        while let Some(attempt) = waiting.get_mut(index) {
            match attempt.with_info(self, |attempt, parties| attempt.poll(parties, cx)) {
                Poll::Ready(true) => {
                    let attempt = waiting.remove(index);
                    self.earlier = waiting;
                    self.leave_earlier(None);
                    return Poll::Ready(Stop::Overtaken(Box::new(attempt)));
                }
                Poll::Ready(false) => _ = waiting.remove(index),
                Poll::Pending => index += 1,
            }
        }
        self.earlier = waiting;
        Poll::Pending
    }

    /// Gives up the attempts beside the latest one: the request is over, by `failure` or by a response.
    pub(super) fn leave_earlier(&mut self, failure: Option<&Failure>) {
        for mut attempt in take(&mut self.earlier) {
            attempt.with_info(self, |attempt, parties| attempt.leave(parties, failure));
        }
    }
}
