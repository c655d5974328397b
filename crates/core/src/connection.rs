//! What filters find out about a connection before it is served, and what they say of it.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::address::Address;
use crate::compile::{CompileError, Result};
use crate::mesh::Found;
use crate::metadata::{set, set_in};
use crate::proto;
use crate::ratelimit::Limiter;

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
    /// What of the filter state goes along to internal listeners.
    shared: Vec<Shared>,
    /// What limits the requests of this connection alone.
    pub limiter: Option<Arc<Limiter>>,
    /// Of the values in `filter_state` that hash policies may name.
    hashes: Vec<(Box<str>, u64)>,
    /// Who is at the other end, as it says itself.
    pub said: Found,
}

struct Shared {
    key: Box<str>,
    transitive: bool,
}

/// Filter state of a connection to an internal listener.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SharedObject {
    pub key: Box<str>,
    pub text: Box<str>,
    /// Of one that hash policies may name.
    hash: Option<u64>,
    /// It goes along with the next connection as well.
    pub transitive: bool,
}

/// How far filter state goes beyond its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sharing {
    None,
    Once,
    Transitive,
}

impl ConnectionState {
    /// Sets one value in the metadata of `namespace`.
    pub fn set_metadata(&mut self, namespace: &str, key: &str, value: Value) {
        set_in(&mut self.dynamic_metadata, namespace, key, value);
    }

    /// Sets all metadata of `namespace`.
    pub fn replace_metadata(&mut self, namespace: &str, fields: Map<String, Value>) {
        set(&mut self.dynamic_metadata, namespace, Value::Object(fields));
    }

    pub fn set_filter_state(&mut self, key: &str, value: Value) {
        set(&mut self.filter_state, key, value);
    }

    /// Says how far the object under `key` goes.
    pub fn share(&mut self, key: &str, sharing: Sharing) {
        self.shared.retain(|shared| *shared.key != *key);
        if sharing != Sharing::None {
            self.shared
                .push(Shared { key: key.into(), transitive: sharing == Sharing::Transitive });
        }
    }

    /// What goes along to an internal listener, in the order in which it was set.
    pub fn shared_objects(&self) -> Vec<SharedObject> {
        let object = |shared: &Shared| {
            let text = self.text(&shared.key)?.into();
            let (key, hash) = (shared.key.clone(), self.hash(&shared.key));
            Some(SharedObject { key, text, hash, transitive: shared.transitive })
        };
        self.shared.iter().filter_map(object).collect()
    }

    /// The state in which a connection with these objects begins.
    pub fn with_objects(objects: &[SharedObject]) -> Self {
        let mut state = Self::default();
        for object in objects {
            state.set_filter_state(&object.key, Value::from(&*object.text));
            state.set_hash(&object.key, object.hash);
            if object.transitive {
                state.share(&object.key, Sharing::Transitive);
            }
        }
        state
    }

    /// Says what the value under `key` hashes to, if it is one that can be hashed.
    pub fn set_hash(&mut self, key: &str, hash: Option<u64>) {
        self.hashes.retain(|(known, _)| &**known != key);
        self.hashes.extend(hash.map(|hash| (key.into(), hash)));
    }

    pub fn hash(&self, key: &str) -> Option<u64> {
        self.hashes.iter().find(|(known, _)| &**known == key).map(|(_, hash)| *hash)
    }

    /// The text under `key`.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.filter_state.as_ref()?.get(key)?.as_str()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{ConnectionState, Sharing};

    #[test]
    fn shared_objects_go_along_once_or_on_and_on() {
        let mut state = ConnectionState::default();
        for (key, sharing) in
            [("own", Sharing::None), ("once", Sharing::Once), ("ever", Sharing::Transitive)]
        {
            state.set_filter_state(key, json!("text"));
            state.share(key, sharing);
        }
        state.set_hash("ever", Some(7));
        let next = ConnectionState::with_objects(&state.shared_objects());
        assert_eq!((next.hash("ever"), next.hash("once")), (Some(7), None));
        assert_eq!(next.filter_state.as_deref(), Some(&json!({"once": "text", "ever": "text"})));
        let last = ConnectionState::with_objects(&next.shared_objects());
        assert_eq!(last.filter_state.as_deref(), Some(&json!({"ever": "text"})));
        state.share("ever", Sharing::None);
        assert_eq!(state.shared_objects().len(), 1);
    }

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
