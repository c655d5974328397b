//! Access logs whose entries a service gets (`envoy.access_loggers.http_grpc` and `tcp_grpc`).

mod common;
mod entry;
mod tls;

use std::rc::Rc;
use std::sync::Arc;

use super::log_stream::{LogStream, LOG_ENTRY};
use super::service::{LogService, Wire};
use super::Sinks;
use crate::compile::{each, At, Result};
use crate::formatter::FormatContext;
use crate::headers::HeaderName;
use crate::proto;
use crate::telemetry::custom_tag::CustomTag;
use crate::worker::Worker;

/// What an entry tells beside what all do.
struct Told {
    request_headers: Vec<LoggedHeader>,
    response_headers: Vec<LoggedHeader>,
    response_trailers: Vec<LoggedHeader>,
    filter_state: Vec<String>,
    tags: Vec<CustomTag>,
}

struct LoggedHeader {
    /// In lower case.
    name: String,
    key: HeaderName,
}

impl LoggedHeader {
    fn all(names: &[String]) -> Vec<Self> {
        let header =
            |name: &String| Self { name: name.to_ascii_lowercase(), key: HeaderName::new(name) };
        names.iter().map(header).collect()
    }
}

pub struct GrpcLog {
    service: Arc<LogService>,
    tcp: bool,
    told: Told,
}

impl GrpcLog {
    /// # Errors
    /// A client or a tag that cannot be.
    pub fn compile(message: &proto::GrpcAccessLog, sinks: &Sinks) -> Result<Self> {
        let stream = message.stream.clone().unwrap_or_default();
        let service = sinks.service(&stream, || {
            let wire = Wire::Stream(Arc::new(LogStream::compile(&stream).at("stream")?));
            Ok(LogService::new(stream.buffer.as_ref(), stream.stats_block, wire))
        })?;
        let told = Told {
            request_headers: LoggedHeader::all(&message.request_headers),
            response_headers: LoggedHeader::all(&message.response_headers),
            response_trailers: LoggedHeader::all(&message.response_trailers),
            filter_state: message.filter_state_objects.clone(),
            tags: each(&message.custom_tags, "custom_tags", CustomTag::compile)?,
        };
        Ok(Self { service, tcp: stream.tcp, told })
    }

    pub fn write(&self, context: &FormatContext<'_>, worker: &Rc<Worker>) {
        let told = &self.told;
        worker.loggers.add(worker, &self.service, |out| match self.tcp {
            true => prost::encoding::message::encode(LOG_ENTRY, &entry::tcp(context, told), out),
            false => prost::encoding::message::encode(LOG_ENTRY, &entry::http(context, told), out),
        });
    }
}
