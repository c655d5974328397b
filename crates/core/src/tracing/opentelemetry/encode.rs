//! Spans as OTLP has them.
//! <https://github.com/open-telemetry/opentelemetry-proto/blob/main/opentelemetry/proto/trace/v1/trace.proto>

use std::time::{SystemTime, UNIX_EPOCH};

use prost::encoding::{encode_key, encode_varint, WireType};
use prost::Message;

use super::super::context::SpanContext;
use super::super::finish::GRPC_SERVER_FAULTS;
use super::super::span::{names, Kind, Span, Value};
use crate::proto::service::otlp_span::{Event, Resource, Scope, SpanKind, Status, StatusCode};
use crate::proto::service::{any_value, AnyValue, KeyValue, OtlpSpan};
use crate::proto::OpenTelemetryTracer;

const SAMPLED: u32 = 0x1;
/// It is known whether the parent is another process's; it is.
const HAS_IS_REMOTE: u32 = 0x100;
const IS_REMOTE: u32 = 0x200;

/// Fields of ExportTraceServiceRequest, ResourceSpans and ScopeSpans.
const RESOURCE_SPANS: u32 = 1;
const RESOURCE: u32 = 1;
const SCOPE_SPANS: u32 = 2;
const SCHEMA_URL: u32 = 3;
const SCOPE: u32 = 1;
const SPANS: u32 = 2;

fn field(number: u32, bytes: &[u8], out: &mut Vec<u8>) {
    encode_key(number, WireType::LengthDelimited, out);
    encode_varint(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

fn attribute(key: &str, value: any_value::Value) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }) }
}

/// What is around the spans of a report: who tells them.
pub struct Envelope {
    resource: Vec<u8>,
    schema_url: String,
    scope: Option<Vec<u8>>,
}

impl Envelope {
    pub fn of(message: &OpenTelemetryTracer) -> Self {
        let text = |value: &String| any_value::Value::StringValue(value.clone());
        let attributes = message.resource.iter().map(|it| attribute(&it.key, text(&it.value)));
        let scope =
            Scope { name: message.scope_name.clone(), version: message.scope_version.clone() };
        Self {
            resource: Resource { attributes: attributes.collect() }.encode_to_vec(),
            schema_url: message.schema_url.clone(),
            scope: (!message.scope_name.is_empty()).then(|| scope.encode_to_vec()),
        }
    }

    /// The whole report.
    pub fn around(&self, spans: &[u8]) -> Vec<u8> {
        let mut of_scope = Vec::with_capacity(spans.len() + 64);
        if let Some(scope) = &self.scope {
            field(SCOPE, scope, &mut of_scope);
        }
        of_scope.extend_from_slice(spans);
        let mut of_resource = Vec::with_capacity(of_scope.len() + self.resource.len() + 16);
        field(RESOURCE, &self.resource, &mut of_resource);
        field(SCOPE_SPANS, &of_scope, &mut of_resource);
        if !self.schema_url.is_empty() {
            field(SCHEMA_URL, self.schema_url.as_bytes(), &mut of_resource);
        }
        let mut report = Vec::with_capacity(of_resource.len() + 8);
        field(RESOURCE_SPANS, &of_resource, &mut report);
        report
    }
}

/// Appends a span as one of a scope's.
pub fn write(span: Span, out: &mut Vec<u8>) {
    field(SPANS, &message(span).encode_to_vec(), out);
}

fn message(span: Span) -> OtlpSpan {
    let SpanContext { parent, remote_parent, .. } = span.context;
    let code = if is_error(&span) { StatusCode::Error } else { StatusCode::Unset };
    let remote = if remote_parent { IS_REMOTE } else { 0 };
    OtlpSpan {
        trace_id: span.context.trace_bytes(),
        span_id: span.context.span.to_be_bytes().to_vec(),
        trace_state: String::from_utf8_lossy(&span.context.state).into_owned(),
        parent_span_id: if parent == 0 { Vec::new() } else { parent.to_be_bytes().to_vec() },
        flags: SAMPLED | HAS_IS_REMOTE | remote,
        name: span.name,
        kind: match span.kind {
            Kind::Client => SpanKind::Client.into(),
            Kind::Server => SpanKind::Server.into(),
        },
        start_time_unix_nano: nanoseconds(span.start),
        end_time_unix_nano: nanoseconds(crate::clock::wall()),
        attributes: span.tags.into_iter().map(|(key, tag)| attribute(&key, value(tag))).collect(),
        events: span
            .events
            .into_iter()
            .map(|(at, name)| Event { time_unix_nano: nanoseconds(at), name: name.to_owned() })
            .collect(),
        status: Some(Status { code: code.into() }),
    }
}

fn nanoseconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos() as u64)
}

fn value(value: Value) -> any_value::Value {
    match value {
        Value::Text(text) => any_value::Value::StringValue(text),
        Value::Int(number) => any_value::Value::IntValue(number),
        Value::Double(number) => any_value::Value::DoubleValue(number),
        Value::Bool(yes) => any_value::Value::BoolValue(yes),
    }
}

/// What the side of a span takes for an error: for a client that is more.
/// <https://opentelemetry.io/docs/specs/semconv/http/http-spans/#status>
fn is_error(span: &Span) -> bool {
    let told = |name: &str| {
        span.tags.iter().find_map(|(tag, value)| match value {
            Value::Text(text) if tag == name => Some(text.as_str()),
            _ => None,
        })
    };
    let lowest = if span.kind == Kind::Client { 400 } else { 500 };
    let http = told(names::HTTP_STATUS).and_then(|status| status.parse::<u16>().ok());
    let grpc = told(names::GRPC_STATUS).is_some_and(|status| match span.kind {
        Kind::Client => status != "0",
        Kind::Server => GRPC_SERVER_FAULTS.contains(&status),
    });
    grpc || http.is_some_and(|status| status >= lowest)
}
