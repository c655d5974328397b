//! Matching one query parameter.

use super::{Regexes, StringMatcher};
use crate::compile::{At, Result};
use crate::formatter::percent_decode;
use crate::proto;
use crate::proto::query_parameter_match::Kind;

/// `envoy.config.route.v3.QueryParameterMatcher`: the first parameter of that name, not percent-decoded.
#[derive(Debug, Clone)]
pub struct QueryMatcher {
    name: Box<[u8]>,
    rule: Rule,
}

#[derive(Debug, Clone)]
enum Rule {
    Present(bool),
    String(StringMatcher),
}

impl QueryMatcher {
    /// Fails when a regex is not valid. Without a rule the parameter must be present.
    pub fn compile(message: &proto::QueryParameterMatch, regexes: &Regexes) -> Result<Self> {
        let rule = match &message.kind {
            None => Rule::Present(true),
            Some(Kind::Present(present)) => Rule::Present(*present),
            Some(Kind::String(string)) => {
                Rule::String(StringMatcher::compile(string, regexes).at("string")?)
            }
        };
        Ok(Self { name: message.name.clone().into_bytes().into(), rule })
    }

    /// `target` is the request target: a path with a query, if any.
    pub fn matches(&self, target: &[u8]) -> bool {
        let value = first_query_value(target, &self.name);
        match &self.rule {
            Rule::Present(wanted) => value.is_some() == *wanted,
            Rule::String(matcher) => value.is_some_and(|value| matcher.matches(value)),
        }
    }
}

/// The value of the first query parameter called `name`, as written; empty when it has no `=`.
pub fn first_query_value<'a>(target: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let query = &target[memchr::memchr(b'?', target)? + 1..];
    query.split(|&byte| byte == b'&').find_map(|parameter| {
        let value = parameter.strip_prefix(name)?;
        match value.split_first() {
            None => Some(value),
            Some((b'=', value)) => Some(value),
            Some(_) => None,
        }
    })
}

/// The parameters of a request target, as they are written.
pub fn query_parameters(target: &[u8]) -> impl Iterator<Item = &[u8]> {
    let start = memchr::memchr(b'?', target).map(|at| at + 1);
    let query = start.map(|start| &target[start..]);
    query.into_iter().flat_map(|query| query.split(|&byte| byte == b'&'))
}

/// The name and the value of a parameter, percent-decoded.
pub fn decoded_parameter(pair: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let equals = memchr::memchr(b'=', pair).unwrap_or(pair.len());
    let decoded = |text: &[u8]| {
        let mut out = Vec::with_capacity(text.len());
        percent_decode(text, &mut out);
        out
    };
    (decoded(&pair[..equals]), decoded(pair.get(equals + 1..).unwrap_or_default()))
}

/// The value of the first query parameter called `name`, both percent-decoded.
pub fn first_decoded_value(target: &[u8], name: &[u8]) -> Option<Vec<u8>> {
    let mut pairs = query_parameters(target).map(decoded_parameter);
    pairs.find(|(key, _)| key == name).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::{first_query_value, Kind, QueryMatcher};
    use crate::matcher::Regexes;
    use crate::proto;

    #[test]
    fn the_first_parameter_of_the_name_counts_as_written() {
        let cases: &[(&str, Option<&str>)] = &[
            ("/", None),
            ("/?", None),
            ("/?q", Some("")),
            ("/?q=", Some("")),
            ("/?q=a&q=b", Some("a")),
            ("/?Q=a", None),
            ("/?x=1&q=a", Some("a")),
            ("/?q=a%20b", Some("a%20b")),
            ("/?q=a=b", Some("a=b")),
            ("/?%71=a", None),
            ("/?x?q=a", None),
            ("/?q=a?b", Some("a?b")),
            ("/?x=1;q=a", None),
            ("/?&q=a&", Some("a")),
        ];
        for &(target, expected) in cases {
            let value = first_query_value(target.as_bytes(), b"q");
            assert_eq!(value, expected.map(str::as_bytes), "{target}");
        }
    }

    #[test]
    fn absence_can_be_asked_for() {
        let message =
            proto::QueryParameterMatch { name: "q".into(), kind: Some(Kind::Present(false)) };
        let matcher = QueryMatcher::compile(&message, &Regexes::default())
            .unwrap_or_else(|e| unreachable!("{e}"));
        assert!(matcher.matches(b"/"));
        assert!(!matcher.matches(b"/?q"));
    }
}
