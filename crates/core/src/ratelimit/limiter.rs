//! Token buckets by descriptor, beside the one for all.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::descriptor::{Descriptor, Entry};
use super::TokenBucket;
use crate::compile::{At, Result};
use crate::proto;

/// A limit, and whether it is only watched.
#[derive(Clone)]
pub struct Limit {
    pub bucket: Arc<TokenBucket>,
    pub shadow: bool,
}

/// What a limiter says of a request.
pub struct Decision {
    pub allowed: bool,
    /// The limit that decided, or would first.
    pub limit: Option<Limit>,
    /// Whether the client is told of it; None: as the filter says.
    pub headers: Option<bool>,
}

/// What limits are made of; several limiters may be made of one.
pub struct LimiterConfig {
    default: Option<proto::TokenBucket>,
    descriptors: Vec<proto::LocalDescriptor>,
    spares_default: bool,
    most_wild: usize,
}

pub struct Limiter {
    default: Option<Limit>,
    /// Nothing passes that no descriptor concerns.
    denies: bool,
    spares_default: bool,
    exact: HashMap<Vec<Entry>, Limit>,
    wild: Vec<Wild>,
}

/// A descriptor in which an empty value stands for any: each combination of values gets a bucket of its own.
struct Wild {
    entries: Vec<Entry>,
    bucket: proto::TokenBucket,
    shadow: bool,
    most: usize,
    made: Mutex<Made>,
}

#[derive(Default)]
struct Made {
    /// With the number of the use that was the last.
    limits: HashMap<Vec<Entry>, (u64, Limit)>,
    uses: u64,
}

impl LimiterConfig {
    /// # Errors
    /// A bucket that cannot be.
    pub fn compile(message: &proto::HttpLocalRateLimit) -> Result<Self> {
        let config = Self {
            default: message.bucket,
            descriptors: message.descriptors.clone(),
            spares_default: message.spares_default_bucket,
            most_wild: message.max_dynamic_descriptors as usize,
        };
        config.limiter().map(|_| config)
    }

    pub fn has_descriptors(&self) -> bool {
        !self.descriptors.is_empty()
    }

    /// A limiter whose buckets are full.
    ///
    /// # Errors
    /// A bucket that cannot be.
    pub fn limiter(&self) -> Result<Limiter> {
        let denies = self.default.is_some_and(|bucket| bucket.max_tokens == 0);
        let default = self.default.as_ref().filter(|_| !denies);
        let default = default.map(|bucket| limit(Some(bucket), false)).transpose();
        let mut limiter = Limiter {
            default: default.at("bucket")?,
            denies,
            spares_default: self.spares_default,
            exact: HashMap::new(),
            wild: Vec::new(),
        };
        for (index, descriptor) in self.descriptors.iter().enumerate() {
            let added = self.add(descriptor, &mut limiter);
            added.at(format_args!("descriptors[{index}]"))?;
        }
        Ok(limiter)
    }

    fn add(&self, descriptor: &proto::LocalDescriptor, limiter: &mut Limiter) -> Result<()> {
        let limit = limit(descriptor.bucket.as_ref(), descriptor.shadow)?;
        let entries: Vec<Entry> =
            descriptor.entries.iter().map(|e| (e.key.clone(), e.value.clone())).collect();
        if entries.iter().all(|(_, value)| !value.is_empty()) {
            limiter.exact.insert(entries, limit);
            return Ok(());
        }
        limiter.wild.push(Wild {
            entries,
            bucket: descriptor.bucket.unwrap_or_default(),
            shadow: descriptor.shadow,
            most: self.most_wild,
            made: Mutex::default(),
        });
        Ok(())
    }
}

fn limit(bucket: Option<&proto::TokenBucket>, shadow: bool) -> Result<Limit> {
    let never = proto::TokenBucket { max_tokens: 0, tokens_per_fill: 1, fill_interval_ms: 1000 };
    let empty = bucket.is_some_and(|bucket| bucket.max_tokens == 0 && bucket.fill_interval_ms == 0);
    let bucket = TokenBucket::compile(if empty { Some(&never) } else { bucket })?;
    Ok(Limit { bucket, shadow })
}

impl Limiter {
    /// Takes tokens for a request of these descriptors; the limit that fills slowest is asked first.
    pub fn ask(&self, descriptors: &[Descriptor]) -> Decision {
        let mut found: Vec<(Limit, &Descriptor)> =
            descriptors.iter().filter_map(|each| Some((self.find(each)?, each))).collect();
        found.sort_by(|(one, _), (other, _)| one.bucket.rate().total_cmp(&other.bucket.rate()));
        for (limit, descriptor) in &found {
            if descriptor.gives_back {
                limit.bucket.give_back(descriptor.hits);
            } else if !limit.bucket.take(descriptor.hits) {
                return decision(false, Some(limit), descriptor.headers);
            }
        }
        let first = found.first();
        let headers = first.and_then(|(_, descriptor)| descriptor.headers);
        let first = first.map(|(limit, _)| limit);
        if first.is_some() && self.spares_default {
            return decision(true, first, headers);
        }
        match &self.default {
            None => decision(!self.denies, first.filter(|_| !self.denies), headers),
            Some(limit) if limit.bucket.take(1) => decision(true, first.or(Some(limit)), headers),
            Some(limit) => decision(false, Some(limit), None),
        }
    }

