//! Matching subject alternative names (`match_typed_subject_alt_names`).

use super::peer::AlternativeNames;
use crate::compile::{At, Result};
use crate::matcher::{Regexes, StringMatcher};
use crate::proto::{self, san_match::Type, string_match::Kind};

/// One matcher; any that matches lets a peer pass.
#[derive(Debug)]
pub struct SanMatcher {
    kind: Type,
    text: StringMatcher,
    /// An exact DNS name, which a wildcard in the certificate may stand for.
    dns: Option<String>,
    oid: String,
}

impl SanMatcher {
    /// # Errors
    /// A regex that cannot be used.
    pub fn compile(message: &proto::SanMatch) -> Result<Self> {
        let text = message.r#match.clone().unwrap_or_default();
        let dns = match (message.r#type(), &text.kind) {
            (Type::Dns | Type::Any, Some(Kind::Exact(name))) => Some(name.to_ascii_lowercase()),
            _ => None,
        };
        let matcher = StringMatcher::compile(&text, &Regexes::default()).at("match")?;
        Ok(Self { kind: message.r#type(), text: matcher, dns, oid: message.oid.clone() })
    }

    /// Whether a certificate with these names passes.
    pub fn matches(&self, names: &AlternativeNames) -> bool {
        let any = |list: &[String]| list.iter().any(|name| self.text.matches(name.as_bytes()));
        match self.kind {
            Type::Dns => self.matches_dns(names),
            Type::Uri => any(&names.uri),
            Type::Email => any(&names.email),
            Type::Ip => any(&names.ip),
            Type::OtherName => names
                .other
                .iter()
                .any(|(oid, value)| *oid == self.oid && self.text.matches(value.as_bytes())),
            Type::Any => {
                self.matches_dns(names) || any(&names.uri) || any(&names.email) || any(&names.ip)
            }
        }
    }

    fn matches_dns(&self, names: &AlternativeNames) -> bool {
        names.dns.iter().any(|name| match &self.dns {
            Some(wanted) => dns_matches(wanted, name),
            None => self.text.matches(name.as_bytes()),
        })
    }
}

/// Whether a certificate's DNS name, which may be a wildcard of one whole label (RFC 6125), means `wanted`.
pub fn dns_matches(wanted: &str, pattern: &str) -> bool {
    if wanted.eq_ignore_ascii_case(pattern) {
        return true;
    }
    let Some(rest) = pattern.strip_prefix('*') else { return false };
    let Some(dot) = wanted.find('.') else { return false };
    dot > 0 && rest.len() > 1 && rest.starts_with('.') && wanted[dot..].eq_ignore_ascii_case(rest)
}

#[cfg(test)]
mod tests {
    use super::{dns_matches, SanMatcher};
    use crate::proto::{self, san_match::Type, string_match::Kind};
    use crate::tls::peer::AlternativeNames;

    fn names() -> AlternativeNames {
        AlternativeNames {
            dns: vec!["a.test".into(), "*.b.test".into()],
            uri: vec!["spiffe://d/ns/x".into()],
            email: vec!["me@a.test".into()],
            ip: vec!["10.0.0.1".into(), "::1".into()],
            other: vec![("1.2.3".into(), "upn".into())],
            all: Vec::new(),
        }
    }

    fn matches(kind: Type, pattern: Kind, ignore_case: bool) -> bool {
        let message = proto::SanMatch {
            r#type: kind as i32,
            r#match: Some(proto::StringMatch { kind: Some(pattern), ignore_case }),
            oid: "1.2.3".into(),
        };
        SanMatcher::compile(&message).unwrap().matches(&names())
    }

    #[test]
    fn each_type_looks_at_its_own_names() {
        let exact = |text: &str| Kind::Exact(text.to_owned());
        assert!(matches(Type::Dns, exact("a.test"), false));
        assert!(matches(Type::Dns, exact("A.Test"), false));
        assert!(matches(Type::Dns, exact("x.b.test"), false));
        assert!(!matches(Type::Dns, exact("x.y.b.test"), false));
        assert!(!matches(Type::Uri, exact("a.test"), false));
        assert!(matches(Type::Uri, Kind::Prefix("spiffe://d/".into()), false));
        assert!(matches(Type::Uri, Kind::Suffix("/X".into()), true));
        assert!(!matches(Type::Uri, Kind::Suffix("/X".into()), false));
        assert!(matches(Type::Uri, Kind::Regex("spiffe://[a-z]+/ns/.".into()), false));
        assert!(!matches(Type::Uri, Kind::Regex("spiffe".into()), false));
        assert!(matches(Type::Email, Kind::Contains("@".into()), false));
        assert!(matches(Type::Ip, exact("10.0.0.1"), false));
        assert!(matches(Type::OtherName, exact("upn"), false));
        assert!(!matches(Type::Dns, Kind::Prefix("x.b".into()), false));
    }

    #[test]
    fn a_wildcard_stands_for_one_label() {
        for (wanted, pattern, result) in [
            ("a.b", "*.b", true),
            ("b", "*.b", false),
            (".b", "*.b", false),
            ("a.b", "*b", false),
            ("a.", "*.", false),
            ("a.b", "a.*", false),
        ] {
            assert_eq!(dns_matches(wanted, pattern), result, "{wanted} {pattern}");
        }
    }
}
