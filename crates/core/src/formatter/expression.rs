//! CEL and TYPED_CEL: the value of an expression, as a text or with its type.
//! <https://www.envoyproxy.io/docs/envoy/latest/api-v3/extensions/formatter/cel/v3/cel.proto>

use super::{json, FormatContext, Rendered};
use crate::cel::{print, to_json, Program};
use crate::compile::{At, Result};
use crate::proto;

pub struct Expression {
    program: Program,
    typed: bool,
}

impl Expression {
    /// # Errors
    /// The expression cannot be taken.
    pub fn compile(command: &str, message: &proto::Expression) -> Result<Self> {
        let program = Program::compile(message).at(command)?;
        Ok(Self { program, typed: command == "TYPED_CEL" })
    }

    pub fn render(&self, context: &FormatContext<'_>, out: &mut Vec<u8>) -> Rendered {
        let Some(value) = self.program.evaluate(context) else { return Rendered::Absent };
        print(&value, out);
        Rendered::Text
    }

    /// The same where it stands alone in JSON: TYPED_CEL keeps the type.
    pub fn render_alone(&self, context: &FormatContext<'_>, out: &mut Vec<u8>) -> Rendered {
        if !self.typed {
            return self.render(context, out);
        }
        let value = self.program.evaluate(context);
        json::render_value(value.and_then(|value| to_json(&value)).as_ref(), out)
    }
}
