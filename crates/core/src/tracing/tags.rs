//! Tags that the configuration adds to spans.

use super::span::{Span, Value};
use crate::formatter::FormatContext;
use crate::proto::custom_tag::ValueType;
use crate::telemetry::custom_tag::CustomTag;

/// Gives a tag to a span, if it has a value. One that is not of its type is text.
pub fn apply(tag: &CustomTag, span: &mut Span, context: &FormatContext<'_>) {
    let Some(text) = tag.value(context) else { return };
    let typed = match tag.value_type {
        ValueType::Text => None,
        ValueType::Int => text.parse().ok().map(Value::Int),
        ValueType::Double => text.parse().ok().map(Value::Double),
        ValueType::Bool => text.parse().ok().map(Value::Bool),
    };
    span.tag(tag.name.clone(), typed.unwrap_or(Value::Text(text)));
}
