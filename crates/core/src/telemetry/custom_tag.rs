//! Values that logs and spans tell of a stream under names of their own.
//! <https://www.envoyproxy.io/docs/envoy/latest/api-v3/type/tracing/v3/custom_tag.proto>

use crate::compile::{At, CompileError, Result};
use crate::formatter::{find_value, FormatContext, Formatter};
use crate::headers::HeaderName;
use crate::http::stream_info::StreamInfo;
use crate::proto;
use crate::proto::custom_tag::metadata::Of;
use crate::proto::custom_tag::{Kind, ValueType};
use crate::service_values::text;

/// One tag: its name, and where its value comes from.
pub struct CustomTag {
    pub name: String,
    source: Source,
    /// What the value is in spans.
    pub value_type: ValueType,
}

enum Source {
    Literal(String),
    Header { name: HeaderName, default: String },
    Metadata { of: Of, path: Vec<String>, default: String },
    Format(Formatter),
}

impl CustomTag {
    /// # Errors
    /// It has no source, or a format that cannot be.
    pub fn compile(message: &proto::CustomTag) -> Result<Self> {
        let source = match &message.kind {
            Some(Kind::Literal(text)) => Source::Literal(text.clone()),
            Some(Kind::Header(header)) => Source::Header {
                name: HeaderName::new(&header.name),
                default: header.default_value.clone(),
            },
            Some(Kind::Metadata(metadata)) => Source::Metadata {
                of: metadata.of(),
                path: metadata.path.clone(),
                default: metadata.default_value.clone(),
            },
            Some(Kind::Value(format)) => Source::Format(Formatter::compile(format).at("value")?),
            None => return Err(CompileError::new("a tag needs a value")),
        };
        Ok(Self { name: message.name.clone(), source, value_type: message.value_type() })
    }

    /// The value; None: there is no such tag here.
    pub fn value(&self, context: &FormatContext<'_>) -> Option<String> {
        let value = match &self.source {
            Source::Literal(text) => text.clone(),
            Source::Header { name, default } => {
                let found = context.request.and_then(|request| request.get(name));
                found.map_or_else(|| default.clone(), |value| text(value).into_owned())
            }
            Source::Metadata { of, path, default } => {
                let found = metadata(*of, context.info).and_then(|all| find_value(all, path));
                found.and_then(as_text).unwrap_or_else(|| default.clone())
            }
            Source::Format(formatter) => {
                let mut value = Vec::new();
                formatter.format(context, &mut value);
                text(&value).into_owned()
            }
        };
        Some(value).filter(|value| !value.is_empty())
    }
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

#[cfg(test)]
mod tests {
    use super::CustomTag;
    use crate::formatter::tests::{format, Sample};
    use crate::proto;
    use crate::proto::custom_tag::{Header, Kind};

    fn value(kind: Kind) -> Option<String> {
        let message = proto::CustomTag { name: "t".into(), kind: Some(kind), ..Default::default() };
        CustomTag::compile(&message).unwrap().value(&Sample::new().context())
    }

    fn header(name: &str, default: &str) -> Kind {
        Kind::Header(Header { name: name.into(), default_value: default.into() })
    }

    #[test]
    fn a_tag_without_a_value_has_its_default_or_is_none() {
        assert_eq!(value(header(":method", "d")).as_deref(), Some("POST"));
        assert_eq!(value(header("x-none", "d")).as_deref(), Some("d"));
        assert_eq!(value(header("x-none", "")), None);
        let absent = proto::Format { omit_empty: true, ..format("%REQ(X-NONE)%") };
        assert_eq!(value(Kind::Value(absent)), None);
    }

    #[test]
    fn a_tag_without_a_source_cannot_be() {
        assert!(CustomTag::compile(&proto::CustomTag::default()).is_err());
    }
}
