//! What can be asked of texts, lists and maps.

use super::{Entry, Style};
use crate::cel::compare::equal;
use crate::cel::value::Value;
use crate::matcher::small_regex;

pub const FUNCTIONS: &[Entry] = &[
    ("size", Style::Both, 1, |v| {
        let size = match &v[0] {
            Value::Text(text) => std::str::from_utf8(text).ok()?.chars().count(),
            Value::Bytes(bytes) => bytes.len(),
            Value::List(list) => list.len(),
            Value::Map(map) => map.len(),
            _ => return None,
        };
        Some(Value::Int(size as i64))
    }),
    ("@in", Style::Function, 2, |v| is_in(&v[0], &v[1])),
    // As older syntax trees have it.
    ("_in_", Style::Function, 2, |v| is_in(&v[0], &v[1])),
    ("in", Style::Function, 2, |v| is_in(&v[0], &v[1])),
    ("startsWith", Style::Both, 2, |v| texts(v, <[u8]>::starts_with)),
    ("endsWith", Style::Both, 2, |v| texts(v, <[u8]>::ends_with)),
    ("contains", Style::Both, 2, |v| {
        texts(v, |text, part| memchr::memmem::find(text, part).is_some())
    }),
    ("matches", Style::Both, 2, |v| {
        let (text, pattern) = (v[0].as_text()?, std::str::from_utf8(v[1].as_text()?).ok()?);
        Some(Value::Bool(small_regex(pattern).ok()?.is_match(text)))
    }),
];

fn is_in<'a>(item: &Value<'_>, of: &Value<'_>) -> Option<Value<'a>> {
    match of {
        Value::List(list) => Some(Value::Bool(list.iter().any(|known| equal(&known, item)))),
        Value::Map(map) => Some(Value::Bool(map.get(item).is_some())),
        _ => None,
    }
}

fn texts<'a>(values: &[Value<'_>], holds: fn(&[u8], &[u8]) -> bool) -> Option<Value<'a>> {
    Some(Value::Bool(holds(values[0].as_text()?, values[1].as_text()?)))
}
