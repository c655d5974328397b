"""Where stats are sent to, beside the admin listener that serves them.

Source: envoy/config/metrics/v3/stats.proto; errors as in Envoy 1.40.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from lateen.config.support import Fields, whole
from lateen.proxy.compile.address import is_ip
from lateen.proxy.compile.otlp import HTTP_SERVICE, node_version, split_uri, user_agent
from lateen.proxy.compile.service_client import check_transport_version
from lateen.proxy.compile.stats_sink_plans import (
    MetricsServicePlan,
    OpenTelemetryPlan,
    OtlpPost,
    SinkPlan,
    StatsdPlan,
)
from lateen.proxy.compile.values import enum_name, milliseconds

if TYPE_CHECKING:
    from envoy.config.bootstrap.v3.bootstrap_pb2 import Bootstrap
    from envoy.config.core.v3.address_pb2 import Address
    from envoy.config.core.v3.http_service_pb2 import HttpService
    from envoy.config.metrics.v3 import metrics_service_pb2 as metrics
    from envoy.config.metrics.v3 import stats_pb2 as envoy
    from envoy.extensions.stat_sinks.open_telemetry.v3 import open_telemetry_pb2 as otlp
    from google.protobuf.message import Message

    from lateen.proxy.compile.context import CompileContext

_PACKAGE = "envoy.config.metrics.v3"
_STATSD = f"{_PACKAGE}.StatsdSink"
_DOG = f"{_PACKAGE}.DogStatsdSink"
_PREFIX = "envoy"
_NO_UNITS = "all times are in milliseconds"

_METRICS_SERVICE = f"{_PACKAGE}.MetricsServiceConfig"
_OPEN_TELEMETRY = "envoy.extensions.stat_sinks.open_telemetry.v3.SinkConfig"
_GRPC = Fields(
    "envoy.config.core.v3.GrpcService",
    implemented="envoy_grpc google_grpc initial_metadata retry_policy timeout",
)

SUPPORT = (
    whole(f"{_PACKAGE}.StatsSink"),
    Fields(
        _METRICS_SERVICE,
        implemented="""
            grpc_service transport_api_version report_counters_as_deltas emit_tags_as_labels
            histogram_emit_mode batch_size
        """,
        category="envoy.stats_sinks",
    ),
    Fields(
        _OPEN_TELEMETRY,
        implemented="""
            grpc_service http_service report_counters_as_deltas report_histograms_as_deltas
            emit_tags_as_attributes use_tag_extracted_name prefix max_data_points_per_request
        """,
        rejected={
            "resource_detectors": "what is sent is about this proxy alone",
            "custom_metric_conversions": "use stats_config to tag and drop stats",
        },
        within={"grpc_service": _GRPC, "http_service": HTTP_SERVICE},
        category="envoy.stats_sinks",
    ),
    Fields(
        _STATSD,
        implemented="address prefix",
        rejected={"tcp_cluster_name": "give an address: it is sent over UDP"},
        harmless={"scale_histogram_units_to_milliseconds": _NO_UNITS},
        category="envoy.stats_sinks",
    ),
    Fields(
        _DOG,
        implemented="address prefix max_bytes_per_datagram",
        harmless={"scale_histogram_units_to_milliseconds": _NO_UNITS},
        category="envoy.stats_sinks",
    ),
)


def compile_stats_sinks(ctx: CompileContext, bootstrap: Bootstrap) -> Sequence[SinkPlan]:
    """The sinks of a bootstrap; those of other kinds are left out, with a warning."""
    found: list[SinkPlan] = []
    clusters = {each.name for each in bootstrap.static_resources.clusters}
    for index, sink in enumerate(bootstrap.stats_sinks):
        at = f"stats_sinks[{index}]"
        message = ctx.unpack(sink.typed_config)
        kind = message.DESCRIPTOR.full_name if message is not None else ""
        compile_sink = _KINDS.get(kind)
        if message is None or compile_sink is None:
            ctx.excuse(at, "stats are sent to no sink of this kind yet")
            continue
        plan = compile_sink(ctx, message, f"{at}.typed_config")
        if plan is not None:
            found.append(plan)
            _check_cluster(ctx, plan, clusters, f"{at}.typed_config")
    return found


def _check_cluster(ctx: CompileContext, plan: SinkPlan, clusters: Collection[str], at: str) -> None:
    if isinstance(plan, StatsdPlan) or not plan.cluster or plan.cluster in clusters:
        return
    # As in Envoy, one that speaks HTTP may come later.
    if isinstance(plan.service, bytes):
        reason = f"Unknown gRPC client cluster '{plan.cluster}'"
        ctx.error(f"{at}.grpc_service.envoy_grpc.cluster_name", reason)


def _statsd(ctx: CompileContext, message: Message, at: str) -> SinkPlan | None:
    config: envoy.StatsdSink = message  # type: ignore[assignment]
    if config.tcp_cluster_name:
        return None
    address = _address(ctx, config.address, f"{at}.address")
    return StatsdPlan(address, config.prefix or _PREFIX)


def _dog_statsd(ctx: CompileContext, message: Message, at: str) -> SinkPlan:
    config: envoy.DogStatsdSink = message  # type: ignore[assignment]
    address = _address(ctx, config.address, f"{at}.address")
    most = config.max_bytes_per_datagram.value
    return StatsdPlan(address, config.prefix or _PREFIX, tags=True, datagram_bytes=most)


def _metrics_service(ctx: CompileContext, message: Message, at: str) -> SinkPlan:
    config: metrics.MetricsServiceConfig = message  # type: ignore[assignment]
    check_transport_version(ctx, config, at)
    mode = enum_name(config, "histogram_emit_mode")
    return MetricsServicePlan(
        cluster=config.grpc_service.envoy_grpc.cluster_name,
        service=config.grpc_service.SerializeToString(),
        node=ctx.serialized_node,
        deltas=config.report_counters_as_deltas.value,
        labels=config.emit_tags_as_labels,
        summaries=mode != "HISTOGRAM",
        histograms=mode != "SUMMARY",
        batch_size=config.batch_size,
    )


def _open_telemetry(ctx: CompileContext, message: Message, at: str) -> SinkPlan:
    config: otlp.SinkConfig = message  # type: ignore[assignment]
    http = config.WhichOneof("protocol_specifier") == "http_service"
    cluster = config.grpc_service.envoy_grpc.cluster_name
    service: bytes | OtlpPost = config.grpc_service.SerializeToString()
    if http:
        cluster = config.http_service.http_uri.cluster
        service = _post(ctx, config.http_service, f"{at}.http_service")
    return OpenTelemetryPlan(
        cluster=cluster,
        service=service,
        resource=_sender(ctx),
        counter_deltas=config.report_counters_as_deltas,
        histogram_deltas=config.report_histograms_as_deltas,
        tags=not config.HasField("emit_tags_as_attributes") or config.emit_tags_as_attributes.value,
        short_names=not config.HasField("use_tag_extracted_name")
        or config.use_tag_extracted_name.value,
        prefix=f"{config.prefix}." if config.prefix else "",
        points_per_request=config.max_data_points_per_request,
    )


def _sender(ctx: CompileContext) -> tuple[tuple[str, str], ...]:
    """What Envoy's metrics are about: the library that makes them."""
    node = ctx.parsed_node()
    return (
        ("telemetry.sdk.name", node.user_agent_name),
        ("telemetry.sdk.language", "python"),
        ("telemetry.sdk.version", node_version(ctx)),
    )


