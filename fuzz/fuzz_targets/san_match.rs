//! A DNS name of a certificate means a wanted name if they are the same, or if it has a wildcard in the place of
//! the whole first label; a matcher of DNS names says the same, and those of other kinds do not look at it.
#![no_main]

use lateen_core::proto::{san_match::Type, string_match::Kind, SanMatch, StringMatch};
use lateen_core::tls::{dns_matches, AlternativeNames, SanMatcher};
use libfuzzer_sys::fuzz_target;

fn matcher(kind: Type, wanted: &str) -> SanMatcher {
    let exact = StringMatch { kind: Some(Kind::Exact(wanted.to_owned())), ignore_case: false };
    let message = SanMatch { r#type: kind as i32, r#match: Some(exact), oid: String::new() };
    SanMatcher::compile(&message).expect("a text is no regex")
}

/// The rule in other words: label by label.
fn means(wanted: &str, pattern: &str) -> bool {
    if wanted.eq_ignore_ascii_case(pattern) {
        return true;
    }
    let (mut wanted, mut pattern) = (wanted.split('.'), pattern.split('.'));
    let wildcard =
        pattern.next() == Some("*") && wanted.next().is_some_and(|label| !label.is_empty());
    let (wanted, pattern): (Vec<_>, Vec<_>) = (wanted.collect(), pattern.collect());
    let same = |(a, b): (&&str, &&str)| a.eq_ignore_ascii_case(b);
    wildcard
        && pattern.iter().any(|label| !label.is_empty())
        && wanted.len() == pattern.len()
        && wanted.iter().zip(&pattern).all(same)
}

fuzz_target!(|texts: (&str, &str)| {
    let (wanted, pattern) = texts;
    let matched = dns_matches(wanted, pattern);
    assert_eq!(matched, means(wanted, pattern), "{wanted:?} {pattern:?}");
    let names = AlternativeNames { dns: vec![pattern.to_owned()], ..AlternativeNames::default() };
    assert_eq!(matcher(Type::Dns, wanted).matches(&names), matched);
    assert_eq!(matcher(Type::Any, wanted).matches(&names), matched);
    for other in [Type::Uri, Type::Email, Type::Ip, Type::OtherName] {
        assert!(!matcher(other, wanted).matches(&names));
    }
});
