use std::borrow::Cow;
use std::net::IpAddr;

use super::{Input, InputKind, Inputs, Matcher};
use crate::matcher::Regexes;
use crate::proto::{match_domains, match_map, match_ranges};
use crate::proto::{
    match_predicate, matcher, matcher_tree, on_match, string_match, Cidr, FieldMatcher,
    MatchAction, MatchDomains, MatchInput, MatchMap, MatchPredicate, MatchRanges, MatcherList,
    MatcherTree, OnMatch, StringMatch,
};

/// A name and an address.
struct Known<'a>(Option<&'a str>, &'a str);

impl Inputs for Known<'_> {
    fn text(&self, _: &Input) -> Option<Cow<'_, str>> {
        self.0.map(Cow::Borrowed)
    }
    fn address(&self, _: &Input) -> Option<IpAddr> {
        self.1.parse().ok()
    }
}

fn action(name: &str) -> OnMatch {
    let action = MatchAction { name: name.into(), ..Default::default() };
    OnMatch { kind: Some(on_match::Kind::Action(action)) }
}

fn nested(inner: crate::proto::Matcher) -> OnMatch {
    OnMatch { kind: Some(on_match::Kind::Matcher(Box::new(inner))) }
}

fn tree(kind: matcher_tree::Kind) -> crate::proto::Matcher {
    let input = MatchInput { kind: InputKind::ServerName.into(), path: Vec::new() };
    let tree = MatcherTree { input: Some(input), kind: Some(kind) };
    crate::proto::Matcher { kind: Some(matcher::Kind::Tree(tree)), on_no_match: None }
}

fn map(entries: Vec<(&str, OnMatch)>) -> MatchMap {
    let entry =
        |(key, value): (&str, OnMatch)| match_map::Entry { key: key.into(), value: Some(value) };
    MatchMap { entries: entries.into_iter().map(entry).collect() }
}

fn find(message: &crate::proto::Matcher, known: Known<'_>) -> String {
    let name = |action: &MatchAction| Ok(action.name.clone());
    let matcher = Matcher::compile(message, &Regexes::default(), &name).unwrap();
    matcher.find(&known).cloned().unwrap_or_default()
}

#[test]
fn maps_by_the_whole_and_by_the_longest_prefix() {
    let entries = || vec![("a", action("A")), ("ab", action("AB"))];
    let exact = tree(matcher_tree::Kind::Exact(map(entries())));
    let prefix = tree(matcher_tree::Kind::Prefix(map(entries())));
    let found = |message, text| find(message, Known(text, ""));
    assert_eq!(["A", "", ""], [Some("a"), Some("abc"), None].map(|text| found(&exact, text)));
    assert_eq!(["A", "AB", ""], [Some("ax"), Some("abc"), Some("b")].map(|t| found(&prefix, t)));
}

#[test]
fn a_branch_without_an_action_gives_way() {
    let inner = tree(matcher_tree::Kind::Exact(map(vec![("abz", action("deep"))])));
    let entries = vec![("a", action("A")), ("ab", nested(inner))];
    let prefix = tree(matcher_tree::Kind::Prefix(map(entries)));
    assert_eq!(find(&prefix, Known(Some("abz"), "")), "deep");
    assert_eq!(find(&prefix, Known(Some("abc"), "")), "A");
}

#[test]
fn the_smallest_range_comes_first() {
    let entry = |address: &str, prefix_len, value, exclusive| match_ranges::Entry {
        ranges: vec![Cidr { address: address.into(), prefix_len }],
        value: Some(value),
        exclusive,
    };
    let never = || nested(crate::proto::Matcher::default());
    let ranges = |exclusive| {
        let entries = vec![
            entry("10.0.0.0", 8, action("wide"), exclusive),
            entry("10.1.0.0", 16, never(), false),
            entry("10.2.0.0", 16, action("small"), false),
        ];
        tree(matcher_tree::Kind::Ranges(MatchRanges { entries }))
    };
    let found = |exclusive, address| find(&ranges(exclusive), Known(None, address));
    assert_eq!([found(false, "10.2.0.1"), found(false, "10.9.0.1")], ["small", "wide"]);
    assert_eq!([found(false, "10.1.0.1"), found(true, "10.1.0.1")], ["wide", ""]);
    assert_eq!(found(false, "11.0.0.1"), "");
}

#[test]
fn names_match_whole_then_by_suffix() {
    let entry = |domain: &str, name| match_domains::Entry {
        domains: vec![domain.into()],
        value: Some(action(name)),
    };
    let entries = vec![
        entry("*", "any"),
        entry("*.test", "wide"),
        entry("*.b.test", "small"),
        entry("a.test", "one"),
    ];
    let domains = tree(matcher_tree::Kind::Domains(MatchDomains { entries }));
    let found = ["a.test", "x.test", "x.b.test", "b.test", "other"];
    let found = found.map(|name| find(&domains, Known(Some(name), "")));
    assert_eq!(found, ["one", "wide", "small", "wide", "any"]);
}

#[test]
fn the_first_of_a_list_that_holds_counts() {
    let single = |text: &str| {
        let string =
            StringMatch { kind: Some(string_match::Kind::Exact(text.into())), ignore_case: false };
        let input = MatchInput { kind: InputKind::ServerName.into(), path: Vec::new() };
        let single = match_predicate::Single {
            input: Some(input),
            kind: Some(match_predicate::single::Kind::String(string)),
        };
        MatchPredicate { kind: Some(match_predicate::Kind::Single(single)) }
    };
    let not = |inner| MatchPredicate { kind: Some(match_predicate::Kind::Not(Box::new(inner))) };
    let field =
        |predicate, name| FieldMatcher { predicate: Some(predicate), on_match: Some(action(name)) };
    let list =
        MatcherList { matchers: vec![field(single("a"), "A"), field(not(single("b")), "not b")] };
    let message = crate::proto::Matcher {
        kind: Some(matcher::Kind::List(list)),
        on_no_match: Some(Box::new(action("rest"))),
    };
    let found = ["a", "c", "b"].map(|text| find(&message, Known(Some(text), "")));
    assert_eq!(found, ["A", "not b", "rest"]);
}
