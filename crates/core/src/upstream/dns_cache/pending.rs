//! The circuit breaker of a cache: how many requests may wait for names.

use std::sync::atomic::Ordering::Relaxed;
use std::sync::Arc;

use super::DnsCache;

/// One request that waits for a name; given back on drop.
pub struct PendingLookup(Arc<DnsCache>);

impl PendingLookup {
    pub(super) fn take(cache: &Arc<DnsCache>) -> Option<Self> {
        let below = |used: u64| (used < cache.settings.max_pending).then_some(used + 1);
        let taken = cache.pending.fetch_update(Relaxed, Relaxed, below);
        taken.is_ok().then(|| Self(cache.clone()))
    }
}

impl Drop for PendingLookup {
    fn drop(&mut self) {
        self.0.pending.fetch_sub(1, Relaxed);
    }
}
