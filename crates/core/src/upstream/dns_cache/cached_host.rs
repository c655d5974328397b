//! One name of a cache.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;

use super::HostName;
use crate::clock;

/// What the resolution of a name came to. Later failures leave addresses that were found before.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Found {
    pub addresses: Box<[SocketAddr]>,
    /// Why there are none, as `%RESPONSE_CODE_DETAILS%` has it.
    pub details: Box<str>,
    /// There was no answer.
    pub failed: bool,
}

impl Found {
    pub fn is_usable(&self) -> bool {
        !self.addresses.is_empty()
    }
}

#[derive(Debug)]
pub struct CachedHost {
    /// With its port.
    pub name: Arc<str>,
    created: Instant,
    /// Milliseconds since it was created.
    last_used: AtomicU64,
    /// None before the first answer.
    pub(super) found: ArcSwapOption<Found>,
}

impl CachedHost {
    pub fn new(name: &HostName) -> Self {
        Self {
            name: name.as_str().into(),
            created: clock::now(),
            last_used: AtomicU64::new(0),
            found: ArcSwapOption::empty(),
        }
    }

    pub fn found(&self) -> Option<Arc<Found>> {
        self.found.load_full()
    }

    pub fn set_found(&self, found: Found) -> Arc<Found> {
        let found = Arc::new(found);
        self.found.store(Some(found.clone()));
        found
    }

    /// A request goes to it now.
    pub fn touch(&self) {
        self.last_used.store(clock::since(self.created).as_millis() as u64, Relaxed);
    }

    pub fn unused_for(&self) -> Duration {
        let last = Duration::from_millis(self.last_used.load(Relaxed));
        clock::since(self.created).saturating_sub(last)
    }
}
