//! Matching one cookie.

use super::{Regexes, StringMatcher};
use crate::compile::{At, CompileError, Result};
use crate::headers::{HeaderId, Headers};
use crate::proto;

/// `envoy.config.route.v3.CookieMatcher`. An absent cookie matches only when inverted.
#[derive(Debug, Clone)]
pub struct CookieMatcher {
    name: Box<[u8]>,
    value: StringMatcher,
    invert: bool,
}

impl CookieMatcher {
    /// Fails when there is no string matcher or its regex is not valid.
    pub fn compile(message: &proto::CookieMatch, regexes: &Regexes) -> Result<Self> {
        let string = message
            .string
            .as_ref()
            .ok_or_else(|| CompileError::new("a cookie matcher needs a string"))?;
        Ok(Self {
            name: message.name.clone().into_bytes().into(),
            value: StringMatcher::compile(string, regexes).at("string")?,
            invert: message.invert,
        })
    }

    pub fn matches(&self, headers: &Headers) -> bool {
        let value = cookie_value(headers, &self.name);
        value.is_some_and(|value| self.value.matches(value)) != self.invert
    }
}

/// The value of the first cookie called `name`, without the quotes around it.
pub fn cookie_value<'a>(headers: &'a Headers, name: &[u8]) -> Option<&'a [u8]> {
    headers
        .get_all(HeaderId::Cookie.into())
        .flat_map(|cookies| cookies.split(|&byte| byte == b';'))
        .find_map(|cookie| cookie.trim_ascii().strip_prefix(name)?.strip_prefix(b"="))
        .map(|value| match value {
            [b'"', inner @ .., b'"'] => inner,
            _ => value,
        })
}

#[cfg(test)]
mod tests {
    use super::CookieMatcher;
    use crate::headers::Headers;
    use crate::matcher::Regexes;
    use crate::proto;

    fn matches(cookies: &[&str], invert: bool) -> bool {
        let mut headers = Headers::new();
        for cookie in cookies {
            headers.append_raw(b"cookie", cookie.as_bytes());
        }
        let string = proto::StringMatch {
            kind: Some(proto::string_match::Kind::Exact("a".into())),
            ignore_case: false,
        };
        let message = proto::CookieMatch { name: "s".into(), string: Some(string), invert };
        let matcher = CookieMatcher::compile(&message, &Regexes::default());
        matcher.unwrap_or_else(|e| unreachable!("{e}")).matches(&headers)
    }

    #[test]
    fn the_first_cookie_of_the_name_counts() {
        let cases: &[(&[&str], bool)] = &[
            (&[], false),
            (&["s=a"], true),
            (&["t=1; s=a"], true),
            (&["t=1;s=a"], true),
            (&["s=\"a\""], true),
            (&["s = a"], false),
            (&["s=a; s=b"], true),
            (&["s=b; s=a"], false),
            (&["s=b", "s=a"], false),
            (&["t=1", "s=a"], true),
            (&["s"], false),
            (&["S=a"], false),
            (&["s=a=b"], false),
            (&["t=1, s=a"], false),
        ];
        for &(cookies, expected) in cases {
            assert_eq!(matches(cookies, false), expected, "{cookies:?}");
            assert_eq!(matches(cookies, true), !expected, "{cookies:?} inverted");
        }
    }
}
