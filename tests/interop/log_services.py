"""Access logs that go to services, for cases: YAML of loggers and of the clusters they need."""

from __future__ import annotations

GRPC = "envoy_grpc: {cluster_name: $tel}"
_LOGGERS = "type.googleapis.com/envoy.extensions.access_loggers"
HTTP2 = (
    "typed_extension_protocol_options: {envoy.extensions.upstreams.http.v3.HttpProtocolOptions:"
    ' {"@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions,'
    " explicit_http_config: {http2_protocol_options: {}}}}"
)
TELEMETRY = f"{{name: $tel, hosts: [$sink], {HTTP2}}}"
CLUSTERS = f"[{{name: $be, hosts: [$up]}}, {{name: $down, hosts: [$dead]}}, {TELEMETRY}]"
# The time that an upstream takes is in a header of its response: its digits are bytes.
QUIET_ROUTER = (
    '{name: router, typed_config: {"@type":'
    " type.googleapis.com/envoy.extensions.filters.http.router.v3.Router,"
    " suppress_envoy_headers: true}}"
)


def als(common: str = "", fields: str = "", kind: str = "Http", filtered: str = "") -> str:
    """A logger of entries; `common` and `fields` are of its configuration."""
    config = (
        f'{{"@type": {_LOGGERS}.grpc.v3.{kind}GrpcAccessLogConfig, common_config: {{log_name: $log,'
        f" transport_api_version: V3, grpc_service: {{{GRPC}}}, buffer_flush_interval: 0.1s,"
        f" {common}}}, {fields}}}"
    )
    return _logger(config, filtered)


def otlp(fields: str = "", service: str = f"grpc_service: {{{GRPC}}}", filtered: str = "") -> str:
    """A logger of records."""
    config = (
        f'{{"@type": {_LOGGERS}.open_telemetry.v3.OpenTelemetryAccessLogConfig, {service},'
        f" buffer_flush_interval: 0.1s, {fields}}}"
    )
    return _logger(config, filtered)


def _logger(config: str, filtered: str) -> str:
    end = f", filter: {filtered}" if filtered else ""
    return f"{{name: l, typed_config: {config}{end}}}"


def manager(*logs: str, filters: str = "", more: str = "", router: str = QUIET_ROUTER) -> str:
    """Fields of a connection manager with these logs, and filters before the router."""
    before = f"{filters}, " if filters else ""
    return f"access_log: [{', '.join(logs)}]\nhttp_filters: [{before}{router}]\n{more}\n"
