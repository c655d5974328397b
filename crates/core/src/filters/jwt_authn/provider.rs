//! A provider: whose tokens are valid, and what becomes of those that are.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::cache::TokenCache;
use super::pass_on::PassOn;
use super::remote::RemoteKeys;
use crate::clock;
use crate::compile::{At, CompileError, Result};
use crate::jwt::{Audiences, KeySet, Refusal, Token};
use crate::matcher::{Regexes, StringMatcher};
use crate::proto;
use crate::proto::jwt_provider::Keys as Source;

pub struct Provider {
    /// Empty: any.
    pub issuer: String,
    audiences: Audiences,
    subjects: Option<StringMatcher>,
    lifetime: Lifetime,
    clock_skew: u64,
    pub keys: Keys,
    pub pass_on: PassOn,
    /// Where dynamic metadata tells why a token is refused; empty: nowhere.
    pub failure_key: String,
    /// Verified with the keys that are named with each.
    pub verified: TokenCache,
    /// A verified token is taken without a look at whether its keys are still fresh, and counted.
    pub counts_verified: bool,
}

/// What is left of a token's time.
enum Lifetime {
    Any,
    /// It ends.
    Limited,
    LessThan(Duration),
}

pub enum Keys {
    Local(Arc<KeySet>),
    Remote(Arc<RemoteKeys>),
}

impl Provider {
    /// # Errors
    /// A part that cannot be taken.
    pub fn compile(
        message: &proto::JwtProvider,
        stats_block: u32,
        regexes: &Regexes,
    ) -> Result<Self> {
        let subjects = message.subjects.as_ref();
        let subjects = subjects.map(|matcher| StringMatcher::compile(matcher, regexes));
        let size = message.cached_tokens as usize;
        let longest = message.longest_cached_token as usize;
        Ok(Self {
            issuer: message.issuer.clone(),
            audiences: Audiences::new(&message.audiences),
            subjects: subjects.transpose().at("subjects")?,
            lifetime: match message.max_lifetime_ms {
                Some(limit) => Lifetime::LessThan(Duration::from_millis(limit)),
                None if message.require_expiration => Lifetime::Limited,
                None => Lifetime::Any,
            },
            clock_skew: message.clock_skew_s,
            keys: Keys::compile(message, stats_block)?,
            pass_on: PassOn::compile(message),
            failure_key: message.failure_key.clone(),
            verified: TokenCache::new(size, longest),
            counts_verified: message.counts_cached_tokens,
        })
    }

    /// Judges what a token says, at the time `now`. `audiences`: in place of the provider's.
    ///
    /// # Errors
    /// It does not fit.
    pub fn check_claims(
        &self,
        token: &Token,
        audiences: Option<&Audiences>,
        now: SystemTime,
    ) -> std::result::Result<(), Refusal> {
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        token.check_time(now.as_secs(), self.clock_skew)?;
        if !audiences.unwrap_or(&self.audiences).allow(token.audiences()) {
            return Err(Refusal::AudienceNotAllowed);
        }
        let subject = token.subject().as_bytes();
        let fits = self.subjects.as_ref().is_none_or(|subjects| subjects.matches(subject))
            && self.lifetime.allows(token.expires(), now);
        fits.then_some(()).ok_or(Refusal::NotVerified)
    }
}

impl Lifetime {
    /// `end` and `now` are since 1970, the former in seconds.
    fn allows(&self, end: Option<u64>, now: Duration) -> bool {
        match (self, end) {
            (Self::Any, _) | (Self::Limited, Some(_)) => true,
            (Self::LessThan(limit), Some(end)) => {
                Duration::from_secs(end).saturating_sub(now) < *limit
            }
            (Self::Limited | Self::LessThan(_), None) => false,
        }
    }
}

impl Keys {
    /// They have to be fetched before a token can be verified.
    pub fn are_missing(&self) -> bool {
        match self {
            Self::Local(_) => false,
            Self::Remote(remote) => remote.current(clock::now()).is_none(),
        }
    }

    fn compile(message: &proto::JwtProvider, stats_block: u32) -> Result<Self> {
        let name = &message.name;
        match &message.keys {
            Some(Source::Local(text)) if text.is_empty() => {
                Ok(Self::Local(Arc::new(KeySet::none())))
            }
            Some(Source::Local(text)) => {
                let keys = KeySet::read(text).map_err(|fault| {
                    let place = format!("Provider '{name}' in jwt_authn config");
                    CompileError::new(format!("{place} has invalid local jwks: {fault}"))
                })?;
                Ok(Self::Local(Arc::new(keys)))
            }
            Some(Source::Remote(remote)) => {
                let keys = RemoteKeys::compile(name, remote, stats_block).at("remote")?;
                Ok(Self::Remote(Arc::new(keys)))
            }
            None => Err(CompileError::new("keys are missing")),
        }
    }
}
