//! What connection managers and routes say of tracing.

use std::sync::Arc;

use super::sampling::Sampling;
use super::span::Span;
use super::tags;
use super::tracer::TracerConfig;
use crate::compile::{each, At, Result};
use crate::formatter::{FormatContext, Formatter};
use crate::proto;
use crate::telemetry::custom_tag::CustomTag;

fn format(message: Option<&proto::Format>, field: &str) -> Result<Option<Formatter>> {
    message.map(Formatter::compile).transpose().at(field)
}

/// Of a connection manager.
pub struct Tracing {
    pub(super) sampling: Sampling,
    pub(super) verbose: bool,
    pub(super) max_path_tag_length: usize,
    pub(super) spawn_upstream_span: bool,
    pub(super) propagates: bool,
    pub(super) egress: bool,
    pub(super) ignores_request_id: bool,
    /// Request ids tell why their requests are traced.
    pub(super) packs_reason: bool,
    pub(super) node_id: String,
    pub(super) zone: String,
    tags: Vec<CustomTag>,
    operation: Option<Formatter>,
    upstream_operation: Option<Formatter>,
    /// None: requests are decided about and counted, and have no spans.
    pub tracer: Option<Arc<TracerConfig>>,
}

impl Tracing {
    /// # Errors
    /// A part that cannot be taken, with its path.
    pub fn compile(message: &proto::Tracing, packs_reason: bool) -> Result<Self> {
        let tracer = message.tracer.as_ref().map(TracerConfig::compile);
        Ok(Self {
            sampling: Sampling::compile(&message.sampling.clone().unwrap_or_default()),
            verbose: message.verbose,
            max_path_tag_length: message.max_path_tag_length as usize,
            spawn_upstream_span: message.spawn_upstream_span,
            propagates: !message.no_context_propagation,
            egress: message.egress,
            ignores_request_id: message.ignores_request_id,
            packs_reason,
            node_id: message.node_id.clone(),
            zone: message.zone.clone(),
            tags: each(&message.tags, "tags", CustomTag::compile)?,
            operation: format(message.operation.as_ref(), "operation")?,
            upstream_operation: format(message.upstream_operation.as_ref(), "upstream_operation")?,
            tracer: tracer.transpose().at("tracer")?.map(Arc::new),
        })
    }

    /// What names spans of requests, if anything does.
    pub(super) fn operation<'a>(
        &'a self,
        of_route: Option<&'a RouteTracing>,
    ) -> Option<&'a Formatter> {
        of_route.and_then(|it| it.operation.as_ref()).or(self.operation.as_ref())
    }

    /// The same for those of attempts.
    pub(super) fn upstream_operation<'a>(
        &'a self,
        of_route: Option<&'a RouteTracing>,
    ) -> Option<&'a Formatter> {
        let of_route = of_route.and_then(|it| it.upstream_operation.as_ref());
        of_route.or(self.upstream_operation.as_ref())
    }

    /// Gives a span its tags; those of the route take the place of those of the same name.
    pub(super) fn apply_tags(
        &self,
        of_route: Option<&RouteTracing>,
        span: &mut Span,
        context: &FormatContext<'_>,
    ) {
        let own = of_route.map_or(&[][..], |it| &it.tags);
        let overridden = |tag: &&CustomTag| !own.iter().any(|instead| instead.name == tag.name);
        for tag in self.tags.iter().filter(overridden).chain(own) {
            tags::apply(tag, span, context);
        }
    }
}

/// Of a route.
pub struct RouteTracing {
    pub(super) sampling: Sampling,
    tags: Vec<CustomTag>,
    operation: Option<Formatter>,
    upstream_operation: Option<Formatter>,
}

impl RouteTracing {
    /// # Errors
    /// A part that cannot be taken, with its path.
    pub fn compile(message: &proto::RouteTracing) -> Result<Self> {
        Ok(Self {
            sampling: Sampling::compile(&message.sampling.clone().unwrap_or_default()),
            tags: each(&message.tags, "tags", CustomTag::compile)?,
            operation: format(message.operation.as_ref(), "operation")?,
            upstream_operation: format(message.upstream_operation.as_ref(), "upstream_operation")?,
        })
    }
}
