//! COALESCE({"operators": [...]}): the first operator with a value that is not empty.

use serde_json::Value;

use super::{registry, FormatContext, Operator, Rendered};
use crate::compile::{CompileError, Result};

struct Choice {
    operator: Operator,
    max_length: usize,
}

pub struct Coalesce {
    choices: Vec<Choice>,
}

impl Coalesce {
    pub fn compile(argument: &str) -> Result<Self> {
        let config: Value = serde_json::from_str(argument)
            .map_err(|error| CompileError::new(format!("COALESCE: not JSON: {error}")))?;
        let operators = config
            .get("operators")
            .and_then(Value::as_array)
            .filter(|operators| !operators.is_empty())
            .ok_or_else(|| CompileError::new("COALESCE wants an array of operators"))?;
        let choices = operators.iter().map(Choice::compile).collect::<Result<_>>()?;
        Ok(Self { choices })
    }

    pub fn render(&self, context: &FormatContext<'_>, out: &mut Vec<u8>) -> Rendered {
        let start = out.len();
        for choice in &self.choices {
            let rendered = choice.operator.render(context, out);
            out.truncate(start.saturating_add(choice.max_length));
            if rendered != Rendered::Absent && out.len() > start {
                return rendered;
            }
            out.truncate(start);
        }
        Rendered::Absent
    }
}

impl Choice {
    fn compile(value: &Value) -> Result<Self> {
        if let Some(name) = value.as_str() {
            return Ok(Self { operator: registry::operator(name, None)?, max_length: usize::MAX });
        }
        let name = value
            .get("command")
            .and_then(Value::as_str)
            .ok_or_else(|| CompileError::new("COALESCE: an operator without a command"))?;
        let argument = value.get("param").and_then(Value::as_str);
        let max_length = value
            .get("max_length")
            .and_then(Value::as_u64)
            .map_or(usize::MAX, |length| length as usize);
        Ok(Self { operator: registry::operator(name, argument)?, max_length })
    }
}
