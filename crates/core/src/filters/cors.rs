//! The CORS filter: answers preflights, and tells browsers which origins may read a response.
//! <https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/cors_filter>

use std::sync::Arc;

use super::bodies::{attach, StreamFilter};
use super::{levels_of, Head};
use crate::compile::{each, At, Result};
use crate::headers::{HeaderId, HeaderName};
use crate::http::stream::{Answer, Stream};
use crate::matcher::{Regexes, StringMatcher};
use crate::proto::{self, CorsStat};
use crate::route::{Action, FilterConfig};
use crate::runtime::Fraction;
use crate::stats::BlockKind;

const REQUEST_PRIVATE_NETWORK: &str = "access-control-request-private-network";
const ALLOW_PRIVATE_NETWORK: &str = "access-control-allow-private-network";

pub struct Cors {
    stats_block: u32,
}

/// Of a route, a virtual host or a route table. What one does not say, the next one may.
pub struct CorsPolicy {
    allow_origins: Vec<StringMatcher>,
    allow_methods: String,
    allow_headers: String,
    expose_headers: String,
    max_age: String,
    allow_credentials: Option<bool>,
    allow_private_network: Option<bool>,
    forward_not_matching: Option<bool>,
    enabled: Option<Fraction>,
    shadow: Option<Fraction>,
}

/// The policies that concern a request, the most specific first.
struct Policies(Vec<Arc<CorsPolicy>>);

impl CorsPolicy {
    /// # Errors
    /// A matcher that cannot be taken, with its path.
    pub fn compile(message: &proto::CorsPolicy, regexes: &Regexes) -> Result<Self> {
        let origins = &message.allow_origins;
        Ok(Self {
            allow_origins: each(origins, "allow_origins", |m| StringMatcher::compile(m, regexes))?,
            allow_methods: message.allow_methods.clone(),
            allow_headers: message.allow_headers.clone(),
            expose_headers: message.expose_headers.clone(),
            max_age: message.max_age.clone(),
            allow_credentials: message.allow_credentials,
            allow_private_network: message.allow_private_network,
            forward_not_matching: message.forward_not_matching,
            enabled: message.enabled.as_ref().map(Fraction::compile),
            shadow: message.shadow.as_ref().map(Fraction::compile),
        })
    }

    /// # Errors
    /// As `compile`.
    pub fn of_field(
        message: Option<&proto::CorsPolicy>,
        regexes: &Regexes,
    ) -> Result<Option<Arc<Self>>> {
        let policy = message.map(|message| Self::compile(message, regexes)).transpose();
        Ok(policy.at("cors")?.map(Arc::new))
    }
}

impl Policies {
    /// Those of `typed_per_filter_config`, or else those of the fields called `cors`.
    fn of(name: &str, stream: &Stream) -> Option<Self> {
        let route = stream.route.as_ref()?;
        let Action::Forward(forward) = &route.action else { return None };
        let mut all = levels_of(name, stream, |config| match config {
            FilterConfig::Cors(policy) => Some(policy),
            _ => None,
        });
        all.reverse();
        if all.is_empty() {
            all.extend([&forward.cors, route.virtual_host_cors()].into_iter().flatten().cloned());
        }
        Some(Self(all))
    }

    fn first<'a, T>(&'a self, pick: impl Fn(&'a CorsPolicy) -> Option<T>) -> Option<T> {
        self.0.iter().find_map(|policy| pick(policy))
    }

