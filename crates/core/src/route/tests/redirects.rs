//! Where redirects lead.

use crate::headers::HeaderId;
use crate::proto::redirect::Path as RedirectPath;
use crate::proto::route_match::Path;
use crate::proto::{self};
use crate::route::test_support::{forward, literal, request, route, stream_info, table, text};
use crate::route::Action;

fn location(redirect: proto::Redirect, host: &str, target: &str, scheme: &[u8]) -> Option<String> {
    let mut message = forward("r", Path::Prefix("/r/".into()));
    message.action = Some(proto::route::Action::Redirect(redirect));
    let table = table(vec![message]);
    let mut request = request(host, target, &[]);
    request.set(HeaderId::Scheme, scheme);
    let route = route(&table, &request)?;
    route.location(&mut request, &stream_info(), true).map(|location| text(&location))
}

fn check(redirect: &proto::Redirect, cases: &[(&str, &str, &str)]) {
    for (host, target, expected) in cases {
        let location = location(redirect.clone(), host, target, b"http");
        assert_eq!(location.as_deref(), Some(*expected), "{redirect:?} {host} {target}");
    }
}

#[test]
fn a_new_scheme_drops_the_default_port_of_the_old_one() {
    let https = proto::Redirect { https_redirect: true, ..Default::default() };
    check(
        &https,
        &[
            ("h", "/r/7?q=1", "https://h/r/7?q=1"),
            ("h:80", "/r/", "https://h/r/"),
            ("h:443", "/r/", "https://h:443/r/"),
            ("h:8080", "/r/", "https://h:8080/r/"),
            ("[::1]:80", "/r/", "https://[::1]/r/"),
            ("[::1]", "/r/", "https://[::1]/r/"),
            ("h:", "/r/", "https://h:/r/"),
        ],
    );
    let named =
        |scheme: &str| proto::Redirect { scheme_redirect: scheme.into(), ..Default::default() };
    check(&named("ftp"), &[("h:80", "/r/", "ftp://h/r/")]);
    check(&named("HTTPS"), &[("h:80", "/r/", "HTTPS://h/r/")]);
    check(&named("http"), &[("h:80", "/r/", "http://h:80/r/")]);
    let of_https = |host| location(named("http"), host, "/r/", b"https");
    assert_eq!(of_https("h:443").as_deref(), Some("http://h/r/"));
    assert_eq!(of_https("h:80").as_deref(), Some("http://h:80/r/"));
}

#[test]
fn hosts_and_ports_are_replaced() {
    let host = proto::Redirect { host_redirect: "new.test".into(), ..Default::default() };
    check(&host, &[("h:8080", "/r/7?q", "http://new.test/r/7?q")]);
    let port = proto::Redirect { port_redirect: 8443, ..Default::default() };
    check(
        &port,
        &[
            ("h", "/r/", "http://h:8443/r/"),
            ("h:80", "/r/", "http://h:8443/r/"),
            ("[::1]:80", "/r/", "http://[::1]:8443/r/"),
            ("h:", "/r/", "http://h:8443/r/"),
        ],
    );
}

