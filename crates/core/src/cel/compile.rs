//! Making a program of the nodes that the main thread sends.

use super::attributes::Group;
use super::evaluate::{At, Constant, Node, Program};
use super::functions::{self, Allowed};
use crate::compile::{At as _, CompileError, Result};
use crate::headers::HeaderName;
use crate::matcher::small_regex;
use crate::proto::expression_node::{Call, Kind, Select};
use crate::proto::{self};

/// How deep nodes may lie: evaluating recurses.
const DEEPEST: usize = 64;

const TYPES: &[&str] =
    &["bool", "bytes", "double", "int", "list", "map", "null_type", "string", "type", "uint"];

impl Program {
    /// # Errors
    /// A function that does not exist, a constant that cannot be, or nodes that are no tree.
    pub fn compile(message: &proto::Expression) -> Result<Self> {
        let mut builder = Builder {
            nodes: Vec::with_capacity(message.nodes.len()),
            depths: Vec::new(),
            used: vec![false; message.nodes.len()],
            allowed: Allowed {
                string_conversion: message.string_conversion,
                string_concat: message.string_concat,
                string_functions: message.string_functions,
            },
        };
        for (at, node) in message.nodes.iter().enumerate() {
            builder.add(node).at(format_args!("nodes[{at}]"))?;
        }
        if builder.used.iter().filter(|used| !**used).count() != 1 {
            return Err(CompileError::new("Invalid empty expression"));
        }
        Ok(Self { nodes: builder.nodes.into() })
    }
}

struct Builder {
    nodes: Vec<Node>,
    depths: Vec<usize>,
    /// Another node refers to it.
    used: Vec<bool>,
    allowed: Allowed,
}

impl Builder {
    fn add(&mut self, message: &proto::ExpressionNode) -> Result<()> {
        let kind = message.kind.as_ref();
        let kind = kind.ok_or_else(|| CompileError::new("Invalid empty expression"))?;
        let parts = self.parts(kind)?;
        let depth = 1 + parts.iter().map(|at| self.depths[*at]).max().unwrap_or(0);
        if depth > DEEPEST {
            return Err(CompileError::new(format!(
                "an expression is at most {DEEPEST} levels deep"
            )));
        }
        let node = self.node(kind, parts)?;
        self.nodes.push(node);
        self.depths.push(depth);
        Ok(())
    }

    /// The places of the nodes that this one is made of: before it, and of no other.
    fn parts(&mut self, kind: &Kind) -> Result<Vec<At>> {
        let numbers: &[u32] = match kind {
            Kind::Select(select) => &[select.operand],
            Kind::Call(call) => &call.arguments,
            Kind::List(list) => &list.items,
            Kind::Map(map) => &map.items,
            _ => &[],
        };
        numbers
            .iter()
            .map(|number| {
                let at = *number as usize;
                if at >= self.nodes.len() || std::mem::replace(&mut self.used[at], true) {
                    return Err(CompileError::new(format!(
                        "it refers to node {at}, which is not its own"
                    )));
                }
                Ok(at)
            })
            .collect()
    }

    fn node(&self, kind: &Kind, parts: Vec<At>) -> Result<Node> {
        let constant = |constant: Constant| Ok(Node::Constant(constant));
        match kind {
            Kind::Null(_) => constant(Constant::Null),
            Kind::Boolean(value) => constant(Constant::Bool(*value)),
            Kind::Integer(number) => constant(Constant::Int(*number)),
            Kind::Unsigned(number) => constant(Constant::Uint(*number)),
            Kind::Double(number) => constant(Constant::Double(*number)),
            Kind::Text(text) => constant(Constant::Text(text.as_bytes().into())),
            Kind::Data(bytes) => constant(Constant::Bytes(bytes.as_slice().into())),
            Kind::DurationNs(nanoseconds) => constant(Constant::Duration((*nanoseconds).into())),
            Kind::TimestampNs(nanoseconds) => constant(Constant::Timestamp((*nanoseconds).into())),
            Kind::Json(json) => match serde_json::from_str(json) {
                Ok(value) => constant(Constant::Json(value)),
                Err(error) => Err(CompileError::new(format!("{json:?} is not JSON: {error}"))),
            },
            Kind::Name(name) => Ok(named(name)),
            Kind::Select(select) => Ok(self.select(select)),
            Kind::Call(call) => self.call(call, parts),
            Kind::List(_) => Ok(Node::List(parts.into())),
            Kind::Map(_) if parts.len() % 2 == 1 => {
                Err(CompileError::new("a key of a map has no value"))
            }
            Kind::Map(_) => Ok(Node::Map(parts.into())),
        }
    }

    /// What is known of the operand decides what is looked up with the configuration.
    fn select(&self, select: &Select) -> Node {
        let (operand, field) = (select.operand as usize, select.field.as_str());
        match (self.attribute(operand, field), select.presence) {
            (Some(found), false) => found,
            (Some(found), true) => Node::Present(Box::new(found)),
            (None, false) => Node::Select(operand, field.into()),
            (None, true) => Node::HasField(operand, field.into()),
        }
    }

    fn attribute(&self, operand: At, field: &str) -> Option<Node> {
        match &self.nodes[operand] {
            Node::Group(group) => Some(match (group.headers(field), group.find(field)) {
                (Some(of), _) => Node::Headers(of),
                (None, Some(attribute)) => Node::Attribute(attribute),
                (None, None) => Node::Unknown,
            }),
            Node::Headers(of) => Some(Node::Header(*of, HeaderName::new(field))),
            _ => None,
        }
    }

    fn call(&self, call: &Call, parts: Vec<At>) -> Result<Node> {
        match (call.function.as_str(), &parts[..]) {
            ("_&&_", &[left, right]) => return Ok(Node::And(left, right)),
            ("_||_", &[left, right]) => return Ok(Node::Or(left, right)),
            ("_==_", &[left, right]) => return Ok(Node::Equal(left, right)),
            ("_!=_", &[left, right]) => return Ok(Node::NotEqual(left, right)),
            ("_?_:_", &[condition, first, second]) => {
                return Ok(Node::Choice(condition, first, second))
            }
            ("_[_]", &[operand, key]) => return Ok(self.index(operand, key)),
            ("matches", &[text, pattern]) => {
                if let Some(pattern) = self.text(pattern) {
                    return Ok(Node::Matches(text, small_regex(pattern)?));
                }
            }
            (_, &[_, zone]) if functions::takes_zone(&call.function) => {
                functions::check_zone(self.text(zone))?;
            }
            _ => {}
        }
        let function = functions::find(&call.function, parts.len(), call.method, self.allowed)?;
        Ok(Node::Call(function, parts.into()))
    }

    fn index(&self, operand: At, key: At) -> Node {
        let found = self.text(key).and_then(|field| self.attribute(operand, field));
        found.unwrap_or(Node::Index(operand, key))
    }

    /// The text that a node always is.
    fn text(&self, at: At) -> Option<&str> {
        match &self.nodes[at] {
            Node::Constant(Constant::Text(text)) => std::str::from_utf8(text).ok(),
            _ => None,
        }
    }
}

fn named(name: &str) -> Node {
    if let Some(group) = Group::named(name) {
        return Node::Group(group);
    }
    match name {
        "metadata" => Node::Metadata,
        "filter_state" => Node::FilterState,
        "upstream_filter_state" => Node::UpstreamFilterState,
        _ => match TYPES.iter().find(|known| **known == name) {
            Some(known) => Node::Constant(Constant::Type(known)),
            None => Node::Unknown,
        },
    }
}
