//! The checks of one host of one kind, one after the other, for as long as the host is there.

use std::cell::{Cell, RefCell};
use std::future::{poll_fn, Future};
use std::rc::Rc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::Arc;
use std::task::Poll;
use std::time::Instant;

use super::check::{Check, Kind};
use super::link::Link;
use super::state::{CheckResult, Failure, FailureType, Standing, Transition};
use super::target::{CheckContext, Target};
use super::{CheckFlags, HealthChecker};
use crate::clock;
use crate::proto::HealthCheckStat;
use crate::upstream::host::HostStats;
use crate::upstream::{ClusterShared, Host};

/// A host, as all its checks see it.
pub struct Checked {
    /// An update of the endpoint replaces it.
    pub host: RefCell<Arc<Host>>,
    /// Checks that have not come to an end once.
    waiting: Cell<usize>,
}

impl Checked {
    pub fn new(host: Arc<Host>, checks: usize) -> Rc<Self> {
        Rc::new(Self { host: RefCell::new(host), waiting: Cell::new(checks) })
    }

    /// A check has not come to an end once.
    pub fn is_new(&self) -> bool {
        self.waiting.get() > 0
    }
}

/// One check of a host.
pub struct Session {
    context: Rc<CheckContext>,
    shared: Arc<ClusterShared>,
    checked: Rc<Checked>,
    /// Of the check.
    index: usize,
    standing: RefCell<Standing>,
}

impl Session {
    pub fn new(
        context: Rc<CheckContext>,
        shared: Arc<ClusterShared>,
        checked: Rc<Checked>,
        index: usize,
    ) -> Rc<Self> {
        Rc::new(Self { context, shared, checked, index, standing: RefCell::default() })
    }

    pub async fn run(self: Rc<Self>) {
        let Some(checker) = self.shared.health_checker() else { return };
        let Some(check) = checker.checks.get(self.index) else { return };
        let timer = self.context.timers.timer();
        let initial = check.settings.initial(&check.runtime.load(), &self.context.random);
        if let Some(time) = initial {
            timer.until(Some(clock::now() + time)).await;
        }
        let mut link = None;
        loop {
            let result = self.check(check, &mut link).await;
            let mut next = self.take((checker, check), result);
            while self.has_ended(&mut link, next).await {
                link = None;
                // Of HTTP it is only noticed: the next check opens another connection.
                if matches!(check.kind, Kind::Tcp(_)) {
                    next = self.take((checker, check), failed(FailureType::Network));
                }
            }
        }
    }

    async fn check(&self, check: &Check, link: &mut Option<Link>) -> CheckResult {
        let host = self.checked.host.borrow().clone();
        check.count(HealthCheckStat::HealthCheckAttempt);
        let context = &*self.context;
        let target = Target { context, shared: &self.shared, check, host: &host };
        let timer = self.context.timers.timer();
        let deadline = clock::now() + check.settings.timeout;
        let mut checking = std::pin::pin!(check.kind.run(&target, link));
        poll_fn(|cx| match checking.as_mut().poll(cx) {
            Poll::Ready(result) => Poll::Ready(result),
            Poll::Pending => {
                timer.poll(cx, Some(deadline)).map(|()| failed(FailureType::NetworkTimeout))
            }
        })
        .await
    }

    /// Waits for `next`; true when the connection ended before.
    async fn has_ended(&self, link: &mut Option<Link>, next: Instant) -> bool {
        let timer = self.context.timers.timer();
        poll_fn(|cx| {
            if timer.poll(cx, Some(next)).is_ready() {
                return Poll::Ready(false);
            }
            match link {
                Some(link) => link.poll_ended(cx).map(|()| true),
                None => Poll::Pending,
            }
        })
        .await
    }

    /// Lets a result have its effect; when the next check is due.
    fn take(&self, (checker, check): (&HealthChecker, &Check), result: CheckResult) -> Instant {
        let passed = matches!(result, CheckResult::Passed { .. });
        let transition = self.judge((checker, check), result);
        let (runtime, random) = (check.runtime.load(), &self.context.random);
        let used = self.shared.has_traffic();
        clock::now() + check.settings.next((passed, transition), used, &runtime, random)
    }

    /// The host has said in an ordinary response that it wants no traffic.
    pub fn fail_passively(&self, checker: &HealthChecker) {
        if let Some(check) = checker.checks.get(self.index) {
            let host = self.checked.host.borrow().clone();
            let flags = host.stats.flags_of(self.index, checker.checks.len());
            flags.set(CheckFlags::EXCLUDED);
            self.judge((checker, check), failed(FailureType::Passive));
        }
    }

    fn judge(&self, (checker, check): (&HealthChecker, &Check), result: CheckResult) -> Transition {
        let host = self.checked.host.borrow().clone();
        let flags = host.stats.flags_of(self.index, checker.checks.len());
        let old = flags.load();
        if self.standing.borrow().is_new() {
            self.checked.waiting.set(self.checked.waiting.get() - 1);
        }
        let judged = match checker.checks.len() {
            1 => result,
            _ => result.not_excluding(),
        };
        let judgement = self.standing.borrow_mut().take(old, judged, &check.settings.rules);
        flags.change(old, judgement.flags);
        check.count_result(&result);
        for event in judgement.events.into_iter().flatten() {
            check.log(event, &host);
        }
        let change = match checker.checks.len() {
            1 => Some((old, judgement.flags)),
            count => self.combine(&host.stats, count),
        };
        let passed = matches!(result, CheckResult::Passed { .. });
        checker.note(change.is_some_and(|change| self.apply(&host, change, passed)));
        judgement.transition
    }

    /// Makes one verdict of those of several checks: what it was, and what it is. Nothing comes of them before each
    /// has come to an end once.
    fn combine(&self, stats: &HostStats, count: usize) -> Option<(CheckFlags, CheckFlags)> {
        if self.checked.is_new() {
            return None;
        }
        let old = stats.checks.load();
        let each = (0..count).map(|index| stats.flags_of(index, count).load());
        let new = each.fold(CheckFlags::empty(), |all, one| all | one) - CheckFlags::REMOVED;
        let new = new | (old & CheckFlags::REMOVED);
        stats.checks.change(old, new);
        Some((old, new))
    }

    /// What a new verdict does to the host; whether others have to know.
    fn apply(&self, host: &Host, (old, new): (CheckFlags, CheckFlags), passed: bool) -> bool {
        let fails = new.contains(CheckFlags::FAILED);
        if fails && !old.contains(CheckFlags::FAILED) {
            host.stats.failures.fetch_add(1, Relaxed);
        }
        let returns = !fails && passed;
        let unejected = returns && self.shared.outlier().is_some_and(|it| it.forgive(host));
        new != old || unejected
    }
}

fn failed(kind: FailureType) -> CheckResult {
    CheckResult::Failed(Failure::of(kind))
}
