//! Values as texts, and as JSON.

use std::borrow::Cow;
use std::fmt::Write as _;

use data_encoding::BASE64;
use serde_json::{Map as JsonMap, Value as Json};

use super::time::{civil, NANOSECONDS};
use super::value::Value;
use crate::formatter::Civil;

/// Appends a value as `%CEL()%` writes it.
pub fn print(value: &Value<'_>, out: &mut Vec<u8>) {
    let text: Cow<'_, str> = match value {
        Value::Text(bytes) | Value::Bytes(bytes) => return out.extend_from_slice(bytes),
        Value::Null => "NULL".into(),
        Value::Bool(value) => if *value { "true" } else { "false" }.into(),
        Value::Int(number) => {
            return out.extend_from_slice(itoa::Buffer::new().format(*number).as_bytes())
        }
        Value::Uint(number) => number.to_string().into(),
        Value::Double(number) => six_digits(*number).into(),
        Value::Duration(span) => duration(*span).into(),
        Value::Timestamp(time) => timestamp(*time).into(),
        Value::List(_) => "CelList value".into(),
        Value::Map(_) => "CelMap value".into(),
        Value::Type(_) => "CelType value".into(),
        Value::Message(_) => to_json(value).map(|json| json.to_string()).unwrap_or_default().into(),
    };
    out.extend_from_slice(text.as_bytes());
}

/// A value as `%TYPED_CEL()%` tells it; none for what is no JSON.
pub fn to_json(value: &Value<'_>) -> Option<Json> {
    Some(match value {
        Value::Null => Json::Null,
        Value::Bool(value) => Json::Bool(*value),
        Value::Int(number) => Json::from(*number),
        Value::Uint(number) => Json::from(*number),
        Value::Double(number) => Json::from(*number),
        Value::Text(text) => Json::from(String::from_utf8_lossy(text)),
        Value::Bytes(bytes) => Json::from(BASE64.encode(bytes)),
        Value::Duration(span) => Json::from(json_duration(*span)),
        Value::Timestamp(time) => Json::from(json_timestamp(*time)),
        Value::List(list) => {
            Json::Array(list.iter().map(|item| to_json(&item)).collect::<Option<_>>()?)
        }
        Value::Map(map) => {
            let member =
                |(key, value): (Value<'_>, Value<'_>)| Some((name(&key)?, to_json(&value)?));
            Json::Object(map.entries()?.into_iter().map(member).collect::<Option<JsonMap<_, _>>>()?)
        }
        Value::Message(message) => {
            let members =
                message.fields().map(|(name, value)| Some((name.to_owned(), to_json(&value)?)));
            Json::Object(members.collect::<Option<JsonMap<_, _>>>()?)
        }
        Value::Type(_) => return None,
    })
}

/// A key as the name of a member.
fn name(key: &Value<'_>) -> Option<String> {
    match key {
        Value::Text(text) => Some(String::from_utf8_lossy(text).into_owned()),
        Value::Int(number) => Some(number.to_string()),
        Value::Uint(number) => Some(number.to_string()),
        _ => None,
    }
}

/// A number with at most six digits, as `%g` of C writes it.
fn six_digits(number: f64) -> String {
    general(number, &format!("{number:.5e}"))
}

/// A number with as few digits as tell it from others.
pub fn shortest(number: f64) -> String {
    general(number, &format!("{number:e}"))
}

/// Of a number in scientific form: plain unless it is very small or has more than six digits before its point.
fn general(number: f64, scientific: &str) -> String {
    if !number.is_finite() {
        let words = if number.is_nan() { "nan" } else { "inf" };
        return format!("{}{words}", if number < 0.0 { "-" } else { "" });
    }
    let (digits, exponent) = scientific.split_once('e').unwrap_or((scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let digits = match digits.contains('.') {
        true => digits.trim_end_matches('0').trim_end_matches('.'),
        false => digits,
    };
    if (-4..6).contains(&exponent) {
        let count = digits.bytes().filter(u8::is_ascii_digit).count() as i32;
        return format!("{number:.*}", (count - 1 - exponent).max(0) as usize);
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}

/// `1h2m3.5s`, or below a second `201.223us`.
fn duration(span: i128) -> String {
    let mut text = String::from(if span < 0 { "-" } else { "" });
    let span = span.unsigned_abs();
    let second = NANOSECONDS as u128;
    if span == 0 {
        return "0".to_owned();
    }
    if span < second {
        let (unit, name) = match span {
            1_000_000.. => (1_000_000, "ms"),
            1_000.. => (1_000, "us"),
            _ => (1, "ns"),
        };
        push_decimal(span, unit, &mut text);
        return text + name;
    }
    for (unit, name) in [(3600 * second, 'h'), (60 * second, 'm')] {
        let count = span / unit % if name == 'm' { 60 } else { u128::MAX };
        if count > 0 {
            // Writing to a String cannot fail.
            _ = write!(text, "{count}{name}");
        }
    }
    let rest = span % (60 * second);
    if rest > 0 {
        push_decimal(rest, second, &mut text);
        text.push('s');
    }
    text
}

/// So many units with what is left of them, without zeros at the end.
fn push_decimal(number: u128, unit: u128, text: &mut String) {
    let width = unit.ilog10() as usize;
    let decimal = match width {
        0 => number.to_string(),
        _ => format!("{}.{:0width$}", number / unit, number % unit),
    };
    let short = if width == 0 { &decimal } else { decimal.trim_end_matches('0') };
    text.push_str(short.trim_end_matches('.'));
}

/// `2020-01-02T03:04:05.678+00:00`.
fn timestamp(time: i128) -> String {
    let civil = civil(time, 0);
    let mut text = format!("{}-{}", civil.year, within_year(&civil));
    if civil.nanos > 0 {
        text.push_str(format!(".{:09}", civil.nanos).trim_end_matches('0'));
    }
    text + "+00:00"
}

/// `01-02T03:04:05`.
fn within_year(it: &Civil) -> String {
    format!("{:02}-{:02}T{:02}:{:02}:{:02}", it.month, it.day, it.hour, it.minute, it.second)
}

/// As JSON of protobuf has it: `1.500s`, with as many groups of three digits as there need to be.
pub fn json_duration(span: i128) -> String {
    let sign = if span < 0 { "-" } else { "" };
    let span = span.unsigned_abs();
    let second = NANOSECONDS as u128;
    format!("{sign}{}{}s", span / second, groups((span % second) as u32))
}

/// The same of a time: `2020-01-02T03:04:05.678Z`.
pub fn json_timestamp(time: i128) -> String {
    let civil = civil(time, 0);
    format!("{:04}-{}{}Z", civil.year, within_year(&civil), groups(civil.nanos))
}

fn groups(nanos: u32) -> String {
    match nanos {
        0 => String::new(),
        nanos if nanos % 1_000_000 == 0 => format!(".{:03}", nanos / 1_000_000),
        nanos if nanos % 1_000 == 0 => format!(".{:06}", nanos / 1_000),
        nanos => format!(".{nanos:09}"),
    }
}
