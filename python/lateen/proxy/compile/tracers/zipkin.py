"""envoy.tracers.zipkin

Source: envoy/config/trace/v3/zipkin.proto; errors as in Envoy 1.40.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.config.support import Fields
from lateen.protos.worker_pb2 import SpanReceiver, Tracer, ZipkinTracer
from lateen.proxy.compile.stats_blocks import BlockKind
from lateen.proxy.compile.tracers.receiver import client_of, compile_receiver
from lateen.proxy.compile.values import enum_name

if TYPE_CHECKING:
    from envoy.config.trace.v3.zipkin_pb2 import ZipkinConfig
    from google.protobuf.message import Message

    from lateen.proxy.compile.context import CompileContext

MESSAGE = "envoy.config.trace.v3.ZipkinConfig"

SUPPORT = (
    Fields(
        MESSAGE,
        implemented="""
            collector_cluster collector_endpoint trace_id_128bit shared_span_context
            collector_endpoint_version collector_hostname split_spans_for_request
            trace_context_option collector_service
        """,
        rejected={"timestamp_trace_ids": "trace ids are random"},
        category="envoy.tracers",
    ),
)

_TIMEOUT_MS = 5000


def compile_zipkin(ctx: CompileContext, message: Message, at: str) -> Tracer:
    """The tracer of Zipkin."""
    config: ZipkinConfig = message  # type: ignore[assignment]
    version = enum_name(config, "collector_endpoint_version")
    if version not in ("HTTP_JSON", "HTTP_PROTO"):
        where = f"{at}.collector_endpoint_version"
        ctx.error(where, f"{version} is not supported", "use HTTP_JSON or HTTP_PROTO")
    shares = config.shared_span_context
    compiled = ZipkinTracer(
        stats_block=ctx.blocks.allot(BlockKind.ZIPKIN, "tracing.zipkin"),
        protobuf=version == "HTTP_PROTO",
        long_trace_ids=config.trace_id_128bit,
        separate_spans=config.HasField("shared_span_context") and not shares.value,
        always_server=config.split_spans_for_request,
        w3c=enum_name(config, "trace_context_option") == "USE_B3_WITH_W3C_PROPAGATION",
        service_name=ctx.service_cluster,
    )
    if config.HasField("collector_service"):
        where = f"{at}.collector_service"
        compiled.collector.CopyFrom(compile_receiver(ctx, config.collector_service, where))
    else:
        compiled.collector.CopyFrom(_collector(ctx, config, at))
    cluster = compiled.collector.client.cluster
    if cluster:
        ctx.check_cluster(cluster, at, f"envoy.tracers.zipkin: unknown cluster '{cluster}'")
    # Also where the URI of a service says another.
    timeout = float(ctx.runtime.get("tracing.zipkin.request_timeout", _TIMEOUT_MS))
    compiled.collector.client.timeout_ms = int(timeout)
    return Tracer(zipkin=compiled)


def _collector(ctx: CompileContext, config: ZipkinConfig, at: str) -> SpanReceiver:
    """The collector as older configurations name it."""
    cluster = config.collector_cluster
    if not cluster or not config.collector_endpoint:
        reason = "collector_cluster and collector_endpoint must be specified when not using"
        ctx.error(at, f"{reason} collector_service")
    return SpanReceiver(
        client=client_of(cluster, 0),
        authority=config.collector_hostname or cluster,
        path=config.collector_endpoint,
    )
