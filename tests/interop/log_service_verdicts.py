"""Verdicts of access logs and stats that go to services."""

from __future__ import annotations

from tests.interop.verdicts import Verdict, listener, manager, whole

_GRPC = "grpc_service: {envoy_grpc: {cluster_name: be}}"
_ABSENT = "grpc_service: {envoy_grpc: {cluster_name: absent}}"
_URI = "http_uri: {uri: 'http://be/v1', cluster: be, timeout: 1s}"
_LOGGERS = "type.googleapis.com/envoy.extensions.access_loggers"
_DETECTOR = (
    "resource_detectors: [{name: e, typed_config: {'@type': type.googleapis.com/envoy.extensions"
    ".tracers.opentelemetry.resource_detectors.v3.EnvironmentResourceDetectorConfig}}]"
)


def _logged(name: str, config: str, differs: str = "") -> Verdict:
    log = f"access_log: [{{name: l, typed_config: {config}}}]"
    return Verdict(name, whole(listener(manager(log))), differs)


def als(name: str, common: str, differs: str = "", fields: str = "", kind: str = "Http") -> Verdict:
    """A logger of entries."""
    config = (
        f"{{'@type': {_LOGGERS}.grpc.v3.{kind}GrpcAccessLogConfig,"
        f" common_config: {{{common}}}, {fields}}}"
    )
    return _logged(f"als_{name}", config, differs)


def otlp(name: str, fields: str, differs: str = "") -> Verdict:
    """A logger of records."""
    kind = f"{_LOGGERS}.open_telemetry.v3.OpenTelemetryAccessLogConfig"
    return _logged(f"otlp_{name}", f"{{'@type': {kind}, {fields}}}", differs)


def sink(name: str, kind: str, fields: str, differs: str = "") -> Verdict:
    """A sink of stats."""
    config = f"{{'@type': type.googleapis.com/envoy.{kind}, {fields}}}"
    text = f"stats_sinks: [{{name: s, typed_config: {config}}}]\n"
    return Verdict(f"sink_{name}", text + whole(), differs)


def metrics(name: str, fields: str) -> Verdict:
    """A metrics service."""
    return sink(f"metrics_{name}", "config.metrics.v3.MetricsServiceConfig", fields)


def open_telemetry(name: str, fields: str, differs: str = "") -> Verdict:
    """A sink of OTLP."""
    kind = "extensions.stat_sinks.open_telemetry.v3.SinkConfig"
    return sink(f"otlp_{name}", kind, fields, differs)


_V3 = f"log_name: x, transport_api_version: V3, {_GRPC}"

VERDICTS = (
    als("plain", _V3),
    als("auto", f"log_name: x, {_GRPC}"),
    als("v2", f"log_name: x, transport_api_version: V2, {_GRPC}"),
    als("no_name", f"transport_api_version: V3, {_GRPC}"),
    als("no_service", "log_name: x, transport_api_version: V3"),
    als("absent", f"log_name: x, transport_api_version: V3, {_ABSENT}"),
    als("zero_interval", f"{_V3}, buffer_flush_interval: 0s"),
    als("zero_size", f"{_V3}, buffer_size_bytes: 0"),
    als("odd_header", _V3, fields="additional_request_headers_to_log: ['a b']"),
    als("tcp", _V3, kind="Tcp"),
    als("tag", f"{_V3}, custom_tags: [{{tag: a, literal: {{value: x}}}}]"),
    als("tag_twice", f"{_V3}, custom_tags: [{{tag: a, value: x}}, {{tag: a, value: y}}]"),
    als("tag_of_nothing", f"{_V3}, custom_tags: [{{tag: a}}]"),
    als("tag_bad_format", f"{_V3}, custom_tags: [{{tag: a, value: '%NONE%'}}]"),
    als("retry", f"{_V3}, grpc_stream_retry_policy: {{num_retries: 2}}"),
    als(
        "google",
        "log_name: x, grpc_service: {google_grpc: {target_uri: 'be:1', stat_prefix: g}}",
        "google_grpc of access logs is refused: workers call clusters alone",
    ),
    otlp("grpc", _GRPC),
    otlp("http", f"http_service: {{{_URI}}}"),
    otlp("common", f"common_config: {{log_name: x, {_GRPC}}}"),
    otlp("nothing", ""),
    otlp("two", f"{_GRPC}, http_service: {{{_URI}}}"),
    otlp("absent", _ABSENT),
    otlp("number", f"{_GRPC}, body: {{int_value: 1}}"),
    otlp("flag", f"{_GRPC}, attributes: {{values: [{{key: a, value: {{bool_value: true}}}}]}}"),
    otlp("no_value", f"{_GRPC}, attributes: {{values: [{{key: a}}]}}"),
    otlp("bad_format", f"{_GRPC}, body: {{string_value: '%NONE%'}}"),
    otlp("without_formatter", f"{_GRPC}, body: {{string_value: '%REQ_WITHOUT_QUERY(a)%'}}"),
    otlp("resource", f"{_GRPC}, resource_attributes: {{values: [{{key: a}}]}}"),
    otlp("detector", f"{_GRPC}, {_DETECTOR}", "resource_detectors are refused"),
    metrics("plain", f"{_GRPC}, transport_api_version: V3"),
    metrics("auto", _GRPC),
    metrics("v2", f"{_GRPC}, transport_api_version: V2"),
    metrics("absent", _ABSENT),
    metrics("no_service", "transport_api_version: V3"),
    open_telemetry("grpc", _GRPC),
    open_telemetry("absent", _ABSENT),
    open_telemetry("nothing", ""),
    open_telemetry("http", f"http_service: {{{_URI}}}"),
    open_telemetry(
        "http_absent", f"http_service: {{{_URI.replace('cluster: be', 'cluster: no')}}}"
    ),
    open_telemetry("detector", f"{_GRPC}, {_DETECTOR}", "resource_detectors are refused"),
)
