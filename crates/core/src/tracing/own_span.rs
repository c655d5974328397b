//! Spans of requests that the proxy makes itself, on behalf of one that is traced.

use std::borrow::Cow;
use std::fmt;
use std::rc::Rc;

use super::finish::describe_upstream;
use super::span::{names, Span, Value, PROXY, TRUE};
use super::tracer::Tracer;
use crate::formatter::LogType;
use crate::headers::Headers;
use crate::http::stream::Stream;
use crate::upstream::Cluster;
use crate::worker::Worker;

/// It is reported when it is dropped: cancelled, unless its request had come to an end.
pub struct OwnSpan {
    worker: Rc<Worker>,
    tracer: Rc<Tracer>,
    /// None: it was reported.
    span: Option<Span>,
    ended: bool,
}

impl OwnSpan {
    /// The span of a question on behalf of `asking`; None where that is not traced. It is reported if that one is,
    /// or as `sampled` says.
    pub fn begin(asking: &Stream, name: &str, sampled: Option<bool>) -> Option<Self> {
        let active = asking.info.trace.as_ref()?.active.as_ref()?;
        let mut span = active.span.child(&asking.worker.random);
        span.context.sampled = sampled.unwrap_or(span.context.sampled);
        if span.context.sampled {
            name.clone_into(&mut span.name);
        }
        let (worker, tracer) = (asking.worker.clone(), active.tracer.clone());
        Some(Self { worker, tracer, span: Some(span), ended: false })
    }

    /// Tells who is asked of the span.
    pub fn inject(&self, headers: &mut Headers) {
        if let Some(span) = &self.span {
            self.tracer.inject(&span.context, headers);
        }
    }

    pub fn tag(&mut self, name: &'static str, value: impl Into<Cow<'static, str>>) {
        if let Some(span) = &mut self.span {
            span.tag(name, Value::Text(value.into().into_owned()));
        }
    }

    /// Tells what became of a request by HTTP.
    pub fn end_http(&mut self, stream: &Stream, cluster: &Cluster, status: u16) {
        self.ended = true;
        if let Some(span) = self.span.as_mut().filter(|span| span.context.sampled) {
            let config = cluster.config();
            self.tracer.config.of_attempts.apply(span, &stream.context(LogType::NotSet));
            span.tag(names::HTTP_STATUS, status.to_string());
            describe_upstream(span, Some(&config.name), Some(&config.observability_name), status);
        }
    }

    /// Tells what became of a call of gRPC to `authority`.
    pub fn end_grpc(&mut self, cluster: &str, authority: &[u8], status: u32) {
        self.ended = true;
        if let Some(span) = self.span.as_mut() {
            span.tag(names::COMPONENT, PROXY);
            span.tag(names::UPSTREAM_CLUSTER, cluster);
            span.tag(names::UPSTREAM_ADDRESS, Value::text(authority));
            span.tag(names::GRPC_STATUS, status.to_string());
            if status != 0 {
                span.tag(names::ERROR, TRUE);
            }
        }
    }
}

impl Drop for OwnSpan {
    fn drop(&mut self) {
        let Some(mut span) = self.span.take().filter(|span| span.context.sampled) else { return };
        if !self.ended {
            span.tag(names::CANCELED, TRUE);
        }
        self.tracer.report(&self.worker, span);
    }
}

impl fmt::Debug for OwnSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OwnSpan").field(&self.span).finish()
    }
}
