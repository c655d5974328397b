//! What a service is told of a request.

use std::collections::BTreeMap;

use crate::compile::{each, At, Result};
use crate::http::stream::Stream;
use crate::matcher::{Regexes, StringMatcher};
use crate::proto;

/// Tells the service whether it is given all of the body. Clients cannot say so.
pub const PARTIAL_BODY: &[u8] = b"x-envoy-auth-partial-body";

/// Names of headers.
pub struct Names(Vec<StringMatcher>);

impl Names {
    /// # Errors
    /// A pattern that is none.
    pub fn compile(
        message: Option<&proto::NameList>,
        field: &str,
        regexes: &Regexes,
    ) -> Result<Option<Self>> {
        let Some(message) = message else { return Ok(None) };
        let pattern = |pattern: &_| StringMatcher::compile(pattern, regexes);
        Ok(Some(Self(each(&message.patterns, "patterns", pattern).at(field)?)))
    }

    pub fn contain(&self, name: &[u8]) -> bool {
        self.0.iter().any(|pattern| pattern.matches(name))
    }
}

/// What of every request the service is told.
pub struct Told {
    /// None: all.
    allowed: Option<Names>,
    disallowed: Option<Names>,
    /// Repeated headers are not joined, and may hold bytes that are no text.
    pub raw_headers: bool,
    pub body_as_bytes: bool,
    pub peer_certificate: bool,
    pub tls_session: bool,
    pub metadata_namespaces: Vec<String>,
    pub route_metadata_namespaces: Vec<String>,
}

impl Told {
    /// # Errors
    /// A pattern that is none, with its path.
    pub fn compile(message: &proto::ExtAuthzFilter, regexes: &Regexes) -> Result<Self> {
        let names = |list: &Option<_>, field| Names::compile(list.as_ref(), field, regexes);
        Ok(Self {
            allowed: names(&message.allowed_headers, "allowed_headers")?,
            disallowed: names(&message.disallowed_headers, "disallowed_headers")?,
            raw_headers: message.raw_headers,
            body_as_bytes: message.body_as_bytes,
            peer_certificate: message.peer_certificate,
            tls_session: message.tls_session,
            metadata_namespaces: message.metadata_namespaces.clone(),
            route_metadata_namespaces: message.route_metadata_namespaces.clone(),
        })
    }

    fn includes(&self, name: &[u8]) -> bool {
        name != PARTIAL_BODY
            && self.disallowed.as_ref().is_none_or(|names| !names.contain(name))
            && self.allowed.as_ref().is_none_or(|names| names.contain(name))
    }
}

/// As much of a body as the service is told.
#[derive(Clone, Copy)]
pub struct Body<'a> {
    pub bytes: &'a [u8],
    is_part: bool,
}

impl<'a> Body<'a> {
    pub fn of(kept: &'a [u8], most: usize) -> Self {
        Self { bytes: &kept[..kept.len().min(most)], is_part: kept.len() > most }
    }

    /// The value of the header [`PARTIAL_BODY`].
    pub fn is_part(self) -> &'static str {
        match self.is_part {
            true => "true",
            false => "false",
        }
    }
}

/// What the service is asked about one request.
pub struct Question<'a> {
    pub stream: &'a Stream,
    pub told: &'a Told,
    pub extensions: BTreeMap<String, String>,
    pub body: Option<Body<'a>>,
    /// The span of a question by HTTP is not reported.
    pub unsampled: bool,
}

impl Question<'_> {
    /// The headers that the service is told of.
    pub fn headers(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let all = self.stream.request.iter().map(|(_, name, value)| (name, value));
        all.filter(|(name, _)| self.told.includes(name))
    }
}

#[cfg(test)]
mod tests {
    use super::{Body, Told};
    use crate::matcher::Regexes;
    use crate::proto::{string_match::Kind, ExtAuthzFilter, NameList, StringMatch};

    fn list(prefix: &str) -> Option<NameList> {
        let pattern = StringMatch { kind: Some(Kind::Prefix(prefix.into())), ..Default::default() };
        Some(NameList { patterns: vec![pattern] })
    }

    fn included(message: &ExtAuthzFilter) -> String {
        let told = Told::compile(message, &Regexes::default()).unwrap();
        let names = ["x-a", "x-b", ":path", "x-envoy-auth-partial-body"];
        let names = names.into_iter().filter(|name| told.includes(name.as_bytes()));
        names.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn headers_are_told_of_unless_lists_say_otherwise() {
        let all = ExtAuthzFilter::default();
        assert_eq!(included(&all), "x-a x-b :path");
        let some = ExtAuthzFilter { allowed_headers: list("x-"), ..all };
        assert_eq!(included(&some), "x-a x-b");
        let fewer = ExtAuthzFilter { disallowed_headers: list("x-b"), ..some };
        assert_eq!(included(&fewer), "x-a");
    }

    #[test]
    fn a_body_is_cut() {
        let told = |kept| Body::of(kept, 3);
        assert_eq!((told(b"abc").bytes, told(b"abc").is_part()), (&b"abc"[..], "false"));
        assert_eq!((told(b"abcd").bytes, told(b"abcd").is_part()), (&b"abc"[..], "true"));
    }
}
