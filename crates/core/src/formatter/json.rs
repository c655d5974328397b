//! JSON formats: a tree whose leaves are format strings. One command alone keeps its type.

use serde_json::Value;

use super::text::push_double;
use super::{Command, FormatContext, Formatter, Operator, Piece, Rendered};
use crate::compile::{At, CompileError, Result};
use crate::proto;

enum Node {
    /// Ready JSON.
    Raw(Box<[u8]>),
    /// A command alone: its value keeps its type.
    Typed(Operation),
    /// Several pieces: one text.
    Text(Formatter),
    Object(Vec<(Box<[u8]>, Node)>),
    List(Vec<Node>),
}

struct Operation {
    command: Command,
    omit: bool,
}

/// A compiled JSON format. Each line ends with a newline.
pub struct JsonFormatter {
    root: Node,
}

impl JsonFormatter {
    /// # Errors
    /// A command that does not exist or has a wrong argument.
    pub fn compile(format: &proto::JsonFormat) -> Result<Self> {
        Ok(Self { root: Node::compile(format)? })
    }

    /// Appends the object and a newline.
    pub fn format(&self, context: &FormatContext<'_>, out: &mut Vec<u8>) {
        if !self.root.write(context, out) {
            out.extend_from_slice(b"{}");
        }
        out.push(b'\n');
    }
}

impl Node {
    fn compile(format: &proto::JsonFormat) -> Result<Self> {
        use proto::json_format::Kind;
        match &format.kind {
            Some(Kind::Format(format)) => Self::compile_leaf(format),
            Some(Kind::Object(object)) => {
                let members = object.members.iter().map(Self::compile_member);
                Ok(Self::Object(members.collect::<Result<_>>()?))
            }
            Some(Kind::List(list)) => {
                Ok(Self::List(list.items.iter().map(Self::compile).collect::<Result<_>>()?))
            }
            Some(Kind::Raw(raw)) => {
                let value: Value = serde_json::from_str(raw)
                    .map_err(|error| CompileError::new(format!("{raw:?} is not JSON: {error}")))?;
                let mut out = Vec::new();
                push_value(&value, &mut out);
                Ok(Self::Raw(out.into()))
            }
            None => Ok(Self::Raw(b"null"[..].into())),
        }
    }

    fn compile_member(member: &proto::JsonMember) -> Result<(Box<[u8]>, Self)> {
        let mut key = Vec::new();
        push_text(member.name.as_bytes(), &mut key);
        key.push(b':');
        let empty = proto::JsonFormat::default();
        let value = member.value.as_ref().unwrap_or(&empty);
        Ok((key.into(), Self::compile(value).at(&member.name)?))
    }

    fn compile_leaf(format: &proto::Format) -> Result<Self> {
        let mut formatter = Formatter::compile(format)?;
        if formatter.pieces.len() == 1 {
            match formatter.pieces.pop() {
                Some(Piece::Command(command)) => {
                    return Ok(Self::Typed(Operation { command, omit: format.omit_empty }))
                }
                Some(literal) => formatter.pieces.push(literal),
                None => {}
            }
        }
        Ok(Self::Text(formatter))
    }

    /// Appends the value. False, and nothing appended, when it is left out.
    fn write(&self, context: &FormatContext<'_>, out: &mut Vec<u8>) -> bool {
        match self {
            Self::Raw(json) => out.extend_from_slice(json),
            Self::Typed(operation) => return operation.write(context, out),
            Self::Text(formatter) => write_text(formatter, context, out),
            Self::Object(members) => return write_object(members, context, out),
            Self::List(items) => write_list(items, context, out),
        }
        true
    }

    fn omits(&self) -> bool {
        match self {
            Self::Raw(_) => false,
            Self::Typed(operation) => operation.omit,
            Self::Text(formatter) => formatter.absent.is_empty(),
            Self::Object(members) => members.iter().any(|(_, node)| node.omits()),
            Self::List(items) => items.iter().any(Self::omits),
        }
    }
}

impl Operation {
    fn write(&self, context: &FormatContext<'_>, out: &mut Vec<u8>) -> bool {
        let start = out.len();
        // Only a text is cut: half an object would not be JSON.
        let rendered = match &self.command.operator {
            Operator::Expression(expression) => expression.render_alone(context, out),
            operator => operator.render(context, out),
        };
        match rendered {
            Rendered::Raw => {}
            Rendered::Text => {
                out.truncate(start.saturating_add(self.command.max_length));
                quote(start, out);
            }
            Rendered::Absent | Rendered::Null if self.omit => return false,
            Rendered::Absent | Rendered::Null => out.extend_from_slice(b"null"),
        }
        true
    }
}

