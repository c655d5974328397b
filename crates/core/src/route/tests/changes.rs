//! Header changes and filter configuration of table, virtual host, route and weighted cluster.

use crate::headers::{HeaderId, Headers};
use crate::proto::route_action::ClusterSpecifier;
use crate::proto::route_match::Path;
use crate::proto::{self, AppendAction};
use crate::route::test_support::{compile, forward, literal, request, route, stream_info};
use crate::route::{ClusterChoice, FilterConfig, Route};
use std::sync::Arc;

fn options(level: &str) -> Vec<proto::HeaderValueOption> {
    let option = |name: &str, action: AppendAction| proto::HeaderValueOption {
        name: name.into(),
        value: Some(literal(level)),
        action: action.into(),
        keep_empty_value: false,
    };
    vec![
        option("lv", AppendAction::AppendIfExistsOrAdd),
        option("ow", AppendAction::OverwriteIfExistsOrAdd),
        option("ab", AppendAction::AddIfAbsent),
    ]
}

fn mutations(level: &str) -> Option<proto::HeaderMutations> {
    Some(proto::HeaderMutations {
        request_add: options(level),
        response_add: options(level),
        ..Default::default()
    })
}

fn overrides(level: &str, disabled: bool) -> Vec<proto::FilterOverride> {
    let append = proto::header_mutation::Kind::Append(options(level)[0].clone());
    let rules = proto::HeaderMutationFilter {
        request: vec![proto::HeaderMutation { kind: Some(append) }],
        ..Default::default()
    };
    vec![proto::FilterOverride {
        filter: "f".into(),
        disabled,
        kind: Some(proto::filter_override::Kind::HeaderMutation(rules)),
    }]
}

fn table_message(most_specific_wins: bool) -> proto::RouteTable {
    let mut message = forward("r", Path::Prefix("/".into()));
    message.mutations = mutations("route");
    message.overrides = overrides("route", false);
    if let Some(proto::route::Action::Route(action)) = &mut message.action {
        let cluster = proto::WeightedCluster {
            specifier: Some(proto::weighted_cluster::Specifier::Name("c".into())),
            weight: 1,
            mutations: mutations("cluster"),
            overrides: overrides("cluster", true),
            host_rewrite_literal: "wchost".into(),
            ..Default::default()
        };
        let clusters = proto::WeightedClusters { clusters: vec![cluster], ..Default::default() };
        action.cluster_specifier = Some(ClusterSpecifier::WeightedClusters(clusters));
    }
    proto::RouteTable {
        mutations: mutations("table"),
        overrides: overrides("table", true),
        most_specific_header_mutations_wins: most_specific_wins,
        virtual_hosts: vec![proto::VirtualHost {
            domains: vec!["*".into()],
            routes: vec![message],
            mutations: mutations("vhost"),
            ..Default::default()
        }],
        ..Default::default()
    }
}

fn the_route(most_specific_wins: bool) -> Arc<Route> {
    let table = compile(table_message(most_specific_wins));
    route(&table, &request("h", "/", &[])).unwrap_or_else(|| unreachable!("no route"))
}

fn choice() -> ClusterChoice {
    ClusterChoice { name: "c".into(), weighted: Some(0) }
}

fn lines(headers: &Headers) -> Vec<String> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let own = headers.iter().filter(|(id, _, _)| *id == HeaderId::Other);
    own.map(|(_, name, value)| format!("{}: {}", text(name), text(value))).collect()
}

const GENERAL_WINS: [&str; 6] =
    ["lv: cluster", "ab: cluster", "lv: route", "lv: vhost", "ow: table", "lv: table"];
const SPECIFIC_WINS: [&str; 6] =
    ["lv: cluster", "ab: cluster", "lv: table", "lv: vhost", "ow: route", "lv: route"];

#[test]
fn levels_change_requests_in_their_order() {
    for (most_specific_wins, expected) in [(false, GENERAL_WINS), (true, SPECIFIC_WINS)] {
        let mut request = request("h", "/", &[]);
        the_route(most_specific_wins).mutate_request(&mut request, &choice(), &stream_info(), true);
        assert_eq!(lines(&request), expected);
        assert_eq!(request.get(HeaderId::Authority), Some(&b"wchost"[..]));
        assert!(!request.contains(HeaderId::XEnvoyOriginalHost));
    }
}

#[test]
fn levels_change_responses_in_their_order() {
    for (most_specific_wins, expected) in [(false, GENERAL_WINS), (true, SPECIFIC_WINS)] {
        let mut response = Headers::new();
        let request = request("h", "/", &[]);
        let route = the_route(most_specific_wins);
        route.mutate_response(&mut response, &request, Some(&choice()), &stream_info());
        assert_eq!(lines(&response), expected);
    }
}

#[test]
fn a_response_before_a_cluster_was_chosen_lacks_its_changes() {
    let mut response = Headers::new();
    let route = the_route(false);
    route.mutate_response(&mut response, &request("h", "/", &[]), None, &stream_info());
    assert_eq!(lines(&response), ["lv: route", "ab: route", "lv: vhost", "ow: table", "lv: table"]);
}

#[test]
fn the_most_specific_level_enables_or_disables_a_filter() {
    let route = the_route(false);
    assert_eq!(route.filter_disabled("f", None), Some(false));
    assert_eq!(route.filter_disabled("f", Some(&choice())), Some(true));
    assert_eq!(route.filter_disabled("other", None), None);
}

#[test]
fn filters_see_the_configuration_of_all_levels() {
    let route = the_route(false);
    let added = |choice: Option<&ClusterChoice>| {
        let mut headers = Headers::new();
        for config in route.filter_configs("f", choice) {
            let FilterConfig::HeaderMutation(rules) = config else { panic!("another filter") };
            rules.request.apply(
                &mut headers,
                crate::headers::Side::Request,
                |formatter, request, out| {
                    crate::route::test_support::format(formatter, request, out);
                },
            );
        }
        lines(&headers)
    };
    assert_eq!(added(None), ["lv: table", "lv: route"]);
    assert_eq!(added(Some(&choice())), ["lv: table", "lv: route", "lv: cluster"]);
}
