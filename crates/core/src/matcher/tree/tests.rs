use std::borrow::Cow;
use std::net::IpAddr;

use super::{Input, InputKind, Inputs, Matcher, Predicate, Undecided};
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

/// A response that has come with this status, or not; metadata `{"ns": {"k": 1}}`.
struct Later(Option<&'static str>, serde_json::Value);

impl Inputs for Later {
    fn text(&self, input: &Input) -> Option<Cow<'_, str>> {
        match input.kind {
            InputKind::StatusCode => self.0.map(Cow::Borrowed),
            _ => Some(Cow::Borrowed("10.1.2.3")),
        }
    }

    fn address(&self, _: &Input) -> Option<IpAddr> {
        None
    }

    fn value(&self, input: &Input) -> Option<&serde_json::Value> {
        crate::formatter::find_value(&self.1, &input.path)
    }

    fn is_known(&self, input: &Input) -> bool {
        input.kind != InputKind::StatusCode || self.0.is_some()
    }
}

fn condition(kind: InputKind, path: &[&str], is: match_predicate::single::Kind) -> MatchPredicate {
    let path = path.iter().map(|part| (*part).into()).collect();
    let input = Some(MatchInput { kind: kind.into(), path });
    let single = match_predicate::Single { input, kind: Some(is) };
    MatchPredicate { kind: Some(match_predicate::Kind::Single(single)) }
}

fn exact(text: &str) -> match_predicate::single::Kind {
    let kind = Some(string_match::Kind::Exact(text.into()));
    match_predicate::single::Kind::String(StringMatch { kind, ignore_case: false })
}

fn asked(predicate: MatchPredicate, status: Option<&'static str>) -> Result<bool, Undecided> {
    let predicate = Predicate::compile(&predicate, &Regexes::default()).unwrap();
    predicate.holds(&Later(status, serde_json::json!({"ns": {"k": 1}})))
}

#[test]
fn what_is_not_known_may_not_matter() {
    let status = || condition(InputKind::StatusCode, &[], exact("200"));
    let host = |text: &str| condition(InputKind::ServerName, &[], exact(text));
    let any = |predicates| MatchPredicate {
        kind: Some(match_predicate::Kind::Or(match_predicate::Predicates { predicates })),
    };
    let all = |predicates| MatchPredicate {
        kind: Some(match_predicate::Kind::And(match_predicate::Predicates { predicates })),
    };
    assert_eq!(asked(status(), None), Err(Undecided));
    assert_eq!(asked(status(), Some("200")), Ok(true));
    assert_eq!(asked(any(vec![status(), host("10.1.2.3")]), None), Ok(true));
    assert_eq!(asked(any(vec![status(), host("x")]), None), Err(Undecided));
    assert_eq!(asked(all(vec![host("x"), status()]), None), Ok(false));
    assert_eq!(asked(all(vec![host("10.1.2.3"), status()]), None), Err(Undecided));
}

#[test]
fn a_tree_waits_for_what_decides() {
    let input = MatchInput { kind: InputKind::StatusCode.into(), path: Vec::new() };
    let kind = matcher_tree::Kind::Exact(map(vec![("200", action("ok"))]));
    let tree = MatcherTree { input: Some(input), kind: Some(kind) };
    let message = crate::proto::Matcher {
        kind: Some(matcher::Kind::Tree(tree)),
        on_no_match: Some(Box::new(action("rest"))),
    };
    let name = |action: &MatchAction| Ok(action.name.clone());
    let matcher = Matcher::compile(&message, &Regexes::default(), &name).unwrap();
    let search = |status| {
        let inputs = Later(status, serde_json::Value::Null);
        matcher.search(&inputs).map(|found| found.cloned())
    };
    assert_eq!(search(None), Err(Undecided));
    assert_eq!(search(Some("200")), Ok(Some("ok".to_owned())));
    assert_eq!(search(Some("404")), Ok(Some("rest".to_owned())));
    let mut all = Vec::new();
    matcher.each_action(&mut |action| all.push(action.clone()));
    assert_eq!(all, ["ok", "rest"]);
}

#[test]
fn conditions_that_are_no_strings() {
    use match_predicate::single::Kind;
    let range = Cidr { address: "10.0.0.0".into(), prefix_len: 8 };
    let ranges = Kind::Ranges(crate::proto::Cidrs { ranges: vec![range] });
    assert_eq!(asked(condition(InputKind::ServerName, &[], ranges), None), Ok(true));
    let hashed = |threshold| {
        let hashed = match_predicate::Hashed { modulo: 10, threshold, seed: 0 };
        condition(InputKind::ServerName, &[], Kind::Hashed(hashed))
    };
    let place = (crate::hash::xxhash64(b"10.1.2.3", 0) % 10) as u32;
    assert_eq!(asked(hashed(place), None), Ok(true));
    assert_eq!(asked(hashed(place + 1), None), Ok(false));
    let value = |kind, path: &[&str], invert| {
        let json = crate::proto::metadata_value::Kind::Json("1".into());
        let value = Some(crate::proto::MetadataValue { kind: Some(json) });
        let value = match_predicate::Value { value, invert };
        asked(condition(kind, path, Kind::Value(value)), None)
    };
    assert_eq!(value(InputKind::DynamicMetadata, &["ns", "k"], false), Ok(true));
    assert_eq!(value(InputKind::DynamicMetadata, &["ns", "x"], true), Ok(true));
    assert_eq!(value(InputKind::ServerName, &[], true), Ok(false), "a text is no metadata");
}
