//! The numbers that decide, each of which runtime may override.
//! <https://www.envoyproxy.io/docs/envoy/latest/configuration/upstream/cluster_manager/cluster_runtime#outlier-detection>

use std::time::Duration;

use super::ejection::Ejection;
use crate::proto;
use crate::random::Random;
use crate::runtime::{Fraction, Runtime};

const PREFIX: &str = "outlier_detection.";

pub struct Settings {
    message: proto::OutlierDetection,
    /// By [`Ejection`].
    enforcing: [Fraction; 7],
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
    pub fn compile(message: &proto::OutlierDetection) -> Self {
        let fraction = |name: &str, percent| {
            Fraction::compile(&proto::RuntimeFraction {
                runtime_key: format!("{PREFIX}{name}"),
                numerator: percent,
                denominator: 100,
            })
        };
        let m = message;
        let enforcing = [
            fraction("enforcing_consecutive_5xx", m.enforcing_consecutive_5xx),
            fraction(
                "enforcing_consecutive_gateway_failure",
                m.enforcing_consecutive_gateway_failure,
            ),
            fraction(
                "enforcing_consecutive_local_origin_failure",
                m.enforcing_consecutive_local_origin_failure,
            ),
            fraction("enforcing_success_rate", m.enforcing_success_rate),
            fraction("enforcing_local_origin_success_rate", m.enforcing_local_origin_success_rate),
            fraction("enforcing_failure_percentage", m.enforcing_failure_percentage),
            fraction(
                "enforcing_failure_percentage_local_origin",
                m.enforcing_failure_percentage_local_origin,
            ),
        ];
        Self { message: message.clone(), enforcing }
    }

    pub fn stats_block(&self) -> u32 {
        self.message.stats_block
    }

    pub fn splits_origins(&self) -> bool {
        self.message.split_external_local_origin_errors
    }

    pub fn interval(&self, runtime: &Runtime) -> Duration {
        duration(runtime, "interval_ms", self.message.interval_ms)
    }

    /// How many failures in a row eject; 0: none do.
    pub fn in_a_row(&self, runtime: &Runtime, ejection: Ejection) -> u64 {
        let m = &self.message;
        match ejection {
            Ejection::ConsecutiveGatewayFailure => {
                number(runtime, "consecutive_gateway_failure", m.consecutive_gateway_failure)
            }
            Ejection::ConsecutiveLocalOriginFailure => number(
                runtime,
                "consecutive_local_origin_failure",
                m.consecutive_local_origin_failure,
            ),
            _ => number(runtime, "consecutive_5xx", m.consecutive_5xx),
        }
    }

    /// Whether one more host may be ejected, where `active` of `hosts` are.
    pub fn may_eject(&self, runtime: &Runtime, active: usize, hosts: usize) -> bool {
        let most = number(runtime, "max_ejection_percent", self.message.max_ejection_percent);
        let percent = 100.0 * (active as f64 + 1.0) / hosts as f64;
        (self.message.always_eject_one_host && active == 0) || percent <= most.min(100) as f64
    }

    pub fn enforces(&self, runtime: &Runtime, ejection: Ejection, random: &Random) -> bool {
        self.enforcing[ejection as usize].hit(runtime, random)
    }

    pub fn times(&self, runtime: &Runtime) -> Times {
        let m = &self.message;
        let jitter = runtime
            .number(&format!("{PREFIX}max_ejection_time_jitter_ms"), m.max_ejection_time_jitter_ms);
        Times {
            base: duration(runtime, "base_ejection_time_ms", m.base_ejection_time_ms),
            longest: duration(runtime, "max_ejection_time_ms", m.max_ejection_time_ms),
            jitter_ms: jitter,
        }
    }

    pub fn rates(&self, runtime: &Runtime) -> RateLimits {
        let m = &self.message;
        let number = |name, value| number(runtime, name, value);
        RateLimits {
            success_hosts: number("success_rate_minimum_hosts", m.success_rate_minimum_hosts),
            success_volume: number("success_rate_request_volume", m.success_rate_request_volume),
            deviations: number("success_rate_stdev_factor", m.success_rate_stdev_factor) as f64
                / 1000.0,
            failure_hosts: number(
                "failure_percentage_minimum_hosts",
                m.failure_percentage_minimum_hosts,
            ),
            failure_volume: number(
                "failure_percentage_request_volume",
                m.failure_percentage_request_volume,
            ),
            failure_threshold: number(
                "failure_percentage_threshold",
                m.failure_percentage_threshold,
            ) as f64,
        }
    }
}

fn number(runtime: &Runtime, name: &str, value: u32) -> u64 {
    runtime.number(&format!("{PREFIX}{name}"), value.into())
}

fn duration(runtime: &Runtime, name: &str, value: u64) -> Duration {
    Duration::from_millis(runtime.number(&format!("{PREFIX}{name}"), value))
}
