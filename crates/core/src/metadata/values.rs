//! Metadata as `google.protobuf.Struct`, both ways.

use serde_json::{Map, Number, Value as Json};

use crate::proto::service::{value::Kind, ListValue, Struct, Value};

/// None for what is no object.
pub fn to_struct(json: &Json) -> Option<Struct> {
    let fields = json.as_object()?.iter();
    Some(Struct { fields: fields.map(|(key, value)| (key.clone(), to_value(value))).collect() })
}

fn to_value(json: &Json) -> Value {
    let kind = match json {
        Json::Null => Kind::NullValue(0),
        Json::Bool(value) => Kind::BoolValue(*value),
        Json::Number(number) => Kind::NumberValue(number.as_f64().unwrap_or_default()),
        Json::String(text) => Kind::StringValue(text.clone()),
        Json::Array(values) => {
            Kind::ListValue(ListValue { values: values.iter().map(to_value).collect() })
        }
        Json::Object(_) => Kind::StructValue(to_struct(json).unwrap_or_default()),
    };
    Value { kind: Some(kind) }
}

pub fn to_map(fields: Struct) -> Map<String, Json> {
    fields.fields.into_iter().map(|(key, value)| (key, to_json(value))).collect()
}

fn to_json(value: Value) -> Json {
    match value.kind {
        None | Some(Kind::NullValue(_)) => Json::Null,
        Some(Kind::BoolValue(value)) => Json::Bool(value),
        Some(Kind::NumberValue(number)) => to_number(number),
        Some(Kind::StringValue(text)) => Json::String(text),
        Some(Kind::ListValue(list)) => list.values.into_iter().map(to_json).collect(),
        Some(Kind::StructValue(inner)) => Json::Object(to_map(inner)),
    }
}

/// A whole number is written as one.
fn to_number(number: f64) -> Json {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    match number.fract() == 0.0 && number.abs() < EXACT {
        true => Json::from(number as i64),
        false => Number::from_f64(number).map_or(Json::Null, Json::Number),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{to_map, to_struct};

    #[test]
    fn values_go_both_ways() {
        let json = json!({"a": [1, 1.5, "t", null, true], "b": {"c": {}}, "d": -3});
        let fields = to_struct(&json).unwrap();
        assert_eq!(serde_json::Value::Object(to_map(fields)), json);
        assert!(to_struct(&json!([1])).is_none());
    }
}
