//! Evaluating a program.
//!
//! An error, also that of an attribute that is not there, is no value. It spreads, except through what the other side
//! of `&&` or `||` decides alone.

use std::rc::Rc;

use regex::bytes::Regex;
use smallvec::SmallVec;

use super::attributes::{Attribute, Group, HeadersOf};
use super::compare::equal;
use super::container::{header, List, Map};
use super::functions::Function;
use super::message::Message;
use super::value::Value;
use crate::formatter::FormatContext;
use crate::headers::HeaderName;

/// An expression, immutable, shared by all workers.
pub struct Program {
    /// Each after those it refers to; the last is the whole.
    pub(super) nodes: Box<[Node]>,
}

/// The place of a node.
pub(super) type At = usize;

pub(super) enum Node {
    Constant(Constant),
    Group(Group),
    Metadata,
    FilterState,
    UpstreamFilterState,
    /// A name that stands for nothing.
    Unknown,
    Attribute(Attribute),
    Headers(HeadersOf),
    Header(HeadersOf, HeaderName),
    /// Whether there is what another node asks for.
    Present(Box<Node>),
    Select(At, Box<str>),
    HasField(At, Box<str>),
    Index(At, At),
    And(At, At),
    Or(At, At),
    Choice(At, At, At),
    Equal(At, At),
    NotEqual(At, At),
    Matches(At, Regex),
    Call(Function, Box<[At]>),
    List(Box<[At]>),
    /// Keys and values in turn.
    Map(Box<[At]>),
}

pub(super) enum Constant {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Double(f64),
    Text(Box<[u8]>),
    Bytes(Box<[u8]>),
    Duration(i128),
    Timestamp(i128),
    Type(&'static str),
    Json(serde_json::Value),
}

impl Constant {
    fn value(&self) -> Value<'_> {
        match self {
            Self::Null => Value::Null,
            Self::Bool(value) => Value::Bool(*value),
            Self::Int(number) => Value::Int(*number),
            Self::Uint(number) => Value::Uint(*number),
            Self::Double(number) => Value::Double(*number),
            Self::Text(text) => Value::Text((&**text).into()),
            Self::Bytes(bytes) => Value::Bytes((&**bytes).into()),
            Self::Duration(nanoseconds) => Value::Duration(*nanoseconds),
            Self::Timestamp(nanoseconds) => Value::Timestamp(*nanoseconds),
            Self::Type(name) => Value::Type(name),
            Self::Json(value) => Value::of_json(value),
        }
    }
}

impl Program {
    /// The value of the expression; none when it has an error.
    pub fn evaluate<'a>(&'a self, context: &FormatContext<'a>) -> Option<Value<'a>> {
        self.value(self.nodes.len().checked_sub(1)?, context)
    }

    /// The expression is true, and neither an error nor anything else.
    pub fn holds(&self, context: &FormatContext<'_>) -> bool {
        matches!(self.evaluate(context), Some(Value::Bool(true)))
    }

    fn value<'a>(&'a self, at: At, context: &FormatContext<'a>) -> Option<Value<'a>> {
        self.node(&self.nodes[at], context)
    }

