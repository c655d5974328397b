//! What filters leave for others under names: dynamic metadata, `{"filter": {...}}`, and filter state,
//! `{"key": ...}`. Neither exists before something is written.

pub mod values;

use serde_json::{Map, Value};

/// Sets the value of `key`.
pub fn set(all: &mut Option<Box<Value>>, key: &str, value: Value) {
    if let Some(all) = all.get_or_insert_with(empty).as_object_mut() {
        all.insert(key.to_owned(), value);
    }
}

/// Sets the value of `key` in `namespace`.
pub fn set_in(all: &mut Option<Box<Value>>, namespace: &str, key: &str, value: Value) {
    if let Some(inner) = space(all, namespace) {
        inner.insert(key.to_owned(), value);
    }
}

/// Sets every one of `values` in `namespace`, which exists afterwards even without any.
pub fn merge(all: &mut Option<Box<Value>>, namespace: &str, values: &Map<String, Value>) {
    if let Some(inner) = space(all, namespace) {
        inner.extend(values.iter().map(|(key, value)| (key.clone(), value.clone())));
    }
}

/// Puts `values` into `namespace`: objects join and lists grow, anything else takes the place of what was there.
pub fn update(all: &mut Option<Box<Value>>, namespace: &str, values: &Map<String, Value>) {
    if let Some(inner) = space(all, namespace) {
        join(inner, values);
    }
}

fn join(into: &mut Map<String, Value>, values: &Map<String, Value>) {
    for (key, value) in values {
        match (into.get_mut(key), value) {
            (Some(Value::Object(old)), Value::Object(new)) => join(old, new),
            (Some(Value::Array(old)), Value::Array(new)) => old.extend(new.iter().cloned()),
            _ => {
                into.insert(key.clone(), value.clone());
            }
        }
    }
}

fn space<'a>(all: &'a mut Option<Box<Value>>, name: &str) -> Option<&'a mut Map<String, Value>> {
    let all = all.get_or_insert_with(empty).as_object_mut()?;
    all.entry(name).or_insert_with(|| *empty()).as_object_mut()
}

fn empty() -> Box<Value> {
    Box::new(Value::Object(Map::new()))
}

#[cfg(test)]
mod tests {
    use serde_json::{json, Map};

    use super::{merge, set, set_in, update};

    #[test]
    fn values_join_those_that_are_there() {
        let mut all = None;
        set_in(&mut all, "ns", "a", json!(1));
        set_in(&mut all, "ns", "b", json!("two"));
        merge(&mut all, "ns", json!({"a": [2]}).as_object().unwrap());
        merge(&mut all, "empty", &Map::new());
        set(&mut all, "key", json!("old"));
        set(&mut all, "key", json!("text"));
        let wanted = json!({"ns": {"a": [2], "b": "two"}, "empty": {}, "key": "text"});
        assert_eq!(all.as_deref(), Some(&wanted));
    }

    #[test]
    fn objects_join_and_lists_grow() {
        let mut all = None;
        let put = |all: &mut _, values: serde_json::Value| {
            update(all, "ns", values.as_object().unwrap());
        };
        put(&mut all, json!({"a": 1, "l": [1], "o": {"x": 1}}));
        put(&mut all, json!({"a": [2], "l": [2], "o": {"y": 2}}));
        let wanted = json!({"ns": {"a": [2], "l": [1, 2], "o": {"x": 1, "y": 2}}});
        assert_eq!(all.as_deref(), Some(&wanted));
    }
}