    fn find(&self, descriptor: &Descriptor) -> Option<Limit> {
        let exact = self.exact.get(&descriptor.entries).cloned();
        exact.or_else(|| {
            let wild = self.wild.iter().find(|wild| wild.concerns(&descriptor.entries))?;
            wild.limit(&descriptor.entries)
        })
    }
}

fn decision(allowed: bool, limit: Option<&Limit>, headers: Option<bool>) -> Decision {
    Decision { allowed, limit: limit.cloned(), headers }
}

impl Wild {
    fn concerns(&self, entries: &[Entry]) -> bool {
        self.entries.len() == entries.len()
            && self.entries.iter().zip(entries).all(|((key, value), (other_key, other))| {
                key == other_key && (value.is_empty() || value == other)
            })
    }

    /// The bucket of these values; a new one takes the place of the one that was not used for longest.
    fn limit(&self, entries: &[Entry]) -> Option<Limit> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        made.uses += 1;
        let uses = made.uses;
        if let Some((last, limit)) = made.limits.get_mut(entries) {
            *last = uses;
            return Some(limit.clone());
        }
        if made.limits.len() >= self.most {
            let oldest = made.limits.iter().min_by_key(|(_, (last, _))| *last);
            let oldest = oldest.map(|(entries, _)| entries.clone());
            if let Some(entries) = oldest {
                made.limits.remove(&entries);
            }
        }
        let limit = limit(Some(&self.bucket), self.shadow).ok()?;
        made.limits.insert(entries.to_vec(), (uses, limit.clone()));
        Some(limit)
    }
}

#[cfg(test)]
mod tests {
    use super::{Limiter, LimiterConfig};
    use crate::proto::{HttpLocalRateLimit, LocalDescriptor, RateLimitEntry, TokenBucket};
    use crate::ratelimit::Descriptor;

    fn bucket(max_tokens: u32, fill_interval_ms: u64) -> Option<TokenBucket> {
        Some(TokenBucket { max_tokens, tokens_per_fill: 1, fill_interval_ms })
    }

    fn of(value: &str, bucket: Option<TokenBucket>) -> LocalDescriptor {
        let entries = vec![RateLimitEntry { key: "k".into(), value: value.into() }];
        LocalDescriptor { entries, bucket, shadow: false }
    }

    fn limiter(descriptors: Vec<LocalDescriptor>, default: Option<TokenBucket>) -> Limiter {
        let message = HttpLocalRateLimit {
            descriptors,
            bucket: default,
            max_dynamic_descriptors: 2,
            ..HttpLocalRateLimit::default()
        };
        LimiterConfig::compile(&message).unwrap().limiter().unwrap()
    }

    fn asked(limiter: &Limiter, values: &[&str]) -> bool {
        let describe = |value: &&str| Descriptor {
            entries: vec![("k".to_owned(), (*value).to_owned())],
            hits: 1,
            gives_back: false,
            headers: None,
            given_hits: false,
            limit: None,
        };
        limiter.ask(&values.iter().map(describe).collect::<Vec<_>>()).allowed
    }

    #[test]
    fn a_descriptor_has_its_own_tokens() {
        let limiter = limiter(vec![of("a", bucket(1, 1 << 40))], bucket(3, 1 << 40));
        assert!(asked(&limiter, &["a"]));
        assert!(!asked(&limiter, &["a"]));
        assert!(asked(&limiter, &["b"]) && asked(&limiter, &[]));
        assert!(!asked(&limiter, &[]));
    }

    #[test]
    fn the_slowest_is_asked_first() {
        let given = vec![of("fast", bucket(2, 1 << 30)), of("slow", bucket(1, 1 << 40))];
        let limiter = limiter(given, None);
        assert!(asked(&limiter, &["fast", "slow"]));
        assert!(!asked(&limiter, &["fast", "slow"]));
        assert!(asked(&limiter, &["fast"]), "it was not asked when the slower one refused");
    }

    #[test]
    fn any_value_has_a_bucket_while_there_is_room() {
        let limiter = limiter(vec![of("", bucket(1, 1 << 40))], None);
        assert!(asked(&limiter, &["a"]) && asked(&limiter, &["b"]));
        assert!(!asked(&limiter, &["b"]) && !asked(&limiter, &["a"]));
        assert!(asked(&limiter, &["c"]), "in place of b, which was used before a");
        assert!(!asked(&limiter, &["a"]));
        assert!(asked(&limiter, &["b"]), "its bucket is a new one");
    }

    #[test]
    fn without_tokens_for_all_only_descriptors_pass() {
        let limiter = limiter(vec![of("a", bucket(1, 1 << 40))], bucket(0, 1000));
        assert!(!asked(&limiter, &["b"]));
        assert!(!asked(&limiter, &["a"]), "the bucket for all is asked, too");
    }
}
