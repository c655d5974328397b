//! Format strings at run time: `%COMMAND(argument):length%` of access logs, header values and local replies.
//!
//! The main thread splits a format string into pieces; here each command becomes an [`Operator`] once, and
//! formatting appends to a buffer without allocating on the usual path.
//! <https://www.envoyproxy.io/docs/envoy/latest/configuration/advanced/substitution_formatter>

mod address;
mod coalesce;
mod common_duration;
mod expression;
mod facts;
mod grpc;
mod header;
mod json;
mod metadata;
mod operator;
mod path;
mod registry;
mod security;
mod server_name;
mod state;
mod text;
mod time;
mod xfcc;

pub(crate) use facts::stream_id;
pub use json::{render_value, JsonFormatter};
pub use operator::{Operator, Rendered};
pub use path::percent_decode;
pub(crate) use registry::operator;

pub(crate) use address::push_address;
pub(crate) use facts::short_flags;
pub(crate) use grpc::status_for_filters as grpc_status;
pub(crate) use grpc::status_of_response as response_status;
pub(crate) use grpc::{header_status, http_of_status, is_grpc, status_of_http};
pub(crate) use metadata::find as find_value;
pub(crate) use time::iso as iso_time;
pub(crate) use time::{Civil, Zone};

use crate::compile::{each, Result};
use crate::headers::Headers;
use crate::http::stream_info::StreamInfo;
use crate::proto;
use expression::Expression;

/// When a log line is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogType {
    NotSet,
    DownstreamStart,
    DownstreamPeriodic,
    DownstreamEnd,
    DownstreamTunnelSuccessfullyEstablished,
    UpstreamEnd,
    TcpConnectionStart,
    TcpUpstreamConnected,
    TcpPeriodic,
    TcpConnectionEnd,
}

impl LogType {
    /// The name of envoy.data.accesslog.v3.AccessLogType.
    pub fn name(self) -> &'static str {
        match self {
            Self::NotSet => "NotSet",
            Self::DownstreamStart => "DownstreamStart",
            Self::DownstreamPeriodic => "DownstreamPeriodic",
            Self::DownstreamEnd => "DownstreamEnd",
            Self::DownstreamTunnelSuccessfullyEstablished => {
                "DownstreamTunnelSuccessfullyEstablished"
            }
            Self::UpstreamEnd => "UpstreamEnd",
            Self::TcpConnectionStart => "TcpConnectionStart",
            Self::TcpUpstreamConnected => "TcpUpstreamConnected",
            Self::TcpPeriodic => "TcpPeriodic",
            Self::TcpConnectionEnd => "TcpConnectionEnd",
        }
    }
}

/// All that a format string can ask.
#[derive(Clone, Copy)]
pub struct FormatContext<'a> {
    pub info: &'a StreamInfo,
    pub request: Option<&'a Headers>,
    pub response: Option<&'a Headers>,
    pub trailers: Option<&'a Headers>,
    pub local_reply_body: &'a [u8],
    pub log_type: LogType,
}

impl<'a> FormatContext<'a> {
    /// Of a connection, or what stands for one: there are no messages.
    pub fn of_connection(info: &'a StreamInfo) -> Self {
        Self {
            info,
            request: None,
            response: None,
            trailers: None,
            local_reply_body: b"",
            log_type: LogType::NotSet,
        }
    }
}

/// A command with the most bytes that it may print.
struct Command {
    operator: Operator,
    max_length: usize,
}

impl Command {
    fn compile(command: &proto::Command) -> Result<Self> {
        let operator = match &command.expression {
            Some(expression) => {
                Operator::Expression(Expression::compile(&command.name, expression)?)
            }
            None => registry::operator(&command.name, command.argument.as_deref())?,
        };
        let max_length = command.max_length.map_or(usize::MAX, |length| length as usize);
        Ok(Self { operator, max_length })
    }

    /// Appends the value as text, cut to the length.
    fn render(&self, context: &FormatContext<'_>, out: &mut Vec<u8>) -> Rendered {
        let start = out.len();
        let rendered = self.operator.render(context, out);
        out.truncate(start.saturating_add(self.max_length));
        rendered
    }
}

enum Piece {
    Literal(Box<[u8]>),
    Command(Command),
}

impl Piece {
    fn compile(piece: &proto::FormatPiece) -> Result<Self> {
        Ok(match &piece.kind {
            Some(proto::format_piece::Kind::Command(command)) => {
                Self::Command(Command::compile(command)?)
            }
            Some(proto::format_piece::Kind::Literal(text)) => Self::Literal(text.as_bytes().into()),
            None => Self::Literal([].into()),
        })
    }
}

/// A compiled format string.
pub struct Formatter {
    pieces: Vec<Piece>,
    absent: &'static [u8],
}

impl Formatter {
    /// # Errors
    /// A command that does not exist or has a wrong argument.
    pub fn compile(format: &proto::Format) -> Result<Self> {
        let pieces = each(&format.pieces, "pieces", Piece::compile)?;
        let absent: &[u8] = if format.omit_empty { b"" } else { b"-" };
        Ok(Self { pieces, absent })
    }

    /// Appends the formatted text.
    pub fn format(&self, context: &FormatContext<'_>, out: &mut Vec<u8>) {
        for piece in &self.pieces {
            match piece {
                Piece::Literal(text) => out.extend_from_slice(text),
                Piece::Command(command) => {
                    if command.render(context, out) == Rendered::Absent {
                        out.extend_from_slice(self.absent);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
