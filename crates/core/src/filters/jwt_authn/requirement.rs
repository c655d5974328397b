//! What is required of a request, and whether its tokens meet it.

use std::sync::Arc;
use std::time::SystemTime;

use super::pass_on::Notes;
use super::places::{Place, Places};
use super::provider::{Keys, Provider};
use crate::clock;
use crate::compile::{each, At, CompileError, Result};
use crate::headers::{HeaderName, Headers};
use crate::jwt::{Audiences, KeySet, Refusal, Token};
use crate::proto;
use crate::proto::jwt_requirement::{Kind, OfAnyProvider, OfProvider};

pub enum Requirement {
    Nothing,
    Token(TokenRequirement),
    Any { requirements: Vec<Requirement>, allow_missing: bool, allow_failed: bool },
    All(Vec<Requirement>),
}

pub struct TokenRequirement {
    /// By its number; None: of whichever its issuer belongs to, if there is one.
    provider: Option<usize>,
    audiences: Option<Audiences>,
    places: Places,
    /// Says `false` of a request whose token failed.
    failure_header: Option<HeaderName>,
    allow_failed: bool,
}

/// Why a request cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    Refused(Refusal),
    /// It cannot before the keys of the provider of that number were fetched.
    NeedsKeys(usize),
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

type Verdict = std::result::Result<(), Stop>;

impl Requirement {
    /// # Errors
    /// A provider that does not exist.
    pub fn compile(
        message: &proto::JwtRequirement,
        providers: &[proto::JwtProvider],
    ) -> Result<Self> {
        let several = |messages: &[proto::JwtRequirement]| {
            each(messages, "requirements", |message| Self::compile(message, providers))
        };
        Ok(match &message.kind {
            None => Self::Nothing,
            Some(Kind::Provider(of)) => {
                Self::Token(TokenRequirement::of_provider(of, providers).at("provider")?)
            }
            Some(Kind::OfAnyProvider(of)) => {
                Self::Token(TokenRequirement::of_any_provider(of, providers))
            }
            Some(Kind::Any(any)) => Self::Any {
                requirements: several(&any.requirements).at("any")?,
                allow_missing: any.allow_missing,
                allow_failed: any.allow_failed,
            },
            Some(Kind::All(all)) => Self::All(several(&all.requirements).at("all")?),
        })
    }
}

impl TokenRequirement {
    fn of_provider(of: &OfProvider, providers: &[proto::JwtProvider]) -> Result<Self> {
        let number = providers.iter().position(|provider| provider.name == of.name);
        let number = number.ok_or_else(|| {
            CompileError::new(format!("Required provider ['{}'] is not configured.", of.name))
        })?;
        Ok(Self {
            provider: Some(number),
            audiences: (!of.audiences.is_empty()).then(|| Audiences::new(&of.audiences)),
            places: Places::new(providers[number..=number].iter()),
            failure_header: None,
            allow_failed: false,
        })
    }

    fn of_any_provider(of: &OfAnyProvider, providers: &[proto::JwtProvider]) -> Self {
        let header = &of.failure_header;
        Self {
            provider: None,
            audiences: None,
            places: Places::new(providers.iter()),
            failure_header: (!header.is_empty()).then(|| HeaderName::new(header)),
            allow_failed: of.allow_failed,
        }
    }
}

/// Judges one request. Its head changes on the way: who judges it again, begins with the head as it was.
pub struct Judge<'a> {
    pub providers: &'a [Provider],
    /// What was fetched for this request, by the number of the provider; None: in vain.
    pub fetched: &'a [(usize, Option<Arc<KeySet>>)],
    pub worker: usize,
    pub now: SystemTime,
    pub request: &'a mut Headers,
    pub notes: Notes,
}

