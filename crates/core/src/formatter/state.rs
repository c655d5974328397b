//! FILTER_STATE(KEY:PLAIN|TYPED|FIELD:NAME).

use super::{json, FormatContext, Rendered};
use crate::compile::{CompileError, Result};

pub struct FilterState {
    key: String,
    field: Option<String>,
    plain: bool,
}

impl FilterState {
    pub fn compile(argument: &str) -> Result<Self> {
        let mut parts = argument.splitn(3, ':');
        let key = parts.next().unwrap_or("");
        let form = parts.next().unwrap_or("");
        let field = parts.next().filter(|field| !field.is_empty());
        if key.is_empty() {
            return Err(CompileError::new("the key of FILTER_STATE is missing"));
        }
        if !matches!(form, "" | "PLAIN" | "TYPED" | "FIELD") {
            return Err(CompileError::new(format!(
                "invalid FILTER_STATE option {form:?}, only PLAIN, TYPED and FIELD are allowed"
            )));
        }
        if (form == "FIELD") != field.is_some() {
            return Err(CompileError::new("FIELD of FILTER_STATE goes with the name of a field"));
        }
        Ok(Self {
            key: key.to_owned(),
            field: field.map(str::to_owned),
            plain: form == "PLAIN" || form == "FIELD",
        })
    }

    pub fn render(&self, context: &FormatContext<'_>, out: &mut Vec<u8>) -> Rendered {
        if let Some(object) = context.info.filter_objects.get(&self.key) {
            return match (&self.field, self.plain) {
                (Some(_), _) => Rendered::Absent,
                (None, true) => Rendered::text(Some(object.plain.as_bytes()), out),
                (None, false) => json::render_value(Some(&object.typed), out),
            };
        }
        if let Some((peer, has_fields)) = context.info.peers.get(&self.key) {
            return match (&self.field, self.plain) {
                (Some(field), _) => {
                    let value = peer.field(field).filter(|_| has_fields);
                    Rendered::text(value.map(str::as_bytes), out)
                }
                (None, true) => Rendered::text(Some(peer.to_text().as_bytes()), out),
                (None, false) if has_fields => json::render_value(Some(&peer.to_json()), out),
                (None, false) => json::render_value(Some(&peer.to_typed_json()), out),
            };
        }
        let state = context.info.filter_state.as_deref();
        let mut value = state.and_then(|state| state.get(&self.key));
        if let Some(field) = &self.field {
            value = value.and_then(|value| value.get(field));
        }
        let start = out.len();
        let rendered = json::render_value(value, out);
        match rendered {
            // The typed form of a text is a JSON text, with its quotes.
            Rendered::Text if !self.plain => {
                json::quote(start, out);
                Rendered::Raw
            }
            Rendered::Raw if self.plain => Rendered::Text,
            other => other,
        }
    }
}
