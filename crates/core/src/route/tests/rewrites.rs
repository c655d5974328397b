//! What the upstream sees of host and path.

use crate::headers::HeaderId;
use crate::proto::route_action::HostRewrite;
use crate::proto::route_match::Path;
use crate::proto::{self};
use crate::route::test_support::{
    forward, literal, request, route, stream_info, table, text, Lines,
};
use crate::route::{ClusterChoice, Route};

fn rewriting(path: Path, change: impl FnOnce(&mut proto::RouteAction)) -> proto::Route {
    let mut route = forward("r", path);
    if let Some(proto::route::Action::Route(action)) = &mut route.action {
        change(action);
    }
    route
}

fn choice() -> ClusterChoice {
    ClusterChoice { name: "c".into(), weighted: None }
}

/// `authority path` and what Envoy's headers keep, after the changes of the route.
fn rewritten(message: proto::Route, target: &str, headers: Lines<'_>) -> String {
    let table = table(vec![message]);
    let mut request = request("h", target, headers);
    let route: Option<std::sync::Arc<Route>> = route(&table, &request);
    let Some(route) = route else { return "no route".into() };
    route.mutate_request(&mut request, &choice(), &stream_info(), true);
    let mut out = Vec::new();
    for (id, prefix) in [
        (HeaderId::Authority, ""),
        (HeaderId::Path, " "),
        (HeaderId::XEnvoyOriginalHost, " host:"),
        (HeaderId::XForwardedHost, " forwarded:"),
        (HeaderId::XEnvoyOriginalPath, " path:"),
    ] {
        if let Some(value) = request.get(id) {
            out.extend_from_slice(prefix.as_bytes());
            out.extend_from_slice(value);
        }
    }
    text(&out)
}

fn regex(pattern: &str, substitution: &str) -> proto::RegexRewrite {
    proto::RegexRewrite { pattern: pattern.into(), substitution: substitution.into() }
}

#[test]
fn prefixes_of_paths_are_replaced() {
    let prefix = |path: Path, to: &str| rewriting(path, |action| action.prefix_rewrite = to.into());
    let cases = [
        (Path::Prefix("/pi".into()), "/x", "/pi/a?q", "h /x/a?q path:/pi/a?q"),
        (Path::Exact("/ex".into()), "/x", "/ex?q=1", "h /x?q=1 path:/ex?q=1"),
        (Path::PathSeparatedPrefix("/ps".into()), "/x", "/ps/a", "h /x/a path:/ps/a"),
        (Path::PathSeparatedPrefix("/ps".into()), "/", "/ps/a", "h //a path:/ps/a"),
        (Path::Regex("/re.*".into()), "/x", "/re/b?c", "h /x?c path:/re/b?c"),
        (Path::Prefix("/pp".into()), "pp", "/pp/x", "h pp/x path:/pp/x"),
        (Path::Prefix("/no".into()), "", "/no/x", "h /no/x"),
    ];
    for (path, to, target, expected) in cases {
        assert_eq!(rewritten(prefix(path, to), target, &[]), expected);
    }
    let mut any_case = prefix(Path::Prefix("/pi".into()), "/x");
    if let Some(matcher) = &mut any_case.r#match {
        matcher.case_insensitive = true;
    }
    assert_eq!(rewritten(any_case, "/PIx?q", &[]), "h /xx?q path:/PIx?q");
}

