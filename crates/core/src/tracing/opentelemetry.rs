//! Spans for a collector of OpenTelemetry: OTLP over gRPC or HTTP, and Trace Context for upstreams.
//! <https://opentelemetry.io/docs/specs/otlp/>

mod encode;
mod sampler;

use std::rc::Rc;

use super::context::SpanContext;
use super::receiver::HttpReceiver;
use super::reporter::Reporting;
use super::span::Span;
use super::w3c::{self, Parent};
use crate::compile::{At, CompileError, Result};
use crate::filters::router::client::GrpcClient;
use crate::headers::Headers;
use crate::proto::open_telemetry_tracer::Receiver as Message;
use crate::proto::{self, OpenTelemetryStat};
use crate::random::Random;
use crate::runtime::Number;
use crate::worker::Worker;

use encode::Envelope;
use sampler::Sampler;

const EXPORT: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
const CONTENT_TYPE: &str = "application/x-protobuf";

pub struct OpenTelemetry {
    receiver: Receiver,
    envelope: Envelope,
    sampler: Option<Sampler>,
    pub reporting: Reporting,
}

enum Receiver {
    Grpc(GrpcClient),
    Http(HttpReceiver),
}

impl OpenTelemetry {
    /// # Errors
    /// A part that cannot be taken, with its path.
    pub fn compile(message: &proto::OpenTelemetryTracer) -> Result<Self> {
        let receiver = match &message.receiver {
            Some(Message::Grpc(client)) => Receiver::Grpc(GrpcClient::compile(client).at("grpc")?),
            Some(Message::Http(receiver)) => {
                Receiver::Http(HttpReceiver::compile(receiver).at("http")?)
            }
            None => return Err(CompileError::new("a receiver is missing")),
        };
        let reporting = Reporting {
            stats_block: message.stats_block,
            limit: message.max_cache_size.into(),
            enough: Number::new("tracing.opentelemetry.min_flush_spans", 5),
            interval_ms: Number::new("tracing.opentelemetry.flush_interval_ms", 5000),
            sent: OpenTelemetryStat::OpentelemetrySpansSent.into(),
            dropped: OpenTelemetryStat::OpentelemetrySpansDropped.into(),
            timer_flushed: OpenTelemetryStat::OpentelemetryTimerFlushed.into(),
        };
        let sampler = message.sampler.as_ref().map(Sampler::compile);
        Ok(Self {
            receiver,
            envelope: Envelope::of(message),
            sampler: sampler.transpose().at("sampler")?,
            reporting,
        })
    }

    pub fn begin(&self, request: &Headers, traced: bool, random: &Random) -> Option<SpanContext> {
        let (parent, mut context) = match w3c::extract(request) {
            Parent::Malformed => return None,
            Parent::Of(parent) => {
                let remote_parent = true;
                (Some(parent.sampled), SpanContext { remote_parent, ..parent.child(random) })
            }
            Parent::Absent => {
                let (trace_high, trace_low) = (random.next(), random.next());
                let span = random.next();
                (None, SpanContext { trace_high, trace_low, span, ..SpanContext::default() })
            }
        };
        context.sampled = traced
            && match &self.sampler {
                Some(sampler) => sampler.samples(context.trace_high, parent),
                None => parent.unwrap_or(true),
            };
        Some(context)
    }

    pub fn inject(&self, context: &SpanContext, headers: &mut Headers) {
        w3c::inject_parent(context, headers);
        w3c::inject_state(context, headers);
    }

    pub fn write(&self, span: Span, out: &mut Vec<u8>) {
        encode::write(span, out);
    }

    /// Sends spans as `write` wrote them. As in Envoy, nothing is made of the answer.
    pub async fn send(&self, worker: &Rc<Worker>, spans: &[u8]) {
        let message = self.envelope.around(spans);
        match &self.receiver {
            Receiver::Grpc(client) => _ = client.call_alone(worker, EXPORT, &message).await,
            Receiver::Http(http) => _ = http.post(worker, CONTENT_TYPE, message).await,
        }
    }
}
