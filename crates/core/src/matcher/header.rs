//! Matching one header.

use super::{Regexes, StringMatcher};
use crate::compile::{At, Result};
use crate::headers::{HeaderName, Headers};
use crate::proto;
use crate::proto::header_match::Kind;

/// `envoy.config.route.v3.HeaderMatcher`.
///
/// A repeated header matches when one of its values does (the codec has joined those of which Envoy holds
/// one, see [`Headers::join_singles`]). An absent header never matches, inverted or
/// not, unless `treat_missing_as_empty` or the matcher asks for presence.
#[derive(Debug, Clone)]
pub struct HeaderMatcher {
    name: HeaderName,
    rule: Rule,
    invert: bool,
    missing_as_empty: bool,
}

#[derive(Debug, Clone)]
enum Rule {
    Present(bool),
    String(StringMatcher),
    Range { start: i64, end: i64 },
}

impl HeaderMatcher {
    /// Fails when a regex is not valid. Without a rule the header must be present.
    pub fn compile(message: &proto::HeaderMatch, regexes: &Regexes) -> Result<Self> {
        let rule = match &message.kind {
            None => Rule::Present(true),
            Some(Kind::Present(present)) => Rule::Present(*present),
            Some(Kind::String(string)) => {
                Rule::String(StringMatcher::compile(string, regexes).at("string")?)
            }
            Some(Kind::Range(range)) => Rule::Range { start: range.start, end: range.end },
        };
        Ok(Self {
            name: HeaderName::new(&message.name),
            rule,
            invert: message.invert,
            missing_as_empty: message.treat_missing_as_empty,
        })
    }

    /// Asks that a header is there.
    pub fn present(name: &str) -> Self {
        let name = HeaderName::new(name);
        Self { name, rule: Rule::Present(true), invert: false, missing_as_empty: false }
    }

    pub fn name(&self) -> &HeaderName {
        &self.name
    }

    pub fn matches(&self, headers: &Headers) -> bool {
        match &self.rule {
            Rule::Present(wanted) => {
                let present = self.missing_as_empty || headers.contains(&self.name);
                (present == *wanted) != self.invert
            }
            Rule::String(matcher) => self.any_value(headers, |value| matcher.matches(value)),
            Rule::Range { start, end } => self.any_value(headers, |value| {
                std::str::from_utf8(value)
                    .ok()
                    .and_then(|text| text.trim_ascii().parse::<i64>().ok())
                    .is_some_and(|number| (*start..*end).contains(&number))
            }),
        }
    }

    fn any_value(&self, headers: &Headers, test: impl Fn(&[u8]) -> bool) -> bool {
        let mut values = headers.get_all(self.name.key()).peekable();
        match values.peek().is_some() {
            true => values.any(&test) != self.invert,
            false => self.missing_as_empty && test(b"") != self.invert,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{HeaderMatcher, Kind};
    use crate::headers::{Headers, Side};
    use crate::matcher::Regexes;
    use crate::proto;

    const VALUES: &[&[&str]] = &[
        &[],
        &[""],
        &["a"],
        &["b"],
        &["a", "b"],
        &["a,b"],
        &["2"],
        &[" +2 "],
        &["3"],
        &["-10"],
        &["0x1"],
    ];

    /// The indexes into `VALUES` that match when they are the values of header `name`.
    fn matching(
        name: &str,
        kind: Option<Kind>,
        invert: bool,
        missing_as_empty: bool,
    ) -> Vec<usize> {
        let message = proto::HeaderMatch {
            name: name.into(),
            kind,
            invert,
            treat_missing_as_empty: missing_as_empty,
        };
        let matcher = HeaderMatcher::compile(&message, &Regexes::default())
            .unwrap_or_else(|e| unreachable!("{e}"));
        let matches = |values: &[&str]| {
            let mut headers = Headers::new();
            for value in values {
                headers.append_raw(name.as_bytes(), value.as_bytes());
            }
            headers.join_singles(Side::Request);
            matcher.matches(&headers)
        };
        (0..VALUES.len()).filter(|&index| matches(VALUES[index])).collect()
    }

    fn exact(text: &str) -> Option<Kind> {
        let kind = Some(proto::string_match::Kind::Exact(text.into()));
        Some(Kind::String(proto::StringMatch { kind, ignore_case: false }))
    }

    #[test]
    fn presence() {
        let all_but_missing: Vec<usize> = (1..VALUES.len()).collect();
        let present = |wanted| Some(Kind::Present(wanted));
        assert_eq!(matching("x", present(true), false, false), all_but_missing);
        assert_eq!(matching("x", None, false, false), all_but_missing);
        assert_eq!(matching("x", present(false), false, false), [0]);
        assert_eq!(matching("x", present(true), true, false), [0]);
        assert_eq!(matching("x", present(true), false, true).len(), VALUES.len());
        assert_eq!(matching("x", present(false), false, true).len(), 0);
    }

    #[test]
    fn one_of_repeated_values_is_enough() {
        assert_eq!(matching("x", exact("a"), false, false), [2, 4]);
        assert_eq!(matching("x", exact("a"), true, false), [1, 3, 5, 6, 7, 8, 9, 10]);
        assert_eq!(matching("x", exact("a"), true, true), [0, 1, 3, 5, 6, 7, 8, 9, 10]);
        assert_eq!(matching("x", exact(""), false, true), [0, 1]);
        assert_eq!(matching("x", exact("a,b"), false, false), [5]);
    }

    #[test]
    fn a_header_of_one_value_was_joined_before() {
        assert_eq!(matching("accept", exact("a,b"), false, false), [4, 5]);
        assert_eq!(matching("accept", exact("a"), false, false), [2]);
        assert_eq!(matching("cookie", exact("a"), false, false), [2, 4]);
    }

    #[test]
    fn ranges_hold_whole_numbers() {
        let range = || Some(Kind::Range(proto::Int64Range { start: -10, end: 3 }));
        assert_eq!(matching("x", range(), false, false), [6, 7, 9]);
        assert_eq!(matching("x", range(), true, false), [1, 2, 3, 4, 5, 8, 10]);
        assert_eq!(matching("x", range(), true, true), [0, 1, 2, 3, 4, 5, 8, 10]);
    }
}
