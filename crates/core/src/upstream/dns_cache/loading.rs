//! A request that waits for a name.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::sync::oneshot;

use super::{DnsCache, Loaded};

/// What the name comes to; nothing when the cache is gone. It counts among those that may wait.
pub struct Loading {
    cache: Arc<DnsCache>,
    answer: oneshot::Receiver<Loaded>,
}

impl Loading {
    /// None when too many wait.
    pub(super) fn new(cache: &Arc<DnsCache>, answer: oneshot::Receiver<Loaded>) -> Option<Self> {
        let below = |used: u64| (used < cache.settings.max_pending).then_some(used + 1);
        let taken = cache.pending.fetch_update(Relaxed, Relaxed, below);
        taken.is_ok().then(|| Self { cache: cache.clone(), answer })
    }
}

impl Future for Loading {
    type Output = Loaded;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Loaded> {
        Pin::new(&mut self.answer)
            .poll(cx)
            .map(|answer| answer.unwrap_or_else(|_| Ok(Arc::default())))
    }
}

impl Drop for Loading {
    fn drop(&mut self) {
        self.cache.pending.fetch_sub(1, Relaxed);
    }
}
