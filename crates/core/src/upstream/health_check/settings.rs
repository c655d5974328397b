//! How often hosts are checked.

use std::time::Duration;

use super::state::{Rules, Transition};
use crate::proto;
use crate::random::Random;
use crate::runtime::Runtime;

/// Immutable. Times in milliseconds.
pub struct Settings {
    pub timeout: Duration,
    pub rules: Rules,
    pub reuse_connection: bool,
    interval: u64,
    no_traffic: u64,
    no_traffic_healthy: u64,
    unhealthy: u64,
    unhealthy_edge: u64,
    healthy_edge: u64,
    initial_jitter: u64,
    jitter: u64,
    jitter_percent: u64,
}

impl Settings {
    pub fn compile(message: &proto::HealthCheck) -> Self {
        Self {
            timeout: Duration::from_millis(message.timeout_ms),
            rules: Rules {
                healthy_threshold: message.healthy_threshold,
                unhealthy_threshold: message.unhealthy_threshold,
                log_every_failure: message.log_every_failure,
                log_every_success: message.log_every_success,
            },
            reuse_connection: message.reuse_connection,
            interval: message.interval_ms,
            no_traffic: message.no_traffic_interval_ms,
            no_traffic_healthy: message.no_traffic_healthy_interval_ms,
            unhealthy: message.unhealthy_interval_ms,
            unhealthy_edge: message.unhealthy_edge_interval_ms,
            healthy_edge: message.healthy_edge_interval_ms,
            initial_jitter: message.initial_jitter_ms,
            jitter: message.interval_jitter_ms,
            jitter_percent: message.interval_jitter_percent.into(),
        }
    }

    /// The time before a host's first check.
    pub fn initial(&self, runtime: &Runtime, random: &Random) -> Option<Duration> {
        (self.initial_jitter > 0).then(|| self.jittered(0, self.initial_jitter, runtime, random))
    }

    /// The time to the next check after one that was `passed` and did this to the host. `used`: the cluster has
    /// had traffic.
    pub fn next(
        &self,
        (passed, transition): (bool, Transition),
        used: bool,
        runtime: &Runtime,
        random: &Random,
    ) -> Duration {
        let pending = transition == Transition::Pending;
        let base = match (used, passed, pending) {
            (false, true, false) => self.no_traffic_healthy,
            (false, _, _) => self.no_traffic,
            (true, true, true) => self.healthy_edge,
            (true, true, false) => self.interval,
            (true, false, true) => self.unhealthy_edge,
            (true, false, false) => self.unhealthy,
        };
        self.jittered(base, self.jitter, runtime, random)
    }

    /// Runtime may limit every wait; there is one of a millisecond at least.
    fn jittered(&self, base: u64, jitter: u64, runtime: &Runtime, random: &Random) -> Duration {
        let share = random.below(base.saturating_mul(self.jitter_percent) / 100);
        let time = base.saturating_add(share).saturating_add(random.below(jitter));
        let most = runtime.number("health_check.max_interval", u64::MAX);
        let least = runtime.number("health_check.min_interval", 0);
        Duration::from_millis(time.min(most).max(least).max(1))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Settings, Transition};
    use crate::proto;
    use crate::random::Random;
    use crate::runtime::Runtime;

    fn message() -> proto::HealthCheck {
        proto::HealthCheck {
            interval_ms: 10,
            no_traffic_interval_ms: 20,
            no_traffic_healthy_interval_ms: 30,
            unhealthy_interval_ms: 40,
            unhealthy_edge_interval_ms: 50,
            healthy_edge_interval_ms: 60,
            ..Default::default()
        }
    }

    #[test]
    fn intervals_by_result_and_traffic() {
        use Transition::{Changed, None, Pending};
        let settings = Settings::compile(&message());
        let (runtime, random) = (Runtime::default(), Random::seeded(1));
        let next = |passed, transition, used| {
            settings.next((passed, transition), used, &runtime, &random).as_millis()
        };
        for (result, without_traffic, with_traffic) in [
            ((true, None), 30, 10),
            ((true, Changed), 30, 10),
            ((true, Pending), 20, 60),
            ((false, None), 20, 40),
            ((false, Changed), 20, 40),
            ((false, Pending), 20, 50),
        ] {
            assert_eq!(next(result.0, result.1, false), without_traffic, "{result:?}");
            assert_eq!(next(result.0, result.1, true), with_traffic, "{result:?}");
        }
        assert!(settings.initial(&runtime, &random).is_none());
    }

    #[test]
    fn jitter_is_added_and_runtime_limits() {
        let message = proto::HealthCheck {
            initial_jitter_ms: 5,
            interval_jitter_ms: 5,
            interval_jitter_percent: 50,
            ..message()
        };
        let settings = Settings::compile(&message);
        let random = Random::seeded(1);
        let runtime = |values: &[(&str, &str)]| {
            let values = values.iter().map(|(key, value)| (key.to_string(), value.to_string()));
            Runtime::compile(&proto::Runtime { values: values.collect() })
        };
        let next = |runtime: &Runtime| {
            settings.next((true, Transition::None), true, runtime, &random).as_millis()
        };
        let free = runtime(&[]);
        assert!((0..100).all(|_| (10..20).contains(&next(&free))));
        assert!((0..100).any(|_| next(&free) > 15));
        assert_eq!(next(&runtime(&[("health_check.max_interval", "7")])), 7);
        assert_eq!(next(&runtime(&[("health_check.min_interval", "70")])), 70);
        let initial = |_| settings.initial(&free, &random).unwrap();
        assert!((0..100).map(initial).all(|time| time < Duration::from_millis(5)));
    }
}
