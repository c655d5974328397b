//! Matching one string.

use memchr::memmem::Finder;
use regex::bytes::Regex;

use super::Regexes;
use crate::compile::{At, CompileError, Result};
use crate::proto;
use crate::proto::string_match::Kind;

/// `envoy.type.matcher.v3.StringMatcher`. `ignore_case` compares ASCII letters without case and has no effect
/// on a regex.
#[derive(Debug, Clone)]
pub struct StringMatcher {
    pattern: Pattern,
}

#[derive(Debug, Clone)]
enum Pattern {
    Exact(Box<[u8]>),
    Prefix(Box<[u8]>),
    Suffix(Box<[u8]>),
    Contains(Box<Finder<'static>>),
    ExactIgnoreCase(Box<[u8]>),
    PrefixIgnoreCase(Box<[u8]>),
    SuffixIgnoreCase(Box<[u8]>),
    ContainsIgnoreCase(Box<[u8]>),
    Regex(Regex),
}

impl StringMatcher {
    /// Fails when a regex is not valid or no kind is set.
    pub fn compile(message: &proto::StringMatch, regexes: &Regexes) -> Result<Self> {
        let bytes = |text: &String| text.clone().into_bytes().into_boxed_slice();
        let kind = message
            .kind
            .as_ref()
            .ok_or_else(|| CompileError::new("a string matcher needs a pattern"))?;
        let pattern = match (kind, message.ignore_case) {
            (Kind::Exact(text), false) => Pattern::Exact(bytes(text)),
            (Kind::Exact(text), true) => Pattern::ExactIgnoreCase(bytes(text)),
            (Kind::Prefix(text), false) => Pattern::Prefix(bytes(text)),
            (Kind::Prefix(text), true) => Pattern::PrefixIgnoreCase(bytes(text)),
            (Kind::Suffix(text), false) => Pattern::Suffix(bytes(text)),
            (Kind::Suffix(text), true) => Pattern::SuffixIgnoreCase(bytes(text)),
            (Kind::Contains(text), false) => {
                Pattern::Contains(Box::new(Finder::new(text).into_owned()))
            }
            (Kind::Contains(text), true) => Pattern::ContainsIgnoreCase(bytes(text)),
            (Kind::Regex(text), _) => Pattern::Regex(regexes.whole(text).at("regex")?),
        };
        Ok(Self { pattern })
    }

    pub fn matches(&self, value: &[u8]) -> bool {
        match &self.pattern {
            Pattern::Exact(text) => value == &**text,
            Pattern::Prefix(text) => value.starts_with(text),
            Pattern::Suffix(text) => value.ends_with(text),
            Pattern::Contains(finder) => finder.find(value).is_some(),
            Pattern::ExactIgnoreCase(text) => value.eq_ignore_ascii_case(text),
            Pattern::PrefixIgnoreCase(text) => starts_with_ignore_case(value, text),
            Pattern::SuffixIgnoreCase(text) => {
                value.len() >= text.len()
                    && value[value.len() - text.len()..].eq_ignore_ascii_case(text)
            }
            Pattern::ContainsIgnoreCase(text) => {
                text.is_empty()
                    || value.windows(text.len()).any(|window| window.eq_ignore_ascii_case(text))
            }
            Pattern::Regex(regex) => regex.is_match(value),
        }
    }
}

fn starts_with_ignore_case(value: &[u8], prefix: &[u8]) -> bool {
    value.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

#[cfg(test)]
mod tests {
    use super::{Kind, StringMatcher};
    use crate::matcher::Regexes;
    use crate::proto;

    fn matches(kind: Kind, ignore_case: bool, value: &str) -> bool {
        let message = proto::StringMatch { kind: Some(kind), ignore_case };
        let matcher = StringMatcher::compile(&message, &Regexes::default());
        matcher.unwrap_or_else(|e| unreachable!("{e}")).matches(value.as_bytes())
    }

    #[test]
    fn each_kind_with_and_without_case() {
        let text = || "Ab".to_owned();
        let cases = [
            (Kind::Exact(text()), false, "Ab", true),
            (Kind::Exact(text()), false, "AB", false),
            (Kind::Exact(text()), true, "aB", true),
            (Kind::Prefix(text()), false, "Abc", true),
            (Kind::Prefix(text()), false, "abc", false),
            (Kind::Prefix(text()), true, "aBc", true),
            (Kind::Prefix(text()), true, "a", false),
            (Kind::Suffix(text()), false, "xAb", true),
            (Kind::Suffix(text()), false, "xAbc", false),
            (Kind::Suffix(text()), true, "xaB", true),
            (Kind::Contains(text()), false, "xAby", true),
            (Kind::Contains(text()), false, "xaby", false),
            (Kind::Contains(text()), true, "xaBy", true),
            (Kind::Contains(text()), true, "b", false),
            (Kind::Regex(text()), true, "ab", false),
            (Kind::Regex("A.".to_owned()), false, "Ab", true),
        ];
        for (kind, ignore_case, value, expected) in cases {
            let what = format!("{kind:?} {ignore_case} {value}");
            assert_eq!(matches(kind, ignore_case, value), expected, "{what}");
        }
    }

    #[test]
    fn a_bad_regex_names_its_place() {
        let message =
            proto::StringMatch { kind: Some(Kind::Regex("(".into())), ignore_case: false };
        let error = StringMatcher::compile(&message, &Regexes::default()).err();
        assert_eq!(error.map(|e| e.path).as_deref(), Some("regex"));
    }
}
