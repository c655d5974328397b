//! Where requests carry tokens.

use crate::headers::{HeaderId, HeaderName, Headers};
use crate::matcher::{cookie_value, decoded_parameter, first_decoded_value, query_parameters};
use crate::proto;

/// In the order in which tokens are found; they are judged the last one first, as in Envoy.
pub struct Places(Vec<Place>);

pub struct Place {
    kind: Kind,
    /// Whose tokens may be there; an empty name: anybody's.
    issuers: Vec<Box<str>>,
}

enum Kind {
    /// With what is before the token.
    Header(HeaderName, Box<[u8]>),
    Parameter(Box<[u8]>),
    Cookie(Box<[u8]>),
}

impl Kind {
    /// What tells places apart, and orders them.
    fn key(&self) -> (u8, &[u8], &[u8]) {
        match self {
            Self::Header(name, prefix) => (0, name.as_bytes(), prefix),
            Self::Parameter(name) => (1, name, b""),
            Self::Cookie(name) => (2, name, b""),
        }
    }
}

impl Places {
    /// Those of all these providers.
    pub fn new<'a>(providers: impl Iterator<Item = &'a proto::JwtProvider>) -> Self {
        let mut places = Self(Vec::new());
        for provider in providers {
            for header in &provider.headers {
                let prefix = header.value_prefix.as_bytes().into();
                places.add(Kind::Header(HeaderName::new(&header.name), prefix), &provider.issuer);
            }
            for name in &provider.parameters {
                places.add(Kind::Parameter(name.as_bytes().into()), &provider.issuer);
            }
            for name in &provider.cookies {
                places.add(Kind::Cookie(name.as_bytes().into()), &provider.issuer);
            }
        }
        places.0.sort_by(|one, other| one.kind.key().cmp(&other.kind.key()));
        places
    }

    fn add(&mut self, kind: Kind, issuer: &str) {
        match self.0.iter_mut().find(|place| place.kind.key() == kind.key()) {
            Some(place) => place.issuers.push(issuer.into()),
            None => self.0.push(Place { kind, issuers: vec![issuer.into()] }),
        }
    }

    /// Every token of a request, and its place.
    pub fn find(&self, request: &Headers) -> Vec<(&Place, Vec<u8>)> {
        let mut found = Vec::new();
        for place in &self.0 {
            place.find(request, |token| found.push((place, token)));
        }
        found
    }
}

impl Place {
    pub fn allows(&self, issuer: &str) -> bool {
        self.issuers.iter().any(|allowed| allowed.is_empty() || **allowed == *issuer)
    }

    fn find(&self, request: &Headers, mut found: impl FnMut(Vec<u8>)) {
        match &self.kind {
            Kind::Header(name, prefix) => {
                for value in request.get_all(name.key()) {
                    if let Some(token) = after_prefix(value, prefix) {
                        found(token.to_vec());
                    }
                }
            }
            Kind::Parameter(name) => {
                let target = request.get(HeaderId::Path).unwrap_or_default();
                if let Some(value) = first_decoded_value(target, name) {
                    found(value);
                }
            }
            Kind::Cookie(name) => {
                if let Some(value) = cookie_value(request, name) {
                    found(value.to_vec());
                }
            }
        }
    }

    /// Takes the token out of a request. Cookies stay, as in Envoy.
    pub fn remove(&self, request: &mut Headers) {
        match &self.kind {
            Kind::Header(name, _) => {
                request.remove(name);
            }
            Kind::Parameter(name) => {
                let target = request.get(HeaderId::Path).unwrap_or_default();
                let rest = without_parameter(target, name);
                request.set(HeaderId::Path, &rest);
            }
            Kind::Cookie(_) => {}
        }
    }
}

