//! Numbers, durations and times. A number that leaves the range of its type is an error; times and durations go on
//! beyond the ranges in which they can be read, as in Envoy.

use std::borrow::Cow;
use std::cmp::Ordering;

use super::{Entry, Style};
use crate::cel::compare::order;
use crate::cel::value::{Value, LONGEST};

pub const FUNCTIONS: &[Entry] = &[
    ("_+_", Style::Function, 2, |v| add(&v[0], &v[1])),
    ("_-_", Style::Function, 2, |v| subtract(&v[0], &v[1])),
    ("_*_", Style::Function, 2, |v| match (&v[0], &v[1]) {
        (Value::Int(left), Value::Int(right)) => left.checked_mul(*right).map(Value::Int),
        (Value::Uint(left), Value::Uint(right)) => left.checked_mul(*right).map(Value::Uint),
        (Value::Double(left), Value::Double(right)) => Some(Value::Double(left * right)),
        _ => None,
    }),
    ("_/_", Style::Function, 2, |v| match (&v[0], &v[1]) {
        (Value::Int(left), Value::Int(right)) => left.checked_div(*right).map(Value::Int),
        (Value::Uint(left), Value::Uint(right)) => left.checked_div(*right).map(Value::Uint),
        (Value::Double(left), Value::Double(right)) => Some(Value::Double(left / right)),
        _ => None,
    }),
    ("_%_", Style::Function, 2, |v| match (&v[0], &v[1]) {
        (Value::Int(left), Value::Int(right)) => left.checked_rem(*right).map(Value::Int),
        (Value::Uint(left), Value::Uint(right)) => left.checked_rem(*right).map(Value::Uint),
        _ => None,
    }),
    ("-_", Style::Function, 1, |v| match &v[0] {
        Value::Int(number) => number.checked_neg().map(Value::Int),
        Value::Double(number) => Some(Value::Double(-number)),
        _ => None,
    }),
    ("!_", Style::Function, 1, |v| v[0].as_bool().map(|value| Value::Bool(!value))),
    ("_<_", Style::Function, 2, |v| ordered(v, |order| order == Ordering::Less)),
    ("_<=_", Style::Function, 2, |v| ordered(v, |order| order != Ordering::Greater)),
    ("_>_", Style::Function, 2, |v| ordered(v, |order| order == Ordering::Greater)),
    ("_>=_", Style::Function, 2, |v| ordered(v, |order| order != Ordering::Less)),
];

/// `+` where it joins texts, too.
pub const CONCATENATING: &[Entry] = &[("_+_", Style::Function, 2, |v| match (&v[0], &v[1]) {
    (Value::Text(left), Value::Text(right)) => joined(left, right).map(Value::Text),
    (Value::Bytes(left), Value::Bytes(right)) => joined(left, right).map(Value::Bytes),
    (left, right) => add(left, right),
})];

fn add<'a>(left: &Value<'_>, right: &Value<'_>) -> Option<Value<'a>> {
    match (left, right) {
        (Value::Int(left), Value::Int(right)) => left.checked_add(*right).map(Value::Int),
        (Value::Uint(left), Value::Uint(right)) => left.checked_add(*right).map(Value::Uint),
        (Value::Double(left), Value::Double(right)) => Some(Value::Double(left + right)),
        (Value::Duration(left), Value::Duration(right)) => Some(Value::Duration(left + right)),
        (Value::Timestamp(time), Value::Duration(span))
        | (Value::Duration(span), Value::Timestamp(time)) => Some(Value::Timestamp(time + span)),
        _ => None,
    }
}

fn subtract<'a>(left: &Value<'_>, right: &Value<'_>) -> Option<Value<'a>> {
    match (left, right) {
        (Value::Int(left), Value::Int(right)) => left.checked_sub(*right).map(Value::Int),
        (Value::Uint(left), Value::Uint(right)) => left.checked_sub(*right).map(Value::Uint),
        (Value::Double(left), Value::Double(right)) => Some(Value::Double(left - right)),
        (Value::Duration(left), Value::Duration(right))
        | (Value::Timestamp(left), Value::Timestamp(right)) => Some(Value::Duration(left - right)),
        (Value::Timestamp(time), Value::Duration(span)) => Some(Value::Timestamp(time - span)),
        _ => None,
    }
}

/// NaN is in no order, which is no error.
fn ordered<'a>(values: &[Value<'_>], holds: fn(Ordering) -> bool) -> Option<Value<'a>> {
    let is_number =
        |value: &Value<'_>| matches!(value, Value::Int(_) | Value::Uint(_) | Value::Double(_));
    match order(&values[0], &values[1]) {
        Some(order) => Some(Value::Bool(holds(order))),
        None => values.iter().all(is_number).then_some(Value::Bool(false)),
    }
}

fn joined<'a>(left: &[u8], right: &[u8]) -> Option<Cow<'a, [u8]>> {
    (left.len() + right.len() <= LONGEST).then(|| [left, right].concat().into())
}
