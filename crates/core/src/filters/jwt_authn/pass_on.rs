//! What a verified token gives to the upstream and to other filters.

use data_encoding::BASE64;
use serde_json::{Map, Value};

use super::places::Place;
use crate::formatter::render_value;
use crate::headers::{HeaderName, Headers};
use crate::jwt::{Refusal, Token};
use crate::proto;

/// 2^64: no number from there on is written as an integer.
const INTEGERS_END: f64 = 18_446_744_073_709_551_616.0;

/// What is to be done once a request was judged, besides the changes of its head.
#[derive(Default)]
pub struct Notes {
    /// For dynamic metadata, in the order in which it is set.
    pub metadata: Vec<(String, Value)>,
    pub clears_route: bool,
    /// A header that cannot have the value that it would get.
    pub unfit_header: Option<String>,
    pub cache_hits: u64,
    pub cache_misses: u64,
}

impl Notes {
    /// Leaves word of a failure under `key`, if there is one.
    pub fn fail(&mut self, key: &str, refusal: Refusal) {
        if !key.is_empty() {
            let value = [("code", refusal.code().into()), ("message", refusal.text().into())];
            let value = value.map(|(name, value): (&str, Value)| (name.to_owned(), value));
            self.metadata.push((key.to_owned(), Map::from_iter(value).into()));
        }
    }
}

pub struct PassOn {
    payload_header: Option<HeaderName>,
    pads_payload_header: bool,
    claims: Vec<(HeaderName, Vec<String>)>,
    /// The token stays in the request.
    forward: bool,
    payload_key: String,
    header_key: String,
    space_delimited_claims: Vec<String>,
    clears_route: bool,
}

impl PassOn {
    pub fn compile(message: &proto::JwtProvider) -> Self {
        let header = &message.payload_header;
        let claim =
            |claim: &proto::JwtClaimHeader| (HeaderName::new(&claim.header), claim.path.clone());
        Self {
            payload_header: (!header.is_empty()).then(|| HeaderName::new(header)),
            pads_payload_header: message.pads_payload_header,
            claims: message.claim_headers.iter().map(claim).collect(),
            forward: message.forward,
            payload_key: message.payload_key.clone(),
            header_key: message.header_key.clone(),
            space_delimited_claims: message.space_delimited_claims.clone(),
            clears_route: message.clear_route_cache,
        }
    }

    /// The headers that nobody but this filter may set.
    pub fn headers(&self) -> impl Iterator<Item = &HeaderName> {
        self.payload_header.iter().chain(self.claims.iter().map(|(header, _)| header))
    }

    /// Changes the head of the request that the token was found in.
    pub fn apply(&self, token: &Token, place: &Place, request: &mut Headers, notes: &mut Notes) {
        if let Some(header) = &self.payload_header {
            let mut payload = token.encoded_payload().as_bytes().to_vec();
            if self.pads_payload_header {
                payload.resize(payload.len().next_multiple_of(4), b'=');
            }
            request.append(header, &payload);
        }
        let mut added = false;
        for (header, path) in &self.claims {
            let value = claim(&token.payload, path).map(text).unwrap_or_default();
            if value.iter().any(|byte| matches!(byte, 0 | b'\r' | b'\n')) {
                notes.unfit_header = Some(String::from_utf8_lossy(header.as_bytes()).into_owned());
            } else if !value.is_empty() {
                request.append(header, &value);
                added = true;
            }
        }
        if !self.forward {
            place.remove(request);
        }
        if !self.header_key.is_empty() {
            notes.metadata.push((self.header_key.clone(), token.header.clone().into()));
        }
        if !self.payload_key.is_empty() {
            notes.metadata.push((self.payload_key.clone(), self.normalized(&token.payload)));
        }
        notes.clears_route |= self.clears_route && (added || !self.payload_key.is_empty());
    }

    /// The payload with a list in place of each text that is one (RFC 8693 section 4.2).
    fn normalized(&self, payload: &Map<String, Value>) -> Value {
        let mut payload = payload.clone();
        for name in &self.space_delimited_claims {
            let Some(Value::String(text)) = payload.get(name) else { continue };
            let words: Vec<Value> =
                text.split(' ').filter(|word| !word.is_empty()).map(Value::from).collect();
            if !words.is_empty() {
                payload.insert(name.clone(), words.into());
            }
        }
        payload.into()
    }
}

fn claim<'a>(payload: &'a Map<String, Value>, path: &[String]) -> Option<&'a Value> {
    let (first, rest) = path.split_first()?;
    rest.iter().try_fold(payload.get(first)?, |value, name| value.as_object()?.get(name))
}

/// A claim as a header's value; empty for one that gives none.
fn text(claim: &Value) -> Vec<u8> {
    match claim {
        Value::Null => Vec::new(),
        Value::String(text) => text.as_bytes().to_vec(),
        Value::Bool(value) => value.to_string().into_bytes(),
        Value::Number(number) => {
            let number = number.as_f64().unwrap_or_default();
            let integer = number.fract() == 0.0 && (0.0..INTEGERS_END).contains(&number);
            match integer {
                true => format!("{}", number as u64),
                false => format!("{number:.6}"),
            }
            .into_bytes()
        }
        Value::Array(_) | Value::Object(_) => {
            let mut json = Vec::new();
            render_value(Some(claim), &mut json);
            BASE64.encode(&json).into_bytes()
        }
    }
}
