//! What a service decides.

use serde_json::{Map, Value};

use super::changes::Changes;
use crate::headers::{is_valid_name, is_valid_value, HeaderName, Headers};

/// A header with its value.
#[derive(Debug)]
pub struct Field {
    pub name: HeaderName,
    pub value: Box<[u8]>,
}

impl Field {
    pub fn new(name: &str, value: &[u8]) -> Self {
        Self { name: HeaderName::new(name), value: value.into() }
    }

    /// It may stand in a response.
    pub fn is_valid(&self) -> bool {
        is_valid_name(self.name.as_bytes()) && is_valid_value(&self.value)
    }
}

/// What the client gets in place of a response.
#[derive(Debug, Default)]
pub struct LocalReply {
    pub status: Option<u16>,
    pub fields: Vec<Field>,
    pub body: Vec<u8>,
}

impl LocalReply {
    pub fn new(status: i32, fields: Vec<Field>, body: Vec<u8>) -> Self {
        let mut fields = fields;
        fields.retain(|field| !field.name.as_bytes().starts_with(b":"));
        Self { status: u16::try_from(status).ok().filter(|&status| status > 0), fields, body }
    }

    /// A response can be like this.
    pub fn is_well_formed(&self) -> bool {
        self.status.is_none_or(|status| (200..600).contains(&status))
            && self.fields.iter().all(Field::is_valid)
    }

    pub fn leave_out_malformed(&mut self) {
        self.status = self.status.filter(|status| (200..600).contains(status));
        self.fields.retain(Field::is_valid);
    }

    pub fn headers(&self) -> Headers {
        let mut headers = Headers::new();
        self.fields.iter().for_each(|field| headers.append(&field.name, &field.value));
        headers
    }
}

#[derive(Debug)]
pub enum Verdict {
    Allowed(Box<Changes>),
    Denied(LocalReply),
    /// The service has not decided.
    Failed(LocalReply),
}

/// A verdict, and the dynamic metadata that comes with it.
#[derive(Debug)]
pub struct Decision {
    pub verdict: Verdict,
    pub metadata: Map<String, Value>,
}

impl Default for Decision {
    fn default() -> Self {
        Self { verdict: Verdict::Failed(LocalReply::default()), metadata: Map::new() }
    }
}
