//! The numbers that decide, each of which runtime may override.
//! <https://www.envoyproxy.io/docs/envoy/latest/configuration/upstream/cluster_manager/cluster_runtime#outlier-detection>

use std::time::Duration;

use super::ejection::Ejection;
use crate::proto;
use crate::random::Random;
use crate::runtime::{Fraction, Number, Runtime};

pub struct Settings {
    pub stats_block: u32,
    pub splits_origins: bool,
    /// A health check that passes ends an ejection.
    pub forgives: bool,
    always_eject_one_host: bool,
    max_percent: Number,
    interval_ms: Number,
    base_ms: Number,
    longest_ms: Number,
    jitter_ms: Number,
    /// By [`Ejection`].
    in_a_row: [Number; 3],
    /// By [`Ejection`].
    enforcing: [Fraction; 7],
    success_hosts: Number,
    success_volume: Number,
    success_deviations: Number,
    failure_hosts: Number,
    failure_volume: Number,
    failure_threshold: Number,
}

/// How long ejections last.
pub struct Times {
    pub base: Duration,
    pub longest: Duration,
    pub jitter_ms: u64,
}

/// When shares of success are judged, and how.
pub struct RateLimits {
    pub success_hosts: u64,
    pub success_volume: u64,
    /// Times the standard deviation that a host may be below the average.
    pub deviations: f64,
    pub failure_hosts: u64,
    pub failure_volume: u64,
    /// Percent.
    pub failure_threshold: f64,
}

impl Settings {
    pub fn compile(m: &proto::OutlierDetection) -> Self {
        let number = |key, value: u32| Number::new(key, value.into());
        Self {
            stats_block: m.stats_block,
            splits_origins: m.split_external_local_origin_errors,
            forgives: m.successful_active_health_check_uneject_host,
            always_eject_one_host: m.always_eject_one_host,
            max_percent: number("outlier_detection.max_ejection_percent", m.max_ejection_percent),
            interval_ms: Number::new("outlier_detection.interval_ms", m.interval_ms),
            base_ms: Number::new(
                "outlier_detection.base_ejection_time_ms",
                m.base_ejection_time_ms,
            ),
            longest_ms: Number::new(
                "outlier_detection.max_ejection_time_ms",
                m.max_ejection_time_ms,
            ),
            jitter_ms: Number::new(
                "outlier_detection.max_ejection_time_jitter_ms",
                m.max_ejection_time_jitter_ms,
            ),
            in_a_row: [
                number("outlier_detection.consecutive_5xx", m.consecutive_5xx),
                number(
                    "outlier_detection.consecutive_gateway_failure",
                    m.consecutive_gateway_failure,
                ),
                number(
                    "outlier_detection.consecutive_local_origin_failure",
                    m.consecutive_local_origin_failure,
                ),
            ],
            enforcing: enforcing(m),
            success_hosts: number(
                "outlier_detection.success_rate_minimum_hosts",
                m.success_rate_minimum_hosts,
            ),
            success_volume: number(
                "outlier_detection.success_rate_request_volume",
                m.success_rate_request_volume,
            ),
            success_deviations: number(
                "outlier_detection.success_rate_stdev_factor",
                m.success_rate_stdev_factor,
            ),
            failure_hosts: number(
                "outlier_detection.failure_percentage_minimum_hosts",
                m.failure_percentage_minimum_hosts,
            ),
            failure_volume: number(
                "outlier_detection.failure_percentage_request_volume",
                m.failure_percentage_request_volume,
            ),
            failure_threshold: number(
                "outlier_detection.failure_percentage_threshold",
                m.failure_percentage_threshold,
            ),
        }
    }

    pub fn interval(&self, runtime: &Runtime) -> Duration {
        Duration::from_millis(self.interval_ms.of(runtime))
    }

    /// How many failures in a row eject; 0: none do.
    pub fn in_a_row(&self, runtime: &Runtime, ejection: Ejection) -> u64 {
        self.in_a_row.get(ejection as usize).map_or(0, |number| number.of(runtime))
    }

    /// Whether one more host may be ejected, where `active` of `hosts` are.
    pub fn may_eject(&self, runtime: &Runtime, active: usize, hosts: usize) -> bool {
        let most = self.max_percent.of(runtime).min(100) as f64;
        let percent = 100.0 * (active as f64 + 1.0) / hosts as f64;
        (self.always_eject_one_host && active == 0) || percent <= most
    }

    pub fn enforces(&self, runtime: &Runtime, ejection: Ejection, random: &Random) -> bool {
        self.enforcing[ejection as usize].hit(runtime, random)
    }

    pub fn times(&self, runtime: &Runtime) -> Times {
        Times {
            base: Duration::from_millis(self.base_ms.of(runtime)),
            longest: Duration::from_millis(self.longest_ms.of(runtime)),
            jitter_ms: self.jitter_ms.of(runtime),
        }
    }

    pub fn rates(&self, runtime: &Runtime) -> RateLimits {
        RateLimits {
            success_hosts: self.success_hosts.of(runtime),
            success_volume: self.success_volume.of(runtime),
            deviations: self.success_deviations.of(runtime) as f64 / 1000.0,
            failure_hosts: self.failure_hosts.of(runtime),
            failure_volume: self.failure_volume.of(runtime),
            failure_threshold: self.failure_threshold.of(runtime) as f64,
        }
    }
}

fn enforcing(m: &proto::OutlierDetection) -> [Fraction; 7] {
    let percent = |name: &str, numerator| {
        let runtime_key = format!("outlier_detection.{name}");
        Fraction::compile(&proto::RuntimeFraction { runtime_key, numerator, denominator: 100 })
    };
    [
        percent("enforcing_consecutive_5xx", m.enforcing_consecutive_5xx),
        percent("enforcing_consecutive_gateway_failure", m.enforcing_consecutive_gateway_failure),
        percent(
            "enforcing_consecutive_local_origin_failure",
            m.enforcing_consecutive_local_origin_failure,
        ),
        percent("enforcing_success_rate", m.enforcing_success_rate),
        percent("enforcing_local_origin_success_rate", m.enforcing_local_origin_success_rate),
        percent("enforcing_failure_percentage", m.enforcing_failure_percentage),
        percent(
            "enforcing_failure_percentage_local_origin",
            m.enforcing_failure_percentage_local_origin,
        ),
    ]
}