def _post(ctx: CompileContext, service: HttpService, at: str) -> OtlpPost:
    authority, path = split_uri(service.http_uri.uri)
    headers = [("content-type", "application/x-protobuf"), ("user-agent", user_agent(ctx))]
    for index, option in enumerate(service.request_headers_to_add):
        if "%" in option.header.value:
            where = f"{at}.request_headers_to_add[{index}].header.value"
            ctx.unimplemented(where, "a header with a command", "headers of fixed text")
        headers.append((option.header.key.lower(), option.header.value))
    timeout_s = milliseconds(service.http_uri.timeout) / 1000
    return OtlpPost(authority, path, tuple(headers), timeout_s)


_KINDS: Mapping[str, Callable[[CompileContext, Message, str], SinkPlan | None]] = {
    _STATSD: _statsd,
    _DOG: _dog_statsd,
    _METRICS_SERVICE: _metrics_service,
    _OPEN_TELEMETRY: _open_telemetry,
}


def _address(ctx: CompileContext, address: Address, at: str) -> tuple[str, int] | str:
    if address.HasField("pipe"):
        return address.pipe.path
    socket = address.socket_address
    if not is_ip(socket.address):
        ctx.error(f"{at}.socket_address.address", f"malformed IP address: {socket.address}")
    return socket.address, socket.port_value
