//! What expressions can ask of a request or a connection: one line an attribute.
//! <https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/advanced/attributes>

mod connection;
mod request;
mod response;
mod tls;
mod upstream;
mod xds;

use std::borrow::Cow;

use tls::{Side, TlsFact};

use super::value::Value;
use crate::address::Address;
use crate::formatter::{push_address, FormatContext};
use crate::headers::Headers;

type Fact = for<'a> fn(&FormatContext<'a>) -> Option<Value<'a>>;

type Table = &'static [(&'static str, Fact)];

/// One attribute, found by its name.
#[derive(Clone, Copy)]
pub enum Attribute {
    Fact(Fact),
    Tls(Side, TlsFact),
}

impl Attribute {
    /// None where there is no such thing.
    pub fn value<'a>(&self, context: &FormatContext<'a>) -> Option<Value<'a>> {
        match self {
            Self::Fact(fact) => fact(context),
            Self::Tls(side, fact) => fact(side.tls(context)?),
        }
    }
}

/// Attributes with a name in common.
#[derive(Clone, Copy, Debug)]
pub enum Group {
    Request,
    Response,
    Connection,
    Upstream,
    Source,
    Destination,
    Xds,
}

/// Whose headers are meant.
#[derive(Clone, Copy, Debug)]
pub enum HeadersOf {
    Request,
    Response,
    Trailers,
}

const GROUPS: &[(&str, Group)] = &[
    ("request", Group::Request),
    ("response", Group::Response),
    ("connection", Group::Connection),
    ("upstream", Group::Upstream),
    ("source", Group::Source),
    ("destination", Group::Destination),
    ("xds", Group::Xds),
];

impl Group {
    pub fn named(name: &str) -> Option<Self> {
        GROUPS.iter().find(|(known, _)| *known == name).map(|(_, group)| *group)
    }

    pub fn find(self, name: &str) -> Option<Attribute> {
        let table = match self {
            Self::Request => request::ATTRIBUTES,
            Self::Response => response::ATTRIBUTES,
            Self::Connection => connection::ATTRIBUTES,
            Self::Upstream => upstream::ATTRIBUTES,
            Self::Source => connection::SOURCE,
            Self::Destination => connection::DESTINATION,
            Self::Xds => xds::ATTRIBUTES,
        };
        let fact = table.iter().find(|(known, _)| *known == name);
        fact.map(|(_, fact)| Attribute::Fact(*fact)).or_else(|| self.find_tls(name))
    }

    fn find_tls(self, name: &str) -> Option<Attribute> {
        let side = match self {
            Self::Connection => Side::Downstream,
            Self::Upstream => Side::Upstream,
            _ => return None,
        };
        let fact = tls::FACTS.iter().find(|(known, _)| *known == name);
        fact.map(|(_, fact)| Attribute::Tls(side, *fact))
    }

    /// The headers that the attribute `name` stands for.
    pub fn headers(self, name: &str) -> Option<HeadersOf> {
        match (self, name) {
            (Self::Request, "headers") => Some(HeadersOf::Request),
            (Self::Response, "headers") => Some(HeadersOf::Response),
            (Self::Response, "trailers") => Some(HeadersOf::Trailers),
            _ => None,
        }
    }
}

impl HeadersOf {
    pub fn find<'a>(self, context: &FormatContext<'a>) -> Option<&'a Headers> {
        match self {
            Self::Request => context.request,
            Self::Response => context.response,
            Self::Trailers => context.trailers,
        }
    }
}

/// A text for which empty means missing.
fn filled(text: &str) -> Option<Value<'_>> {
    (!text.is_empty()).then(|| Value::text(text))
}

fn int(number: impl TryInto<i64>) -> Option<Value<'static>> {
    number.try_into().ok().map(Value::Int)
}

fn bytes_of(headers: Option<&Headers>) -> u64 {
    headers.map_or(0, |headers| headers.byte_size() as u64)
}

fn address(address: &Address) -> Option<Value<'static>> {
    let mut text = Vec::new();
    push_address(address, &mut text);
    Some(Value::Text(Cow::Owned(text)))
}

fn port(address: &Address) -> Option<Value<'static>> {
    address.ip().map(|ip| Value::Int(ip.port().into()))
}
