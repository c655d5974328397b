//! Hosts that come and go by their names, as DNS finds them.

use std::net::SocketAddr;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, PoisonError};

use super::ClusterShared;
use crate::upstream::dns_cache::CachedHost;

impl ClusterShared {
    /// Adds the host of a name, or lets new connections to it go to these addresses.
    pub fn set_host(&self, host: &Arc<CachedHost>, addresses: &[SocketAddr]) {
        let _one_at_a_time = self.updating.lock().unwrap_or_else(PoisonError::into_inner);
        let old = self.host_sets();
        let Some(new) = old.with_host(host, addresses, self.rules()) else { return };
        if new.hosts().count() > old.hosts().count() {
            self.discovered.membership_changes.fetch_add(1, Relaxed);
        }
        self.publish(new);
    }

    /// Removes the host of a name, if there is one.
    pub fn remove_host(&self, name: &str) {
        let _one_at_a_time = self.updating.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(new) = self.host_sets().without_host(name) {
            self.discovered.membership_changes.fetch_add(1, Relaxed);
            self.publish(new);
        }
    }
}
