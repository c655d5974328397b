"""Active health checks of a cluster.

Source: envoy/config/core/v3/health_check.proto; defaults and errors as in Envoy 1.40.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from lateen.config.support import Fields, whole
from lateen.protos import worker_pb2
from lateen.proxy.compile.address import compile_address
from lateen.proxy.compile.headers import compile_options, removals
from lateen.proxy.compile.http2_options import default_http2
from lateen.proxy.compile.matchers import compile_string
from lateen.proxy.compile.values import enum_name, milliseconds, struct_to_python, to_json

if TYPE_CHECKING:
    from envoy.config.cluster.v3.cluster_pb2 import Cluster
    from envoy.config.core.v3 import health_check_pb2 as envoy
    from envoy.config.endpoint.v3.endpoint_components_pb2 import Endpoint
    from envoy.extensions.health_check.event_sinks.file.v3.file_pb2 import (
        HealthCheckEventFileSink,
    )
    from envoy.type.v3.range_pb2 import Int64Range

    from lateen.proxy.compile.context import CompileContext

_MESSAGE = "envoy.config.core.v3.HealthCheck"
_FILE_SINK = "envoy.extensions.health_check.event_sinks.file.v3.HealthCheckEventFileSink"
_NO_TRAFFIC_MS = 60_000
_RESPONSE_BUFFER = 1024
_METHODS_WITHOUT_BODY = ("GET", "HEAD", "DELETE", "TRACE")
_HEX = re.compile("(?:[0-9a-fA-F]{2})+")

# A limit of Envoy 1.40, which earlier schemas do not state.
_MOST_CHECKS = 8

SUPPORT = (
    Fields(
        _MESSAGE,
        implemented="""
            timeout interval initial_jitter interval_jitter interval_jitter_percent
            unhealthy_threshold healthy_threshold reuse_connection http_health_check
            tcp_health_check grpc_health_check no_traffic_interval no_traffic_healthy_interval
            unhealthy_interval unhealthy_edge_interval healthy_edge_interval event_log_path
            event_logger always_log_health_check_failures always_log_health_check_success
            tls_options transport_socket_match_criteria name
        """,
        harmless={
            "alt_port": "Envoy has no use for it; see health_check_config of endpoints",
            "event_service": "Envoy sends no events either",
        },
        rejected={
            "custom_health_check": (
                "no health checker is an extension here: use http_health_check, tcp_health_check"
                " or grpc_health_check"
            ),
        },
    ),
    Fields(
        f"{_MESSAGE}.HttpHealthCheck",
        implemented="""
            host path send receive response_buffer_size request_headers_to_add
            request_headers_to_remove expected_statuses retriable_statuses codec_client_type
            service_name_matcher method
        """,
        rejected={"use_alpn_protocol": "say in codec_client_type what hosts speak"},
    ),
    Fields(
        f"{_MESSAGE}.TcpHealthCheck",
        implemented="send receive proxy_protocol_config",
        within={
            "proxy_protocol_config": Fields(
                "envoy.config.core.v3.ProxyProtocolConfig",
                implemented="version",
                harmless=dict.fromkeys(
                    ("pass_through_tlvs", "added_tlvs"),
                    "the header of a health check has no TLVs, as in Envoy",
                ),
            ),
        },
    ),
    whole(f"{_MESSAGE}.GrpcHealthCheck"),
    Fields(
        f"{_MESSAGE}.Payload",
        implemented="text",
        rejected={"binary": "write it in hexadecimal, as text"},
    ),
    whole(f"{_MESSAGE}.TlsOptions"),
    whole(_FILE_SINK, category="envoy.health_check.event_sinks"),
    whole("envoy.config.endpoint.v3.Endpoint.HealthCheckConfig"),
)


def compile_health_checks(
    ctx: CompileContext, source: Cluster, out: worker_pb2.Cluster, at: str
) -> None:
    """Set `health_checks` of a compiled cluster, whose protocol is known, if it has some."""
    if not source.health_checks:
        return
    where = f"{at}.health_checks"
    if len(source.health_checks) > _MOST_CHECKS:
        ctx.error(
            where,
            "Proto constraint validation failed (health_checks must have at most"
            f" {_MOST_CHECKS} items, has {len(source.health_checks)})",
        )
    if len(source.health_checks) > 1:
        _check_names(ctx, source, where)
    checks = [
        _compile_check(ctx, check, out, f"{where}[{index}]")
        for index, check in enumerate(source.health_checks)
    ]
    compiled = worker_pb2.HealthChecks(
        checks=checks,
        exclude_new_hosts=source.common_lb_config.ignore_new_hosts_until_first_hc,
        remove_at_once=source.ignore_health_on_host_removal,
    )
    out.health_checks.CopyFrom(compiled)


def _check_names(ctx: CompileContext, source: Cluster, at: str) -> None:
    """Several checks are told apart by their names, in stats too."""
    seen: set[str] = set()
    for index, check in enumerate(source.health_checks):
        where = f"{at}[{index}].name"
        if not check.name:
            ctx.error(
                where,
                f"health check at index {index} is missing a name; all health checks must have"
                " a name when multiple health checks are configured",
            )
        elif check.name in seen:
            ctx.error(
                where,
                f"duplicate health check name '{check.name}' at index {index}; all health check"
                " names must be unique within a cluster",
            )
        seen.add(check.name)


def _compile_check(
    ctx: CompileContext, check: envoy.HealthCheck, out: worker_pb2.Cluster, where: str
) -> worker_pb2.HealthCheck:
    compiled = _intervals(check)
    compiled.name = check.name
    compiled.alpn_protocols.extend(check.tls_options.alpn_protocols)
    if check.HasField("transport_socket_match_criteria"):
        criteria = struct_to_python(check.transport_socket_match_criteria)
        compiled.socket_criteria_json = to_json(criteria)
    _compile_logs(ctx, check, compiled, f"{where}.event_logger")
    kind = check.WhichOneof("health_checker")
    if kind == "http_health_check":
        http = _compile_http(ctx, check.http_health_check, f"{where}.{kind}")
        compiled.http.CopyFrom(http)
    elif kind == "tcp_health_check":
        compiled.tcp.CopyFrom(_compile_tcp(ctx, check.tcp_health_check, f"{where}.{kind}"))
    elif kind == "grpc_health_check":
        _check_http2(ctx, out, f"{where}.{kind}")
        compiled.grpc.CopyFrom(_compile_grpc(ctx, check.grpc_health_check, f"{where}.{kind}"))
    if compiled.http.http2 and not out.HasField("http2"):
        out.http2.CopyFrom(default_http2())
    return compiled


def compile_endpoint_check(
    ctx: CompileContext, host: Endpoint, out: worker_pb2.Endpoint, at: str
) -> None:
    """Set `check` of a compiled endpoint."""
    source = host.health_check_config
    checked = source.address if source.HasField("address") else host.address
    if source.port_value and checked.WhichOneof("address") != "socket_address":
        reason = "Invalid host configuration: non-zero port for non-IP address"
        ctx.error(f"{at}.port_value", reason)
    if source.HasField("address"):
        out.check.address.CopyFrom(compile_address(ctx, source.address, f"{at}.address"))
    out.check.port = source.port_value
    out.check.hostname = source.hostname
    out.check.disabled = source.disable_active_health_check


def _intervals(check: envoy.HealthCheck) -> worker_pb2.HealthCheck:
    """What all kinds have: times, and how often a check has to fail or to pass."""
    compiled = worker_pb2.HealthCheck(
        timeout_ms=milliseconds(check.timeout),
        interval_ms=milliseconds(check.interval),
        initial_jitter_ms=milliseconds(check.initial_jitter),
        interval_jitter_ms=milliseconds(check.interval_jitter),
        interval_jitter_percent=check.interval_jitter_percent,
        unhealthy_threshold=check.unhealthy_threshold.value,
        healthy_threshold=check.healthy_threshold.value,
        reuse_connection=check.reuse_connection.value or not check.HasField("reuse_connection"),
        log_every_failure=check.always_log_health_check_failures,
        log_every_success=check.always_log_health_check_success,
    )

    def either(name: str, default: int) -> int:
        return milliseconds(getattr(check, name)) if check.HasField(name) else default

    compiled.no_traffic_interval_ms = either("no_traffic_interval", _NO_TRAFFIC_MS)
    compiled.no_traffic_healthy_interval_ms = either(
        "no_traffic_healthy_interval", compiled.no_traffic_interval_ms
    )
    compiled.unhealthy_interval_ms = either("unhealthy_interval", compiled.interval_ms)
    compiled.unhealthy_edge_interval_ms = either(
        "unhealthy_edge_interval", compiled.unhealthy_interval_ms
    )
    compiled.healthy_edge_interval_ms = either("healthy_edge_interval", compiled.interval_ms)
    return compiled


def _compile_logs(
    ctx: CompileContext, check: envoy.HealthCheck, out: worker_pb2.HealthCheck, at: str
) -> None:
    if check.event_log_path:
        out.event_log_paths.append(check.event_log_path)
    for sink in check.event_logger:
        message = ctx.unpack(sink.typed_config)
        if message is not None and message.DESCRIPTOR.full_name == _FILE_SINK:
            file: HealthCheckEventFileSink = message  # type: ignore[assignment]
            out.event_log_paths.append(file.event_log_path)


def _compile_http(
    ctx: CompileContext, source: envoy.HealthCheck.HttpHealthCheck, at: str
) -> worker_pb2.HttpHealthCheck:
    method = enum_name(source, "method") if source.method else "GET"
    sized = source.HasField("response_buffer_size")
    http = worker_pb2.HttpHealthCheck(
        host=source.host,
        path=source.path,
        method=method,
        response_buffer_size=source.response_buffer_size.value if sized else _RESPONSE_BUFFER,
    )
    if source.HasField("send"):
        if method in _METHODS_WITHOUT_BODY:
            ctx.error(
                f"{at}.send",
                f"HTTP health check cannot specify a request payload with method '{method}'. Only"
                " methods that support a request body (POST, PUT, PATCH, OPTIONS) can be used with"
                " payload.",
            )
        http.body = _payload(ctx, source.send, f"{at}.send")
    http.receive.extend(_payloads(ctx, source.receive, f"{at}.receive"))
    where = f"{at}.request_headers_to_add"
    http.headers_to_add.extend(compile_options(ctx, source.request_headers_to_add, where))
    where = f"{at}.request_headers_to_remove"
    http.headers_to_remove.extend(removals(ctx, source.request_headers_to_remove, where))
    for name in ("expected", "retriable"):
        ranges = getattr(source, f"{name}_statuses")
        compiled = _statuses(ctx, ranges, name, f"{at}.{name}_statuses")
        getattr(http, f"{name}_statuses").extend(compiled)
    protocol = enum_name(source, "codec_client_type") if source.codec_client_type else "HTTP1"
    if protocol == "HTTP3":
        ctx.unimplemented(f"{at}.codec_client_type", "HTTP3", "HTTP1, HTTP2")
    http.http2 = protocol == "HTTP2"
    if source.HasField("service_name_matcher"):
        where = f"{at}.service_name_matcher"
        http.service_name.CopyFrom(compile_string(ctx, source.service_name_matcher, where))
    return http


def _statuses(
    ctx: CompileContext, ranges: Iterable[Int64Range], name: str, at: str
) -> list[worker_pb2.Int64Range]:
    compiled = []
    for index, span in enumerate(ranges):
        start, end = span.start, span.end
        expecting = ""
        if start >= end:
            expecting = f"start < end, but found start={start} and end={end}"
        elif start < 100:
            expecting = f"start >= 100, but found start={start}"
        elif end > 600:
            expecting = f"end <= 600, but found end={end}"
        if expecting:
            ctx.error(f"{at}[{index}]", f"Invalid http {name} status range: expecting {expecting}")
        compiled.append(worker_pb2.Int64Range(start=start, end=end))
    return compiled


def _compile_tcp(
    ctx: CompileContext, source: envoy.HealthCheck.TcpHealthCheck, at: str
) -> worker_pb2.TcpHealthCheck:
    tcp = worker_pb2.TcpHealthCheck(receive=_payloads(ctx, source.receive, f"{at}.receive"))
    if source.HasField("send"):
        tcp.send = _payload(ctx, source.send, f"{at}.send")
    if source.HasField("proxy_protocol_config"):
        version = enum_name(source.proxy_protocol_config, "version")
        second = version == "V2"
        tcp.proxy_header = tcp.VERSION_2 if second else tcp.VERSION_1
    return tcp


def _compile_grpc(
    ctx: CompileContext, source: envoy.HealthCheck.GrpcHealthCheck, at: str
) -> worker_pb2.GrpcHealthCheck:
    where = f"{at}.initial_metadata"
    return worker_pb2.GrpcHealthCheck(
        service=source.service_name,
        authority=source.authority,
        initial_metadata=compile_options(ctx, source.initial_metadata, where),
    )


def _check_http2(ctx: CompileContext, cluster: worker_pb2.Cluster, at: str) -> None:
    spoken = (worker_pb2.Cluster.HTTP2, worker_pb2.Cluster.AUTO)
    if cluster.upstream_protocol not in spoken and not cluster.tunnels_speak_http2:
        ctx.error(at, f"{cluster.name} cluster must support HTTP/2 for gRPC healthchecking")


def _payload(ctx: CompileContext, source: envoy.HealthCheck.Payload, at: str) -> bytes:
    if source.HasField("text") and not _HEX.fullmatch(source.text):
        ctx.error(f"{at}.text", f"invalid hex string '{source.text}'")
        return b""
    return bytes.fromhex(source.text)


def _payloads(
    ctx: CompileContext, sources: Iterable[envoy.HealthCheck.Payload], at: str
) -> list[bytes]:
    return [_payload(ctx, each, f"{at}[{index}]") for index, each in enumerate(sources)]
