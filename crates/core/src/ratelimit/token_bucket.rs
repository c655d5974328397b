//! A token bucket that all workers share without a lock.
//! <https://www.envoyproxy.io/docs/envoy/latest/api-v3/type/v3/token_bucket.proto>

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::time::Instant;

use crate::clock;
use crate::compile::{CompileError, Result};
use crate::proto;

/// Full in the beginning; tokens come one by one, over time.
pub struct TokenBucket {
    start: Instant,
    /// Between two tokens.
    nanos_per_token: f64,
    max_tokens: u64,
    /// When, in nanoseconds since `start` and the bucket's depth, it was or will be empty: what it holds is the
    /// time since then in tokens, at most `max_tokens`.
    empty_at: AtomicU64,
}

type Shared = Mutex<HashMap<(String, Vec<u64>), Weak<TokenBucket>>>;

impl TokenBucket {
    /// # Errors
    /// There is no bucket, or it is never filled.
    pub fn compile(message: Option<&proto::TokenBucket>) -> Result<Arc<Self>> {
        let bucket = message.ok_or_else(|| CompileError::new("a token bucket is missing"))?;
        if bucket.fill_interval_ms == 0 || bucket.tokens_per_fill == 0 {
            return Err(CompileError::new("a token bucket is never filled"));
        }
        let nanos = bucket.fill_interval_ms as f64 * 1e6 / f64::from(bucket.tokens_per_fill);
        Ok(Arc::new(Self::new(bucket.max_tokens.into(), nanos, Instant::now())))
    }

    /// The bucket that all who name `key` and the same numbers share; one of its own without a key.
    ///
    /// # Errors
    /// As `compile`.
    pub fn shared(key: &str, message: Option<&proto::TokenBucket>) -> Result<Arc<Self>> {
        static SHARED: OnceLock<Shared> = OnceLock::new();
        let (false, Some(bucket)) = (key.is_empty(), message) else {
            return Self::compile(message);
        };
        let numbers =
            vec![bucket.max_tokens.into(), bucket.tokens_per_fill.into(), bucket.fill_interval_ms];
        let shared = SHARED.get_or_init(Default::default);
        let mut shared = shared.lock().unwrap_or_else(PoisonError::into_inner);
        shared.retain(|_, bucket| bucket.strong_count() > 0);
        let place = (key.to_owned(), numbers);
        if let Some(known) = shared.get(&place).and_then(Weak::upgrade) {
            return Ok(known);
        }
        let made = Self::compile(message)?;
        shared.insert(place, Arc::downgrade(&made));
        Ok(made)
    }

    fn new(max_tokens: u64, nanos_per_token: f64, start: Instant) -> Self {
        Self { start, nanos_per_token, max_tokens, empty_at: AtomicU64::new(0) }
    }

    /// How long a full bucket lasts.
    fn depth(&self) -> u64 {
        (self.max_tokens as f64 * self.nanos_per_token) as u64
    }

    /// Takes a token; false when there is none.
    pub fn take(&self) -> bool {
        self.take_at(clock::now())
    }

    fn take_at(&self, now: Instant) -> bool {
        let depth = self.depth();
        let now = now.saturating_duration_since(self.start).as_nanos() as u64 + depth;
        let token = self.nanos_per_token as u64;
        let taken = self.empty_at.fetch_update(Relaxed, Relaxed, |empty_at| {
            let empty_at = empty_at.max(now - depth);
            (now >= empty_at + token).then_some(empty_at + token)
        });
        taken.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    use super::TokenBucket;
    use crate::proto;

    #[test]
    fn it_is_full_at_first_and_fills_over_time() {
        let start = Instant::now();
        let bucket = TokenBucket::new(3, 1e9, start);
        let takes = |seconds: f64| bucket.take_at(start + Duration::from_secs_f64(seconds));
        assert_eq!([takes(0.0), takes(0.0), takes(0.0), takes(0.5)], [true, true, true, false]);
        assert_eq!([takes(1.1), takes(1.9), takes(2.1)], [true, false, true]);
        // It holds no more than its size, however long it was left alone.
        let later: Vec<_> = (0..5).map(|_| takes(100.0)).collect();
        assert_eq!(later, [true, true, true, false, false]);
    }

    #[test]
    fn an_empty_bucket_never_has_a_token() {
        assert!(!TokenBucket::new(0, 1e6, Instant::now()).take());
    }

    #[test]
    fn a_key_and_the_same_numbers_share() {
        let message =
            proto::TokenBucket { max_tokens: 1, tokens_per_fill: 1, fill_interval_ms: 60_000 };
        let shared = |key| TokenBucket::shared(key, Some(&message)).unwrap();
        let one = shared("a-key");
        assert!(Arc::ptr_eq(&one, &shared("a-key")));
        assert!(!Arc::ptr_eq(&one, &shared("other")));
        assert!(!Arc::ptr_eq(&shared(""), &shared("")));
        assert!(TokenBucket::compile(Some(&proto::TokenBucket::default())).is_err());
    }
}
