//! What health checks make of a cluster.

use std::sync::atomic::Ordering::Relaxed;
use std::sync::PoisonError;

use super::ClusterShared;
use crate::upstream::health_check::HealthChecker;

impl ClusterShared {
    /// Active health checks, where the cluster has them.
    pub fn health_checker(&self) -> Option<&HealthChecker> {
        self.health_checker.as_deref()
    }

    /// Health checks have changed what they say of hosts. Those that discovery has removed and that fail now go.
    pub fn take_checks(&self) {
        {
            let _one_at_a_time = self.updating.lock().unwrap_or_else(PoisonError::into_inner);
            let sets = self.host_sets();
            let (left, gone) = sets.without_failed();
            if gone > 0 {
                self.publish(left);
                self.discovered.membership_changes.fetch_add(gone, Relaxed);
                return;
            }
        }
        self.renew();
    }

    /// A connection is made for a client: hosts are checked as often as is usual from now on.
    pub fn note_traffic(&self) {
        if !self.has_traffic() {
            self.has_traffic.store(true, Relaxed);
        }
    }

    pub fn has_traffic(&self) -> bool {
        self.has_traffic.load(Relaxed)
    }

    /// Its first endpoints have arrived, or failed to, and were checked.
    pub fn is_ready(&self) -> bool {
        self.resolved() && self.health_checker().is_none_or(HealthChecker::had_first_round)
    }
}