impl Judge<'_> {
    /// # Errors
    /// The requirement is not met.
    pub fn judge(&mut self, requirement: &Requirement) -> Verdict {
        match requirement {
            Requirement::Nothing => Ok(()),
            Requirement::Token(token) => self.judge_tokens(token),
            Requirement::All(all) => all.iter().try_for_each(|each| self.judge(each)),
            Requirement::Any { requirements, allow_missing, allow_failed } => {
                match self.judge_any(requirements)? {
                    None => Ok(()),
                    Some(_) if *allow_failed => Ok(()),
                    Some(Refusal::Missing) if *allow_missing => Ok(()),
                    Some(refusal) => Err(refusal.into()),
                }
            }
        }
    }

    /// What is wrong where none is met: rather what is wrong with a token than that there is no other.
    fn judge_any(&mut self, any: &[Requirement]) -> std::result::Result<Option<Refusal>, Stop> {
        let mut told = Refusal::Missing;
        for each in any {
            match self.judge(each) {
                Ok(()) => return Ok(None),
                Err(Stop::NeedsKeys(provider)) => return Err(Stop::NeedsKeys(provider)),
                Err(Stop::Refused(Refusal::Missing | Refusal::UnknownIssuer))
                    if told != Refusal::Missing => {}
                Err(Stop::Refused(refusal)) => told = refusal,
            }
        }
        Ok(Some(told))
    }

    /// All tokens must be valid, or else the upstream may take another than the one that is. Where one may be
    /// missing, the first of them decides, as in Envoy.
    fn judge_tokens(&mut self, required: &TokenRequirement) -> Verdict {
        let may_be_missing = required.provider.is_none();
        let mut provider = None;
        let mut tokens = required.places.find(self.request);
        if tokens.is_empty() {
            self.note_failure(None, Refusal::Missing);
            return if may_be_missing { Ok(()) } else { Err(Refusal::Missing.into()) };
        }
        let mut verdict = Ok(());
        while let Some((place, text)) = tokens.pop() {
            verdict = self.judge_token(required, place, &text, &mut provider);
            match verdict {
                Ok(()) => {}
                Err(Stop::NeedsKeys(_)) => return verdict,
                Err(Stop::Refused(refusal)) => self.note_failure(provider, refusal),
            }
            if verdict.is_err() && !may_be_missing {
                return verdict;
            }
        }
        if !required.allow_failed {
            return verdict;
        }
        if let (Some(header), Err(_)) = (&required.failure_header, verdict) {
            self.request.remove(header);
            self.request.append(header, b"false");
        }
        Ok(())
    }

    fn judge_token(
        &mut self,
        required: &TokenRequirement,
        place: &Place,
        text: &[u8],
        known_provider: &mut Option<usize>,
    ) -> Verdict {
        *known_provider = required.provider.or(*known_provider);
        let cached = required.provider.and_then(|number| self.cached(number, text));
        let token = match &cached {
            Some(token) => token.clone(),
            None => Arc::new(Token::read(text)?),
        };
        if !place.allows(token.issuer()) {
            return Err(Refusal::UnknownIssuer.into());
        }
        if required.provider.is_none() {
            *known_provider = self.of_issuer(token.issuer());
        }
        let number = known_provider.ok_or(Refusal::UnknownIssuer)?;
        let provider = &self.providers[number];
        provider.check_claims(&token, required.audiences.as_ref(), self.now)?;
        if cached.is_none() {
            self.verify(number, &token, text, required.provider.is_some())?;
        }
        provider.pass_on.apply(&token, place, self.request, &mut self.notes);
        Ok(())
    }

    /// Verifies the signature, unless it was with the same keys. `named`: the requirement names the provider.
    fn verify(&self, number: usize, token: &Arc<Token>, text: &[u8], named: bool) -> Verdict {
        let provider = &self.providers[number];
        let (keys, known) = (self.keys(number)?, &provider.verified);
        if !provider.counts_verified && known.get(self.worker, text, &keys).is_some() {
            return Ok(());
        }
        keys.verify(token)?;
        // Envoy looks for tokens of providers that are named alone, and counts what it finds.
        if named || !provider.counts_verified {
            known.put(self.worker, text, token.clone(), keys);
        }
        Ok(())
    }

    fn cached(&mut self, number: usize, text: &[u8]) -> Option<Arc<Token>> {
        let provider = &self.providers[number];
        let known = &provider.verified;
        let found = match &provider.keys {
            _ if !provider.counts_verified => None,
            Keys::Local(keys) => known.get(self.worker, text, keys),
            Keys::Remote(remote) => {
                remote.latest().and_then(|keys| known.get(self.worker, text, &keys))
            }
        };
        match found {
            Some(_) => self.notes.cache_hits += 1,
            None => self.notes.cache_misses += 1,
        }
        found
    }

    fn of_issuer(&self, issuer: &str) -> Option<usize> {
        let of = |issuer: &str| self.providers.iter().position(|it| it.issuer == issuer);
        of(issuer).or_else(|| of(""))
    }

    fn keys(&self, number: usize) -> std::result::Result<Arc<KeySet>, Stop> {
        match &self.providers[number].keys {
            Keys::Local(keys) => Ok(keys.clone()),
            Keys::Remote(remote) => {
                if let Some((_, keys)) = self.fetched.iter().find(|(of, _)| *of == number) {
                    return keys.clone().ok_or(Refusal::FetchFailed.into());
                }
                remote.current(clock::now()).ok_or(Stop::NeedsKeys(number))
            }
        }
    }

    /// Tells other filters and logs. Of a token without a provider only where there is but one.
    fn note_failure(&mut self, provider: Option<usize>, refusal: Refusal) {
        let only = (self.providers.len() == 1).then_some(0);
        if let Some(number) = provider.or(only) {
            self.notes.fail(&self.providers[number].failure_key, refusal);
        }
    }
}
