//! How the load spreads over priorities, and which of them panic.
//! <https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/load_balancing/priority>
//! <https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/load_balancing/degraded>
//! <https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/load_balancing/panic_threshold>

use super::Choice;
use crate::upstream::{Availability, HostSets, PriorityHosts};

/// What the hosts of one priority amount to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PriorityHealth {
    /// All hosts.
    pub hosts: u64,
    /// Hosts without the excluded.
    pub counted: u64,
    pub healthy: u64,
    pub degraded: u64,
    /// The same three by weight, when priority health is weighted; else the counts.
    pub total_weight: u64,
    pub healthy_weight: u64,
    pub degraded_weight: u64,
    /// Percent by which available hosts are taken to be able to carry more than their share.
    pub overprovisioning: u32,
}

impl PriorityHealth {
    /// Of a priority of `sets`, as its hosts are now.
    pub fn of(priority: &PriorityHosts, sets: &HostSets) -> Self {
        let weighted = sets.weighted_priority_health;
        let overprovisioning = sets.overprovisioning_factor;
        let mut health = Self { overprovisioning, ..Self::default() };
        for host in priority.hosts() {
            let weight = if weighted { host.weight.into() } else { 1 };
            health.hosts += 1;
            match host.availability() {
                Availability::Excluded => continue,
                Availability::Healthy => {
                    health.healthy += 1;
                    health.healthy_weight += weight;
                }
                Availability::Degraded => {
                    health.degraded += 1;
                    health.degraded_weight += weight;
                }
                Availability::Unhealthy => {}
            }
            health.counted += 1;
            health.total_weight += weight;
        }
        health
    }

    /// Of every priority of `sets`.
    pub fn of_all(sets: &HostSets) -> Vec<Self> {
        sets.priorities.iter().map(|priority| Self::of(priority, sets)).collect()
    }

    /// Percent of the priority that `part` can stand for, overprovisioned and at most 100.
    fn availability(&self, part: u64) -> u64 {
        match self.total_weight {
            0 => 0,
            total => (u64::from(self.overprovisioning) * part / total).min(100),
        }
    }

    /// Whether less than `threshold` percent of the hosts can be used.
    pub(super) fn panics(&self, threshold: u64) -> bool {
        let available = match self.counted {
            0 => 0.0,
            counted => 100.0 * (self.healthy + self.degraded) as f64 / counted as f64,
        };
        available < threshold as f64
    }
}

/// Percent of the traffic for each priority, which always sum to 100, and the panicking priorities.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Loads {
    pub healthy: Vec<u64>,
    pub degraded: Vec<u64>,
    pub panic: Vec<bool>,
}

impl Loads {
    /// Of the priorities of `sets`, as their hosts are now; `panic_threshold` in percent.
    pub fn of(sets: &HostSets, panic_threshold: u32) -> Self {
        Self::new(&PriorityHealth::of_all(sets), panic_threshold)
    }

    /// `panic_threshold` in percent.
    pub fn new(priorities: &[PriorityHealth], panic_threshold: u32) -> Self {
        let healthy: Vec<_> = priorities.iter().map(|p| p.availability(p.healthy_weight)).collect();
        let degraded: Vec<_> =
            priorities.iter().map(|p| p.availability(p.degraded_weight)).collect();
        let total = (healthy.iter().sum::<u64>() + degraded.iter().sum::<u64>()).min(100);
        let mut loads = Self::spread(&healthy, &degraded, total);
        loads.apply_panic(priorities, total, panic_threshold.min(100).into());
        loads
    }

    /// The same without some of the priorities and without panic; none when the others have no host that can be used.
    pub fn without(left_out: &[usize], priorities: &[PriorityHealth]) -> Option<Self> {
        let available = |part: fn(&PriorityHealth) -> u64| -> Vec<u64> {
            let of = |(index, priority): (usize, &PriorityHealth)| match left_out.contains(&index) {
                true => 0,
                false => priority.availability(part(priority)),
            };
            priorities.iter().enumerate().map(of).collect()
        };
        let healthy = available(|priority| priority.healthy_weight);
        let degraded = available(|priority| priority.degraded_weight);
        let total = (healthy.iter().sum::<u64>() + degraded.iter().sum::<u64>()).min(100);
        (total > 0).then(|| Self::spread(&healthy, &degraded, total))
    }

    /// Fills healthy priorities in order, then degraded ones; what rounding left goes to the first.
    fn spread(healthy: &[u64], degraded: &[u64], total: u64) -> Self {
        let mut left = 100;
        let mut fill = |availability: &[u64]| -> Vec<u64> {
            let share = |percent: &u64| {
                let load = (percent * 100).checked_div(total).unwrap_or(0).min(left);
                left -= load;
                load
            };
            availability.iter().map(share).collect()
        };
        let mut loads = Self {
            healthy: fill(healthy),
            degraded: fill(degraded),
            panic: vec![false; healthy.len()],
        };
        if let Some(first) = healthy.iter().position(|&percent| percent > 0) {
            loads.healthy[first] += left;
        } else if let Some(first) = degraded.iter().position(|&percent| percent > 0) {
            loads.degraded[first] += left;
        }
        loads
    }

    fn apply_panic(&mut self, priorities: &[PriorityHealth], total: u64, threshold: u64) {
        if threshold == 0 && total == 0 {
            // No host will be found, but the load has to go somewhere.
            if let Some(first) = self.healthy.first_mut() {
                *first = 100;
            }
            return;
        }
        for (panic, priority) in self.panic.iter_mut().zip(priorities) {
            *panic = total < 100 && priority.panics(threshold);
        }
        if self.panic.iter().all(|panic| *panic) {
            self.by_host_count(priorities);
        }
    }

    /// When every priority panics, each gets the share of the hosts it has, whatever their health.
    fn by_host_count(&mut self, priorities: &[PriorityHealth]) {
        let all: u64 = priorities.iter().map(|priority| priority.hosts).sum();
        let share =
            |priority: &PriorityHealth| (100 * priority.hosts).checked_div(all).unwrap_or(0);
        self.healthy = priorities.iter().map(share).collect();
        self.degraded = vec![0; priorities.len()];
        let left = 100 - self.healthy.iter().sum::<u64>();
        let first = priorities.iter().position(|priority| priority.hosts > 0).unwrap_or(0);
        if let Some(load) = self.healthy.get_mut(first) {
            *load += left;
        }
    }

    /// The priority for a hash, and whether its healthy or its degraded hosts are meant.
    pub fn choose(&self, hash: u64) -> (usize, Choice) {
        let mut rest = hash % 100;
        for (loads, choice) in
            [(&self.healthy, Choice::Healthy), (&self.degraded, Choice::Degraded)]
        {
            for (priority, &load) in loads.iter().enumerate() {
                if rest < load {
                    return (priority, choice);
                }
                rest -= load;
            }
        }
        (0, Choice::Healthy)
    }
}

#[cfg(test)]
mod tests;