/// The part of a value that may be a token: what comes after the prefix, wherever that is, and after what a token
/// cannot begin with. None: without the prefix there is none.
fn after_prefix<'a>(value: &'a [u8], prefix: &[u8]) -> Option<&'a [u8]> {
    if prefix.is_empty() {
        return Some(value);
    }
    let start = memchr::memmem::find(value, prefix)? + prefix.len();
    let of_token = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
    match value[start..].iter().position(of_token) {
        Some(skipped) => Some(&value[start + skipped..]),
        None => Some(value),
    }
}

/// The target without the parameters of that name; the others stay as they are written.
fn without_parameter(target: &[u8], name: &[u8]) -> Vec<u8> {
    let start = memchr::memchr(b'?', target).unwrap_or(target.len());
    let mut out = target[..start].to_vec();
    for pair in query_parameters(target).filter(|pair| decoded_parameter(pair).0 != name) {
        out.push(if out.len() == start { b'?' } else { b'&' });
        out.extend_from_slice(pair);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{without_parameter, Places};
    use crate::headers::{HeaderId, Headers};
    use crate::proto;

    fn provider(issuer: &str, headers: &[(&str, &str)]) -> proto::JwtProvider {
        let header = |(name, prefix): &(&str, &str)| proto::JwtHeader {
            name: (*name).into(),
            value_prefix: (*prefix).into(),
        };
        proto::JwtProvider {
            issuer: issuer.into(),
            headers: headers.iter().map(header).collect(),
            parameters: vec!["t".into()],
            cookies: vec!["c".into()],
            ..Default::default()
        }
    }

    fn request(lines: &[(&str, &str)]) -> Headers {
        let mut request = Headers::new();
        for (name, value) in lines {
            request.append_raw(name.as_bytes(), value.as_bytes());
        }
        request
    }

    #[test]
    fn tokens_are_found_by_the_order_of_their_places() {
        let places = Places::new([provider("", &[("x-b", ""), ("x-a", "Bearer ")])].iter());
        let mut asked = request(&[
            ("x-b", "one"),
            ("x-b", "two"),
            ("x-a", "q Bearer  \"three\""),
            ("x-a", "Basic no"),
            ("x-a", "Bearer !"),
            ("cookie", "d=1; c=five"),
        ]);
        asked.set(HeaderId::Path, b"/x?%74=f%6Fur&t=no");
        let found: Vec<_> = places.find(&asked).into_iter().map(|(_, token)| token).collect();
        let expected: [&[u8]; 6] = [b"three\"", b"Bearer !", b"one", b"two", b"four", b"five"];
        assert_eq!(found, expected);
        for (place, _) in places.find(&asked.clone()) {
            place.remove(&mut asked);
        }
        assert_eq!(asked.get(HeaderId::Path), Some(&b"/x"[..]));
        assert_eq!(asked.len(), 2);
    }

    #[test]
    fn a_place_is_for_the_issuers_that_name_it() {
        let providers = [provider("a", &[("x", "")]), provider("b", &[("y", "")])];
        let places = Places::new(providers.iter());
        let asked = request(&[("x", "1"), ("y", "2"), ("cookie", "c=3")]);
        let allows = |issuer| -> Vec<bool> {
            places.find(&asked).iter().map(|(place, _)| place.allows(issuer)).collect()
        };
        assert_eq!(allows("a"), [true, false, true]);
        assert_eq!(allows("b"), [false, true, true]);
        assert_eq!(allows(""), [false; 3]);
        let any = Places::new([provider("", &[])].iter());
        assert!(any.find(&asked).iter().all(|(place, _)| place.allows("z")));
    }

    #[test]
    fn other_parameters_stay_as_they_are() {
        for (target, rest) in [
            ("/a", "/a"),
            ("/a?t", "/a"),
            ("/a?t=1&t=2", "/a"),
            ("/a?b=%20&t=1&c", "/a?b=%20&c"),
            ("/a?%74=1&T=1", "/a?T=1"),
        ] {
            let rest = rest.as_bytes();
            assert_eq!(without_parameter(target.as_bytes(), b"t"), rest, "{target}");
        }
    }
}
