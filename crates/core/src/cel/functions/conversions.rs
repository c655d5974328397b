//! Making a value of one type of one of another.

use super::{Entry, Style};
use crate::cel::print::{json_duration, json_timestamp, shortest};
use crate::cel::time::{parse_duration, parse_timestamp, timestamp, NANOSECONDS};
use crate::cel::value::Value;

/// Doubles from here on are no int or uint.
const INT_END: f64 = 9_223_372_036_854_775_808.0;
const UINT_END: f64 = 18_446_744_073_709_551_616.0;

pub const FUNCTIONS: &[Entry] = &[
    ("dyn", Style::Function, 1, |v| Some(v[0].clone())),
    ("type", Style::Function, 1, |v| Some(Value::Type(v[0].type_name()))),
    ("int", Style::Function, 1, |v| match &v[0] {
        Value::Int(number) => Some(Value::Int(*number)),
        Value::Uint(number) => i64::try_from(*number).ok().map(Value::Int),
        Value::Double(number) if *number > -INT_END && *number < INT_END => {
            Some(Value::Int(*number as i64))
        }
        Value::Bool(value) => Some(Value::Int((*value).into())),
        Value::Text(text) => parsed(text).map(Value::Int),
        Value::Timestamp(time) => i64::try_from(time.div_euclid(NANOSECONDS)).ok().map(Value::Int),
        _ => None,
    }),
    ("uint", Style::Function, 1, |v| match &v[0] {
        Value::Int(number) => u64::try_from(*number).ok().map(Value::Uint),
        Value::Uint(number) => Some(Value::Uint(*number)),
        Value::Double(number) if *number > -1.0 && *number < UINT_END => {
            Some(Value::Uint(*number as u64))
        }
        Value::Text(text) => parsed(text).map(Value::Uint),
        _ => None,
    }),
    ("double", Style::Function, 1, |v| match &v[0] {
        Value::Int(number) => Some(Value::Double(*number as f64)),
        Value::Uint(number) => Some(Value::Double(*number as f64)),
        Value::Double(number) => Some(Value::Double(*number)),
        Value::Text(text) => parsed(text).map(Value::Double),
        _ => None,
    }),
    ("bool", Style::Function, 1, |v| match &v[0] {
        Value::Bool(value) => Some(Value::Bool(*value)),
        Value::Text(text) => match &**text {
            b"1" | b"t" | b"true" | b"TRUE" | b"True" => Some(Value::Bool(true)),
            b"0" | b"f" | b"false" | b"FALSE" | b"False" => Some(Value::Bool(false)),
            _ => None,
        },
        _ => None,
    }),
    ("bytes", Style::Function, 1, |v| match &v[0] {
        Value::Text(bytes) | Value::Bytes(bytes) => Some(Value::Bytes(bytes.clone())),
        _ => None,
    }),
    ("duration", Style::Function, 1, |v| match &v[0] {
        Value::Duration(span) => Some(Value::Duration(*span)),
        Value::Text(text) => parse_duration(std::str::from_utf8(text).ok()?).map(Value::Duration),
        _ => None,
    }),
    ("timestamp", Style::Function, 1, |v| match &v[0] {
        Value::Timestamp(time) => Some(Value::Timestamp(*time)),
        Value::Int(seconds) => timestamp(i128::from(*seconds) * NANOSECONDS),
        Value::Text(text) => parse_timestamp(std::str::from_utf8(text).ok()?),
        _ => None,
    }),
];

/// Where `enable_string_conversion` is set.
pub const TO_STRING: &[Entry] = &[("string", Style::Function, 1, |v| match &v[0] {
    Value::Text(text) => Some(Value::Text(text.clone())),
    Value::Bytes(bytes) => std::str::from_utf8(bytes).ok().map(|_| Value::Text(bytes.clone())),
    Value::Bool(value) => Some(Value::text(if *value { "true" } else { "false" })),
    Value::Int(number) => Some(Value::owned(number.to_string())),
    Value::Uint(number) => Some(Value::owned(number.to_string())),
    Value::Double(number) => Some(Value::owned(shortest(*number))),
    Value::Duration(span) => Some(Value::owned(json_duration(*span))),
    Value::Timestamp(time) => Some(Value::owned(json_timestamp(*time))),
    _ => None,
})];

/// A number with white space around it.
fn parsed<T: std::str::FromStr>(text: &[u8]) -> Option<T> {
    std::str::from_utf8(text.trim_ascii()).ok()?.parse().ok()
}
