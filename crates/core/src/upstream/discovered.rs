//! What is counted of a cluster's discovery.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::lb::ZoneCounts;

/// Counters of what discovery did; one writer at a time (`updating`).
#[derive(Default)]
pub(super) struct Discovered {
    pub attempts: AtomicU64,
    pub successes: AtomicU64,
    pub failures: AtomicU64,
    pub empty: AtomicU64,
    pub no_rebuild: AtomicU64,
    pub membership_changes: AtomicU64,
    pub subsets_created: AtomicU64,
    pub subsets_removed: AtomicU64,
    /// Hosts in all updates: for each of them Envoy looks for a transport socket.
    pub matches: AtomicU64,
    pub zones_settled: AtomicU64,
    pub zones_too_small: AtomicU64,
    pub local_not_ok: AtomicU64,
}

impl Discovered {
    pub fn all(&self) -> [&AtomicU64; 12] {
        [
            &self.attempts,
            &self.successes,
            &self.failures,
            &self.empty,
            &self.no_rebuild,
            &self.membership_changes,
            &self.subsets_created,
            &self.subsets_removed,
            &self.matches,
            &self.zones_settled,
            &self.zones_too_small,
            &self.local_not_ok,
        ]
    }

    pub fn count_zones(&self, counts: ZoneCounts) {
        self.zones_settled.fetch_add(counts.settled, Relaxed);
        self.zones_too_small.fetch_add(counts.too_small, Relaxed);
        self.local_not_ok.fetch_add(counts.local_not_ok, Relaxed);
    }
}
