//! Which values are equal, and which comes first. Numbers of different types compare by what they stand for.

use std::cmp::Ordering;

use super::container::{List, Map};
use super::value::Value;

/// Values of different types are not equal.
pub fn equal(left: &Value<'_>, right: &Value<'_>) -> bool {
    match (left, right) {
        (Value::Null, Value::Null) => true,
        (Value::Bool(left), Value::Bool(right)) => left == right,
        (Value::Text(left), Value::Text(right)) => left == right,
        (Value::Bytes(left), Value::Bytes(right)) => left == right,
        (Value::Duration(left), Value::Duration(right)) => left == right,
        (Value::Timestamp(left), Value::Timestamp(right)) => left == right,
        (Value::Type(left), Value::Type(right)) => left == right,
        (Value::List(left), Value::List(right)) => equal_lists(left, right),
        (Value::Map(left), Value::Map(right)) => equal_maps(left, right),
        (Value::Message(left), Value::Message(right)) => {
            let fields = |it: &super::message::Message<'_>| it.fields().count();
            fields(left) == fields(right)
                && left.fields().all(|(name, value)| {
                    right.field(name).is_some_and(|other| equal(&value, &other))
                })
        }
        _ => numbers(left, right) == Some(Ordering::Equal),
    }
}

fn equal_lists(left: &List<'_>, right: &List<'_>) -> bool {
    left.len() == right.len() && left.iter().zip(right.iter()).all(|(l, r)| equal(&l, &r))
}

/// Maps that cannot be listed are empty.
fn equal_maps(left: &Map<'_>, right: &Map<'_>) -> bool {
    let found = |(key, value): (Value<'_>, Value<'_>)| {
        right.get(&key).is_some_and(|other| equal(&value, &other))
    };
    left.len() == right.len() && left.entries().unwrap_or_default().into_iter().all(found)
}

/// The order of two values; none when they have none.
pub fn order(left: &Value<'_>, right: &Value<'_>) -> Option<Ordering> {
    match (left, right) {
        (Value::Bool(left), Value::Bool(right)) => Some(left.cmp(right)),
        (Value::Text(left), Value::Text(right)) | (Value::Bytes(left), Value::Bytes(right)) => {
            Some(left.cmp(right))
        }
        (Value::Duration(left), Value::Duration(right))
        | (Value::Timestamp(left), Value::Timestamp(right)) => Some(left.cmp(right)),
        _ => numbers(left, right),
    }
}

/// Two numbers; NaN has no order.
fn numbers(left: &Value<'_>, right: &Value<'_>) -> Option<Ordering> {
    match (left, right) {
        (Value::Double(left), Value::Double(right)) => left.partial_cmp(right),
        (Value::Double(left), right) => left.partial_cmp(&(whole(right)? as f64)),
        (left, Value::Double(right)) => (whole(left)? as f64).partial_cmp(right),
        _ => Some(whole(left)?.cmp(&whole(right)?)),
    }
}

/// A number of one of the types without fractions.
fn whole(value: &Value<'_>) -> Option<i128> {
    match value {
        Value::Int(number) => Some((*number).into()),
        Value::Uint(number) => Some((*number).into()),
        _ => None,
    }
}
