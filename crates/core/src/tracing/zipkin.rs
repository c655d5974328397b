//! Spans for a collector of Zipkin, and B3 for upstreams.
//! <https://zipkin.io/zipkin-api/>

mod b3;
mod encode;

use std::net::IpAddr;
use std::rc::Rc;

use super::context::SpanContext;
use super::receiver::HttpReceiver;
use super::reporter::Reporting;
use super::span::{Kind, Span};
use super::w3c;
use crate::compile::{At, Result};
use crate::filters::router::client::NoResponse;
use crate::headers::Headers;
use crate::proto::{self, ZipkinStat};
use crate::random::Random;
use crate::runtime::Number;
use crate::stats::Block;
use crate::worker::Worker;

/// The answer of a collector that has taken a report.
const ACCEPTED: u16 = 202;

/// Most spans that wait to be reported.
const LIMIT: u64 = 1024;

pub struct Zipkin {
    collector: HttpReceiver,
    protobuf: bool,
    long_trace_ids: bool,
    /// A server's span is that of its client.
    shares_spans: bool,
    pub always_server: bool,
    w3c: bool,
    /// Who tells the spans.
    service_name: String,
    address: Option<IpAddr>,
    pub reporting: Reporting,
}

impl Zipkin {
    /// # Errors
    /// A part that cannot be taken, with its path.
    pub fn compile(message: &proto::ZipkinTracer) -> Result<Self> {
        let collector = message.collector.clone().unwrap_or_default();
        Ok(Self {
            collector: HttpReceiver::compile(&collector).at("collector")?,
            protobuf: message.protobuf,
            long_trace_ids: message.long_trace_ids,
            shares_spans: !message.separate_spans,
            always_server: message.always_server,
            w3c: message.w3c,
            service_name: message.service_name.clone(),
            address: crate::sys::local_ipv4().map(IpAddr::from),
            reporting: Reporting {
                stats_block: message.stats_block,
                limit: LIMIT,
                enough: Number::new("tracing.zipkin.min_flush_spans", 5),
                interval_ms: Number::new("tracing.zipkin.flush_interval_ms", 5000),
                sent: ZipkinStat::ZipkinSpansSent.into(),
                dropped: ZipkinStat::ZipkinReportsDropped.into(),
                timer_flushed: ZipkinStat::ZipkinTimerFlushed.into(),
            },
        })
    }

    pub fn begin(
        &self,
        request: &Headers,
        traced: bool,
        kind: Kind,
        random: &Random,
    ) -> Option<SpanContext> {
        let told = b3::extract(request, traced).ok()?;
        let of_w3c = match (&told.context, self.w3c && !b3::is_present(request)) {
            (None, true) => match w3c::extract(request) {
                w3c::Parent::Of(parent) => Some(SpanContext { state: Box::default(), ..parent }),
                _ => None,
            },
            _ => None,
        };
        let Some(parent) = told.context.or(of_w3c) else {
            return Some(self.first(told.sampled, told.single_header, random));
        };
        match kind == Kind::Server && self.shares_spans {
            true => Some(parent),
            false => Some(parent.child(random)),
        }
    }

    /// The first span of a trace, whose id is the trace's.
    fn first(&self, sampled: bool, single_header: bool, random: &Random) -> SpanContext {
        let trace_high = if self.long_trace_ids { random.next() } else { 0 };
        let span = random.next();
        SpanContext {
            trace_high,
            trace_low: span,
            span,
            sampled,
            single_header,
            ..SpanContext::default()
        }
    }

    pub fn inject(&self, context: &SpanContext, headers: &mut Headers) {
        b3::inject(context, headers);
        if self.w3c {
            w3c::inject_parent(context, headers);
        }
    }

    /// Appends a span: one more of a list.
    pub fn write(&self, span: Span, out: &mut Vec<u8>) {
        match self.protobuf {
            true => encode::protobuf(self, span, out),
            false => encode::json(self, span, out),
        }
    }

    /// Sends spans as `write` wrote them.
    pub async fn send(&self, worker: &Rc<Worker>, block: &Block, spans: &[u8]) {
        let (content_type, body) = match self.protobuf {
            true => ("application/x-protobuf", spans.to_vec()),
            false => ("application/json", encode::list(spans)),
        };
        let answer = self.collector.post(worker, content_type, body).await;
        block.inc(match answer {
            Ok(answer) if answer.status == ACCEPTED => ZipkinStat::ZipkinReportsSent,
            Ok(_) => ZipkinStat::ZipkinReportsDropped,
            Err(NoResponse::NoCluster) => ZipkinStat::ZipkinReportsSkippedNoCluster,
            Err(_) => ZipkinStat::ZipkinReportsFailed,
        });
    }
}
