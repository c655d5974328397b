//! What filters find out about a connection before it is served, and what they say of it.

use serde_json::{Map, Value};

use crate::address::Address;
use crate::compile::{CompileError, Result};
use crate::proto;

/// What listener filters found out about a connection.
#[derive(Default)]
pub struct Inspected {
    /// In lower case; empty when the client named none.
    pub server_name: Box<str>,
    pub application_protocols: Vec<Box<str>>,
    /// `tls`; empty when no filter has found one.
    pub transport_protocol: &'static str,
    pub ja3: Box<str>,
    pub ja4: Box<str>,
    /// The peer of the socket, where a proxy in front named another client.
    pub direct_remote: Option<Address>,
    /// The address of the socket, where another was restored.
    pub direct_local: Option<Address>,
    /// Of the PROXY protocol, those that go on to upstreams.
    pub tlvs: Vec<Tlv>,
}

/// A type and its value in the PROXY protocol, version 2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tlv {
    pub kind: u8,
    pub value: Box<[u8]>,
}

impl Tlv {
    /// # Errors
    /// The type does not fit into a byte.
    pub fn compile(message: &proto::Tlv) -> Result<Self> {
        let kind = u8::try_from(message.r#type)
            .map_err(|_| CompileError::new(format!("{} is no type of a TLV", message.r#type)))?;
        Ok(Self { kind, value: message.value.as_slice().into() })
    }
}

/// What filters say of a connection; a stream begins with a copy of it.
#[derive(Default)]
pub struct ConnectionState {
    /// {"filter": {...}}
    pub dynamic_metadata: Option<Box<Value>>,
    /// {"key": ...}
    pub filter_state: Option<Box<Value>>,
}

impl ConnectionState {
    /// Sets one value in the metadata of `namespace`.
    pub fn set_metadata(&mut self, namespace: &str, key: &str, value: Value) {
        let all = self.dynamic_metadata.get_or_insert_with(empty);
        if let Some(all) = all.as_object_mut() {
            let inner = all.entry(namespace).or_insert_with(|| *empty());
            if let Some(inner) = inner.as_object_mut() {
                inner.insert(key.to_owned(), value);
            }
        }
    }

    pub fn set_filter_state(&mut self, key: &str, value: Value) {
        let all = self.filter_state.get_or_insert_with(empty);
        if let Some(all) = all.as_object_mut() {
            all.insert(key.to_owned(), value);
        }
    }

    /// The text under `key`.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.filter_state.as_ref()?.get(key)?.as_str()
    }
}

fn empty() -> Box<Value> {
    Box::new(Value::Object(Map::new()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::ConnectionState;

    #[test]
    fn values_join_those_that_are_there() {
        let mut state = ConnectionState::default();
        state.set_metadata("ns", "a", json!(1));
        state.set_metadata("ns", "b", json!("two"));
        state.set_filter_state("key", json!("old"));
        state.set_filter_state("key", json!("text"));
        assert_eq!(state.dynamic_metadata.as_deref(), Some(&json!({"ns": {"a": 1, "b": "two"}})));
        assert_eq!(state.text("key"), Some("text"));
        assert_eq!(state.text("other"), None);
    }
}
