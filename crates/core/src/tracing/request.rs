//! The trace of a request: its span, and that of the attempt that is under way.

use std::rc::Rc;
use std::sync::Arc;

use super::config::Tracing;
use super::context::hex;
use super::decorator::decorate;
use super::sampling::{decide, Reason};
use super::span::Span;
use super::tracer::Tracer;
use crate::formatter::{FormatContext, Formatter, LogType};
use crate::headers::HeaderId;
use crate::http::stream::Stream;
use crate::upstream::Cluster;

pub struct Trace {
    pub reason: Reason,
    /// None without a tracer, and where the request goes on with a trace that cannot be understood.
    pub(super) active: Option<Active>,
    pub(super) decoration: Decoration,
}

/// What the client is told that its request is called.
#[derive(Default)]
pub(super) enum Decoration {
    #[default]
    Untold,
    Told(Arc<str>),
    /// The client has said it itself.
    Theirs,
    /// The configuration names all spans.
    Off,
}

/// Spans under way.
pub(super) struct Active {
    pub tracer: Rc<Tracer>,
    pub span: Span,
    pub attempt: Option<Span>,
}

impl Trace {
    /// The ids of the trace and of the span as receivers of OTLP want them; empty where they are not told.
    pub fn id_bytes(&self) -> (Vec<u8>, Vec<u8>) {
        let Some(active) = &self.active else { return Default::default() };
        let context = &active.span.context;
        let span = active.tracer.tells_span_id().then(|| context.span.to_be_bytes().to_vec());
        (context.trace_bytes(), span.unwrap_or_default())
    }

    /// The id of the trace, as hex digits.
    pub fn trace_id(&self) -> Option<String> {
        Some(self.active.as_ref()?.span.context.trace_id())
    }

    /// That of the span, where the tracer tells it.
    pub fn span_id(&self) -> Option<String> {
        let active = self.active.as_ref().filter(|active| active.tracer.tells_span_id())?;
        Some(hex(active.span.context.span))
    }

    /// Names the span. Nobody reads the name of one that is not sampled.
    pub(super) fn name(&mut self, name: &str) {
        let active = self.active.as_mut().filter(|active| active.span.context.sampled);
        if let Some(active) = active {
            name.clone_into(&mut active.span.name);
        }
    }
}

/// Begins the trace of a request whose route is known, if its connection manager traces.
pub fn begin(stream: &mut Stream) {
    if stream.manager.config.tracing.is_none() {
        return;
    }
    let config = stream.manager.config.clone();
    let Some(tracing) = &config.tracing else { return };
    let reason = match stream.follows_redirect() {
        // As in Envoy, which decides about the first request alone.
        true => Reason::NotTraceable,
        false => decide_about(stream, tracing),
    };
    let active = stream.manager.tracer.as_ref().and_then(|tracer| {
        let kind = tracer.kind(tracing.egress && !tracing.spawn_upstream_span);
        let random = &stream.worker.random;
        let context = tracer.begin(&stream.request, reason.is_traced(), kind, random)?;
        let span = Span::new(context, kind, stream.info.start_wall);
        Some(Active { tracer: tracer.clone(), span, attempt: None })
    });
    let mut trace = Box::new(Trace { reason, active, decoration: Decoration::default() });
    name_request(&mut trace, tracing, stream);
    stream.info.trace = Some(trace);
}

/// Decides again, and names the span anew, because a filter has changed the route.
pub fn refresh(stream: &mut Stream) {
    let Some(mut trace) = stream.info.trace.take() else { return };
    let config = stream.manager.config.clone();
    if let Some(tracing) = &config.tracing {
        trace.reason = decide_about(stream, tracing);
        if let Some(active) = &mut trace.active {
            active.span.context.sampled = trace.reason.is_traced();
        }
        name_request(&mut trace, tracing, stream);
    }
    stream.info.trace = Some(trace);
}

fn decide_about(stream: &mut Stream, tracing: &Tracing) -> Reason {
    let route = stream.route.clone();
    let shares = route.as_ref().and_then(|route| route.tracing.as_ref()).map(|it| &it.sampling);
    let runtime = stream.worker.runtime();
    decide(tracing, shares, &mut stream.request, &runtime, &stream.worker.random)
}

fn name_request(trace: &mut Trace, tracing: &Tracing, stream: &mut Stream) {
    let route = stream.route.clone();
    if let Some(active) = trace.active.as_mut().filter(|it| it.span.is_unnamed()) {
        let host = stream.request.get(HeaderId::Authority).unwrap_or_default();
        active.span.name = active.tracer.usual_name(tracing.egress, host);
    }
    let of_route = route.as_ref().and_then(|route| route.tracing.as_deref());
    match tracing.operation(of_route) {
        Some(operation) => {
            trace.decoration = Decoration::Off;
            if let Some(name) = named(operation, stream) {
                trace.name(&name);
            }
        }
        None => {
            let decorator = route.as_ref().and_then(|route| route.decorator.as_ref());
            decorate(trace, decorator, tracing.egress, &mut stream.request);
        }
    }
}

fn named(operation: &Formatter, stream: &Stream) -> Option<String> {
    let context =
        FormatContext { request: Some(&stream.request), ..stream.context(LogType::NotSet) };
    let mut name = Vec::new();
    operation.format(&context, &mut name);
    (!name.is_empty()).then(|| String::from_utf8_lossy(&name).into_owned())
}

/// Exchanges the span of the latest attempt for that of another.
pub fn exchange_attempt(stream: &mut Stream, other: &mut Option<Span>) {
    if let Some(active) = stream.info.trace.as_mut().and_then(|trace| trace.active.as_mut()) {
        std::mem::swap(&mut active.attempt, other);
    }
}

/// Begins an attempt of a request that is traced, and tells the upstream of it. `spawn`: it has a span of its own,
/// whatever the connection manager says.
pub fn begin_attempt(stream: &mut Stream, cluster: &Cluster, spawn: bool) {
    let Some(mut trace) = stream.info.trace.take() else { return };
    let config = stream.manager.config.clone();
    if let (Some(tracing), Some(active)) = (&config.tracing, &mut trace.active) {
        let Active { tracer, span, attempt } = active;
        if spawn || tracing.spawn_upstream_span {
            let mut child = span.child(&stream.worker.random);
            if child.context.sampled {
                let route = stream.route.as_ref().and_then(|route| route.tracing.as_deref());
                let operation = tracing.upstream_operation(route);
                let name = operation.and_then(|operation| named(operation, stream));
                let usual = || format!("router {} egress", cluster.config().observability_name);
                child.name = name.unwrap_or_else(usual);
            }
            if stream.info.attempts > 1 {
                child.tag("retry.count", (stream.info.attempts - 1).to_string());
            }
            *attempt = Some(child);
        }
        if tracing.propagates {
            let told = attempt.as_ref().unwrap_or(span);
            tracer.inject(&told.context, &mut stream.request);
        }
    }
    stream.info.trace = Some(trace);
}
