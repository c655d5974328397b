//! The CSRF filter: requests that change something come from pages of the host that they go to.
//! <https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/csrf_filter>

use std::sync::Arc;

use super::of_route;
use crate::compile::{each, Result};
use crate::headers::{HeaderId, Headers};
use crate::http::stream::{Answer, Stream};
use crate::matcher::{Regexes, StringMatcher};
use crate::proto::{self, CsrfStat};
use crate::route::FilterConfig;
use crate::runtime::Fraction;
use crate::stats::BlockKind;

pub struct Csrf {
    stats_block: u32,
    policy: Arc<CsrfPolicy>,
}

/// Of the filter or of a route.
pub struct CsrfPolicy {
    enabled: Option<Fraction>,
    shadow: Option<Fraction>,
    additional_origins: Vec<StringMatcher>,
}

impl CsrfPolicy {
    /// # Errors
    /// A matcher that cannot be taken, with its path.
    pub fn compile(message: &proto::CsrfPolicy, regexes: &Regexes) -> Result<Self> {
        let origins = &message.additional_origins;
        Ok(Self {
            enabled: message.enabled.as_ref().map(Fraction::compile),
            shadow: message.shadow.as_ref().map(Fraction::compile),
            additional_origins: each(origins, "additional_origins", |m| {
                StringMatcher::compile(m, regexes)
            })?,
        })
    }

    fn accepts(&self, source: &[u8], request: &Headers) -> bool {
        source == request.get(HeaderId::Authority).unwrap_or_default()
            || self.additional_origins.iter().any(|matcher| matcher.matches(source))
    }
}

impl Csrf {
    /// # Errors
    /// A matcher that cannot be taken, with its path.
    pub fn compile(message: &proto::CsrfFilter, regexes: &Regexes) -> Result<Self> {
        let policy = message.policy.clone().unwrap_or_default();
        let policy = CsrfPolicy::compile(&policy, regexes)?;
        Ok(Self { stats_block: message.stats_block, policy: Arc::new(policy) })
    }

    /// # Errors
    /// The request comes from elsewhere.
    pub fn request(&self, name: &str, stream: &mut Stream) -> std::result::Result<(), Answer> {
        let of_route = of_route(name, stream, |config| match config {
            FilterConfig::Csrf(policy) => Some(policy),
            _ => None,
        });
        let policy = of_route.as_ref().unwrap_or(&self.policy);
        let worker = &stream.worker;
        let hit = |share: &Option<Fraction>| {
            share.as_ref().is_some_and(|s| s.hit(&worker.current_runtime(), &worker.random))
        };
        let enabled = hit(&policy.enabled);
        if !changes(&stream.request) || !(enabled || hit(&policy.shadow)) {
            return Ok(());
        }
        let source = source(&stream.request);
        let valid = policy.accepts(source, &stream.request);
        worker.kept_block(self.stats_block, BlockKind::Filter).inc(match (source, valid) {
            ([], _) => CsrfStat::CsrfMissingSourceOrigin,
            (_, true) => CsrfStat::CsrfRequestValid,
            (_, false) => CsrfStat::CsrfRequestInvalid,
        });
        match enabled && (source.is_empty() || !valid) {
            true => Err(Answer::new(403, "Invalid origin", "csrf_origin_mismatch")),
            false => Ok(()),
        }
    }
}

fn changes(request: &Headers) -> bool {
    let method = request.get(HeaderId::Method).unwrap_or_default();
    matches!(method, b"POST" | b"PUT" | b"DELETE" | b"PATCH")
}

/// The host and port of the page that a request comes from; empty when the browser does not tell.
fn source(request: &Headers) -> &[u8] {
    match request.get(HeaderId::Origin).unwrap_or_default() {
        b"null" => b"",
        b"" => host_and_port(request.get(HeaderId::Referer).unwrap_or_default()),
        origin => host_and_port(origin),
    }
}

/// Those of a URL; what is none stays as it is.
fn host_and_port(url: &[u8]) -> &[u8] {
    let Some(scheme) = memchr::memmem::find(url, b"://") else { return url };
    let rest = &url[scheme + 3..];
    &rest[..memchr::memchr3(b'/', b'?', b'#', rest).unwrap_or(rest.len())]
}

#[cfg(test)]
mod tests {
    use super::{host_and_port, source};
    use crate::headers::{HeaderId, Headers};

    #[test]
    fn the_host_of_a_url() {
        assert_eq!(host_and_port(b"https://a.test:8/x?y"), b"a.test:8");
        assert_eq!(host_and_port(b"http://a.test?q"), b"a.test");
        assert_eq!(host_and_port(b"a.test/x"), b"a.test/x");
        assert_eq!(host_and_port(b""), b"");
    }

    #[test]
    fn the_origin_goes_before_the_referer() {
        let mut headers = Headers::new();
        headers.set(HeaderId::Referer, b"http://r.test/page");
        assert_eq!(source(&headers), b"r.test");
        headers.set(HeaderId::Origin, b"http://o.test");
        assert_eq!(source(&headers), b"o.test");
        headers.set(HeaderId::Origin, b"null");
        assert_eq!(source(&headers), b"");
    }
}
