//! Spans in the two forms that collectors of Zipkin take.
//! <https://zipkin.io/zipkin-api/#/default/post_spans>

use std::net::IpAddr;
use std::time::{SystemTime, UNIX_EPOCH};

use prost::encoding::{encode_key, encode_varint, WireType};
use prost::Message;
use serde_json::{json, Map};

use super::super::context::hex;
use super::super::span::{Kind, Span};
use super::Zipkin;
use crate::proto::service::zipkin_span::{Annotation, Endpoint, Kind as ProtoKind};
use crate::proto::service::ZipkinSpan;

/// The field of ListOfSpans.
const SPANS: u32 = 1;

/// The moments of a span's own side, and the name of its last one.
struct Times {
    start: u64,
    duration: u64,
    annotations: Vec<(u64, &'static str)>,
}

impl Times {
    fn of(span: &Span) -> Self {
        let end = crate::clock::wall();
        let last = if span.kind == Kind::Client { "cr" } else { "ss" };
        let told = span.events.iter().map(|(at, name)| (microseconds(*at), *name));
        let taken = end.duration_since(span.start).unwrap_or_default();
        Self {
            start: microseconds(span.start),
            duration: taken.as_micros() as u64,
            annotations: told.chain([(microseconds(end), last)]).collect(),
        }
    }
}

fn microseconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros() as u64)
}

impl Zipkin {
    /// Its client may have told of the same span.
    fn is_shared(&self, span: &Span) -> bool {
        self.shares_spans && span.kind == Kind::Server
    }
}

/// Appends a span to the spans of a list, which `list` makes of them.
pub fn json(zipkin: &Zipkin, span: Span, out: &mut Vec<u8>) {
    let times = Times::of(&span);
    let mut endpoint = Map::new();
    match zipkin.address {
        Some(IpAddr::V4(address)) => _ = endpoint.insert("ipv4".into(), json!(address)),
        Some(IpAddr::V6(address)) => _ = endpoint.insert("ipv6".into(), json!(address)),
        None => {}
    }
    endpoint.insert("port".into(), json!(0));
    if !zipkin.service_name.is_empty() {
        endpoint.insert("serviceName".into(), json!(zipkin.service_name));
    }
    let annotation = |(at, value): &(u64, &str)| json!({"timestamp": at, "value": value});
    let mut fields = json!({
        "kind": match span.kind {
            Kind::Client => "CLIENT",
            Kind::Server => "SERVER",
        },
        "traceId": span.context.trace_id(),
        "id": hex(span.context.span),
        "timestamp": times.start,
        "duration": times.duration,
        "localEndpoint": endpoint,
        "annotations": times.annotations.iter().map(annotation).collect::<Vec<_>>(),
    });
    let mut add = |key: &str, value| fields[key] = value;
    if zipkin.is_shared(&span) {
        add("shared", json!(true));
    }
    if span.context.parent != 0 {
        add("parentId", json!(hex(span.context.parent)));
    }
    if !span.name.is_empty() {
        add("name", json!(span.name));
    }
    add("tags", tags(span).map(|(name, value)| (name, json!(value))).collect::<Map<_, _>>().into());
    out.extend_from_slice(fields.to_string().as_bytes());
    out.push(b',');
}

/// The list of the spans that were appended, of which there is one at least.
pub fn list(spans: &[u8]) -> Vec<u8> {
    let spans = spans.strip_suffix(b",").unwrap_or(spans);
    [b"[", spans, b"]"].concat()
}

/// Tags with a value, as texts.
fn tags(span: Span) -> impl Iterator<Item = (String, String)> {
    let texts = span.tags.into_iter().map(|(name, value)| (name.into_owned(), value.into_text()));
    texts.filter(|(_, value)| !value.is_empty())
}

/// Appends a span to a message that is a list of them.
pub fn protobuf(zipkin: &Zipkin, span: Span, out: &mut Vec<u8>) {
    let times = Times::of(&span);
    let context = &span.context;
    let id = |number: u64| number.to_be_bytes().to_vec();
    let octets = |address: Option<IpAddr>, v4: bool| match address {
        Some(IpAddr::V4(address)) if v4 => address.octets().to_vec(),
        Some(IpAddr::V6(address)) if !v4 => address.octets().to_vec(),
        _ => Vec::new(),
    };
    let message = ZipkinSpan {
        trace_id: match context.trace_high {
            0 => id(context.trace_low),
            _ => context.trace_bytes(),
        },
        parent_id: if context.parent == 0 { Vec::new() } else { id(context.parent) },
        id: id(context.span),
        kind: match span.kind {
            Kind::Client => ProtoKind::Client.into(),
            Kind::Server => ProtoKind::Server.into(),
        },
        name: span.name.clone(),
        timestamp: times.start,
        duration: times.duration,
        local_endpoint: Some(Endpoint {
            service_name: zipkin.service_name.clone(),
            ipv4: octets(zipkin.address, true),
            ipv6: octets(zipkin.address, false),
        }),
        annotations: times
            .annotations
            .iter()
            .map(|(at, value)| Annotation { timestamp: *at, value: (*value).to_owned() })
            .collect(),
        shared: zipkin.is_shared(&span),
        tags: tags(span).collect(),
    }
    .encode_to_vec();
    encode_key(SPANS, WireType::LengthDelimited, out);
    encode_varint(message.len() as u64, out);
    out.extend_from_slice(&message);
}
