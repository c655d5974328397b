//! Tokens that were verified before. Their time, issuer and audiences are judged each time all the same.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::jwt::{KeySet, Token};

/// Workers up to that number have a part each, so that none waits for the lock of another.
const PARTS: usize = 64;

pub struct TokenCache {
    parts: Box<[Mutex<Part>]>,
    size: usize,
    longest: usize,
}

#[derive(Default)]
struct Part {
    /// The place of each token.
    places: HashMap<Arc<[u8]>, usize>,
    entries: Vec<Entry>,
    /// Where the search for an entry that may go begins.
    hand: usize,
}

struct Entry {
    text: Arc<[u8]>,
    token: Arc<Token>,
    /// What it was verified with.
    keys: Arc<KeySet>,
    /// Since the hand was there last.
    used: bool,
}

impl TokenCache {
    /// `size`: how many tokens are kept for a worker; `longest`: longer ones are not.
    pub fn new(size: usize, longest: usize) -> Self {
        Self { parts: (0..PARTS).map(|_| Mutex::default()).collect(), size, longest }
    }

    fn with<R>(&self, worker: usize, with: impl FnOnce(&mut Part) -> R) -> R {
        let part = &self.parts[worker % PARTS];
        with(&mut part.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The token that `text` is, if it was verified with these keys.
    pub fn get(&self, worker: usize, text: &[u8], keys: &Arc<KeySet>) -> Option<Arc<Token>> {
        self.with(worker, |part| {
            let entry = &mut part.entries[*part.places.get(text)?];
            entry.used = true;
            Arc::ptr_eq(&entry.keys, keys).then(|| entry.token.clone())
        })
    }

    pub fn put(&self, worker: usize, text: &[u8], token: Arc<Token>, keys: Arc<KeySet>) {
        if self.size == 0 || text.len() > self.longest {
            return;
        }
        self.with(worker, |part| {
            let text: Arc<[u8]> = text.into();
            let place = part.place(&text, self.size);
            let entry = Entry { text: text.clone(), token, keys, used: false };
            match part.entries.get_mut(place) {
                Some(old) => *old = entry,
                None => part.entries.push(entry),
            }
            part.places.insert(text, place);
        });
    }
}

impl Part {
    /// Where a token goes: where it is already, or in place of one that was not used for the longest, nearly.
    fn place(&mut self, text: &[u8], size: usize) -> usize {
        if let Some(place) = self.places.get(text) {
            return *place;
        }
        if self.entries.len() < size {
            return self.entries.len();
        }
        loop {
            let place = self.hand;
            self.hand = (place + 1) % self.entries.len();
            if !std::mem::take(&mut self.entries[place].used) {
                self.places.remove(&self.entries[place].text);
                return place;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::TokenCache;
    use crate::jwt::{KeySet, Token};

    fn keys() -> Arc<KeySet> {
        Arc::new(KeySet::read(br#"{"keys":[{"kty":"oct","k":"AAAA"}]}"#).unwrap())
    }

    fn token() -> Arc<Token> {
        Arc::new(Token::read(b"eyJhbGciOiJIUzI1NiJ9.e30.AAAA").unwrap())
    }

    #[test]
    fn what_was_not_used_goes_first() {
        let (cache, keys) = (TokenCache::new(2, 5), keys());
        for text in ["a", "b"] {
            cache.put(0, text.as_bytes(), token(), keys.clone());
        }
        assert!(cache.get(0, b"a", &keys).is_some());
        cache.put(0, b"c", token(), keys.clone());
        let there = ["a", "b", "c"].map(|text| cache.get(0, text.as_bytes(), &keys).is_some());
        assert_eq!(there, [true, false, true]);
        for text in ["d", "e", "f", "f"] {
            cache.put(0, text.as_bytes(), token(), keys.clone());
        }
        assert!(cache.get(0, b"f", &keys).is_some());
    }

    #[test]
    fn long_tokens_other_keys_and_other_workers_do_not_count() {
        let (cache, keys) = (TokenCache::new(1, 3), keys());
        cache.put(0, b"long", token(), keys.clone());
        cache.put(0, b"abc", token(), keys.clone());
        assert!(cache.get(0, b"long", &keys).is_none());
        assert!(cache.get(1, b"abc", &keys).is_none());
        assert!(cache.get(0, b"abc", &self::keys()).is_none());
        assert!(cache.get(0, b"abc", &keys).is_some());
    }
}
