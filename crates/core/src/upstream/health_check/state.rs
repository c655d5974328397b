//! When a host counts as well: what the results of its checks make of it. No clock and no I/O.
//! <https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/health_checking>

use super::CheckFlags;

/// Why a check failed (envoy.data.core.v3.HealthCheckFailureType).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureType {
    /// The host answered, and not as it should have.
    Active,
    /// The host said in an ordinary response that it wants no traffic.
    Passive,
    Network,
    NetworkTimeout,
}

impl FailureType {
    pub fn name(self) -> &'static str {
        match self {
            Self::Active => "ACTIVE",
            Self::Passive => "PASSIVE",
            Self::Network => "NETWORK",
            Self::NetworkTimeout => "NETWORK_TIMEOUT",
        }
    }

    pub fn is_network(self) -> bool {
        matches!(self, Self::Network | Self::NetworkTimeout)
    }
}

/// A check that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    pub kind: FailureType,
    /// It takes `unhealthy_threshold` of them, as of those of the network.
    pub retriable: bool,
    /// Of the response; 0: there was none.
    pub status: u16,
    /// The host said that it is to be left out.
    pub excludes: bool,
}

impl Failure {
    pub fn of(kind: FailureType) -> Self {
        Self { kind, retriable: false, status: 0, excludes: false }
    }
}

/// What came of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckResult {
    Passed { degraded: bool },
    Failed(Failure),
}

impl CheckResult {
    /// What one of several checks comes to: Envoy lets none of them leave the host out.
    pub fn not_excluding(self) -> Self {
        match self {
            Self::Failed(failure) => Self::Failed(Failure { excludes: false, ..failure }),
            passed @ Self::Passed { .. } => passed,
        }
    }
}

/// What a result did to a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transition {
    None,
    /// Some more like it, and the host will change.
    Pending,
    Changed,
}

/// What event logs are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    Ejected(Failure),
    Failed { failure: Failure, first: bool },
    Added { first: bool },
    Passed,
    Degraded,
    NoLongerDegraded,
}

/// How many results in a row it takes to change a host, and which of them are always logged.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    pub healthy_threshold: u32,
    pub unhealthy_threshold: u32,
    pub log_every_failure: bool,
    pub log_every_success: bool,
}

/// What a result makes of a host.
#[derive(Debug, PartialEq, Eq)]
pub struct Judgement {
    pub flags: CheckFlags,
    pub transition: Transition,
    pub events: [Option<Event>; 2],
}

/// The results of one host in a row.
#[derive(Debug)]
pub struct Standing {
    passed: u32,
    failed: u32,
    first: bool,
}

impl Default for Standing {
    fn default() -> Self {
        Self { passed: 0, failed: 0, first: true }
    }
}

impl Standing {
    /// No result has come yet.
    pub fn is_new(&self) -> bool {
        self.first
    }

    /// Takes a result of a host that has these flags.
    pub fn take(&mut self, flags: CheckFlags, result: CheckResult, rules: &Rules) -> Judgement {
        let mut judgement = match result {
            CheckResult::Passed { degraded } => self.pass(flags, degraded, rules),
            CheckResult::Failed(failure) => self.fail(flags, failure, rules),
        };
        self.first = false;
        if judgement.flags.contains(CheckFlags::PENDING) {
            judgement.flags -= CheckFlags::PENDING;
            judgement.transition = Transition::Changed;
        }
        judgement
    }

    fn pass(&mut self, mut flags: CheckFlags, degraded: bool, rules: &Rules) -> Judgement {
        self.failed = 0;
        let mut transition = Transition::None;
        let mut events = [None; 2];
        if flags.contains(CheckFlags::FAILED) {
            self.passed += 1;
            transition = Transition::Pending;
            if self.first || self.passed == rules.healthy_threshold {
                flags -= CheckFlags::FAILED | CheckFlags::TIMEOUT | CheckFlags::EXCLUDED;
                transition = Transition::Changed;
                events[0] = Some(Event::Added { first: self.first });
            }
        }
        if transition != Transition::Changed && rules.log_every_success {
            events[0] = Some(Event::Passed);
        }
        if degraded != flags.contains(CheckFlags::DEGRADED) {
            flags.set(CheckFlags::DEGRADED, degraded);
            events[1] = Some(if degraded { Event::Degraded } else { Event::NoLongerDegraded });
            if transition == Transition::None {
                transition = Transition::Changed;
            }
        }
        Judgement { flags, transition, events }
    }

    fn fail(&mut self, mut flags: CheckFlags, failure: Failure, rules: &Rules) -> Judgement {
        self.passed = 0;
        let mut transition = Transition::None;
        let mut events = [None; 2];
        flags.set(CheckFlags::EXCLUDED, flags.contains(CheckFlags::EXCLUDED) || failure.excludes);
        if !flags.contains(CheckFlags::FAILED) {
            transition = Transition::Pending;
            let at_once = !failure.kind.is_network() && !failure.retriable;
            if !at_once {
                self.failed += 1;
            }
            if at_once || self.failed == rules.unhealthy_threshold {
                flags |= CheckFlags::FAILED;
                transition = Transition::Changed;
                events[0] = Some(Event::Ejected(failure));
            }
        }
        let timed_out = failure.kind == FailureType::NetworkTimeout;
        flags.set(CheckFlags::TIMEOUT, timed_out && flags.contains(CheckFlags::FAILED));
        if self.first || rules.log_every_failure {
            events[1] = Some(Event::Failed { failure, first: self.first });
        }
        Judgement { flags, transition, events }
    }
}

#[cfg(test)]
mod tests;
