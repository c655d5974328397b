//! Tags that the configuration adds to spans.
//! <https://www.envoyproxy.io/docs/envoy/latest/api-v3/type/tracing/v3/custom_tag.proto>

use super::span::{Span, Value};
use crate::compile::{At, CompileError, Result};
use crate::formatter::{find_value, FormatContext, Formatter};
use crate::headers::{HeaderName, Headers};
use crate::http::stream_info::StreamInfo;
use crate::proto;
use crate::proto::trace_tag::metadata::Of;
use crate::proto::trace_tag::{self, ValueType};

/// One tag: its name, and where its value comes from. An empty value is no tag.
pub struct Tag {
    pub name: String,
    source: Source,
}

enum Source {
    Literal(String),
    Header { name: HeaderName, default: String },
    Metadata { of: Of, path: Vec<String>, default: String },
    Format(Formatter, ValueType),
}

impl Tag {
    /// # Errors
    /// It has no source, or a format that cannot be.
    pub fn compile(message: &proto::TraceTag) -> Result<Self> {
        let source = match &message.kind {
            Some(trace_tag::Kind::Literal(text)) => Source::Literal(text.clone()),
            Some(trace_tag::Kind::Header(header)) => Source::Header {
                name: HeaderName::new(&header.name),
                default: header.default_value.clone(),
            },
            Some(trace_tag::Kind::Metadata(metadata)) => Source::Metadata {
                of: metadata.of(),
                path: metadata.path.clone(),
                default: metadata.default_value.clone(),
            },
            Some(trace_tag::Kind::Value(format)) => {
                Source::Format(Formatter::compile(format).at("value")?, message.value_type())
            }
            None => return Err(CompileError::new("a tag needs a value")),
        };
        Ok(Self { name: message.name.clone(), source })
    }

    /// Gives the tag to a span, if it has a value.
    pub fn apply(&self, span: &mut Span, context: &FormatContext<'_>) {
        let value = match &self.source {
            Source::Literal(text) => Some(Value::from(text.as_str())),
            Source::Header { name, default } => {
                let none = Headers::new();
                let found = context.request.unwrap_or(&none).get(name).map(Value::text);
                found.or_else(|| given(default))
            }
            Source::Metadata { of, path, default } => {
                let found = metadata(*of, context.info).and_then(|all| find_value(all, path));
                found.and_then(as_text).map(Value::Text).or_else(|| given(default))
            }
            Source::Format(formatter, kind) => formatted(formatter, *kind, context),
        };
        if let Some(value) = value.filter(|value| *value != Value::from("")) {
            span.tag(self.name.clone(), value);
        }
    }
}

fn given(default: &str) -> Option<Value> {
    (!default.is_empty()).then(|| default.into())
}

fn metadata(of: Of, info: &StreamInfo) -> Option<&serde_json::Value> {
    match of {
        Of::Request => info.dynamic_metadata.as_deref(),
        Of::Route => info.route.as_ref()?.metadata.as_deref(),
        Of::Cluster => info.cluster_metadata.as_deref(),
        Of::Host => info.upstream.host.as_ref()?.metadata.as_deref(),
    }
}

fn as_text(value: &serde_json::Value) -> Option<String> {
    match value {
        serde_json::Value::Null => None,
        serde_json::Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

fn formatted(formatter: &Formatter, kind: ValueType, context: &FormatContext<'_>) -> Option<Value> {
    let mut text = Vec::new();
    formatter.format(context, &mut text);
    let text = String::from_utf8_lossy(&text).into_owned();
    if text.is_empty() {
        return None;
    }
    let typed = match kind {
        ValueType::Text => None,
        ValueType::Int => text.parse().ok().map(Value::Int),
        ValueType::Double => text.parse().ok().map(Value::Double),
        ValueType::Bool => text.parse().ok().map(Value::Bool),
    };
    Some(typed.unwrap_or(Value::Text(text)))
}