fn write_text(formatter: &Formatter, context: &FormatContext<'_>, out: &mut Vec<u8>) {
    out.push(b'"');
    for piece in &formatter.pieces {
        let start = out.len();
        match piece {
            Piece::Literal(text) => out.extend_from_slice(text),
            Piece::Command(command) => {
                if command.render(context, out) == Rendered::Absent {
                    out.extend_from_slice(formatter.absent);
                }
            }
        }
        escape_from(start, out);
    }
    out.push(b'"');
}

fn write_object(
    members: &[(Box<[u8]>, Node)],
    context: &FormatContext<'_>,
    out: &mut Vec<u8>,
) -> bool {
    let start = out.len();
    out.push(b'{');
    for (key, value) in members {
        let before = out.len();
        if before > start + 1 {
            out.push(b',');
        }
        out.extend_from_slice(key);
        if !value.write(context, out) {
            out.truncate(before);
        }
    }
    if out.len() == start + 1 && members.iter().any(|(_, value)| value.omits()) {
        out.truncate(start);
        return false;
    }
    out.push(b'}');
    true
}

fn write_list(items: &[Node], context: &FormatContext<'_>, out: &mut Vec<u8>) {
    let start = out.len();
    out.push(b'[');
    for item in items {
        let before = out.len();
        if before > start + 1 {
            out.push(b',');
        }
        if !item.write(context, out) {
            out.truncate(before);
        }
    }
    out.push(b']');
}

/// Appends a value of metadata: a text bare, anything else as JSON.
pub fn render_value(value: Option<&Value>, out: &mut Vec<u8>) -> Rendered {
    match value {
        None | Some(Value::Null) => Rendered::Absent,
        Some(Value::String(text)) => Rendered::text(Some(text.as_bytes()), out),
        Some(value) => {
            push_value(value, out);
            Rendered::Raw
        }
    }
}

/// Appends JSON as Envoy writes it: members in the order of their names, numbers as doubles.
fn push_value(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(value) => out.extend_from_slice(if *value { b"true" } else { b"false" }),
        Value::Number(number) => push_double(number.as_f64().unwrap_or(0.0), out),
        Value::String(text) => push_text(text.as_bytes(), out),
        Value::Array(items) => {
            out.push(b'[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                push_value(item, out);
            }
            out.push(b']');
        }
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_unstable_by_key(|(name, _)| *name);
            out.push(b'{');
            for (index, (name, member)) in members.into_iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                push_text(name.as_bytes(), out);
                out.push(b':');
                push_value(member, out);
            }
            out.push(b'}');
        }
    }
}

fn push_text(text: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(text);
    quote(start, out);
}

/// Makes a JSON text of the bytes from `start` on.
pub fn quote(start: usize, out: &mut Vec<u8>) {
    escape_from(start, out);
    out.push(b'"');
    out[start..].rotate_right(1);
    out.push(b'"');
}

/// Escapes the bytes from `start` on. Text that is not UTF-8 has each special byte written as \u00XX.
fn escape_from(start: usize, out: &mut Vec<u8>) {
    let special = |byte: &u8| *byte < 0x20 || *byte >= 0x7f || matches!(byte, b'"' | b'\\');
    if !out[start..].iter().any(special) {
        return;
    }
    let text = out.split_off(start);
    match std::str::from_utf8(&text) {
        Ok(_) => text.iter().for_each(|&byte| push_escaped(byte, out)),
        Err(_) => {
            for byte in text {
                match special(&byte) {
                    true => push_code(byte, out),
                    false => out.push(byte),
                }
            }
        }
    }
}

fn push_escaped(byte: u8, out: &mut Vec<u8>) {
    let short = match byte {
        b'"' => b'"',
        b'\\' => b'\\',
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        0x08 => b'b',
        0x0c => b'f',
        0..=0x1f => return push_code(byte, out),
        _ => return out.push(byte),
    };
    out.extend_from_slice(&[b'\\', short]);
}

fn push_code(byte: u8, out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let (high, low) = (DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]);
    out.extend_from_slice(&[b'\\', b'u', b'0', b'0', high, low]);
}
