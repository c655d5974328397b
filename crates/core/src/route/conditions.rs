//! What a route asks of a request besides its path.

use super::RouteContext;
use crate::compile::{each, Result};
use crate::headers::{HeaderId, Headers};
use crate::matcher::{CookieMatcher, HeaderMatcher, QueryMatcher, Regexes};
use crate::proto;
use crate::runtime::Fraction;

/// All must hold.
pub(super) struct Conditions {
    fraction: Option<Fraction>,
    grpc: bool,
    headers: Vec<HeaderMatcher>,
    query: Vec<QueryMatcher>,
    cookies: Vec<CookieMatcher>,
    tls_presented: Option<bool>,
    tls_validated: Option<bool>,
}

impl Conditions {
    /// Fails when a regex of a matcher is not valid.
    pub(super) fn compile(message: &proto::RouteMatch, regexes: &Regexes) -> Result<Self> {
        Ok(Self {
            fraction: message.runtime_fraction.as_ref().map(Fraction::compile),
            grpc: message.grpc,
            headers: each(&message.headers, "headers", |m| HeaderMatcher::compile(m, regexes))?,
            query: each(&message.query_parameters, "query_parameters", |m| {
                QueryMatcher::compile(m, regexes)
            })?,
            cookies: each(&message.cookies, "cookies", |m| CookieMatcher::compile(m, regexes))?,
            tls_presented: message.tls_presented,
            tls_validated: message.tls_validated,
        })
    }

    /// True when nothing is asked.
    pub(super) fn is_empty(&self) -> bool {
        self.fraction.is_none()
            && !self.grpc
            && self.headers.is_empty()
            && self.query.is_empty()
            && self.cookies.is_empty()
            && self.tls_presented.is_none()
            && self.tls_validated.is_none()
    }

    /// `target` is the path with its query.
    pub(super) fn hold(
        &self,
        request: &Headers,
        target: &[u8],
        context: &RouteContext<'_>,
    ) -> bool {
        self.fraction.as_ref().is_none_or(|f| f.contains(context.runtime, context.random))
            && (!self.grpc || is_grpc(request))
            && self.headers.iter().all(|matcher| matcher.matches(request))
            && self.query.iter().all(|matcher| matcher.matches(target))
            && self.cookies.iter().all(|matcher| matcher.matches(request))
            && self.tls_presented.is_none_or(|wanted| wanted == context.certificate_presented)
            && self.tls_validated.is_none_or(|wanted| wanted == context.certificate_validated)
    }
}

/// True for a gRPC request: its content type is `application/grpc` or `application/grpc+...`.
pub fn is_grpc(headers: &Headers) -> bool {
    headers
        .get(HeaderId::ContentType)
        .and_then(|value| value.strip_prefix(b"application/grpc"))
        .is_some_and(|rest| matches!(rest.first(), None | Some(b'+')))
}
