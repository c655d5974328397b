//! Access logs: what is written, when, and where to.
//!
//! A worker formats lines straight into a buffer of its own for each file; the log writer thread, which all
//! workers share, puts whole buffers into the files. What goes to a service instead, the worker collects and sends
//! itself.
//! <https://www.envoyproxy.io/docs/envoy/latest/configuration/observability/access_log/usage>

mod buffers;
mod events;
mod exporter;
mod filter;
mod grpc;
mod log_stream;
mod open_telemetry;
mod service;
mod sinks;
mod writer;

use std::rc::Rc;
use std::sync::Arc;

pub use buffers::WorkerLogBuffers;
pub use events::EventLog;
pub use filter::LogFilter;
pub use service::Loggers;
pub use sinks::Sinks;

use crate::compile::{At, CompileError, Result};
use crate::formatter::{FormatContext, Formatter, JsonFormatter};
use crate::proto;
use crate::runtime::Runtime;
use crate::worker::Worker;
use grpc::GrpcLog;
use open_telemetry::OpenTelemetryLog;
use sinks::{LogFile, Target};

enum LineFormat {
    Text(Formatter),
    Json(JsonFormatter),
}

/// Where a log goes, and what it says there.
enum Sink {
    File { file: Arc<LogFile>, format: LineFormat },
    Grpc(GrpcLog),
    OpenTelemetry(OpenTelemetryLog),
}

/// One compiled access log, shared by all workers.
pub struct AccessLog {
    filter: Option<LogFilter>,
    sink: Sink,
}

impl AccessLog {
    /// # Errors
    /// A command or a filter that cannot be, a file that cannot be opened, or a service that cannot be called.
    pub fn compile(message: &proto::AccessLog, sinks: &Sinks) -> Result<Self> {
        use proto::access_log::Service;
        let sink = match &message.service {
            Some(Service::Grpc(it)) => Sink::Grpc(GrpcLog::compile(it, sinks).at("grpc")?),
            Some(Service::OpenTelemetry(it)) => {
                Sink::OpenTelemetry(OpenTelemetryLog::compile(it, sinks).at("open_telemetry")?)
            }
            None => Sink::file(message, sinks)?,
        };
        let filter = message.filter.as_ref().map(LogFilter::compile).transpose().at("filter")?;
        Ok(Self { filter, sink })
    }

    /// Writes an entry about a stream, unless the filter holds it back.
    pub fn write(&self, context: &FormatContext<'_>, worker: &Rc<Worker>, runtime: &Runtime) {
        let filter = self.filter.as_ref();
        if filter.is_some_and(|filter| !filter.passes(context, runtime, &worker.random)) {
            return;
        }
        match &self.sink {
            Sink::File { file, format } => worker.logs.append(file, |out| match format {
                LineFormat::Text(formatter) => formatter.format(context, out),
                LineFormat::Json(formatter) => formatter.format(context, out),
            }),
            Sink::Grpc(log) => log.write(context, worker),
            Sink::OpenTelemetry(log) => log.write(context, worker),
        }
    }
}

impl Sink {
    fn file(message: &proto::AccessLog, sinks: &Sinks) -> Result<Self> {
        use proto::access_log::{Format, Sink as Kind};
        let format = match &message.format {
            Some(Format::Text(text)) => LineFormat::Text(Formatter::compile(text).at("text")?),
            Some(Format::Json(json)) => LineFormat::Json(JsonFormatter::compile(json).at("json")?),
            None => return Err(CompileError::new("the format is missing")),
        };
        let target = match message.sink() {
            Kind::File => Target::File(message.path.clone().into()),
            Kind::Stdout => Target::Stdout,
            Kind::Stderr => Target::Stderr,
        };
        Ok(Self::File { file: sinks.open(target)?, format })
    }
}

#[cfg(test)]
mod tests;
