//! Slow start: a host that is new gets little traffic at first, and more as time passes.
//! <https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/load_balancing/slow_start>

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::upstream::{Availability, Host};

/// `envoy.extensions.load_balancing_policies.common.v3.SlowStartConfig`.
#[derive(Clone, Copy, Debug)]
pub struct SlowStart {
    /// Not 0.
    pub window: Duration,
    pub aggression: f64,
    /// The least share of its weight that a host has, from 0 to 1.
    pub least: f64,
}

impl SlowStart {
    /// Whether one of the hosts is new.
    pub fn concerns(&self, hosts: &[Arc<Host>], now: Instant) -> bool {
        hosts.iter().any(|host| now.saturating_duration_since(host.since) <= self.window)
    }

    /// What the weight of a host is multiplied by.
    pub fn factor(&self, host: &Host, now: Instant) -> f64 {
        let age = now.saturating_duration_since(host.since);
        if age >= self.window || host.availability() != Availability::Healthy {
            return 1.0;
        }
        let time = age.as_millis().max(1) as f64 / self.window.as_millis().max(1) as f64;
        time.powf(1.0 / self.aggression).max(self.least)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::SlowStart;
    use crate::lb::testing::host;
    use crate::upstream::Health;

    fn factor(age: u64, aggression: f64, health: Health) -> f64 {
        let slow = SlowStart { window: Duration::from_secs(10), aggression, least: 0.1 };
        let host = host(1, 1, health);
        slow.factor(&host, host.since + Duration::from_secs(age))
    }

    #[test]
    fn the_weight_grows_over_the_window() {
        let healthy = Health::Healthy;
        for (age, expected) in [(0, 0.1), (1, 0.1), (5, 0.5), (9, 0.9), (10, 1.0), (20, 1.0)] {
            let found = factor(age, 1.0, healthy);
            assert!((found - expected).abs() < 1e-9, "{age} s: {found}");
        }
        assert!((factor(4, 2.0, healthy) - 0.4_f64.sqrt()).abs() < 1e-9);
        assert!((factor(4, 1.0, Health::Degraded) - 1.0).abs() < 1e-9);
    }

    #[test]
    fn only_new_hosts_are_concerned() {
        let slow = SlowStart { window: Duration::from_secs(10), aggression: 1.0, least: 0.1 };
        let hosts = [host(1, 1, Health::Healthy)];
        let added = hosts[0].since;
        assert!(slow.concerns(&hosts, added + Duration::from_secs(10)));
        assert!(!slow.concerns(&hosts, added + Duration::from_secs(11)));
        assert!(!slow.concerns(&[] as &[Arc<_>], added));
    }
}