#[test]
fn paths_are_replaced_and_queries_kept_unless_said() {
    let path = |path: RedirectPath, strip_query: bool| proto::Redirect {
        path: Some(path),
        strip_query,
        ..Default::default()
    };
    let whole = |text: &str| RedirectPath::PathRedirect(text.into());
    check(
        &path(whole("/np"), false),
        &[("h", "/r/7?q=1", "http://h/np?q=1"), ("h", "/r/", "http://h/np")],
    );
    check(&path(whole("/np"), true), &[("h", "/r/7?q=1", "http://h/np")]);
    check(&path(whole("/np?a=b"), false), &[("h", "/r/7?q=1", "http://h/np?a=b")]);
    check(&path(whole("/np?a=b"), true), &[("h", "/r/7?q=1", "http://h/np?a=b")]);
    check(&path(whole("/x#f"), false), &[("h", "/r/?q=1", "http://h/x#f?q=1")]);
    let prefix = |text: &str| RedirectPath::PrefixRewrite(text.into());
    check(&path(prefix("/np"), false), &[("h", "/r/7?q=1", "http://h/np7?q=1")]);
    check(&path(prefix("/"), true), &[("h", "/r/7?q=1", "http://h/7")]);
    check(&path(prefix("x"), false), &[("h", "/r/", "http://h/x")]);
    let regex = |pattern: &str, substitution: &str| {
        RedirectPath::RegexRewrite(proto::RegexRewrite {
            pattern: pattern.into(),
            substitution: substitution.into(),
        })
    };
    check(&path(regex(r"/(\d+)", r"/n\1"), false), &[("h", "/r/7/8?q", "http://h/r/n7/n8?q")]);
    check(&path(regex("^/r/", ""), false), &[("h", "/r/?q", "http://h/r/?q")]);
    let strip = proto::Redirect { strip_query: true, ..Default::default() };
    check(&strip, &[("h", "/r/7?q=1", "http://h/r/7")]);
}

#[test]
fn a_rewrite_shows_in_the_request() {
    let redirect = proto::Redirect {
        path: Some(RedirectPath::PrefixRewrite("/np".into())),
        ..Default::default()
    };
    let mut message = forward("r", Path::Prefix("/r".into()));
    message.action = Some(proto::route::Action::Redirect(redirect));
    let table = table(vec![message]);
    let mut request = request("h", "/r/7", &[]);
    if let Some(route) = route(&table, &request) {
        route.location(&mut request, &stream_info(), true);
    }
    assert_eq!(request.get(HeaderId::Path), Some(&b"/np/7"[..]));
    assert_eq!(request.get(HeaderId::XEnvoyOriginalPath), Some(&b"/r/7"[..]));
}

#[test]
fn direct_responses_that_need_a_location_have_that_of_the_request() {
    let of_status = |status| {
        let mut message = forward("r", Path::Prefix("/".into()));
        let direct = proto::DirectResponse { status, ..Default::default() };
        message.action = Some(proto::route::Action::DirectResponse(direct));
        let table = table(vec![message]);
        let mut request = request("h", "/dr?x", &[]);
        let route = route(&table, &request)?;
        assert!(
            matches!(&route.action, Action::Direct(direct) if u32::from(direct.status) == status)
        );
        route.location(&mut request, &stream_info(), true).map(|location| text(&location))
    };
    assert_eq!(of_status(302).as_deref(), Some("http://h/dr?x"));
    assert_eq!(of_status(201).as_deref(), Some("http://h/dr?x"));
    assert_eq!(of_status(204), None);
    assert_eq!(of_status(404), None);
}

#[test]
fn a_format_makes_the_body_of_a_direct_response() {
    let body_of = |body_format| {
        let mut message = forward("r", Path::Prefix("/".into()));
        let direct = proto::DirectResponse { status: 200, body: b"B".to_vec(), body_format };
        message.action = Some(proto::route::Action::DirectResponse(direct));
        let request = request("h", "/", &[]);
        match &route(&table(vec![message]), &request)?.action {
            Action::Direct(direct) => {
                let (body, content_type) = direct.body(&request, &stream_info());
                Some((text(&body), content_type.map(text)))
            }
            _ => None,
        }
    };
    assert_eq!(body_of(None), Some(("B".into(), None)));
    let command = proto::Command { name: "LOCAL_REPLY_BODY".into(), ..Default::default() };
    let piece = proto::FormatPiece { kind: Some(proto::format_piece::Kind::Command(command)) };
    let mut format = literal("[");
    format.pieces.push(piece);
    let format = proto::BodyFormat {
        kind: Some(proto::body_format::Kind::Text(format)),
        content_type: "a/b".into(),
    };
    assert_eq!(body_of(Some(format)), Some(("[B".into(), Some("a/b".into()))));
}
