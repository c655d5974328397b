//! How filters have a cache.

use std::sync::{Arc, OnceLock};

use super::{CacheSettings, DnsCache, DnsCaches};
use crate::compile::Result;
use crate::proto;

/// The cache of some settings, which there is from the first use on.
pub struct CacheHandle {
    settings: Arc<CacheSettings>,
    cache: OnceLock<Arc<DnsCache>>,
}

impl CacheHandle {
    /// # Errors
    /// A range of addresses that is none.
    pub fn compile(message: Option<&proto::DnsCache>) -> Result<Self> {
        let settings = CacheSettings::compile(message.unwrap_or(&proto::DnsCache::default()))?;
        Ok(Self { settings, cache: OnceLock::new() })
    }

    pub fn of(&self, caches: &DnsCaches) -> &Arc<DnsCache> {
        self.cache.get_or_init(|| caches.get(&self.settings))
    }
}
