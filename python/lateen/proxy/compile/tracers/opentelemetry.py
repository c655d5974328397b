"""envoy.tracers.opentelemetry

Source: envoy/config/trace/v3/opentelemetry.proto; errors as in Envoy 1.40.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.config.support import Fields
from lateen.protos.worker_pb2 import OpenTelemetryTracer, Tracer
from lateen.proxy.compile.service_client import GRPC_SERVICE, compile_grpc_client
from lateen.proxy.compile.stats_blocks import BlockKind
from lateen.proxy.compile.tracers import resource_detectors, samplers
from lateen.proxy.compile.tracers.receiver import compile_receiver

if TYPE_CHECKING:
    from envoy.config.trace.v3.opentelemetry_pb2 import OpenTelemetryConfig
    from google.protobuf.message import Message
    from google.protobuf.wrappers_pb2 import BoolValue

    from lateen.proxy.compile.context import CompileContext

MESSAGE = "envoy.config.trace.v3.OpenTelemetryConfig"

SUPPORT = (
    Fields(
        MESSAGE,
        implemented="""
            grpc_service http_service service_name resource_detectors sampler max_cache_size
            set_telemetry_sdk_resource_attributes set_service_name_resource_attribute
            set_instrumentation_scope
        """,
        rejected={"exporter": "use grpc_service or http_service"},
        category="envoy.tracers",
        within={"grpc_service": GRPC_SERVICE},
    ),
    *resource_detectors.SUPPORT,
    *samplers.SUPPORT,
)

_MOST_SPANS = 1024
_UNNAMED = "unknown_service:envoy"
_PRODUCT = "lateen"


def compile_opentelemetry(ctx: CompileContext, message: Message, at: str) -> Tracer:
    """The tracer of OpenTelemetry."""
    config: OpenTelemetryConfig = message  # type: ignore[assignment]
    most = config.max_cache_size.value
    compiled = OpenTelemetryTracer(
        stats_block=ctx.blocks.allot(BlockKind.OPENTELEMETRY, "tracing.opentelemetry"),
        max_cache_size=most if config.HasField("max_cache_size") else _MOST_SPANS,
    )
    _receiver(ctx, config, compiled, at)
    _resource(ctx, config, compiled, at)
    if _is_on(config, "set_instrumentation_scope"):
        compiled.scope_name, compiled.scope_version = _PRODUCT, ctx.version
    if config.HasField("sampler"):
        sampler = samplers.compile_sampler(ctx, config.sampler, f"{at}.sampler")
        compiled.sampler.CopyFrom(sampler)
    return Tracer(opentelemetry=compiled)


def _is_on(config: OpenTelemetryConfig, field: str) -> bool:
    """A switch that is on unless it is turned off."""
    value: BoolValue = getattr(config, field)
    return value.value or not config.HasField(field)


def _receiver(
    ctx: CompileContext, config: OpenTelemetryConfig, out: OpenTelemetryTracer, at: str
) -> None:
    if config.HasField("grpc_service") == config.HasField("http_service"):
        reason = (
            "OpenTelemetry Tracer must have exactly one of gRPC, HTTP, or custom exporter"
            " configured."
        )
        ctx.error(at, reason)
    elif config.HasField("grpc_service"):
        where = f"{at}.grpc_service"
        out.grpc.CopyFrom(compile_grpc_client(ctx, config.grpc_service, 0, where))
    else:
        out.http.CopyFrom(compile_receiver(ctx, config.http_service, f"{at}.http_service"))


def _resource(
    ctx: CompileContext, config: OpenTelemetryConfig, out: OpenTelemetryTracer, at: str
) -> None:
    attributes: dict[str, str] = {}
    if _is_on(config, "set_service_name_resource_attribute"):
        attributes["service.name"] = config.service_name or _UNNAMED
    if _is_on(config, "set_telemetry_sdk_resource_attributes"):
        attributes["telemetry.sdk.language"] = "rust"
        attributes["telemetry.sdk.name"] = _PRODUCT
        attributes["telemetry.sdk.version"] = ctx.version
    where = f"{at}.resource_detectors"
    attributes |= resource_detectors.detect(ctx, config.resource_detectors, where)
    for key, value in attributes.items():
        out.resource.add(key=key, value=value)
