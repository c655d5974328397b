//! The attributes of a request, as `envoy.service.auth.v3.CheckRequest` has them.

use std::collections::BTreeMap;

use serde_json::Value;

use super::question::{Question, PARTIAL_BODY};
use crate::headers::HeaderId;
use crate::http::stream_info::ConnectionInfo;
use crate::metadata::values::to_struct;
use crate::proto::service::{self, CheckRequest};
use crate::service_values::{address, header, text, timestamp};
use crate::tls::{encoded_pem, CertificateFacts};

pub fn check_request(question: &Question<'_>) -> CheckRequest {
    let (stream, told) = (question.stream, question.told);
    let connection = &*stream.info.connection;
    let dynamic = stream.info.dynamic_metadata.as_deref();
    let state = connection.state.borrow();
    let of_connection = state.dynamic_metadata.as_deref();
    let of_route = stream.info.route.as_ref().and_then(|route| route.metadata.as_deref());
    let sni = || service::TlsSession { sni: connection.requested_server_name().to_owned() };
    CheckRequest {
        attributes: Some(service::AttributeContext {
            source: Some(source(question)),
            destination: Some(destination(connection)),
            request: Some(service::Request {
                time: Some(timestamp(stream.info.start_wall)),
                http: Some(http_request(question)),
            }),
            context_extensions: question.extensions.clone(),
            metadata_context: Some(metadata(&told.metadata_namespaces, &[dynamic, of_connection])),
            tls_session: told.tls_session.then(sni),
            route_metadata_context: Some(metadata(&told.route_metadata_namespaces, &[of_route])),
        }),
    }
}

/// The client.
fn source(question: &Question<'_>) -> service::Peer {
    let connection = &question.stream.info.connection;
    let peer = connection.tls.as_ref().and_then(|tls| tls.peer());
    let leaf = peer.and_then(|peer| peer.chain.first()).filter(|_| question.told.peer_certificate);
    service::Peer {
        address: Some(address(&connection.remote)),
        service: header(&question.stream.request, HeaderId::XEnvoyDownstreamServiceCluster),
        principal: peer.map(|peer| principal(&peer.facts)).unwrap_or_default(),
        certificate: leaf.map(|leaf| encoded_pem(leaf)).unwrap_or_default(),
    }
}

/// The listener.
fn destination(connection: &ConnectionInfo) -> service::Peer {
    let local = connection.tls.as_ref().and_then(|tls| tls.local());
    service::Peer {
        address: Some(address(&connection.local)),
        principal: local.map(|local| principal(&local.facts)).unwrap_or_default(),
        ..Default::default()
    }
}

/// The first name of a certificate: a URI, a DNS name, its subject.
fn principal(facts: &CertificateFacts) -> String {
    facts.principals().next().unwrap_or_default().to_owned()
}

/// What is there under these names; the first of `sources` that has one decides.
fn metadata(names: &[String], sources: &[Option<&Value>]) -> service::Metadata {
    let find = |name: &String| sources.iter().flatten().find_map(|all| all.get(name));
    let found = names.iter().filter_map(|name| Some((name.clone(), to_struct(find(name)?)?)));
    service::Metadata { filter_metadata: found.collect() }
}

fn http_request(question: &Question<'_>) -> service::HttpRequest {
    let info = &question.stream.info;
    let request = &question.stream.request;
    let mut http = service::HttpRequest {
        id: info.stream_id.to_string(),
        method: header(request, HeaderId::Method),
        path: header(request, HeaderId::Path),
        host: header(request, HeaderId::Authority),
        scheme: header(request, HeaderId::Scheme),
        size: info.bytes_received as i64,
        protocol: info.protocol.map_or("", |protocol| protocol.name()).to_owned(),
        ..Default::default()
    };
    let partial = question.body.map(|body| (PARTIAL_BODY, body.is_part().as_bytes()));
    let headers = question.headers().chain(partial);
    match question.told.raw_headers {
        true => http.header_map = Some(header_map(headers)),
        false => http.headers = joined(headers),
    }
    if let Some(body) = question.body {
        match question.told.body_as_bytes {
            true => http.raw_body = body.bytes.to_vec(),
            false => http.body = text(body.bytes).into_owned(),
        }
    }
    http
}

fn header_map<'a>(headers: impl Iterator<Item = (&'a [u8], &'a [u8])>) -> service::HeaderMap {
    let raw = |(name, value): (&[u8], &[u8])| service::HeaderValue {
        key: text(name).into_owned(),
        raw_value: value.to_vec(),
        ..Default::default()
    };
    service::HeaderMap { headers: headers.map(raw).collect() }
}

fn joined<'a>(headers: impl Iterator<Item = (&'a [u8], &'a [u8])>) -> BTreeMap<String, String> {
    let mut all: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in headers {
        let value = text(value);
        all.entry(text(name).into_owned())
            .and_modify(|before| {
                before.push(',');
                before.push_str(&value);
            })
            .or_insert_with(|| value.clone().into_owned());
    }
    all
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{header_map, joined, metadata};
    use crate::metadata::values::to_map;

    #[test]
    fn repeated_headers_are_joined_or_told_as_they_are() {
        let headers = [(&b"x-a"[..], &b"1"[..]), (b"x-b", b"\xff"), (b"x-a", b"2")];
        let all = joined(headers.into_iter());
        assert_eq!((&*all["x-a"], &*all["x-b"]), ("1,2", "!"));
        let raw = header_map(headers.into_iter()).headers;
        assert_eq!((raw.len(), &raw[1].raw_value[..]), (3, &b"\xff"[..]));
    }

    #[test]
    fn the_first_source_of_metadata_decides() {
        let (first, second) = (json!({"a": {"x": 1}}), json!({"a": {"x": 2}, "b": {"y": 1}}));
        let names = ["a", "b", "c"].map(str::to_owned);
        let found = metadata(&names, &[None, Some(&first), Some(&second)]).filter_metadata;
        assert_eq!(found.keys().collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(to_map(found["a"].clone())["x"], 1);
    }
}
