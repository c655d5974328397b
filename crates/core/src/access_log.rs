//! Access logs: what is written, when, and where to.
//!
//! A worker formats lines straight into a buffer of its own for each file; the log writer thread, which all
//! workers share, puts whole buffers into the files.
//! <https://www.envoyproxy.io/docs/envoy/latest/configuration/observability/access_log/usage>

mod buffers;
mod events;
mod filter;
mod sinks;
mod writer;

use std::sync::Arc;

pub use buffers::WorkerLogBuffers;
pub use events::EventLog;
pub use filter::LogFilter;
pub use sinks::Sinks;

use crate::compile::{At, CompileError, Result};
use crate::formatter::{FormatContext, Formatter, JsonFormatter};
use crate::proto;
use crate::random::Random;
use crate::runtime::Runtime;
use sinks::{LogFile, Target};

enum LineFormat {
    Text(Formatter),
    Json(JsonFormatter),
}

/// One compiled access log, shared by all workers.
pub struct AccessLog {
    filter: Option<LogFilter>,
    format: LineFormat,
    file: Arc<LogFile>,
}

impl AccessLog {
    /// # Errors
    /// A command or a filter that cannot be, or a file that cannot be opened.
    pub fn compile(message: &proto::AccessLog, sinks: &Sinks) -> Result<Self> {
        use proto::access_log::{Format, Sink};
        let format = match &message.format {
            Some(Format::Text(text)) => LineFormat::Text(Formatter::compile(text).at("text")?),
            Some(Format::Json(json)) => LineFormat::Json(JsonFormatter::compile(json).at("json")?),
            None => return Err(CompileError::new("the format is missing")),
        };
        let target = match message.sink() {
            Sink::File => Target::File(message.path.clone().into()),
            Sink::Stdout => Target::Stdout,
            Sink::Stderr => Target::Stderr,
        };
        let filter = message.filter.as_ref().map(LogFilter::compile).transpose().at("filter")?;
        Ok(Self { filter, format, file: sinks.open(target)? })
    }

    /// Writes a line about a stream, unless the filter holds it back.
    pub fn write(
        &self,
        context: &FormatContext<'_>,
        buffers: &WorkerLogBuffers,
        runtime: &Runtime,
        random: &Random,
    ) {
        if self.filter.as_ref().is_some_and(|filter| !filter.passes(context, runtime, random)) {
            return;
        }
        buffers.append(&self.file, |out| match &self.format {
            LineFormat::Text(formatter) => formatter.format(context, out),
            LineFormat::Json(formatter) => formatter.format(context, out),
        });
    }
}

#[cfg(test)]
mod tests;
