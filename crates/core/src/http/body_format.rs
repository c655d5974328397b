//! Bodies of the proxy's own answers that a format makes (`envoy.config.core.v3.SubstitutionFormatString`).

use crate::compile::{At, CompileError, Result};
use crate::formatter::{FormatContext, Formatter, JsonFormatter};
use crate::proto;

/// A compiled body format with its content type.
pub struct BodyFormat {
    kind: Kind,
    content_type: Box<[u8]>,
}

enum Kind {
    Text(Formatter),
    Json(JsonFormatter),
}

impl BodyFormat {
    /// Fails when a command of the format is not valid or there is no format.
    pub fn compile(message: &proto::BodyFormat) -> Result<Self> {
        use proto::body_format::Kind as Format;
        let (kind, usual) = match &message.kind {
            Some(Format::Text(text)) => {
                (Kind::Text(Formatter::compile(text).at("body_format")?), "text/plain")
            }
            Some(Format::Json(json)) => {
                (Kind::Json(JsonFormatter::compile(json).at("body_format")?), "application/json")
            }
            None => return Err(CompileError::new("the body format is empty")),
        };
        let content_type = match message.content_type.as_str() {
            "" => usual,
            content_type => content_type,
        };
        Ok(Self { kind, content_type: content_type.as_bytes().into() })
    }

    /// The body; `context` holds the one that it replaces.
    pub fn format(&self, context: &FormatContext<'_>) -> Vec<u8> {
        let mut out = Vec::new();
        match &self.kind {
            Kind::Text(formatter) => formatter.format(context, &mut out),
            Kind::Json(formatter) => formatter.format(context, &mut out),
        }
        out
    }

    pub fn content_type(&self) -> &[u8] {
        &self.content_type
    }
}