#[test]
fn whole_paths_are_replaced_but_never_by_nothing() {
    let by_regex = |pattern: &str, to: &str| {
        rewriting(Path::Prefix("/".into()), |action| {
            action.regex_rewrite = Some(regex(pattern, to))
        })
    };
    let cases = [
        (
            r"^/rr/([^/]+)(/.*)$",
            r"\2/i/\1",
            "/rr/foo/v1?q=1",
            "h /v1/i/foo?q=1 path:/rr/foo/v1?q=1",
        ),
        (r"^/rr/([^/]+)(/.*)$", r"\2/i/\1", "/rr/foo", "h /rr/foo path:/rr/foo"),
        ("^/em", "", "/em?q", "h /em?q"),
        ("^/em", "", "/em/a", "h /a path:/em/a"),
        ("^/en", "foo", "/en/a", "h foo/a path:/en/a"),
    ];
    for (pattern, to, target, expected) in cases {
        assert_eq!(rewritten(by_regex(pattern, to), target, &[]), expected);
    }
    let format =
        rewriting(Path::Prefix("/".into()), |a| a.path_rewrite = Some(literal("/new?a=b")));
    assert_eq!(rewritten(format, "/fq?c=d", &[]), "h /new?a=b?c=d path:/fq?c=d");
    let template = rewriting(Path::UriTemplate("/t/{a}/{b=**}".into()), |action| {
        action.path_template_rewrite = "/n/{b}/{a}".into();
    });
    assert_eq!(rewritten(template, "/t/1/2/3?q", &[]), "h /n/2/3/1?q path:/t/1/2/3?q");
}

#[test]
fn hosts_are_replaced() {
    let host = |rewrite: HostRewrite, append: bool| {
        rewriting(Path::Prefix("/".into()), |action| {
            action.host_rewrite = Some(rewrite);
            action.append_x_forwarded_host = append;
        })
    };
    let of_literal = || HostRewrite::HostLiteral("hl".into());
    let of_header = || HostRewrite::HostHeader("x-host".into());
    let of_path = || HostRewrite::HostPathRegex(regex("^/hp/(.+)$", r"\1"));
    let cases: Vec<(HostRewrite, bool, &str, Lines<'_>, &str)> = vec![
        (of_literal(), false, "/", &[], "hl / host:h"),
        (of_literal(), true, "/", &[], "hl / host:h forwarded:h"),
        (of_literal(), true, "/", &[("x-forwarded-host", "xx")], "hl / host:h forwarded:xx,h"),
        (of_literal(), false, "/", &[("x-envoy-original-host", "cl")], "hl / host:h"),
        (of_header(), false, "/", &[], "h /"),
        (of_header(), false, "/", &[("x-host", "")], "h /"),
        (of_header(), false, "/", &[("x-host", "a"), ("x-host", "b")], "a / host:h"),
        (of_path(), false, "/hp/foo?q", &[], "foo /hp/foo?q host:h"),
        (HostRewrite::AutoHost(true), true, "/", &[], "h /"),
        (HostRewrite::HostFormat(literal("hf")), true, "/", &[], "hf / host:h forwarded:h"),
    ];
    for (rewrite, append, target, headers, expected) in cases {
        assert_eq!(rewritten(host(rewrite, append), target, headers), expected);
    }
}

#[test]
fn the_name_of_the_upstream_host_is_set_later() {
    let message = rewriting(Path::Prefix("/".into()), |action| {
        action.host_rewrite = Some(HostRewrite::AutoHost(true));
        action.append_x_forwarded_host = true;
    });
    let table = table(vec![message]);
    let mut request = request("h", "/", &[]);
    if let Some(route) = route(&table, &request) {
        route.set_host(&mut request, b"up.test", true);
    }
    let header = |id| request.get(id).map(text);
    assert_eq!(header(HeaderId::Authority).as_deref(), Some("up.test"));
    assert_eq!(header(HeaderId::XEnvoyOriginalHost).as_deref(), Some("h"));
    assert_eq!(header(HeaderId::XForwardedHost).as_deref(), Some("h"));
}

#[test]
fn nothing_is_kept_when_envoys_headers_are_suppressed() {
    let message = rewriting(Path::Prefix("/".into()), |action| {
        action.prefix_rewrite = "/x".into();
        action.host_rewrite = Some(HostRewrite::HostLiteral("hl".into()));
    });
    let table = table(vec![message]);
    let mut request = request("h", "/", &[]);
    if let Some(route) = route(&table, &request) {
        route.mutate_request(&mut request, &choice(), &stream_info(), false);
    }
    assert_eq!(request.get(HeaderId::Path), Some(&b"/x"[..]));
    assert!(!request.contains(HeaderId::XEnvoyOriginalPath));
    assert!(!request.contains(HeaderId::XEnvoyOriginalHost));
}
