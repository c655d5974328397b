//! COMMON_DURATION(START:END:PRECISION): the time between two points of a stream's life.

use std::time::Instant;

use super::{FormatContext, Rendered};
use crate::compile::{CompileError, Result};

/// A named point in time; a name that nothing sets is never reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Point {
    RequestStart,
    RequestEnd,
    ConnectStart,
    ConnectEnd,
    UpstreamRequestStart,
    UpstreamRequestEnd,
    UpstreamResponseStart,
    UpstreamBodyStart,
    UpstreamResponseEnd,
    ResponseStart,
    ResponseEnd,
    ConnectionStart,
    ConnectionEnd,
    Never,
}

impl Point {
    fn named(name: &str) -> Self {
        match name {
            "DS_RX_BEG" => Self::RequestStart,
            "DS_RX_END" => Self::RequestEnd,
            "US_CX_BEG" => Self::ConnectStart,
            "US_CX_END" => Self::ConnectEnd,
            "US_TX_BEG" => Self::UpstreamRequestStart,
            "US_TX_END" => Self::UpstreamRequestEnd,
            "US_RX_BEG" => Self::UpstreamResponseStart,
            "US_RX_BODY_BEG" => Self::UpstreamBodyStart,
            "US_RX_END" => Self::UpstreamResponseEnd,
            "DS_TX_BEG" => Self::ResponseStart,
            "DS_TX_END" => Self::ResponseEnd,
            "DS_CX_BEG" => Self::ConnectionStart,
            "DS_CX_END" => Self::ConnectionEnd,
            _ => Self::Never,
        }
    }

    fn of(self, context: &FormatContext<'_>) -> Option<Instant> {
        let info = context.info;
        let is_tcp = info.protocol.is_none();
        match self {
            Self::RequestStart => Some(info.start),
            Self::RequestEnd => info.last_rx,
            Self::ConnectStart => info.upstream.connect_start,
            Self::ConnectEnd => info.upstream.connect_end,
            Self::UpstreamRequestStart => info.upstream.first_tx,
            Self::UpstreamRequestEnd => info.upstream.last_tx,
            Self::UpstreamResponseStart => info.upstream.first_rx,
            Self::UpstreamBodyStart => info.upstream.first_body_rx,
            Self::UpstreamResponseEnd => info.upstream.last_rx,
            Self::ResponseStart => info.first_tx,
            Self::ResponseEnd => info.last_tx,
            Self::ConnectionStart => is_tcp.then_some(info.connection.start),
            Self::ConnectionEnd => info.end.filter(|_| is_tcp),
            Self::Never => None,
        }
    }
}

pub struct CommonDuration {
    start: Point,
    end: Point,
    unit_ns: u128,
}

impl CommonDuration {
    pub fn compile(argument: &str) -> Result<Self> {
        let mut parts = argument.splitn(3, ':');
        let (Some(start), Some(end)) = (parts.next(), parts.next()) else {
            return Err(CompileError::new(format!(
                "invalid COMMON_DURATION {argument:?}: START:END:PRECISION is wanted"
            )));
        };
        let unit_ns = match parts.next().unwrap_or("ms") {
            "ms" => 1_000_000,
            "us" => 1_000,
            "ns" => 1,
            other => {
                return Err(CompileError::new(format!(
                    "invalid precision {other:?} of COMMON_DURATION, only ms, us and ns are allowed"
                )))
            }
        };
        Ok(Self { start: Point::named(start), end: Point::named(end), unit_ns })
    }

    pub fn render(&self, context: &FormatContext<'_>, out: &mut Vec<u8>) -> Rendered {
        match (self.start.of(context), self.end.of(context)) {
            (Some(start), Some(end)) if start <= end => {
                let nanos = end.saturating_duration_since(start).as_nanos();
                Rendered::number((nanos / self.unit_ns) as u64, out)
            }
            // Where the points come in the other order, as those of a connection made before, there is none.
            _ => Rendered::Absent,
        }
    }
}
