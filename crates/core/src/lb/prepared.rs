//! What of load balancing is made once an update and shared by all workers.

use std::sync::Arc;

use super::hashing::Tables;
use super::LbSettings;
use crate::stats::Block;
use crate::upstream::HostSets;

/// The hosts of a cluster at one moment, with what its policy prepares for them.
pub struct Prepared {
    pub sets: Arc<HostSets>,
    pub(super) tables: Option<Tables>,
}

impl Prepared {
    /// What did not change is taken over from `previous`.
    pub fn new(sets: Arc<HostSets>, settings: &LbSettings, previous: Option<&Self>) -> Self {
        let tables = settings.hashing.map(|hashing| {
            let previous = previous.and_then(|previous| previous.tables.as_ref());
            let tables = Tables::new(&sets, settings, hashing, previous);
            tables.build();
            tables
        });
        Self { sets, tables }
    }

    /// Writes what the policy tells of itself to a block that nobody else writes.
    pub fn write_stats(&self, block: &Block) {
        if let Some(tables) = &self.tables {
            tables.write_stats(block);
        }
    }
}
