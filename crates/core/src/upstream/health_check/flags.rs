//! What active health checks have found out of a host.

use std::sync::atomic::{AtomicU8, Ordering::Relaxed};

bitflags::bitflags! {
    /// The flags of envoy.admin.v3.HostHealthStatus that checks set.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct CheckFlags: u8 {
        const FAILED = 1;
        const DEGRADED = 1 << 1;
        /// Not checked yet, and not counted before.
        const PENDING = 1 << 2;
        const TIMEOUT = 1 << 3;
        /// The host itself has said that it wants no traffic.
        const EXCLUDED = 1 << 4;
        /// Discovery does not name the host any more; it stays as long as it passes.
        const REMOVED = 1 << 5;
    }
}

/// The flags of one endpoint, for all threads.
#[derive(Default)]
pub struct SharedFlags(AtomicU8);

impl SharedFlags {
    pub fn new(flags: CheckFlags) -> Self {
        Self(AtomicU8::new(flags.bits()))
    }

    pub fn load(&self) -> CheckFlags {
        CheckFlags::from_bits_truncate(self.0.load(Relaxed))
    }

    /// Makes `new` of `old`, and leaves alone what is the same in both.
    pub fn change(&self, old: CheckFlags, new: CheckFlags) {
        self.set(new - old);
        self.clear(old - new);
    }

    pub fn set(&self, flags: CheckFlags) {
        self.0.fetch_or(flags.bits(), Relaxed);
    }

    pub fn clear(&self, flags: CheckFlags) {
        self.0.fetch_and(!flags.bits(), Relaxed);
    }
}
