//! A JSON object whose names are unique, as those of tokens and keys must be (RFC 7515 section 4, RFC 7519 section 4).

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde_json::{Map, Value};

/// The members of the object that `text` is; None: it is none.
pub fn read_object(text: &[u8]) -> Option<Map<String, Value>> {
    serde_json::from_slice::<Object>(text).ok().map(|object| object.0)
}

struct Object(Map<String, Value>);

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(Members)
    }
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Object;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Object, A::Error> {
        let mut members = Map::new();
        while let Some((name, value)) = access.next_entry::<String, Value>()? {
            if members.insert(name, value).is_some() {
                return Err(A::Error::custom("a name that is there twice"));
            }
        }
        Ok(Object(members))
    }
}

#[cfg(test)]
mod tests {
    use super::read_object;

    #[test]
    fn names_are_unique() {
        assert_eq!(read_object(br#" {"a": 1, "b": {"a": 2}} "#).map(|all| all.len()), Some(2));
        for text in ["", "[]", "null", r#"{"a": 1, "a": 1}"#, r#"{"a": 1} x"#, "{'a': 1}"] {
            assert_eq!(read_object(text.as_bytes()), None, "{text}");
        }
    }
}
