//! Access logs as records of OpenTelemetry (`envoy.access_loggers.open_telemetry`).

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use super::exporter::{Exporter, LOG_RECORD};
use super::service::{LogService, Wire};
use super::Sinks;
use crate::compile::{each, At, CompileError, Result};
use crate::formatter::{FormatContext, Formatter};
use crate::http::stream_info::StreamInfo;
use crate::proto::service::{any_value, AnyValue, ArrayValue, KeyValue, KeyValueList, LogRecord};
use crate::proto::{self, otlp_value};
use crate::service_values::text;
use crate::telemetry::custom_tag::CustomTag;
use crate::tracing::Trace;
use crate::worker::Worker;

pub struct OpenTelemetryLog {
    service: Arc<LogService>,
    body: Option<Value>,
    attributes: Vec<(String, Value)>,
    filter_state: Vec<String>,
    tags: Vec<CustomTag>,
}

/// A value whose texts are formats.
enum Value {
    Text(Formatter),
    List(Vec<Value>),
    Attributes(Vec<(String, Value)>),
}

impl OpenTelemetryLog {
    /// # Errors
    /// A command, a tag or a client that cannot be.
    pub fn compile(message: &proto::OpenTelemetryAccessLog, sinks: &Sinks) -> Result<Self> {
        let exporter = message.exporter.clone().unwrap_or_default();
        let service = sinks.service(&exporter, || {
            let wire = Wire::Otlp(Arc::new(Exporter::compile(&exporter).at("exporter")?));
            Ok(LogService::new(exporter.buffer.as_ref(), exporter.stats_block, wire))
        })?;
        Ok(Self {
            service,
            body: message.body.as_ref().map(Value::compile).transpose().at("body")?,
            attributes: each(&message.attributes, "attributes", Value::attribute)?,
            filter_state: message.filter_state_objects.clone(),
            tags: each(&message.custom_tags, "custom_tags", CustomTag::compile)?,
        })
    }

    pub fn write(&self, context: &FormatContext<'_>, worker: &Rc<Worker>) {
        worker.loggers.add(worker, &self.service, |out| {
            prost::encoding::message::encode(LOG_RECORD, &self.record(context), out);
        });
    }

    fn record(&self, context: &FormatContext<'_>) -> LogRecord {
        let since = context.info.start_wall.duration_since(UNIX_EPOCH).unwrap_or_default();
        let mut attributes = pairs(&self.attributes, context);
        attributes.extend(filter_state(context.info, &self.filter_state));
        let tags = self.tags.iter();
        let tags: BTreeMap<_, _> =
            tags.filter_map(|tag| Some((tag.name.as_str(), tag.value(context)?))).collect();
        attributes.extend(tags.into_iter().map(|(tag, value)| pair(tag, value)));
        let trace = context.info.trace.as_deref();
        let (trace_id, span_id) = trace.map(Trace::id_bytes).unwrap_or_default();
        LogRecord {
            trace_id,
            span_id,
            time_unix_nano: since.as_nanos() as u64,
            body: self.body.as_ref().map(|body| body.format(context)),
            attributes,
        }
    }
}

/// Objects of filter state in JSON.
fn filter_state<'a>(
    info: &'a StreamInfo,
    names: &'a [String],
) -> impl Iterator<Item = KeyValue> + 'a {
    names.iter().filter_map(|name| {
        let object = info.filter_objects.get(name).map(|object| &object.typed);
        let value = object.or_else(|| info.filter_state.as_deref()?.get(name))?;
        Some(pair(name, value.to_string()))
    })
}

fn pair(key: &str, value: String) -> KeyValue {
    let value = AnyValue { value: Some(any_value::Value::StringValue(value)) };
    KeyValue { key: key.to_owned(), value: Some(value) }
}

fn pairs(values: &[(String, Value)], context: &FormatContext<'_>) -> Vec<KeyValue> {
    let pair = |(key, value): &(String, Value)| KeyValue {
        key: key.clone(),
        value: Some(value.format(context)),
    };
    values.iter().map(pair).collect()
}

impl Value {
    fn compile(message: &proto::OtlpValue) -> Result<Self> {
        match &message.value {
            Some(otlp_value::Value::Text(format)) => Formatter::compile(format).map(Self::Text),
            Some(otlp_value::Value::List(list)) => {
                each(&list.values, "values", Self::compile).map(Self::List)
            }
            Some(otlp_value::Value::Attributes(list)) => {
                each(&list.values, "values", Self::attribute).map(Self::Attributes)
            }
            None => Err(CompileError::new("a value is missing")),
        }
    }

    fn attribute(message: &proto::OtlpAttribute) -> Result<(String, Self)> {
        let value = message.value.clone().unwrap_or_default();
        Ok((message.key.clone(), Self::compile(&value).at(&message.key)?))
    }

    fn format(&self, context: &FormatContext<'_>) -> AnyValue {
        let value = match self {
            Self::Text(formatter) => {
                let mut out = Vec::new();
                formatter.format(context, &mut out);
                any_value::Value::StringValue(text(&out).into_owned())
            }
            Self::List(values) => {
                let values = values.iter().map(|value| value.format(context)).collect();
                any_value::Value::ArrayValue(ArrayValue { values })
            }
            Self::Attributes(values) => {
                any_value::Value::KvlistValue(KeyValueList { values: pairs(values, context) })
            }
        };
        AnyValue { value: Some(value) }
    }
}
