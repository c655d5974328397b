//! Priorities of retries: those that were tried are left out (`previous_priorities`).
//! <https://www.envoyproxy.io/docs/envoy/latest/api-v3/extensions/retry/priority/previous_priorities/v3/previous_priorities_config.proto>

use std::cell::RefCell;

use super::{Choice, Loads, PriorityHealth};

/// What one request has tried.
pub struct RetryPriority {
    /// After so many attempts the priorities tried until then are left out.
    update_frequency: usize,
    state: RefCell<State>,
}

#[derive(Default)]
struct State {
    /// The priority of each attempt.
    tried: Vec<usize>,
    /// Those of the last update; None: no other priority has hosts that can be used.
    loads: Option<Loads>,
}

impl RetryPriority {
    /// `update_frequency` is at least 1.
    pub fn new(update_frequency: u32) -> Self {
        Self { update_frequency: update_frequency.max(1) as usize, state: RefCell::default() }
    }

    /// An attempt goes to a host of `priority`.
    pub fn note(&self, priority: usize) {
        self.state.borrow_mut().tried.push(priority);
    }

    /// The priority of the next attempt, by the shares that are left of `loads`. `health` tells what there is.
    pub fn choose(
        &self,
        loads: &Loads,
        health: impl FnOnce() -> Vec<PriorityHealth>,
        hash: u64,
    ) -> (usize, Choice) {
        let mut state = self.state.borrow_mut();
        let tried = state.tried.len();
        if tried < self.update_frequency {
            return loads.choose(hash);
        }
        if tried % self.update_frequency == 0 {
            state.update(&health());
        }
        state.loads.as_ref().unwrap_or(loads).choose(hash)
    }
}

impl State {
    /// Leaves out what was tried; where nothing else is left, all begins anew.
    fn update(&mut self, priorities: &[PriorityHealth]) {
        self.loads = Loads::without(&self.tried, priorities).or_else(|| {
            self.tried.clear();
            Loads::without(&[], priorities)
        });
    }
}

#[cfg(test)]
mod tests {
    use super::RetryPriority;
    use crate::lb::{Choice, Loads, PriorityHealth};

    fn priorities(healthy: &[u64]) -> Vec<PriorityHealth> {
        let of = |&healthy| PriorityHealth {
            hosts: 1,
            counted: 1,
            healthy,
            total_weight: 1,
            healthy_weight: healthy,
            overprovisioning: 140,
            ..PriorityHealth::default()
        };
        healthy.iter().map(of).collect()
    }

    /// The priorities of so many attempts.
    fn attempts(frequency: u32, healthy: &[u64], count: usize) -> Vec<usize> {
        let priorities = priorities(healthy);
        let loads = Loads::new(&priorities, 50);
        let retry = RetryPriority::new(frequency);
        let attempt = || {
            let (priority, choice) = retry.choose(&loads, || priorities.clone(), 7);
            assert_eq!(choice, Choice::Healthy);
            retry.note(priority);
            priority
        };
        std::iter::repeat_with(attempt).take(count).collect()
    }

    #[test]
    fn each_attempt_leaves_out_those_before_until_none_is_left() {
        assert_eq!(attempts(1, &[1, 1, 1], 7), [0, 1, 2, 0, 1, 2, 0]);
    }

    #[test]
    fn several_attempts_may_go_to_a_priority() {
        assert_eq!(attempts(2, &[1, 1, 1], 6), [0, 0, 1, 1, 2, 2]);
    }

    #[test]
    fn a_priority_without_healthy_hosts_is_passed_over() {
        assert_eq!(attempts(1, &[1, 0, 1], 3), [0, 2, 0]);
    }

    #[test]
    fn without_anything_to_choose_from_all_is_as_for_the_first_attempt() {
        assert_eq!(attempts(1, &[0, 0], 3), [0, 0, 0]);
    }

    #[test]
    fn a_frequency_of_0_is_1() {
        assert_eq!(attempts(0, &[1, 1], 2), [0, 1]);
    }
}
