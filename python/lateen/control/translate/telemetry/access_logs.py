"""Access logs.

Source: pilot/pkg/model/telemetry_logging.go, pilot/pkg/networking/core/accesslog.go.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import msgspec

from lateen.control.mesh import Mesh
from lateen.control.mesh_config import MeshConfig
from lateen.control.model.proxy import Proxy
from lateen.control.providers import FileLog, GrpcLog, OpenTelemetryLog, Provider
from lateen.control.resources.telemetry import AccessLogging
from lateen.control.translate import api
from lateen.control.translate.telemetry.applicable import Side, applicable, is_about, names
from lateen.control.translate.telemetry.receivers import find, grpc
from lateen.control.translate.values import struct

if TYPE_CHECKING:
    from envoy.config.accesslog.v3.accesslog_pb2 import AccessLog
    from envoy.config.core.v3.substitution_format_string_pb2 import SubstitutionFormatString
    from envoy.extensions.access_loggers.grpc.v3.als_pb2 import CommonGrpcAccessLogConfig

_FILE = "envoy.access_loggers.file"
_HTTP = "envoy.access_loggers.http_grpc"
_TCP = "envoy.access_loggers.tcp_grpc"
_OTEL = "envoy.access_loggers.open_telemetry"
_PEERS = ("upstream_peer", "downstream_peer")
#: Under which name each field is in logs that are objects; as a text they come in LINE's order.
FIELDS = {
    "start_time": "%START_TIME%",
    "route_name": "%ROUTE_NAME%",
    "method": "%REQ(:METHOD)%",
    "path": "%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%",
    "protocol": "%PROTOCOL%",
    "response_code": "%RESPONSE_CODE%",
    "response_flags": "%RESPONSE_FLAGS%",
    "response_code_details": "%RESPONSE_CODE_DETAILS%",
    "connection_termination_details": "%CONNECTION_TERMINATION_DETAILS%",
    "bytes_received": "%BYTES_RECEIVED%",
    "bytes_sent": "%BYTES_SENT%",
    "duration": "%DURATION%",
    "upstream_service_time": "%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)%",
    "x_forwarded_for": "%REQ(X-FORWARDED-FOR)%",
    "user_agent": "%REQ(USER-AGENT)%",
    "request_id": "%REQ(X-REQUEST-ID)%",
    "authority": "%REQ(:AUTHORITY)%",
    "upstream_host": "%UPSTREAM_HOST%",
    "upstream_cluster": "%UPSTREAM_CLUSTER_RAW%",
    "upstream_local_address": "%UPSTREAM_LOCAL_ADDRESS%",
    "downstream_local_address": "%DOWNSTREAM_LOCAL_ADDRESS%",
    "downstream_remote_address": "%DOWNSTREAM_REMOTE_ADDRESS%",
    "requested_server_name": "%REQUESTED_SERVER_NAME%",
    "upstream_transport_failure_reason": "%UPSTREAM_TRANSPORT_FAILURE_REASON%",
}
LINE = (
    '[{start_time}] "{method} {path} {protocol}" {response_code} {response_flags} '
    "{response_code_details} {connection_termination_details} "
    '"{upstream_transport_failure_reason}" {bytes_received} {bytes_sent} {duration} '
    '{upstream_service_time} "{x_forwarded_for}" "{user_agent}" "{request_id}" '
    '"{authority}" "{upstream_host}" {upstream_cluster} {upstream_local_address} '
    "{downstream_local_address} {downstream_remote_address} {requested_server_name} {route_name}\n"
).format_map(FIELDS)


def access_logs(mesh: Mesh, proxy: Proxy, side: Side) -> list[AccessLog]:
    """The logs of a side, by the names of their providers."""
    entries = [one.access_logging for one in applicable(mesh, proxy) if one.access_logging]
    defaults = mesh.config.default_providers.access_logging
    if not entries and not defaults:
        return [_of_mesh(mesh.config)] if mesh.config.access_log_file else []
    chosen = _chosen(entries, defaults, side)
    found = []
    for name in sorted(chosen):
        provider = mesh.config.provider(name)
        made = _of_provider(mesh, provider) if provider is not None else None
        if made is not None:
            _only(made, chosen[name])
            found.append(made)
    return found


def _chosen(
    levels: list[tuple[AccessLogging, ...]], defaults: tuple[str, ...], side: Side
) -> Mapping[str, str]:
    """The providers that are in force, with the expression that requests must meet.

    Providers of a nearer level take the place of those above; an entry without any is about those
    above it.
    """
    if not levels:
        return dict.fromkeys(defaults, "")
    in_force = set(defaults)
    filters: dict[str, str] = {}
    for entries in levels:
        named = {name for entry in entries for name in names(entry.providers)}
        in_force = named or in_force
        for entry in entries:
            expression = entry.filter.expression if entry.filter is not None else ""
            filters |= dict.fromkeys(names(entry.providers), expression)
    found: dict[str, str] = {}
    above = defaults
    for entry in (one for entries in levels for one in entries):
        above = names(entry.providers) or above
        for name in above:
            if name not in in_force or not is_about(entry.match, side):
                continue
            if entry.disabled:
                found.pop(name, None)
            else:
                found[name] = filters.get(name, "")
    return found


def _only(log: AccessLog, expression: str) -> None:
    """Let the log have only what meets an expression of CEL; empty: everything."""
    if expression:
        extension = log.filter.extension_filter
        extension.name = "envoy.access_loggers.extension_filters.cel"
        extension.typed_config.CopyFrom(api.packed(api.ExpressionFilter(expression=expression)))


def _of_provider(mesh: Mesh, provider: Provider) -> AccessLog | None:
    """The log; None: the provider is for none, or its service is not known."""
    if provider.envoy_file_access_log is not None:
        return _file(mesh.config, provider.name, provider.envoy_file_access_log)
    if provider.envoy_http_als is not None:
        return _http(mesh, provider.envoy_http_als)
    if provider.envoy_tcp_als is not None:
        return _tcp(mesh, provider.envoy_tcp_als)
    if provider.envoy_otel_als is not None:
        return _open_telemetry(mesh, provider.envoy_otel_als)
    return None


def _of_mesh(config: MeshConfig) -> AccessLog:
    return _in_file(config.access_log_file, _format_of_mesh(config))


def _format_of_mesh(config: MeshConfig) -> SubstitutionFormatString:
    said = config.access_log_format
    if config.access_log_encoding == "TEXT":
        return _text(said)
    try:
        return _object(msgspec.json.decode(said, type=dict[str, str]) if said else FIELDS)
    except (msgspec.DecodeError, msgspec.ValidationError):
        # As Istio has it: a format that is no object is passed over.
        return _object(FIELDS)


def _file(config: MeshConfig, name: str, said: FileLog) -> AccessLog:
    if said.log_format is None:
        built_in = name == "envoy" and not said.omit_empty_values
        made = _format_of_mesh(config) if built_in else _text("")
    elif said.log_format.labels is not None:
        made = _object(said.log_format.labels or FIELDS)
    else:
        made = _text(said.log_format.text)
    made.omit_empty_values = said.omit_empty_values
    return _in_file(said.path, made)


def _in_file(path: str, written: SubstitutionFormatString) -> AccessLog:
    config = api.FileAccessLog(path=path, log_format=written)
    return api.AccessLog(name=_FILE, typed_config=api.packed(config))


def _text(said: str) -> SubstitutionFormatString:
    line = said if not said or said.endswith("\n") else f"{said}\n"
    return api.SubstitutionFormatString(text_format_source={"inline_string": line or LINE})


def _object(fields: Mapping[str, str]) -> SubstitutionFormatString:
    return api.SubstitutionFormatString(json_format=struct({**fields}))


def _common(
    mesh: Mesh, said: GrpcLog | OpenTelemetryLog, name: str
) -> CommonGrpcAccessLogConfig | None:
    found = find(mesh, said)
    if found is None:
        return None
    made = api.CommonGrpcAccessLogConfig(
        log_name=said.log_name or name, grpc_service=grpc(found), transport_api_version="V3"
    )
    state = said.filter_state_objects_to_log if isinstance(said, GrpcLog) else ()
    made.filter_state_objects_to_log.extend(state or _PEERS)
    return made


def _http(mesh: Mesh, said: GrpcLog) -> AccessLog | None:
    common = _common(mesh, said, "http_envoy_accesslog")
    if common is None:
        return None
    config = api.HttpGrpcAccessLogConfig(
        common_config=common,
        additional_request_headers_to_log=said.additional_request_headers_to_log,
        additional_response_headers_to_log=said.additional_response_headers_to_log,
        additional_response_trailers_to_log=said.additional_response_trailers_to_log,
    )
    return api.AccessLog(name=_HTTP, typed_config=api.packed(config))


def _tcp(mesh: Mesh, said: GrpcLog) -> AccessLog | None:
    common = _common(mesh, said, "tcp_envoy_accesslog")
    if common is None:
        return None
    config = api.TcpGrpcAccessLogConfig(common_config=common)
    return api.AccessLog(name=_TCP, typed_config=api.packed(config))


def _open_telemetry(mesh: Mesh, said: OpenTelemetryLog) -> AccessLog | None:
    common = _common(mesh, said, "otel_envoy_accesslog")
    if common is None:
        return None
    config = api.OpenTelemetryAccessLogConfig(common_config=common, disable_builtin_labels=True)
    written = said.log_format
    config.body.string_value = (written.text if written is not None else "") or LINE
    for key, value in sorted(_labels(said).items()):
        config.attributes.values.add(key=key, value={"string_value": value})
    return api.AccessLog(name=_OTEL, typed_config=api.packed(config))


def _labels(said: OpenTelemetryLog) -> Mapping[str, str]:
    return (said.log_format.labels if said.log_format is not None else None) or {}


def of_listener(logs: list[AccessLog]) -> Iterator[AccessLog]:
    """The logs for connections that no filter chain takes."""
    for log in logs:
        made = api.AccessLog()
        made.CopyFrom(log)
        no_route = api.AccessLogFilter(response_flag_filter={"flags": ["NR"]})
        if log.HasField("filter"):
            both = made.filter.and_filter.filters
            both.extend((log.filter, no_route))
        else:
            made.filter.CopyFrom(no_route)
        yield made
