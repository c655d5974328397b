"""envoy.access_loggers.open_telemetry

Source: envoy/extensions/access_loggers/open_telemetry/v3/logs_service.proto; errors as in Envoy
1.40.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from lateen.config.support import Fields, whole
from lateen.protos import worker_pb2
from lateen.protos.worker_pb2 import OpenTelemetryAccessLog, OtlpAttribute, OtlpValue
from lateen.proxy.compile.custom_tags import compile_log_tags
from lateen.proxy.compile.format import compile_format
from lateen.proxy.compile.log_service import (
    COMMON_CONFIG,
    allot_stats,
    compile_buffer,
    compile_common_client,
    compile_log_client,
)
from lateen.proxy.compile.otlp import HTTP_SERVICE, compile_http_service, resource
from lateen.proxy.compile.registry import Extension
from lateen.proxy.compile.service_client import GRPC_SERVICE
from lateen.proxy.compile.substitution_format import extra_commands

if TYPE_CHECKING:
    from envoy.extensions.access_loggers.open_telemetry.v3 import logs_service_pb2 as envoy
    from google.protobuf.message import Message
    from opentelemetry.proto.common.v1 import common_pb2 as otlp

    from lateen.proxy.compile.commands import CommandRule
    from lateen.proxy.compile.context import CompileContext

    _Commands = Mapping[str, CommandRule]

_TYPE = "envoy.extensions.access_loggers.open_telemetry.v3.OpenTelemetryAccessLogConfig"
_STATS = "access_logs.open_telemetry_access_log"
_ONE_TRANSPORT = (
    "OpenTelemetry access logger can only have one transport configured. Specify exactly one of:"
    " grpc_service, http_service, or common_config.grpc_service."
)
_NO_TRANSPORT = (
    "OpenTelemetry access logger requires one of: grpc_service, http_service, or"
    " common_config.grpc_service to be configured."
)
_NO_SUCH_VALUE = (
    "Only string values, nested key value lists and array values are supported in OpenTelemetry"
    " access log format."
)

SUPPORT = (
    Fields(
        _TYPE,
        implemented="""
            common_config grpc_service http_service log_name buffer_flush_interval
            buffer_size_bytes filter_state_objects_to_log custom_tags disable_builtin_labels
            resource_attributes body attributes stat_prefix formatters
        """,
        rejected={"resource_detectors": "use resource_attributes"},
        within={
            "common_config": COMMON_CONFIG,
            "grpc_service": GRPC_SERVICE,
            "http_service": HTTP_SERVICE,
        },
        category="envoy.access_loggers",
    ),
    whole("opentelemetry.proto.common.v1.AnyValue"),
    whole("opentelemetry.proto.common.v1.ArrayValue"),
    whole("opentelemetry.proto.common.v1.KeyValue"),
    whole("opentelemetry.proto.common.v1.KeyValueList"),
)


def compile_open_telemetry(ctx: CompileContext, message: Message, at: str) -> worker_pb2.AccessLog:
    """Records about requests and connections."""
    config: envoy.OpenTelemetryAccessLogConfig = message  # type: ignore[assignment]
    extra = extra_commands(ctx, config.formatters)
    log = OpenTelemetryAccessLog(
        exporter=_exporter(ctx, config, at),
        attributes=_attributes(ctx, config.attributes.values, extra, f"{at}.attributes"),
        filter_state_objects=config.filter_state_objects_to_log,
        custom_tags=compile_log_tags(ctx, config.custom_tags, f"{at}.custom_tags"),
    )
    if config.body.WhichOneof("value") is not None:
        log.body.CopyFrom(_value(ctx, config.body, extra, f"{at}.body"))
    return worker_pb2.AccessLog(open_telemetry=log)


def _exporter(
    ctx: CompileContext, config: envoy.OpenTelemetryAccessLogConfig, at: str
) -> OpenTelemetryAccessLog.Exporter:
    prefix = f"{_STATS}.{config.stat_prefix}" if config.stat_prefix else _STATS
    exporter = OpenTelemetryAccessLog.Exporter(
        resource=_resource(ctx, config),
        buffer=compile_buffer(config),
        stats_block=allot_stats(ctx, prefix),
    )
    common = config.common_config.HasField("grpc_service")
    given = [common, config.HasField("grpc_service"), config.HasField("http_service")]
    if sum(given) != 1:
        ctx.error(at, _ONE_TRANSPORT if any(given) else _NO_TRANSPORT)
    elif common:
        client = compile_common_client(ctx, config.common_config, f"{at}.common_config")
        exporter.grpc.CopyFrom(client)
    elif config.HasField("grpc_service"):
        exporter.grpc.CopyFrom(compile_log_client(ctx, config.grpc_service, f"{at}.grpc_service"))
    else:
        where = f"{at}.http_service"
        exporter.http.CopyFrom(compile_http_service(ctx, config.http_service, where))
    return exporter


def _resource(ctx: CompileContext, config: envoy.OpenTelemetryAccessLogConfig) -> bytes:
    """What the records are about: the node and the log, then what is configured."""
    labels: dict[str, str] = {}
    if not config.disable_builtin_labels:
        node = ctx.parsed_node()
        labels = {
            "log_name": config.log_name or config.common_config.log_name,
            "zone_name": node.locality.zone,
            "cluster_name": node.cluster,
            "node_name": node.id,
        }
    return resource(ctx.types, labels, config.resource_attributes.values)


def _attributes(
    ctx: CompileContext, pairs: Iterable[otlp.KeyValue], extra: _Commands, at: str
) -> list[OtlpAttribute]:
    return [
        OtlpAttribute(key=pair.key, value=_value(ctx, pair.value, extra, f"{at}.{pair.key}"))
        for pair in pairs
    ]


def _value(ctx: CompileContext, value: otlp.AnyValue, extra: _Commands, at: str) -> OtlpValue:
    kind = value.WhichOneof("value")
    if kind == "string_value":
        return OtlpValue(text=compile_format(ctx, value.string_value, at, extra=extra))
    if kind == "array_value":
        items = enumerate(value.array_value.values)
        values = [_value(ctx, item, extra, f"{at}[{index}]") for index, item in items]
        return OtlpValue(list=OtlpValue.List(values=values))
    if kind == "kvlist_value":
        pairs = _attributes(ctx, value.kvlist_value.values, extra, at)
        return OtlpValue(attributes=OtlpValue.Attributes(values=pairs))
    ctx.error(at, _NO_SUCH_VALUE)
    return OtlpValue()


OPEN_TELEMETRY = Extension(
    "envoy.access_loggers.open_telemetry", _TYPE, compile_open_telemetry, SUPPORT
)
