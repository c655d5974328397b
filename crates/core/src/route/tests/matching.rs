//! Which virtual host and route a request gets.

use crate::proto::route_match::Path;
use crate::proto::{self, virtual_host::Tls};
use crate::route::test_support::{
    compile, context, forward, request, route, stream_info, table, text, Lines,
};
use crate::route::{Resolution, RouteTable};
use crate::runtime::Runtime;

fn name(table: &RouteTable, target: &str, headers: Lines<'_>) -> Option<String> {
    route(table, &request("h", target, headers)).map(|route| route.info.route_name.to_string())
}

fn matched(name: &str, change: impl FnOnce(&mut proto::RouteMatch)) -> proto::Route {
    let mut route = forward(name, Path::Prefix("/".into()));
    if let Some(matcher) = &mut route.r#match {
        change(matcher);
    }
    route
}

fn string(text: &str) -> proto::StringMatch {
    let kind = Some(proto::string_match::Kind::Exact(text.into()));
    proto::StringMatch { kind, ignore_case: false }
}

#[test]
fn the_first_route_whose_conditions_hold_wins() {
    let header = proto::HeaderMatch {
        name: "x".into(),
        kind: Some(proto::header_match::Kind::String(string("a"))),
        ..Default::default()
    };
    let query = proto::QueryParameterMatch {
        name: "q".into(),
        kind: Some(proto::query_parameter_match::Kind::Present(true)),
    };
    let cookie = proto::CookieMatch { name: "c".into(), string: Some(string("a")), invert: false };
    let table = table(vec![
        matched("never", |m| {
            m.runtime_fraction = Some(proto::RuntimeFraction {
                runtime_key: String::new(),
                numerator: 0,
                denominator: 100,
            });
        }),
        matched("certificate", |m| m.tls_presented = Some(true)),
        matched("grpc", |m| m.grpc = true),
        matched("header", |m| m.headers.push(header)),
        matched("query", |m| m.query_parameters.push(query)),
        matched("cookie", |m| m.cookies.push(cookie)),
        matched("rest", |m| m.tls_validated = Some(false)),
    ]);
    let cases: &[(&str, Lines<'_>, &str)] = &[
        ("/", &[], "rest"),
        ("/", &[("x", "a")], "header"),
        ("/", &[("x", "b")], "rest"),
        ("/?q", &[], "query"),
        ("/?q", &[("cookie", "c=a")], "query"),
        ("/", &[("cookie", "c=a")], "cookie"),
        ("/", &[("content-type", "application/grpc")], "grpc"),
        ("/", &[("content-type", "application/grpc+proto")], "grpc"),
        ("/", &[("content-type", "application/grpc-web")], "rest"),
    ];
    for (target, headers, expected) in cases {
        assert_eq!(
            name(&table, target, headers).as_deref(),
            Some(*expected),
            "{target} {headers:?}"
        );
    }
}

#[test]
fn path_parameters_are_left_out_of_each_segment_on_demand() {
    let message = proto::RouteTable {
        ignore_path_parameters_in_path_matching: true,
        virtual_hosts: vec![proto::VirtualHost {
            domains: vec!["*".into()],
            routes: vec![
                forward("ex", Path::Exact("/ex".into())),
                forward("ex/b", Path::Exact("/ex/b".into())),
                forward("sp", Path::PathSeparatedPrefix("/sp".into())),
                forward("pre", Path::Prefix("/pre/x".into())),
                forward("re", Path::Regex("/re[a-z;/]*".into())),
                forward("all", Path::Prefix("/".into())),
            ],
            ..Default::default()
        }],
        ..Default::default()
    };
    let table = compile(message);
    let cases = [
        ("/ex", "ex"),
        ("/ex;a?q", "ex"),
        ("/ex;a/b", "ex/b"),
        ("/ex/b;x", "ex/b"),
        ("/ex;/b", "ex/b"),
        ("/ex?q;", "ex"),
        ("/sp;a/b", "sp"),
        ("/spx", "all"),
        ("/pre;a/x", "pre"),
        ("/pre;x", "all"),
        ("/re;A", "re"),
        ("/re/A;", "all"),
        ("/re;1/a", "re"),
    ];
    for (target, expected) in cases {
        assert_eq!(name(&table, target, &[]).as_deref(), Some(expected), "{target}");
    }
}

#[test]
fn connect_requests_have_routes_of_their_own() {
    let table = table(vec![
        forward("all", Path::Prefix("/".into())),
        forward("connect", Path::Connect(true)),
    ]);
    let mut connect = request("h:443", "/", &[]);
    connect.remove(crate::headers::HeaderId::Path);
    assert!(route(&table, &connect).is_none());
    connect.set(crate::headers::HeaderId::Method, b"CONNECT");
    let found = route(&table, &connect).map(|route| route.info.route_name.to_string());
    assert_eq!(found.as_deref(), Some("connect"));
}

fn hosts(tls: Tls) -> proto::RouteTable {
    let host = |name: &str, domain: &str| proto::VirtualHost {
        name: name.into(),
        domains: vec![domain.into()],
        routes: vec![forward(name, Path::Prefix("/".into()))],
        require_tls: tls.into(),
        ..Default::default()
    };
    let virtual_hosts = vec![host("a", "a.test"), host("all", "*")];
    proto::RouteTable { virtual_hosts, ..Default::default() }
}

fn host_of(table: &RouteTable, host: &str, headers: Lines<'_>) -> Option<String> {
    route(table, &request(host, "/", headers)).map(|route| route.info.virtual_host.to_string())
}

#[test]
fn a_header_can_stand_for_the_host() {
    let table = compile(proto::RouteTable { vhost_header: "X-VH".into(), ..hosts(Tls::None) });
    let cases: &[(Lines<'_>, Option<&str>)] = &[
        (&[], None),
        (&[("x-vh", "A.test")], Some("a")),
        (&[("x-vh", "a.test:80")], Some("all")),
        (&[("x-vh", "")], Some("all")),
        (&[("x-vh", "a.test"), ("x-vh", "b")], Some("a")),
    ];
    for (headers, expected) in cases {
        assert_eq!(host_of(&table, "a.test", headers).as_deref(), *expected, "{headers:?}");
    }
}

fn resolution(tls: Tls, is_tls: bool, internal: bool) -> String {
    let runtime = Runtime::default();
    let context = crate::route::RouteContext { tls: is_tls, internal, ..context(&runtime) };
    match compile(hosts(tls)).resolve(&request("a.test", "/x?y", &[]), &context) {
        Resolution::Route(route) => {
            let location =
                route.location(&mut request("a.test", "/x?y", &[]), &stream_info(), true);
            location.map_or("route".into(), |location| text(&location))
        }
        Resolution::NoRoute | Resolution::NoVirtualHost => "none".into(),
    }
}

#[test]
fn virtual_hosts_may_want_tls() {
    let redirect = "https://a.test/x?y";
    let cases = [
        (Tls::None, false, false, "route"),
        (Tls::All, false, true, redirect),
        (Tls::All, true, false, "route"),
        (Tls::ExternalOnly, false, false, redirect),
        (Tls::ExternalOnly, false, true, "route"),
        (Tls::ExternalOnly, true, false, "route"),
    ];
    for (tls, is_tls, internal, expected) in cases {
        assert_eq!(resolution(tls, is_tls, internal), expected, "{tls:?} {is_tls} {internal}");
    }
}

#[test]
fn what_does_not_compile_is_named_by_its_path() {
    let mut message = hosts(Tls::None);
    message.virtual_hosts[1].routes.push(forward("bad", Path::Regex("(".into())));
    let error = RouteTable::compile(&message).err();
    assert_eq!(
        error.map(|error| error.path).as_deref(),
        Some("virtual_hosts[1].routes[1].match.regex")
    );
    let mut message = hosts(Tls::None);
    message.virtual_hosts[1].domains.push("A.test".into());
    let error = RouteTable::compile(&message).err();
    assert_eq!(error.map(|error| error.path).as_deref(), Some("virtual_hosts[1].domains[1]"));
}

#[test]
fn requests_are_counted_in_the_first_virtual_cluster_that_takes_them() {
    let header = |name: &str, value: &str| proto::HeaderMatch {
        name: name.into(),
        kind: Some(proto::header_match::Kind::String(string(value))),
        ..Default::default()
    };
    let cluster = |name: &str, headers, stats_block| proto::VirtualCluster {
        name: name.into(),
        headers,
        stats_block,
    };
    let mut message = hosts(Tls::None);
    message.virtual_hosts[0].stats_block = 9;
    message.virtual_hosts[0].virtual_clusters = vec![
        cluster("both", vec![header(":path", "/p"), header("x", "1")], 1),
        cluster("path", vec![header(":path", "/p")], 2),
    ];
    let table = compile(message);
    let cases: &[(&str, Lines<'_>, &str, u32)] =
        &[("/p", &[("x", "1")], "both", 1), ("/p", &[], "path", 2), ("/q", &[], "other", 9)];
    for (target, headers, name, block) in cases {
        let request = request("a.test", target, headers);
        let route = route(&table, &request);
        let found = route.as_ref().and_then(|route| route.virtual_clusters().of(&request));
        assert_eq!(found.map(|found| (&**found.name, found.stats_block)), Some((*name, *block)));
    }
    let request = request("b", "/p", &[]);
    let found =
        route(&table, &request).map(|route| route.virtual_clusters().of(&request).is_none());
    assert_eq!(found, Some(true));
}
