use super::{HashPolicies, HashSubject};
use crate::hash::xxhash64;
use crate::headers::{HeaderId, Headers};
use crate::matcher::Regexes;
use crate::proto::{self, hash_policy::Kind};
use crate::route::test_support::stream_info;

fn policy(kind: Kind, terminal: bool) -> proto::HashPolicy {
    proto::HashPolicy { kind: Some(kind), terminal }
}

fn header(name: &str) -> Kind {
    Kind::Header(proto::hash_policy::Header { name: name.into(), rewrite: None })
}

fn cookie(set_cookie_end: Option<&str>) -> Kind {
    let set_cookie_end = set_cookie_end.map(str::to_owned);
    Kind::Cookie(proto::hash_policy::Cookie { name: "c".into(), set_cookie_end })
}

/// The hash of a request, and the cookies that its client is given.
fn hash(policies: &[proto::HashPolicy], lines: &[(&str, &str)]) -> (Option<u64>, Vec<String>) {
    let policies = HashPolicies::compile(policies, &Regexes::default()).unwrap().unwrap();
    let mut headers = Headers::new();
    headers.append(HeaderId::Path, b"/a?q=x&q=y");
    lines.iter().for_each(|(name, value)| headers.append_raw(name.as_bytes(), value.as_bytes()));
    let info = stream_info();
    info.connection.state.borrow_mut().set_hash("known", Some(5));
    let subject = HashSubject {
        headers: Some(&headers),
        remote: &info.remote,
        cookie_remote: &info.connection.remote,
        info: &info,
    };
    let mut cookies = Vec::new();
    let hash = policies.hash(&subject, &mut cookies);
    (hash, cookies.into_iter().map(|cookie| String::from_utf8(cookie).unwrap()).collect())
}

fn one(kind: Kind, lines: &[(&str, &str)]) -> Option<u64> {
    hash(&[policy(kind, false)], lines).0
}

#[test]
fn values_of_a_header_count_in_any_order() {
    assert_eq!(one(header("a"), &[]), None);
    assert_eq!(one(header("a"), &[("a", "x")]), Some(xxhash64(b"x", 0)));
    let both = one(header("a"), &[("a", "y"), ("a", "x")]);
    assert_eq!(both, Some(xxhash64(b"y", xxhash64(b"x", 0))));
    assert_eq!(one(header("a"), &[("a", "x"), ("a", "y")]), both);
}

#[test]
fn a_header_is_rewritten_before() {
    let rewrite = proto::RegexRewrite { pattern: "[0-9]+".into(), substitution: "n".into() };
    let kind =
        Kind::Header(proto::hash_policy::Header { name: "a".into(), rewrite: Some(rewrite) });
    assert_eq!(one(kind, &[("a", "x1y22")]), Some(xxhash64(b"xnyn", 0)));
}

#[test]
fn the_other_parts_of_a_request() {
    assert_eq!(one(Kind::SourceIp(true), &[]), Some(xxhash64(b"127.0.0.1", 0)));
    assert_eq!(one(Kind::QueryParameter("q".into()), &[]), Some(xxhash64(b"x", 0)));
    assert_eq!(one(Kind::QueryParameter("p".into()), &[]), None);
    assert_eq!(one(Kind::FilterState("known".into()), &[]), Some(5));
    assert_eq!(one(Kind::FilterState("other".into()), &[]), None);
    assert_eq!(one(cookie(None), &[("cookie", "b=1; c=x")]), Some(xxhash64(b"x", 0)));
    assert_eq!(one(cookie(None), &[("cookie", "b=1")]), None);
}

#[test]
fn a_cookie_is_given_to_who_has_none() {
    let policies = [policy(cookie(Some("; Max-Age=1; HttpOnly")), false)];
    let value = format!("{:016x}", xxhash64(b"127.0.0.1:1127.0.0.1:1", 0));
    let (given, cookies) = hash(&policies, &[("cookie", "c=")]);
    assert_eq!(given, Some(xxhash64(value.as_bytes(), 0)));
    assert_eq!(cookies, [format!("c=\"{value}\"; Max-Age=1; HttpOnly")]);
    let (kept, cookies) = hash(&policies, &[("cookie", &format!("c=\"{value}\""))]);
    assert_eq!((kept, cookies.len()), (given, 0));
}

#[test]
fn hashes_join_up_to_a_terminal_one() {
    let (x, y) = (xxhash64(b"x", 0), xxhash64(b"y", 0));
    let lines = [("a", "x"), ("b", "y")];
    let two = [policy(header("a"), false), policy(header("b"), false)];
    assert_eq!(hash(&two, &lines).0, Some(x.rotate_left(1) ^ y));
    let ends = [policy(header("a"), true), policy(header("b"), false)];
    assert_eq!(hash(&ends, &lines).0, Some(x));
    let absent = [policy(header("none"), true), policy(header("b"), false)];
    assert_eq!(hash(&absent, &lines).0, Some(y));
}
