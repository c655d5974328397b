//! What /clusters shows of a cluster.

use std::sync::atomic::Ordering::Relaxed;

use super::ClusterShared;
use crate::proto::{self, Discovery};
use crate::upstream::health_check::CheckFlags;
use crate::upstream::outlier::Detector;
use crate::upstream::Host;

impl ClusterShared {
    /// The hosts and their counters, as /clusters shows them.
    pub fn status(&self) -> proto::ClusterStatus {
        let sets = self.host_sets();
        proto::ClusterStatus {
            name: self.config.name.to_string(),
            hosts: sets.hosts().map(|host| self.host_status(host)).collect(),
            ready: self.config.discovery == Discovery::Eds || self.is_ready(),
            outlier: self.outlier().map(Detector::status),
        }
    }

    fn host_status(&self, host: &Host) -> proto::HostStatus {
        let stats = &host.stats;
        let [success_rate, local_origin_success_rate] = stats.rates();
        let checks = stats.checks.load();
        proto::HostStatus {
            address: Some(host.address.to_message()),
            hostname: host.hostname.to_string(),
            region: host.locality.region.clone(),
            zone: host.locality.zone.clone(),
            sub_zone: host.locality.sub_zone.clone(),
            priority: host.priority,
            weight: match self.config.load_weights {
                Some(_) => host.reported_weight(),
                None => host.weight,
            },
            canary: host.canary,
            health: host.health() as i32,
            cx_active: stats.cx_active.load(Relaxed),
            cx_connect_fail: stats.cx_connect_fail.load(Relaxed),
            cx_total: stats.cx_total.load(Relaxed),
            rq_active: stats.rq_active.load(Relaxed),
            rq_error: stats.rq_error.load(Relaxed),
            rq_pending_active: stats.rq_pending_active.load(Relaxed),
            rq_success: stats.rq_success.load(Relaxed),
            rq_timeout: stats.rq_timeout.load(Relaxed),
            rq_total: stats.rq_total.load(Relaxed),
            metadata_json: host.metadata.as_ref().map(|m| m.to_string()).unwrap_or_default(),
            failed_outlier_check: stats.is_ejected(),
            success_rate,
            local_origin_success_rate,
            failed_active_hc: checks.contains(CheckFlags::FAILED),
            degraded_active_hc: checks.contains(CheckFlags::DEGRADED),
            pending_dynamic_removal: checks.contains(CheckFlags::REMOVED),
            pending_active_hc: checks.contains(CheckFlags::PENDING),
            excluded_via_immediate_hc_fail: checks.contains(CheckFlags::EXCLUDED),
            active_hc_timeout: checks.contains(CheckFlags::TIMEOUT),
        }
    }
}
