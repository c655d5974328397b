//! The keys of scoped routes.

use crate::proto::scope_key_fragment::{Element, Extract};
use crate::proto::{RouteScope, ScopeKeyFragment};
use crate::route::test_support::{request, Lines};
use crate::route::{RouteScopes, ScopeKeyBuilder};

fn index(header: &str, separator: &str, index: u32) -> ScopeKeyFragment {
    ScopeKeyFragment {
        header: header.into(),
        element_separator: separator.into(),
        extract: Some(Extract::Index(index)),
    }
}

fn element(header: &str, separator: &str, inner: &str, key: &str) -> ScopeKeyFragment {
    let element = Element { separator: inner.into(), key: key.into() };
    ScopeKeyFragment { extract: Some(Extract::Element(element)), ..index(header, separator, 0) }
}

/// The table of the scope that a request is in.
fn find(
    fragments: &[ScopeKeyFragment],
    headers: Lines<'_>,
    scopes: &[(&[&str], &str)],
) -> Option<String> {
    let scopes: Vec<_> = scopes
        .iter()
        .map(|(key, table)| RouteScope {
            key: key.iter().map(|&fragment| fragment.into()).collect(),
            route_table: (*table).into(),
        })
        .collect();
    let mut key = Vec::new();
    if !ScopeKeyBuilder::compile(fragments).build(&request("h", "/", headers), &mut key) {
        return None;
    }
    let scopes = RouteScopes::compile("s", &scopes);
    let found = scopes.iter().find(|(each, _)| ***each == *key);
    found.map(|(_, table)| table.to_string())
}

#[test]
fn a_whole_header_is_a_fragment() {
    let scopes: &[(&[&str], &str)] = &[(&["1"], "one"), (&["2"], "two"), (&[""], "empty")];
    let found = |headers| find(&[index("x-a", "", 0)], headers, scopes);
    assert_eq!(found(&[("x-a", "2")]).as_deref(), Some("two"));
    assert_eq!(found(&[("x-a", "1"), ("x-a", "2")]).as_deref(), Some("one"));
    assert_eq!(found(&[("x-a", "")]).as_deref(), Some("empty"));
    assert_eq!(found(&[("x-a", "3")]), None);
    assert_eq!(found(&[]), None);
}

#[test]
fn an_element_by_its_place() {
    let scopes: &[(&[&str], &str)] = &[(&["b"], "b"), (&[""], "empty")];
    let found = |value| find(&[index("x-a", ", ", 1)], &[("x-a", value)], scopes);
    assert_eq!(found("a, b, c").as_deref(), Some("b"));
    assert_eq!(found("a, ").as_deref(), Some("empty"));
    assert_eq!(found("b"), None);
}

#[test]
fn an_element_by_its_key() {
    let scopes: &[(&[&str], &str)] = &[(&["1"], "1"), (&["2=3"], "2=3"), (&[""], "empty")];
    let found = |value| find(&[element("x-a", ";", "=", "k")], &[("x-a", value)], scopes);
    assert_eq!(found("j=2;k=1;k=2").as_deref(), Some("1"));
    assert_eq!(found("k=2=3").as_deref(), Some("2=3"));
    assert_eq!(found("k").as_deref(), Some("empty"));
    assert_eq!(found("kk=1"), None);
}

#[test]
fn every_fragment_counts() {
    let fragments = [index("x-a", "", 0), index("x-b", "", 0)];
    let scopes: &[(&[&str], &str)] = &[(&["a", "bc"], "first"), (&["ab", "c"], "second")];
    let found = |a, b| find(&fragments, &[("x-a", a), ("x-b", b)], scopes);
    assert_eq!(found("a", "bc").as_deref(), Some("first"));
    assert_eq!(found("ab", "c").as_deref(), Some("second"));
    assert_eq!(found("abc", ""), None);
    assert_eq!(find(&fragments, &[("x-a", "a")], scopes), None);
}

#[test]
fn the_last_scope_with_a_key_counts() {
    let scopes: &[(&[&str], &str)] = &[(&["1"], "first"), (&["1"], "last")];
    let found = find(&[index("x-a", "", 0)], &[("x-a", "1")], scopes);
    assert_eq!(found.as_deref(), Some("last"));
}
