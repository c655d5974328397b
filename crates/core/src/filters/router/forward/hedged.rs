//! An attempt that takes too long, where the route hedges.

use std::time::Duration;

use super::super::attempt::Upstream;
use super::super::failure::{Failure, TimeoutKind};
use super::super::hedging::Earlier;
use super::super::retry::Outcome;
use super::Forwarding;

/// What a request does next.
pub(super) enum Next {
    Attempt,
    /// The same after a pause.
    After(Duration),
    /// It waits for an attempt that was made already.
    Resume(Box<Earlier>),
}

impl Forwarding<'_> {
    /// The latest attempt takes longer than an attempt may: another follows, if there may be one, and it goes on.
    pub(super) fn hedge(&mut self, mut up: Upstream, kind: TimeoutKind) -> Next {
        up.report_failure(&self.parties, &Failure::Timeout(kind));
        up.late = true;
        self.parties.timeouts.leave_late();
        let whole = up.sent || self.parties.holding;
        let pause = match whole && self.parties.is_repeatable() {
            true => {
                let stream = &mut *self.parties.stream;
                self.retries.next(stream, &self.cluster, self.priority, &Outcome::Late)
            }
            false => None,
        };
        up.followed = pause.is_some();
        let policy = self.retries.policy().cloned();
        let earlier = Earlier::new(up, &mut self.parties, self.cluster.clone(), policy);
        let Some(pause) = pause else { return Next::Resume(Box::new(earlier)) };
        self.parties.earlier.push(earlier);
        self.end_attempt(true);
        Next::After(pause)
    }
}