    fn node<'a>(&'a self, node: &'a Node, context: &FormatContext<'a>) -> Option<Value<'a>> {
        match node {
            Node::Constant(constant) => Some(constant.value()),
            Node::Group(group) => Some(Value::Map(Map::Attributes(*group, *context))),
            Node::Metadata => {
                let all = context.info.dynamic_metadata.as_deref();
                Some(Value::Message(Message::Metadata(all)))
            }
            Node::FilterState => Some(Value::Map(Map::FilterState(*context))),
            // What goes along to internal listeners is not among it: a map that nothing is in.
            Node::UpstreamFilterState => {
                context.info.upstream.connection_id.map(|_| Value::Map(Map::Json(None)))
            }
            Node::Unknown => None,
            Node::Attribute(attribute) => attribute.value(context),
            Node::Headers(of) => Some(Value::Map(Map::Headers(of.find(context)))),
            Node::Header(of, name) => header(of.find(context)?, name),
            Node::Present(inner) => Some(Value::Bool(self.node(inner, context).is_some())),
            Node::Select(operand, field) => select(&self.value(*operand, context)?, field),
            Node::HasField(operand, field) => {
                has_field(&self.value(*operand, context)?, field).map(Value::Bool)
            }
            Node::Index(operand, key) => {
                index(&self.value(*operand, context)?, &self.value(*key, context)?)
            }
            Node::And(left, right) => self.decided(false, *left, *right, context),
            Node::Or(left, right) => self.decided(true, *left, *right, context),
            Node::Choice(condition, first, second) => {
                match self.value(*condition, context)?.as_bool()? {
                    true => self.value(*first, context),
                    false => self.value(*second, context),
                }
            }
            Node::Equal(left, right) => self.are_equal(*left, *right, context).map(Value::Bool),
            Node::NotEqual(left, right) => {
                self.are_equal(*left, *right, context).map(|equal| Value::Bool(!equal))
            }
            Node::Matches(text, regex) => {
                Some(Value::Bool(regex.is_match(self.value(*text, context)?.as_text()?)))
            }
            Node::Call(function, arguments) => {
                let values = self.values(arguments, context)?;
                function(&values)
            }
            Node::List(items) => {
                Some(Value::List(List::Own(self.values(items, context)?.into_vec().into())))
            }
            Node::Map(items) => self.map(items, context),
        }
    }

    /// `&&` and `||`: one side that is `decisive` is enough.
    fn decided<'a>(
        &'a self,
        decisive: bool,
        left: At,
        right: At,
        context: &FormatContext<'a>,
    ) -> Option<Value<'a>> {
        let side = |at: At| self.value(at, context).and_then(|value| value.as_bool());
        let left = side(left);
        if left == Some(decisive) {
            return Some(Value::Bool(decisive));
        }
        match (left, side(right)) {
            (_, Some(right)) if right == decisive => Some(Value::Bool(decisive)),
            (Some(_), Some(_)) => Some(Value::Bool(!decisive)),
            _ => None,
        }
    }

    fn are_equal<'a>(&'a self, left: At, right: At, context: &FormatContext<'a>) -> Option<bool> {
        Some(equal(&self.value(left, context)?, &self.value(right, context)?))
    }

    fn values<'a>(
        &'a self,
        places: &'a [At],
        context: &FormatContext<'a>,
    ) -> Option<SmallVec<[Value<'a>; 3]>> {
        places.iter().map(|at| self.value(*at, context)).collect()
    }

    /// A key has one of the types that keys have, and is there once.
    fn map<'a>(&'a self, items: &'a [At], context: &FormatContext<'a>) -> Option<Value<'a>> {
        let mut entries: Vec<(Value<'a>, Value<'a>)> = Vec::with_capacity(items.len() / 2);
        for pair in items.chunks_exact(2) {
            let (key, value) = (self.value(pair[0], context)?, self.value(pair[1], context)?);
            let is_key =
                matches!(key, Value::Bool(_) | Value::Int(_) | Value::Uint(_) | Value::Text(_));
            let same_type = |known: &Value<'_>| known.type_name() == key.type_name();
            if !is_key || entries.iter().any(|(known, _)| same_type(known) && equal(known, &key)) {
                return None;
            }
            entries.push((key, value));
        }
        Some(Value::Map(Map::Own(Rc::from(entries))))
    }
}

fn select<'a>(operand: &Value<'a>, field: &str) -> Option<Value<'a>> {
    match operand {
        Value::Map(map) => map.get(&Value::text(field)),
        Value::Message(message) => message.field(field),
        _ => None,
    }
}

fn has_field(operand: &Value<'_>, field: &str) -> Option<bool> {
    match operand {
        Value::Map(map) => Some(map.get(&Value::text(field)).is_some()),
        Value::Message(message) => message.has_field(field),
        _ => None,
    }
}

fn index<'a>(operand: &Value<'a>, key: &Value<'_>) -> Option<Value<'a>> {
    match operand {
        Value::Map(map) => map.get(key),
        Value::List(list) => {
            let place = match key {
                Value::Int(number) => usize::try_from(*number).ok()?,
                Value::Uint(number) => usize::try_from(*number).ok()?,
                Value::Double(number) if number.fract() == 0.0 && *number >= 0.0 => {
                    *number as usize
                }
                _ => return None,
            };
            list.get(place)
        }
        _ => None,
    }
}
