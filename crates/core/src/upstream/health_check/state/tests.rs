use super::{CheckFlags, CheckResult, Event, Failure, FailureType, Rules, Standing, Transition};

const RULES: Rules = Rules {
    healthy_threshold: 3,
    unhealthy_threshold: 2,
    log_every_failure: false,
    log_every_success: false,
};
const PASSED: CheckResult = CheckResult::Passed { degraded: false };

fn failed(kind: FailureType) -> CheckResult {
    CheckResult::Failed(Failure::of(kind))
}

/// A host and the results of its checks so far.
struct Host {
    standing: Standing,
    flags: CheckFlags,
    rules: Rules,
    events: Vec<Event>,
}

impl Host {
    fn new(flags: CheckFlags) -> Self {
        Self { standing: Standing::default(), flags, rules: RULES, events: Vec::new() }
    }

    /// A host that has passed its first check.
    fn healthy() -> Self {
        let mut host = Self::new(CheckFlags::FAILED);
        assert_eq!(host.take(PASSED), Transition::Changed);
        host.events.clear();
        host
    }

    fn take(&mut self, result: CheckResult) -> Transition {
        let judgement = self.standing.take(self.flags, result, &self.rules);
        self.flags = judgement.flags;
        self.events.extend(judgement.events.into_iter().flatten());
        judgement.transition
    }
}

#[test]
fn the_first_check_decides_alone() {
    let mut host = Host::new(CheckFlags::FAILED | CheckFlags::PENDING);
    assert_eq!(host.take(PASSED), Transition::Changed);
    assert_eq!(
        (host.flags, &*host.events),
        (CheckFlags::empty(), &[Event::Added { first: true }][..])
    );
    let mut host = Host::new(CheckFlags::FAILED | CheckFlags::PENDING);
    assert_eq!(
        host.take(failed(FailureType::Network)),
        Transition::Changed,
        "not pending any more"
    );
    assert_eq!(host.flags, CheckFlags::FAILED);
    let failure = Failure::of(FailureType::Network);
    assert_eq!(host.events, [Event::Failed { failure, first: true }]);
}

#[test]
fn a_threshold_of_failures_of_the_network() {
    let mut host = Host::healthy();
    assert_eq!(host.take(failed(FailureType::Network)), Transition::Pending);
    assert_eq!(host.take(PASSED), Transition::None, "a success ends the row");
    assert_eq!(host.take(failed(FailureType::Network)), Transition::Pending);
    assert_eq!(host.take(failed(FailureType::NetworkTimeout)), Transition::Changed);
    assert_eq!(host.flags, CheckFlags::FAILED | CheckFlags::TIMEOUT);
    assert_eq!(host.events, [Event::Ejected(Failure::of(FailureType::NetworkTimeout))]);
    assert_eq!(host.take(failed(FailureType::Network)), Transition::None);
    assert_eq!(host.flags, CheckFlags::FAILED, "this one did not time out");
}

#[test]
fn a_threshold_of_successes() {
    let mut host = Host::healthy();
    assert_eq!(host.take(failed(FailureType::Active)), Transition::Changed);
    assert_eq!(host.take(PASSED), Transition::Pending);
    assert_eq!(host.take(failed(FailureType::Active)), Transition::None);
    assert_eq!((host.take(PASSED), host.take(PASSED)), (Transition::Pending, Transition::Pending));
    assert_eq!(host.take(PASSED), Transition::Changed);
    assert_eq!(host.flags, CheckFlags::empty());
    assert_eq!(host.events.last(), Some(&Event::Added { first: false }));
}

#[test]
fn a_wrong_answer_counts_at_once_unless_it_may_be_tried_again() {
    let mut host = Host::healthy();
    let retriable =
        CheckResult::Failed(Failure { retriable: true, ..Failure::of(FailureType::Active) });
    assert_eq!(host.take(retriable), Transition::Pending);
    assert_eq!(host.take(retriable), Transition::Changed);
    let mut host = Host::healthy();
    assert_eq!(host.take(failed(FailureType::Passive)), Transition::Changed);
}

#[test]
fn a_host_that_wants_no_traffic_is_excluded_until_it_is_well() {
    let mut host = Host::healthy();
    host.rules.healthy_threshold = 1;
    let excludes = Failure { excludes: true, ..Failure::of(FailureType::Active) };
    host.take(CheckResult::Failed(excludes));
    assert_eq!(host.flags, CheckFlags::FAILED | CheckFlags::EXCLUDED);
    host.take(failed(FailureType::Active));
    assert!(host.flags.contains(CheckFlags::EXCLUDED));
    host.take(PASSED);
    assert_eq!(host.flags, CheckFlags::empty());
}

#[test]
fn a_host_is_degraded_as_long_as_it_says_so() {
    let mut host = Host::healthy();
    let degraded = CheckResult::Passed { degraded: true };
    assert_eq!(host.take(degraded), Transition::Changed);
    assert_eq!(host.take(degraded), Transition::None);
    assert_eq!(host.flags, CheckFlags::DEGRADED);
    host.take(failed(FailureType::Active));
    assert_eq!(host.take(PASSED), Transition::Pending, "though it is not degraded any more");
    assert_eq!(host.flags, CheckFlags::FAILED);
    assert_eq!(host.events[0], Event::Degraded);
    assert_eq!(host.events[2], Event::NoLongerDegraded);
}

#[test]
fn every_result_is_logged_where_that_is_asked_for() {
    let mut host = Host::healthy();
    host.rules = Rules { log_every_failure: true, log_every_success: true, ..RULES };
    host.take(PASSED);
    host.take(failed(FailureType::Active));
    let failure = Failure::of(FailureType::Active);
    let expected =
        [Event::Passed, Event::Ejected(failure), Event::Failed { failure, first: false }];
    assert_eq!(host.events, expected);
}
