//! When a name is resolved next.
//! <https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/cluster/v3/cluster.proto>: dns_refresh_rate,
//! dns_failure_refresh_rate, respect_dns_ttl, dns_jitter.

use std::time::Duration;

use crate::proto;
use crate::random::Random;

const DEFAULT_REFRESH_MS: u64 = 5000;

pub struct Schedule {
    refresh_ms: u64,
    jitter_ms: u64,
    respect_ttl: bool,
    failure_base_ms: u64,
    failure_max_ms: u64,
    /// Failures since the last good answer.
    failures: u32,
}

impl Schedule {
    pub fn new(dns: &proto::Dns) -> Self {
        Self {
            refresh_ms: if dns.refresh_ms == 0 { DEFAULT_REFRESH_MS } else { dns.refresh_ms },
            jitter_ms: dns.jitter_ms,
            respect_ttl: dns.respect_ttl,
            failure_base_ms: dns.failure_base_ms,
            failure_max_ms: dns.failure_max_ms,
            failures: 0,
        }
    }

    /// After an answer whose shortest TTL is `ttl`.
    pub fn after_success(&mut self, ttl: Option<Duration>, random: &Random) -> Duration {
        self.failures = 0;
        let refresh = Duration::from_millis(self.refresh_ms);
        let ttl = ttl.filter(|ttl| self.respect_ttl && !ttl.is_zero());
        ttl.unwrap_or(refresh) + Duration::from_millis(random.below(self.jitter_ms))
    }

    /// After a failure: a random part of a span that doubles each time. Without a failure rate, the
    /// refresh rate.
    pub fn after_failure(&mut self, random: &Random) -> Duration {
        if self.failure_base_ms == 0 {
            return Duration::from_millis(self.refresh_ms);
        }
        let doubled = self.failure_base_ms.saturating_mul(1 << self.failures.min(32));
        let span = doubled.min(self.failure_max_ms.max(self.failure_base_ms));
        self.failures += 1;
        Duration::from_millis(1 + random.below(span))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Schedule;
    use crate::proto;
    use crate::random::Random;

    #[test]
    fn the_ttl_counts_only_when_it_is_respected() {
        let random = Random::seeded(1);
        let mut dns = proto::Dns { refresh_ms: 7000, ..Default::default() };
        let ttl = Some(Duration::from_secs(60));
        let next = |dns: &proto::Dns, ttl| Schedule::new(dns).after_success(ttl, &random);
        assert_eq!(next(&dns, ttl), Duration::from_secs(7));
        dns.respect_ttl = true;
        assert_eq!(next(&dns, ttl), Duration::from_secs(60));
        assert_eq!(next(&dns, Some(Duration::ZERO)), Duration::from_secs(7));
        assert_eq!(next(&dns, None), Duration::from_secs(7));
    }

    #[test]
    fn jitter_is_added() {
        let random = Random::seeded(1);
        let dns = proto::Dns { refresh_ms: 1000, jitter_ms: 500, ..Default::default() };
        let mut schedule = Schedule::new(&dns);
        let times: Vec<_> =
            (0..50).map(|_| schedule.after_success(None, &random).as_millis()).collect();
        assert!(times.iter().all(|ms| (1000..1500).contains(ms)), "{times:?}");
        assert!(times.iter().any(|ms| *ms > 1250), "{times:?}");
    }

    #[test]
    fn failures_back_off_until_a_success() {
        let random = Random::seeded(1);
        let dns = proto::Dns {
            refresh_ms: 5000,
            failure_base_ms: 100,
            failure_max_ms: 400,
            ..Default::default()
        };
        let mut longest = [0; 5];
        for _ in 0..200 {
            let mut schedule = Schedule::new(&dns);
            for longest in &mut longest {
                let ms = schedule.after_failure(&random).as_millis();
                *longest = ms.max(*longest);
            }
            schedule.after_success(None, &random);
            assert!(schedule.after_failure(&random).as_millis() <= 100);
        }
        assert!((90..=100).contains(&longest[0]), "{longest:?}");
        assert!((180..=200).contains(&longest[1]), "{longest:?}");
        assert!((360..=400).contains(&longest[2]) && longest[4] <= 400, "{longest:?}");
        let mut schedule = Schedule::new(&proto::Dns { failure_base_ms: 0, ..dns });
        assert_eq!(schedule.after_failure(&random), Duration::from_secs(5));
    }
}
