//! The DNS caches of a process, each as long as somebody has it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::mpsc::UnboundedSender;

use super::{CacheSettings, DnsCache, Question};

pub struct DnsCaches {
    by_number: Mutex<HashMap<u32, Weak<DnsCache>>>,
    questions: UnboundedSender<Question>,
}

impl DnsCaches {
    pub fn new(questions: UnboundedSender<Question>) -> Self {
        Self { by_number: Mutex::default(), questions }
    }

    /// The cache of these settings, made when there is none.
    pub fn get(&self, settings: &Arc<CacheSettings>) -> Arc<DnsCache> {
        let mut by_number = self.by_number.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = by_number.get(&settings.number).and_then(Weak::upgrade) {
            return known;
        }
        let cache = Arc::new(DnsCache::new(settings.clone(), self.questions.clone()));
        by_number.retain(|_, cache| cache.strong_count() > 0);
        by_number.insert(settings.number, Arc::downgrade(&cache));
        cache
    }

    pub fn all(&self) -> Vec<Arc<DnsCache>> {
        let by_number = self.by_number.lock().unwrap_or_else(PoisonError::into_inner);
        by_number.values().filter_map(Weak::upgrade).collect()
    }
}
