//! Clusters whose first answers of DNS and first health checks are awaited.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::upstream::ClusterShared;

#[derive(Default)]
pub(super) struct Unready {
    clusters: Mutex<Vec<Arc<ClusterShared>>>,
    changed: Condvar,
}

impl Unready {
    fn lock(&self) -> MutexGuard<'_, Vec<Arc<ClusterShared>>> {
        self.clusters.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn add(&self, cluster: Arc<ClusterShared>) {
        self.lock().push(cluster);
    }

    pub fn has(&self, name: &str) -> bool {
        self.lock().iter().any(|cluster| &**cluster.name() == name)
    }

    /// Forgets clusters of that name.
    pub fn forget(&self, name: &str) {
        self.lock().retain(|cluster| &**cluster.name() != name);
        self.changed.notify_all();
    }

    /// Forgets what is ready, and tells who waits.
    pub fn look(&self) {
        self.lock().retain(|cluster| !cluster.is_ready());
        self.changed.notify_all();
    }

    /// Waits until there is none; false when `limit` passed before.
    pub fn wait(&self, limit: Duration) -> bool {
        let deadline = Instant::now() + limit;
        let mut clusters = self.lock();
        loop {
            clusters.retain(|cluster| !cluster.is_ready());
            let left = deadline.saturating_duration_since(Instant::now());
            if clusters.is_empty() || left.is_zero() {
                return clusters.is_empty();
            }
            let waited = self.changed.wait_timeout(clusters, left);
            clusters = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}
