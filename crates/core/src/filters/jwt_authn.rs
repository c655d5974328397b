//! The JWT authentication filter: requests need a valid JSON web token.
//! <https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/jwt_authn_filter>

mod answers;
mod cache;
mod pass_on;
mod places;
mod provider;
mod remote;
mod requirement;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::future::Future;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;

use super::routing::clear_route;
use super::wait::wait;
use super::{of_route, Proceed};
use crate::compile::{each, At, Result};
use crate::headers::{HeaderId, HeaderName, Headers};
use crate::http::downstream::Downstream;
use crate::http::stream::{Answer, Stream};
use crate::jwt::{KeySet, Refusal};
use crate::matcher::Regexes;
use crate::proto::{self, JwtAuthnStat};
use crate::route::{FilterConfig, RequestMatch};
use crate::stats::{Block, BlockKind};
use crate::timer::Timer;
use crate::worker::Worker;

use answers::{no_requirement, original_uri, refused, unfit};
use pass_on::Notes;
use provider::{Keys, Provider};
use requirement::{Judge, Requirement, Stop};

const NAMESPACE: &str = "envoy.filters.http.jwt_authn";

pub struct JwtAuthn {
    stats_block: u32,
    providers: Vec<Provider>,
    rules: Vec<(RequestMatch, Option<Requirement>)>,
    requirements: Named,
    /// Their names, for who asks for another.
    requirement_names: String,
    filter_state_key: String,
    by_filter_state: Named,
    bypass_cors_preflight: bool,
    strip_failure_response: bool,
    /// What clients may not set, as upstreams take it from this filter.
    own_headers: Vec<HeaderName>,
}

type Named = HashMap<String, Requirement>;

/// What a route requires in place of the rules.
pub enum JwtOfRoute {
    Nothing,
    /// By its name.
    Requirement(String),
}

impl JwtOfRoute {
    pub fn compile(message: &proto::JwtOfRoute) -> Self {
        match message.disabled {
            true => Self::Nothing,
            false => Self::Requirement(message.requirement.clone()),
        }
    }
}

impl JwtAuthn {
    /// # Errors
    /// A part that cannot be taken, with its path.
    pub fn compile(message: &proto::JwtAuthnFilter, regexes: &Regexes) -> Result<Self> {
        let given = &message.providers;
        let providers = each(given, "providers", |provider| {
            Provider::compile(provider, message.stats_block, regexes)
        })?;
        let rules = each(&message.rules, "rules", |rule| {
            let requirement = rule.requirement.as_ref();
            let requirement = requirement.map(|it| Requirement::compile(it, given)).transpose();
            let matcher = rule.r#match.clone().unwrap_or_default();
            Ok((RequestMatch::compile(&matcher, regexes).at("match")?, requirement?))
        })?;
        let named = |all: &[proto::NamedJwtRequirement], field: &str| -> Result<Named> {
            let compiled = each(all, field, |one| {
                let requirement = one.requirement.clone().unwrap_or_default();
                Ok((one.name.clone(), Requirement::compile(&requirement, given)?))
            })?;
            Ok(compiled.into_iter().collect())
        };
        let names: Vec<_> = message.requirements.iter().map(|one| one.name.as_str()).collect();
        Ok(Self {
            stats_block: message.stats_block,
            own_headers: providers.iter().flat_map(|it| it.pass_on.headers()).cloned().collect(),
            providers,
            rules,
            requirement_names: names.join(","),
            requirements: named(&message.requirements, "requirements")?,
            filter_state_key: message.filter_state_key.clone(),
            by_filter_state: named(
                &message.filter_state_requirements,
                "filter_state_requirements",
            )?,
            bypass_cors_preflight: message.bypass_cors_preflight,
            strip_failure_response: message.strip_failure_response,
        })
    }

    /// Begins what goes on beside requests: keys that are fetched before any needs them.
    pub fn start(&self, worker: &Rc<Worker>) {
        for provider in &self.providers {
            if let Keys::Remote(keys) = &provider.keys {
                keys.start(worker);
            }
        }
    }

