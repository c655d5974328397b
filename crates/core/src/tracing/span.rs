//! A span: one side of one request.

use std::borrow::Cow;
use std::time::SystemTime;

use super::context::SpanContext;
use crate::clock;

/// The names of tags that more than one kind of span has.
pub mod names {
    pub const CANCELED: &str = "canceled";
    pub const COMPONENT: &str = "component";
    pub const ERROR: &str = "error";
    pub const GRPC_STATUS: &str = "grpc.status_code";
    pub const HTTP_STATUS: &str = "http.status_code";
    pub const UPSTREAM_ADDRESS: &str = "upstream_address";
    pub const UPSTREAM_CLUSTER: &str = "upstream_cluster";
}

pub const PROXY: &str = "proxy";
pub const TRUE: &str = "true";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Client,
    Server,
}

/// The value of a tag.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Text(String),
    Int(i64),
    Double(f64),
    Bool(bool),
}

impl Value {
    pub fn text(bytes: &[u8]) -> Self {
        Self::Text(String::from_utf8_lossy(bytes).into_owned())
    }

    pub fn into_text(self) -> String {
        match self {
            Self::Text(text) => text,
            Self::Int(number) => number.to_string(),
            Self::Double(number) => number.to_string(),
            Self::Bool(yes) => yes.to_string(),
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

#[derive(Debug)]
pub struct Span {
    pub context: SpanContext,
    pub kind: Kind,
    /// Empty while it is not sampled.
    pub name: String,
    pub start: SystemTime,
    pub tags: Vec<(Cow<'static, str>, Value)>,
    pub events: Vec<(SystemTime, &'static str)>,
}

impl Span {
    pub fn new(context: SpanContext, kind: Kind, start: SystemTime) -> Self {
        Self { context, kind, name: String::new(), start, tags: Vec::new(), events: Vec::new() }
    }

    /// A span of this process's own within this one, for a request to somebody else.
    pub fn child(&self, random: &crate::random::Random) -> Self {
        Self::new(self.context.child(random), Kind::Client, clock::wall())
    }

    /// It is to be reported, and has no name yet.
    pub fn is_unnamed(&self) -> bool {
        self.context.sampled && self.name.is_empty()
    }

    /// Sets a tag, which has one value. Nobody reads those of a span that is not sampled.
    pub fn tag(&mut self, name: impl Into<Cow<'static, str>>, value: impl Into<Value>) {
        if !self.context.sampled {
            return;
        }
        let (name, value) = (name.into(), value.into());
        match self.tags.iter_mut().find(|(known, _)| *known == name) {
            Some((_, old)) => *old = value,
            None => self.tags.push((name, value)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::{Kind, Span, SpanContext, Value};

    #[test]
    fn a_tag_has_its_latest_value_and_only_sampled_spans_have_tags() {
        let span = |sampled| {
            let context = SpanContext { sampled, ..SpanContext::default() };
            let mut span = Span::new(context, Kind::Server, SystemTime::UNIX_EPOCH);
            span.tag("a", "1");
            span.tag("b", Value::Int(2));
            span.tag("a", "3");
            span.tags
        };
        assert_eq!(span(true), [("a".into(), "3".into()), ("b".into(), Value::Int(2))]);
        assert!(span(false).is_empty());
    }
}
