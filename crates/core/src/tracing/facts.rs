//! Tags that tell what format strings can tell as well.

use super::span::{names, Span, Value};
use crate::compile::Result;
use crate::formatter::{operator, FormatContext, Operator, Rendered};

const PEER_ADDRESS: &str = "peer.address";
const PROTOCOL: &str = "http.protocol";

/// (tag, command)
const OF_BOTH: &[(&str, &str)] = &[
    (PROTOCOL, "PROTOCOL"),
    (names::HTTP_STATUS, "RESPONSE_CODE"),
    ("response_flags", "RESPONSE_FLAGS"),
];
const OF_REQUEST: &[(&str, &str)] = &[
    (PEER_ADDRESS, "DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT"),
    ("request_size", "BYTES_RECEIVED"),
    ("response_size", "BYTES_SENT"),
];
const OF_ATTEMPT: &[(&str, &str)] =
    &[(PEER_ADDRESS, "UPSTREAM_HOST"), (names::UPSTREAM_ADDRESS, "UPSTREAM_HOST")];

/// The tags of one kind of span.
pub struct Facts(Vec<(&'static str, Operator)>);

impl Facts {
    pub fn of_requests() -> Result<Self> {
        Self::compile(OF_REQUEST)
    }

    /// Of attempts, and of requests of the proxy's own.
    pub fn of_attempts() -> Result<Self> {
        Self::compile(OF_ATTEMPT)
    }

    fn compile(own: &[(&'static str, &str)]) -> Result<Self> {
        let all = OF_BOTH.iter().chain(own);
        all.map(|(tag, command)| Ok((*tag, operator(command, None)?)))
            .collect::<Result<_>>()
            .map(Self)
    }

    pub fn apply(&self, span: &mut Span, context: &FormatContext<'_>) {
        let mut text = Vec::new();
        for (tag, operator) in &self.0 {
            text.clear();
            match operator.render(context, &mut text) {
                // As in Envoy, which tells of no other that it is missing.
                Rendered::Absent if *tag == PROTOCOL => span.tag(*tag, "-"),
                Rendered::Absent => {}
                _ => span.tag(*tag, Value::text(&text)),
            }
        }
    }
}
