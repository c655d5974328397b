//! Which cluster a request goes to.

use crate::proto::route_action::ClusterSpecifier;
use crate::proto::route_match::Path;
use crate::proto::weighted_cluster::Specifier;
use crate::proto::{self};
use crate::route::test_support::{context, forward, request, route, table, Lines};
use crate::route::{Action, ClusterChoice, RouteContext};
use crate::runtime::Runtime;

fn choose(
    clusters: ClusterSpecifier,
    headers: Lines<'_>,
    context: &RouteContext<'_>,
) -> Option<ClusterChoice> {
    let mut message = forward("r", Path::Prefix("/".into()));
    if let Some(proto::route::Action::Route(action)) = &mut message.action {
        action.cluster_specifier = Some(clusters);
    }
    let table = table(vec![message]);
    let request = request("h", "/", headers);
    let route = route(&table, &request)?;
    match &route.action {
        Action::Forward(forward) => forward.cluster(&request, context),
        _ => None,
    }
}

fn weighted(header_name: &str) -> ClusterSpecifier {
    let cluster = |specifier, weight, runtime_key: &str| proto::WeightedCluster {
        specifier: Some(specifier),
        weight,
        runtime_key: runtime_key.into(),
        ..Default::default()
    };
    ClusterSpecifier::WeightedClusters(proto::WeightedClusters {
        clusters: vec![
            cluster(Specifier::Name("c".into()), 10, "k.c"),
            cluster(Specifier::Name("d".into()), 0, "k.d"),
            cluster(Specifier::ClusterHeader("x-c".into()), 20, "k.e"),
        ],
        header_name: header_name.into(),
        runtime_key_prefix: "k".into(),
    })
}

fn picked(random: u64, values: Lines<'_>, headers: Lines<'_>) -> Option<(String, usize)> {
    let values = values.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
    let runtime = Runtime::compile(&proto::Runtime { values });
    let context = RouteContext { random, ..context(&runtime) };
    let choice = choose(weighted("x-random"), headers, &context)?;
    Some((choice.name.to_string(), choice.weighted?))
}

#[test]
fn a_header_names_the_cluster() {
    let runtime = Runtime::default();
    let name = |headers: Lines<'_>| {
        let specifier = ClusterSpecifier::ClusterHeader("x-c".into());
        choose(specifier, headers, &context(&runtime)).map(|choice| choice.name.to_string())
    };
    assert_eq!(name(&[]), None);
    assert_eq!(name(&[("x-c", "")]), None);
    assert_eq!(name(&[("x-c", "d"), ("x-c", "e")]).as_deref(), Some("d"));
}

#[test]
fn the_random_number_falls_into_the_share_of_a_cluster() {
    let header = &[("x-c", "e")][..];
    let cases = [(0, "c", 0), (9, "c", 0), (10, "e", 2), (29, "e", 2), (30, "c", 0), (70, "e", 2)];
    for (random, name, index) in cases {
        assert_eq!(picked(random, &[], header), Some((name.to_owned(), index)), "{random}");
    }
    assert_eq!(picked(10, &[], &[]), None);
}

#[test]
fn a_header_may_bring_the_random_number() {
    let random = |value| picked(0, &[], &[("x-c", "e"), ("x-random", value)]).map(|(name, _)| name);
    assert_eq!(random("10").as_deref(), Some("e"));
    assert_eq!(random("30").as_deref(), Some("c"));
    assert_eq!(random("x").as_deref(), Some("c"));
    let twice = &[("x-c", "e"), ("x-random", "10"), ("x-random", "10")];
    assert_eq!(picked(0, &[], twice).map(|(name, _)| name).as_deref(), Some("c"));
}

#[test]
fn runtime_may_change_the_weights() {
    let all_to_d = &[("k.c", "0"), ("k.d", "7"), ("k.e", "0")];
    assert_eq!(picked(5, all_to_d, &[]), Some(("d".to_owned(), 1)));
    assert_eq!(picked(0, &[("k.c", "0"), ("k.e", "0")], &[]), None);
}

#[test]
fn a_tree_names_the_cluster() {
    let runtime = Runtime::default();
    let name = |headers: Lines<'_>| {
        let input = proto::MatchInput {
            kind: proto::match_input::Kind::RequestHeader.into(),
            path: vec!["x-c".into()],
        };
        let action = proto::MatchAction { name: "one".into(), ..Default::default() };
        let value = proto::OnMatch { kind: Some(proto::on_match::Kind::Action(action)) };
        let entry = proto::match_map::Entry { key: "1".into(), value: Some(value) };
        let map = proto::MatchMap { entries: vec![entry] };
        let kind = Some(proto::matcher_tree::Kind::Exact(map));
        let tree = proto::MatcherTree { input: Some(input), kind };
        let kind = Some(proto::matcher::Kind::Tree(tree));
        let tree = proto::Matcher { kind, on_no_match: None };
        let specifier = ClusterSpecifier::ClusterMatcher(tree);
        choose(specifier, headers, &context(&runtime)).map(|choice| choice.name.to_string())
    };
    assert_eq!(name(&[("x-c", "1")]), Some("one".to_owned()));
    assert_eq!(name(&[("x-c", "2")]), None);
    assert_eq!(name(&[]), None);
}
