//! What tests of routing share.

use std::rc::Rc;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use super::{Resolution, Route, RouteContext, RouteTable};
use crate::address::Address;
use crate::formatter::Formatter;
use crate::headers::{HeaderId, Headers};
use crate::http::stream_info::{ConnectionInfo, StreamInfo};
use crate::proto;
use crate::runtime::Runtime;

pub(crate) fn stream_info() -> StreamInfo {
    let address = || Address::Ip(([127, 0, 0, 1], 1).into());
    let connection = ConnectionInfo {
        id: 1,
        remote: address(),
        local: address(),
        start: Instant::now(),
        listener: "l".into(),
        filter_chain: "".into(),
        listener_metadata: None,
        filter_chain_metadata: None,
        tls: None,
        traffic_direction: "unspecified",
        tally: Default::default(),
        inspected: None,
        state: Default::default(),
    };
    StreamInfo::new(Rc::new(connection), Instant::now(), SystemTime::now())
}

pub(crate) fn format(formatter: &Formatter, request: &Headers, out: &mut Vec<u8>) {
    super::Format { info: &stream_info() }.request(formatter, request, out);
}

/// Names and values.
pub(super) type Lines<'a> = &'a [(&'a str, &'a str)];

/// A GET of `target` at `host` with more headers.
pub(super) fn request(host: &str, target: &str, headers: Lines<'_>) -> Headers {
    let mut request = Headers::new();
    request.append(HeaderId::Authority, host.as_bytes());
    request.append(HeaderId::Path, target.as_bytes());
    request.append(HeaderId::Method, b"GET");
    for (name, value) in headers {
        request.append_raw(name.as_bytes(), value.as_bytes());
    }
    request.append(HeaderId::Scheme, b"http");
    request
}

pub(super) fn context(runtime: &Runtime) -> RouteContext<'_> {
    RouteContext {
        runtime,
        random: 0,
        internal: false,
        tls: false,
        certificate_presented: false,
        certificate_validated: false,
        // It lives as long as the test's process.
        info: Box::leak(Box::new(stream_info())),
    }
}

/// A table with one virtual host for every domain.
pub(super) fn table(routes: Vec<proto::Route>) -> RouteTable {
    let host = proto::VirtualHost {
        name: "v".into(),
        domains: vec!["*".into()],
        routes,
        ..Default::default()
    };
    compile(proto::RouteTable { virtual_hosts: vec![host], ..Default::default() })
}

pub(super) fn compile(message: proto::RouteTable) -> RouteTable {
    RouteTable::compile(&message).unwrap_or_else(|error| unreachable!("{error}"))
}

/// The route of a request.
pub(super) fn route(table: &RouteTable, request: &Headers) -> Option<Arc<Route>> {
    match table.resolve(request, &context(&Runtime::default())) {
        Resolution::Route(route) => Some(route),
        _ => None,
    }
}

pub(super) fn literal(text: &str) -> proto::Format {
    let kind = Some(proto::format_piece::Kind::Literal(text.into()));
    proto::Format { pieces: vec![proto::FormatPiece { kind }], omit_empty: true }
}

/// A route named `name` that forwards to cluster `c`.
pub(super) fn forward(name: &str, path: proto::route_match::Path) -> proto::Route {
    use proto::route_action::ClusterSpecifier;
    let action = proto::RouteAction {
        cluster_specifier: Some(ClusterSpecifier::Cluster("c".into())),
        ..Default::default()
    };
    proto::Route {
        name: name.into(),
        r#match: Some(proto::RouteMatch { path: Some(path), ..Default::default() }),
        action: Some(proto::route::Action::Route(action)),
        ..Default::default()
    }
}

pub(super) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
