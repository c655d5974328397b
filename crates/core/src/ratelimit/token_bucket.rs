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
        self.tokens(self.max_tokens).min(u64::MAX / 2)
    }

    /// Takes so many tokens; false when there are not enough, or none are asked for.
    pub fn take(&self, count: u64) -> bool {
        self.take_at(count, clock::now())
    }

    fn take_at(&self, count: u64, now: Instant) -> bool {
        let (now, full) = (self.place(now), self.full(now));
        let tokens = self.tokens(count);
        let taken = self.empty_at.fetch_update(Relaxed, Relaxed, |empty_at| {
            let empty_at = empty_at.max(full);
            (count > 0 && now >= empty_at.saturating_add(tokens)).then(|| empty_at + tokens)
        });
        taken.is_ok()
    }

    /// Puts so many tokens back, as far as there is room.
    pub fn give_back(&self, count: u64) {
        let full = self.full(clock::now());
        let tokens = self.tokens(count);
        let back = |empty_at: u64| Some(empty_at.max(full).saturating_sub(tokens).max(full));
        let _ = self.empty_at.fetch_update(Relaxed, Relaxed, back);
    }

    /// How many tokens it can hold.
    pub fn max_tokens(&self) -> u64 {
        self.max_tokens
    }

    /// How many tokens come in a nanosecond.
    pub fn rate(&self) -> f64 {
        self.nanos_per_token.recip()
    }

    /// How many whole tokens are there.
    pub fn remaining(&self) -> u64 {
        (self.held(clock::now()) as f64 / self.nanos_per_token) as u64
    }

    /// How many seconds, rounded up, it takes until there is a token.
    pub fn seconds_to_next(&self) -> u64 {
        let missing = self.nanos_per_token - self.held(clock::now()) as f64;
        (missing / 1e9).ceil().max(0.0) as u64
    }

    /// What it holds, as the time that it took to come.
    fn held(&self, now: Instant) -> u64 {
        self.place(now) - self.empty_at.load(Relaxed).max(self.full(now)).min(self.place(now))
    }

    fn tokens(&self, count: u64) -> u64 {
        (count as f64 * self.nanos_per_token) as u64
    }

    /// A time as `empty_at` counts it.
    fn place(&self, now: Instant) -> u64 {
        now.saturating_duration_since(self.start).as_nanos() as u64 + self.depth()
    }

    /// What `empty_at` is at least: no more tokens than it can hold.
    fn full(&self, now: Instant) -> u64 {
        self.place(now) - self.depth()
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
        let takes = |seconds: f64| bucket.take_at(1, start + Duration::from_secs_f64(seconds));
        assert_eq!([takes(0.0), takes(0.0), takes(0.0), takes(0.5)], [true, true, true, false]);
        assert_eq!([takes(1.1), takes(1.9), takes(2.1)], [true, false, true]);
        // It holds no more than its size, however long it was left alone.
        let later: Vec<_> = (0..5).map(|_| takes(100.0)).collect();
        assert_eq!(later, [true, true, true, false, false]);
    }

    #[test]
    fn an_empty_bucket_never_has_a_token() {
        assert!(!TokenBucket::new(0, 1e6, Instant::now()).take(1));
    }

    #[test]
    fn many_tokens_are_taken_and_given_back_at_once() {
        let bucket = TokenBucket::new(5, 3600e9, Instant::now());
        assert!(!bucket.take(0));
        assert!(!bucket.take(6));
        assert!(bucket.take(4));
        assert_eq!((bucket.max_tokens(), bucket.remaining(), bucket.seconds_to_next()), (5, 1, 0));
        assert!(!bucket.take(2));
        assert!(bucket.take(1));
        assert_eq!((bucket.remaining(), bucket.seconds_to_next()), (0, 3600));
        bucket.give_back(2);
        assert_eq!(bucket.remaining(), 2);
        bucket.give_back(u64::MAX);
        assert_eq!(bucket.remaining(), 5);
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
