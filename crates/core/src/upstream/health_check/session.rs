//! The checks of one host, one after the other, for as long as the host is there.

use std::cell::RefCell;
use std::future::{poll_fn, Future};
use std::rc::Rc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::Arc;
use std::task::Poll;
use std::time::Instant;

use super::link::Link;
use super::state::{CheckResult, Failure, FailureType, Standing};
use super::target::{CheckContext, Target};
use super::{CheckFlags, HealthChecker, Kind};
use crate::clock;
use crate::upstream::{ClusterShared, Host};

pub struct Session {
    context: Rc<CheckContext>,
    shared: Arc<ClusterShared>,
    /// An update of the endpoint replaces it.
    pub host: RefCell<Arc<Host>>,
    standing: RefCell<Standing>,
}

impl Session {
    pub fn new(context: Rc<CheckContext>, shared: Arc<ClusterShared>, host: Arc<Host>) -> Rc<Self> {
        let (host, standing) = (RefCell::new(host), RefCell::default());
        Rc::new(Self { context, shared, host, standing })
    }

    /// No check has come to an end.
    pub fn is_new(&self) -> bool {
        self.standing.borrow().is_new()
    }

    pub async fn run(self: Rc<Self>) {
        let Some(checker) = self.shared.health_checker() else { return };
        let timer = self.context.timers.timer();
        let initial = checker.settings.initial(&checker.runtime.load(), &self.context.random);
        if let Some(time) = initial {
            timer.until(Some(clock::now() + time)).await;
        }
        let mut link = None;
        loop {
            let result = self.check(checker, &mut link).await;
            let mut next = self.take(checker, result);
            while self.has_ended(&mut link, next).await {
                link = None;
                // Of HTTP it is only noticed: the next check opens another connection.
                if matches!(checker.kind, Kind::Tcp(_)) {
                    next = self.take(checker, failed(FailureType::Network));
                }
            }
        }
    }

    async fn check(&self, checker: &HealthChecker, link: &mut Option<Link>) -> CheckResult {
        let host = self.host.borrow().clone();
        checker.count(super::HealthCheckStat::HealthCheckAttempt);
        let context = &*self.context;
        let target = Target { context, shared: &self.shared, checker, host: &host };
        let timer = self.context.timers.timer();
        let deadline = clock::now() + checker.settings.timeout;
        let mut checking = std::pin::pin!(checker.kind.run(&target, link));
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
    fn take(&self, checker: &HealthChecker, result: CheckResult) -> Instant {
        let passed = matches!(result, CheckResult::Passed { .. });
        let transition = self.judge(checker, result);
        let (runtime, random) = (checker.runtime.load(), &self.context.random);
        let used = self.shared.has_traffic();
        clock::now() + checker.settings.next((passed, transition), used, &runtime, random)
    }

    /// The host has said in an ordinary response that it wants no traffic.
    pub fn fail_passively(&self, checker: &HealthChecker) {
        self.judge(checker, failed(FailureType::Passive));
    }

    fn judge(&self, checker: &HealthChecker, result: CheckResult) -> super::state::Transition {
        let host = self.host.borrow().clone();
        let stats = &host.stats;
        let old = stats.checks.load();
        let judgement = self.standing.borrow_mut().take(old, result, &checker.settings.rules);
        stats.checks.change(old, judgement.flags);
        checker.count_result(&result);
        for event in judgement.events.into_iter().flatten() {
            checker.log(event, &host);
        }
        let fails = judgement.flags.contains(CheckFlags::FAILED);
        if fails && !old.contains(CheckFlags::FAILED) {
            stats.failures.fetch_add(1, Relaxed);
        }
        let returns = !fails && matches!(result, CheckResult::Passed { .. });
        let unejected = returns && self.shared.outlier().is_some_and(|it| it.forgive(&host));
        checker.note(judgement.flags != old || unejected);
        judgement.transition
    }
}

fn failed(kind: FailureType) -> CheckResult {
    CheckResult::Failed(Failure::of(kind))
}