    fn text<'a>(&'a self, pick: impl Fn(&'a CorsPolicy) -> &'a str) -> Option<&'a str> {
        self.first(|policy| Some(pick(policy)).filter(|text| !text.is_empty()))
    }

    fn allows(&self, origin: &[u8]) -> bool {
        let origins = self.first(|p| Some(&p.allow_origins).filter(|all| !all.is_empty()));
        let mut all = origins.into_iter().flatten();
        all.any(|matcher| matcher.matches(b"*") || matcher.matches(origin))
    }

    fn flag(&self, pick: impl Fn(&CorsPolicy) -> Option<bool>) -> Option<bool> {
        self.first(pick)
    }

    /// The answer to a preflight.
    fn preflight(&self, origin: Option<&[u8]>, stream: &Stream) -> Answer {
        let request = &stream.request;
        let mut answer = Answer::new(200, "", "cors_response");
        let headers = &mut answer.headers;
        if let Some(origin) = origin {
            headers.set(HeaderId::AccessControlAllowOrigin, origin);
        }
        if self.flag(|p| p.allow_credentials) == Some(true) {
            headers.set(HeaderId::AccessControlAllowCredentials, b"true");
        }
        let asked = |id| request.get(id).unwrap_or_default();
        match self.text(|p| &p.allow_methods) {
            Some("*") => headers.set(
                HeaderId::AccessControlAllowMethods,
                asked(HeaderId::AccessControlRequestMethod),
            ),
            Some(methods) => headers.set(HeaderId::AccessControlAllowMethods, methods.as_bytes()),
            None => {}
        }
        match self.text(|p| &p.allow_headers) {
            Some("*") => headers.set(
                HeaderId::AccessControlAllowHeaders,
                asked(HeaderId::AccessControlRequestHeaders),
            ),
            Some(names) => headers.set(HeaderId::AccessControlAllowHeaders, names.as_bytes()),
            None => {}
        }
        if let Some(age) = self.text(|p| &p.max_age) {
            headers.set(HeaderId::AccessControlMaxAge, age.as_bytes());
        }
        let private = request.get(&HeaderName::new(REQUEST_PRIVATE_NETWORK)) == Some(b"true");
        if private && self.flag(|p| p.allow_private_network) == Some(true) {
            headers.set(&HeaderName::new(ALLOW_PRIVATE_NETWORK), b"true");
        }
        answer
    }
}

impl Cors {
    pub fn compile(message: &proto::CorsFilter) -> Self {
        Self { stats_block: message.stats_block }
    }

    /// # Errors
    /// The request is a preflight, which is answered here.
    pub fn request(
        &self,
        place: usize,
        name: &str,
        stream: &mut Stream,
    ) -> std::result::Result<(), Answer> {
        let Some(origin) = stream.request.get(HeaderId::Origin) else { return Ok(()) };
        let origin = origin.to_vec();
        let Some(policies) = Policies::of(name, stream) else { return Ok(()) };
        let Some(first) = policies.0.first() else { return Ok(()) };
        let worker = &stream.worker;
        let hit = |share: &Fraction| share.hit(&worker.current_runtime(), &worker.random);
        let enabled = first.enabled.as_ref().is_none_or(hit);
        if origin.is_empty() || !(enabled || first.shadow.as_ref().is_some_and(hit)) {
            return Ok(());
        }
        let allowed = policies.allows(&origin);
        worker.kept_block(self.stats_block, BlockKind::Filter).inc(match allowed {
            true => CorsStat::CorsOriginValid,
            false => CorsStat::CorsOriginInvalid,
        });
        if !enabled {
            return Ok(());
        }
        let answer = self.answer(&policies, &origin, allowed, stream);
        if allowed {
            attach(stream, place, Allowed { origin, policies });
        }
        answer.map_or(Ok(()), Err)
    }

    /// The answer, if the request is a preflight that is not passed on.
    fn answer(
        &self,
        policies: &Policies,
        origin: &[u8],
        allowed: bool,
        stream: &Stream,
    ) -> Option<Answer> {
        let request = &stream.request;
        let asks = request.get(HeaderId::AccessControlRequestMethod).unwrap_or_default();
        if request.get(HeaderId::Method) != Some(b"OPTIONS") || asks.is_empty() {
            return None;
        }
        if !allowed && policies.flag(|p| p.forward_not_matching) != Some(false) {
            return None;
        }
        Some(policies.preflight(Some(origin).filter(|_| allowed), stream))
    }
}

/// A request whose response the origin may read.
struct Allowed {
    origin: Vec<u8>,
    policies: Policies,
}

impl StreamFilter for Allowed {
    fn response_head(
        &mut self,
        stream: &mut Stream,
        _end: bool,
    ) -> std::result::Result<Head, Box<Answer>> {
        let headers = &mut stream.response;
        headers.set(HeaderId::AccessControlAllowOrigin, &self.origin);
        if self.policies.flag(|p| p.allow_credentials) == Some(true) {
            headers.set(HeaderId::AccessControlAllowCredentials, b"true");
        }
        if let Some(names) = self.policies.text(|p| &p.expose_headers) {
            headers.set(HeaderId::AccessControlExposeHeaders, names.as_bytes());
        }
        Ok(Head::Pass)
    }
}
