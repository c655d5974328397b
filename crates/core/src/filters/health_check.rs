//! The health check filter: requests that ask whether this proxy, or what is behind it, is well.
//! <https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/health_check_filter>

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::bodies::{attach, StreamFilter};
use super::Head;
use crate::clock;
use crate::compile::{each, Result};
use crate::headers::{HeaderId, Headers, Key};
use crate::http::flags::ResponseFlags;
use crate::http::stream::{Answer, Stream};
use crate::matcher::{HeaderMatcher, Regexes};
use crate::proto::{self, health_check_filter::Minimum, HealthCheckFilterStat as Stat};
use crate::stats::BlockKind;
use crate::worker::Worker;

const DEGRADED: Key<'static> = Key::Other(b"x-envoy-degraded");

pub struct HealthCheck {
    stats_block: u32,
    headers: Vec<HeaderMatcher>,
    pass_through: bool,
    minima: Vec<Minimum>,
    found: Arc<Found>,
}

/// What responses to health checks are told, and what is remembered of them; for all workers.
struct Found {
    /// What the proxy is called.
    cluster: String,
    cache: Option<Cache>,
}

/// A response that answers other health checks in the same period.
struct Cache {
    start: Instant,
    period: Duration,
    /// The number of the period, whether the host is degraded, the status. 0: none.
    latest: AtomicU64,
}

const STATUS_BITS: u64 = 16;

impl Cache {
    fn new(period: Duration) -> Self {
        Self { start: Instant::now(), period, latest: AtomicU64::new(0) }
    }

    /// Counts from 1.
    fn period_at(&self, now: Instant) -> u64 {
        let passed = now.saturating_duration_since(self.start).as_millis();
        (passed / self.period.as_millis().max(1)) as u64 + 1
    }

    fn store(&self, status: u16, degraded: bool, now: Instant) {
        let period = self.period_at(now) << (STATUS_BITS + 1);
        let latest = period | u64::from(degraded) << STATUS_BITS | u64::from(status);
        self.latest.store(latest, Relaxed);
    }

    /// The status of the response of this period, and whether it was degraded.
    fn load(&self, now: Instant) -> Option<(u16, bool)> {
        let latest = self.latest.load(Relaxed);
        let current = latest >> (STATUS_BITS + 1) == self.period_at(now);
        current.then_some((latest as u16, latest >> STATUS_BITS & 1 == 1))
    }
}

impl HealthCheck {
    /// # Errors
    /// A matcher that cannot be taken, with its path.
    pub fn compile(message: &proto::HealthCheckFilter, regexes: &Regexes) -> Result<Self> {
        let cache = (message.cache_time_ms > 0)
            .then(|| Cache::new(Duration::from_millis(message.cache_time_ms)));
        let cluster = message.cluster.clone();
        Ok(Self {
            stats_block: message.stats_block,
            headers: each(&message.headers, "headers", |m| HeaderMatcher::compile(m, regexes))?,
            pass_through: message.pass_through,
            minima: message.minima.clone(),
            found: Arc::new(Found { cluster, cache }),
        })
    }

    /// # Errors
    /// The request asks for the health, which is answered here.
    pub fn request(&self, place: usize, stream: &mut Stream) -> std::result::Result<(), Answer> {
        if !self.headers.iter().all(|matcher| matcher.matches(&stream.request)) {
            return Ok(());
        }
        stream.info.health_check = true;
        attach(stream, place, Asked(self.found.clone()));
        let cached = self.found.cache.as_ref().and_then(|cache| cache.load(clock::now()));
        if self.pass_through && cached.is_none() && !stream.worker.is_health_failed() {
            return Ok(());
        }
        Err(self.answer(&stream.worker, cached))
    }

    fn answer(&self, worker: &Worker, cached: Option<(u16, bool)>) -> Answer {
        let block = worker.kept_block(self.stats_block, BlockKind::Filter);
        block.inc(Stat::HealthCheckFilterRequestTotal);
        let (mut status, mut degraded) = (200, false);
        let details = if worker.is_health_failed() {
            status = 503;
            "health_check_failed"
        } else if let Some(cached) = cached {
            block.inc(Stat::HealthCheckFilterCachedResponse);
            (status, degraded) = cached;
            "health_check_cached"
        } else if let Some((stat, details)) = self.lacking(worker) {
            block.inc(stat);
            status = 503;
            details
        } else if self.minima.is_empty() {
            "health_check_ok"
        } else {
            "health_check_ok_cluster_healthy"
        };
        let mut answer = Answer::new(status, "", details);
        if degraded {
            block.inc(Stat::HealthCheckFilterDegraded);
            answer.headers.append(DEGRADED, b"");
        }
        if (200..300).contains(&status) {
            block.inc(Stat::HealthCheckFilterOk);
            return answer;
        }
        block.inc(Stat::HealthCheckFilterFailed);
        answer.flag(ResponseFlags::FAILED_LOCAL_HEALTH_CHECK)
    }

    /// Which cluster has too few healthy hosts, and why.
    fn lacking(&self, worker: &Worker) -> Option<(Stat, &'static str)> {
        self.minima.iter().find_map(|minimum| {
            let Some(cluster) = worker.clusters.get(&minimum.cluster) else {
                let stat = Stat::HealthCheckFilterFailedClusterNotFound;
                return Some((stat, "health_check_failed_no_cluster_found"));
            };
            let members = cluster.shared().host_sets().membership();
            if members.total == 0 {
                let stat = Stat::HealthCheckFilterFailedClusterEmpty;
                let fails = minimum.healthy_percent != 0.0;
                return fails.then_some((stat, "health_check_failed_cluster_empty"));
            }
            let least = members.total as f64 * minimum.healthy_percent / 100.0;
            let stat = Stat::HealthCheckFilterFailedClusterUnhealthy;
            let fails = ((members.healthy + members.degraded) as f64) < least;
            fails.then_some((stat, "health_check_failed_cluster_unhealthy"))
        })
    }

    /// Lets every response say that the proxy wants no traffic, if so.
    pub fn response(stream: &mut Stream) {
        if stream.worker.is_health_failed() {
            stream.response.set(HeaderId::XEnvoyImmediateHealthCheckFail, b"true");
        }
    }
}

/// A request that asks for the health.
struct Asked(Arc<Found>);

impl StreamFilter for Asked {
    fn response_head(
        &mut self,
        stream: &mut Stream,
        _end: bool,
    ) -> std::result::Result<Head, Box<Answer>> {
        let response: &mut Headers = &mut stream.response;
        if let Some(cache) = &self.0.cache {
            let status = response.get_str(HeaderId::Status).and_then(|text| text.parse().ok());
            cache.store(status.unwrap_or(0), response.contains(DEGRADED), clock::now());
        }
        response.set(HeaderId::XEnvoyUpstreamHealthCheckedCluster, self.0.cluster.as_bytes());
        Ok(Head::Pass)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Cache;

    #[test]
    fn a_response_is_remembered_until_the_period_ends() {
        let cache = Cache::new(Duration::from_secs(10));
        let at = |seconds| cache.start + Duration::from_secs(seconds);
        assert_eq!(cache.load(at(0)), None);
        cache.store(503, true, at(3));
        assert_eq!(cache.load(at(9)), Some((503, true)));
        assert_eq!(cache.load(at(10)), None);
        cache.store(200, false, at(25));
        assert_eq!(cache.load(at(29)), Some((200, false)));
        assert_eq!(cache.load(at(35)), None);
    }
}