    /// # Errors
    /// The request is over: with an answer, if there is still somebody to tell.
    pub async fn run(
        &self,
        name: &str,
        stream: &mut Stream,
        down: &mut dyn Downstream,
        timer: &Timer,
    ) -> Proceed {
        let block = stream.worker.kept_block(self.stats_block, BlockKind::Filter);
        for header in &self.own_headers {
            stream.request.remove(header);
        }
        if self.bypass_cors_preflight && is_cors_preflight(&stream.request) {
            block.inc(JwtAuthnStat::JwtAuthnCorsPreflightBypassed);
            block.inc(JwtAuthnStat::JwtAuthnAllowed);
            return Ok(());
        }
        let denied = |answer| {
            block.inc(JwtAuthnStat::JwtAuthnDenied);
            Err(Some(answer))
        };
        let requirement = match self.requirement(name, stream) {
            Ok(Some(requirement)) => requirement,
            Ok(None) => {
                block.inc(JwtAuthnStat::JwtAuthnAllowed);
                return Ok(());
            }
            Err(answer) => return denied(answer),
        };
        let uri = original_uri(&stream.request);
        let (verdict, notes) = self.judge(requirement, stream, down, timer).await?;
        let unfit_header = heed(notes, &block, stream);
        if let Err(refusal) = verdict {
            return denied(refused(refusal, &uri, self.strip_failure_response));
        }
        block.inc(JwtAuthnStat::JwtAuthnAllowed);
        unfit_header.map_or(Ok(()), |header| Err(Some(unfit(&header))))
    }

    /// What a request must meet; None: nothing.
    fn requirement(
        &self,
        name: &str,
        stream: &Stream,
    ) -> std::result::Result<Option<&Requirement>, Answer> {
        let of_route = of_route(name, stream, |config| match config {
            FilterConfig::JwtAuthn(config) => Some(config),
            _ => None,
        });
        match of_route.as_deref() {
            Some(JwtOfRoute::Nothing) => return Ok(None),
            Some(JwtOfRoute::Requirement(wanted)) => {
                let found = self.requirements.get(wanted);
                let bare = self.strip_failure_response;
                let none = || no_requirement(wanted, &self.requirement_names, bare);
                return found.map(Some).ok_or_else(none);
            }
            None => {}
        }
        let rule = stream.with_route_context(|request, context| {
            self.rules.iter().find(|(matcher, _)| matcher.matches(request, context))
        });
        if let Some((_, requirement)) = rule {
            return Ok(requirement.as_ref());
        }
        let state = stream.info.filter_state.as_deref();
        let chosen = state.and_then(|state| state.get(&self.filter_state_key)?.as_str());
        Ok(chosen.and_then(|chosen| self.by_filter_state.get(chosen)))
    }

    /// # Errors
    /// The request is over while keys are waited for.
    async fn judge(
        &self,
        requirement: &Requirement,
        stream: &mut Stream,
        down: &mut dyn Downstream,
        timer: &Timer,
    ) -> Proceed<(std::result::Result<(), Refusal>, Notes)> {
        let mut fetched = Vec::new();
        let may_wait = self.providers.iter().any(|provider| provider.keys.are_missing());
        let before = may_wait.then(|| stream.request.clone());
        loop {
            let mut judge = Judge {
                providers: &self.providers,
                fetched: &fetched,
                worker: stream.worker.index,
                now: stream.worker.wall_clock(),
                request: &mut stream.request,
                notes: Notes::default(),
            };
            match judge.judge(requirement) {
                Ok(()) => return Ok((Ok(()), judge.notes)),
                Err(Stop::Refused(refusal)) => return Ok((Err(refusal), judge.notes)),
                Err(Stop::NeedsKeys(number)) => {
                    let keys = self.fetch(number, stream, down, timer).await?;
                    fetched.push((number, keys));
                    if let Some(before) = &before {
                        stream.request.clone_from(before);
                    }
                }
            }
        }
    }

    async fn fetch(
        &self,
        provider: usize,
        stream: &mut Stream,
        down: &mut dyn Downstream,
        timer: &Timer,
    ) -> Proceed<Option<Arc<KeySet>>> {
        let Keys::Remote(remote) = &self.providers[provider].keys else { return Ok(None) };
        let mut fetched = pin!(remote.fetch(&stream.worker.clone()));
        Ok(wait(stream, down, timer, None, |cx, _, _| fetched.as_mut().poll(cx)).await?.flatten())
    }
}

/// Counts and tells others what was found out about a request. The header that it cannot go on with, if any.
fn heed(notes: Notes, block: &Block, stream: &mut Stream) -> Option<String> {
    block.add(JwtAuthnStat::JwtAuthnJwtCacheHit, notes.cache_hits);
    block.add(JwtAuthnStat::JwtAuthnJwtCacheMiss, notes.cache_misses);
    for (key, value) in notes.metadata {
        stream.info.set_metadata(NAMESPACE, &key, value);
    }
    if notes.clears_route {
        clear_route(stream);
    }
    notes.unfit_header
}

/// <https://fetch.spec.whatwg.org/#cors-preflight-fetch>
fn is_cors_preflight(request: &Headers) -> bool {
    let says = |id| request.get(id).is_some_and(|value| !value.is_empty());
    request.get(HeaderId::Method) == Some(b"OPTIONS")
        && says(HeaderId::Origin)
        && says(HeaderId::AccessControlRequestMethod)
}
