"""What connection managers and routes say of tracing.

Source: HttpConnectionManager.Tracing, Tracing and Decorator of route_components.proto, and
envoy/config/trace/v3/http_tracer.proto; defaults as in Envoy 1.40.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.config.support import Fields, whole
from lateen.protos.worker_pb2 import (
    Decorator,
    RouteTracing,
    RuntimeFraction,
    Tracer,
    TraceSampling,
    Tracing,
)
from lateen.proxy.compile.custom_tags import compile_trace_tags
from lateen.proxy.compile.format import compile_format
from lateen.proxy.compile.tracers import compile_tracer
from lateen.proxy.compile.values import denominator

if TYPE_CHECKING:
    from envoy.config.route.v3 import route_components_pb2 as routes
    from envoy.extensions.filters.network.http_connection_manager.v3 import (
        http_connection_manager_pb2 as hcm,
    )
    from envoy.type.v3.percent_pb2 import FractionalPercent, Percent

    from lateen.proxy.compile.context import CompileContext
    from lateen.proxy.compile.network_filters.owner import FilterOwner

_HCM = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"

SUPPORT = (
    whole(f"{_HCM}.Tracing"),
    whole("envoy.config.route.v3.Tracing"),
    whole("envoy.config.route.v3.Decorator"),
    whole("envoy.config.trace.v3.Tracing"),
    Fields("envoy.config.trace.v3.Tracing.Http", implemented="name typed_config"),
)

_CLIENT = "tracing.client_enabled"
_RANDOM = "tracing.random_sampling"
_OVERALL = "tracing.global_enabled"
_LONGEST_PATH = 256
_HUNDRED, _TEN_THOUSAND = 100, 10_000


def compile_tracing(
    ctx: CompileContext, config: hcm.HttpConnectionManager.Tracing, owner: FilterOwner, at: str
) -> Tracing:
    """What a connection manager traces, and who is told."""
    longest = config.max_path_tag_length
    compiled = Tracing(
        sampling=TraceSampling(
            client=_share(config, "client_sampling", _CLIENT, _HUNDRED),
            random=_share(config, "random_sampling", _RANDOM, _TEN_THOUSAND),
            overall=_share(config, "overall_sampling", _OVERALL, _TEN_THOUSAND),
        ),
        verbose=config.verbose,
        max_path_tag_length=(
            longest.value if config.HasField("max_path_tag_length") else _LONGEST_PATH
        ),
        tags=compile_trace_tags(ctx, config.custom_tags, f"{at}.custom_tags"),
        spawn_upstream_span=config.spawn_upstream_span.value,
        no_context_propagation=config.no_context_propagation,
        egress=owner.outbound,
        node_id=ctx.node_id,
        zone=ctx.zone,
    )
    _operations(ctx, config, compiled, at)
    if (tracer := _tracer(ctx, config, at)) is not None:
        compiled.tracer.CopyFrom(tracer)
    return compiled


def _tracer(
    ctx: CompileContext, config: hcm.HttpConnectionManager.Tracing, at: str
) -> Tracer | None:
    """The tracer of the connection manager, or else that of the bootstrap."""
    if config.HasField("provider"):
        return compile_tracer(ctx, config.provider, f"{at}.provider")
    if ctx.tracing_provider is not None:
        return compile_tracer(ctx, ctx.tracing_provider, "tracing.http")
    return None


def _share(
    config: hcm.HttpConnectionManager.Tracing, field: str, key: str, of: int
) -> RuntimeFraction:
    """A percentage as so many `of` all; all without one. What is less than one is cut off."""
    percent: Percent = getattr(config, field)
    numerator = int(of * percent.value / _HUNDRED) if config.HasField(field) else of
    return RuntimeFraction(runtime_key=key, numerator=numerator, denominator=of)


def compile_route_tracing(ctx: CompileContext, config: routes.Tracing, at: str) -> RouteTracing:
    """What a route says in place of its connection manager."""
    compiled = RouteTracing(
        sampling=TraceSampling(
            client=_fraction(config, "client_sampling", _CLIENT, _HUNDRED),
            random=_fraction(config, "random_sampling", _RANDOM, _TEN_THOUSAND),
            overall=_fraction(config, "overall_sampling", _OVERALL, _TEN_THOUSAND),
        ),
        tags=compile_trace_tags(ctx, config.custom_tags, f"{at}.custom_tags"),
    )
    _operations(ctx, config, compiled, at)
    return compiled


def _fraction(config: routes.Tracing, field: str, key: str, of: int) -> RuntimeFraction:
    fraction: FractionalPercent = getattr(config, field)
    if not config.HasField(field):
        return RuntimeFraction(runtime_key=key, numerator=of, denominator=of)
    return RuntimeFraction(
        runtime_key=key, numerator=fraction.numerator, denominator=denominator(fraction)
    )


def _operations(
    ctx: CompileContext,
    config: hcm.HttpConnectionManager.Tracing | routes.Tracing,
    out: Tracing | RouteTracing,
    at: str,
) -> None:
    if config.operation:
        operation = compile_format(ctx, config.operation, f"{at}.operation", omit_empty=True)
        out.operation.CopyFrom(operation)
    if config.upstream_operation:
        where = f"{at}.upstream_operation"
        operation = compile_format(ctx, config.upstream_operation, where, omit_empty=True)
        out.upstream_operation.CopyFrom(operation)


def compile_decorator(decorator: routes.Decorator) -> Decorator:
    """How spans of a route's requests are called."""
    return Decorator(
        operation=decorator.operation,
        propagate=decorator.propagate.value or not decorator.HasField("propagate"),
    )
