//! What a command does, decided when configuration arrives.

use super::address::{AddressOf, AddressPart};
use super::coalesce::Coalesce;
use super::common_duration::CommonDuration;
use super::expression::Expression;
use super::facts;
use super::grpc::GrpcStatus;
use super::header::HeaderValue;
use super::metadata::MetadataPath;
use super::path::{Path, QueryParam, QueryParams};
use super::server_name::ServerName;
use super::state::FilterState;
use super::time::TimeOf;
use super::xfcc::XfccValue;
use super::FormatContext;

/// What an operator has appended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rendered {
    /// Nothing: the fact does not exist here.
    Absent,
    /// Nothing, which text leaves out and JSON alone tells.
    Null,
    /// Text, which JSON quotes.
    Text,
    /// A number, a boolean, an object or a list, which JSON takes as it is.
    Raw,
}

impl Rendered {
    /// Appends a text that may be missing.
    pub(super) fn text(value: Option<&[u8]>, out: &mut Vec<u8>) -> Self {
        match value {
            Some(value) => {
                out.extend_from_slice(value);
                Self::Text
            }
            None => Self::Absent,
        }
    }

    /// Appends a text for which empty means missing.
    pub(super) fn filled(value: &str, out: &mut Vec<u8>) -> Self {
        Self::text((!value.is_empty()).then_some(value.as_bytes()), out)
    }

    pub(super) fn number(value: impl itoa::Integer, out: &mut Vec<u8>) -> Self {
        out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
        Self::Raw
    }
}

/// A compiled command.
pub enum Operator {
    /// A fact without an argument.
    Fact(facts::Fact),
    /// A text that is known when configuration arrives.
    Fixed(Box<[u8]>),
    Header(HeaderValue),
    Path(Path),
    QueryParam(QueryParam),
    QueryParams(QueryParams),
    ServerName(ServerName),
    Time(TimeOf),
    CommonDuration(CommonDuration),
    Details {
        allow_whitespaces: bool,
    },
    Address(AddressOf, AddressPart),
    GrpcStatus(GrpcStatus),
    Metadata(MetadataPath),
    FilterState(FilterState),
    Coalesce(Coalesce),
    XfccValue(XfccValue),
    Expression(Expression),
}

impl Operator {
    /// Appends the value to `out`; nothing when it is absent.
    pub fn render(&self, context: &FormatContext<'_>, out: &mut Vec<u8>) -> Rendered {
        match self {
            Self::Fact(fact) => fact(context, out),
            Self::Fixed(text) => Rendered::text(Some(text), out),
            Self::Header(header) => header.render(context, out),
            Self::Path(path) => path.render(context, out),
            Self::QueryParam(parameter) => parameter.render(context, out),
            Self::QueryParams(parameters) => parameters.render(context, out),
            Self::ServerName(name) => name.render(context, out),
            Self::Time(time) => time.render(context, out),
            Self::CommonDuration(duration) => duration.render(context, out),
            Self::Details { allow_whitespaces } => {
                facts::response_code_details(context, *allow_whitespaces, out)
            }
            Self::Address(of, part) => of.render(part, context, out),
            Self::GrpcStatus(status) => status.render(context, out),
            Self::Metadata(path) => path.render(context, out),
            Self::FilterState(state) => state.render(context, out),
            Self::Coalesce(coalesce) => coalesce.render(context, out),
            Self::XfccValue(value) => value.render(context, out),
            Self::Expression(expression) => expression.render(context, out),
        }
    }
}
