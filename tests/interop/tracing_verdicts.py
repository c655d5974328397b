"""Configurations of tracing whose verdict by `--mode validate` is compared."""

from __future__ import annotations

from tests.interop.verdicts import Verdict, cluster, listener, manager, whole

_TYPE = "type.googleapis.com/envoy.config.trace.v3"
_EXTENSIONS = "type.googleapis.com/envoy.extensions.tracers.opentelemetry"
_GRPC = "grpc_service: {envoy_grpc: {cluster_name: be}}"
_HTTP = "http_service: {http_uri: {uri: 'http://a/b', cluster: be, timeout: 1s}}"


def _traced(name: str, fields: str, more: str = "", differs: str = "") -> Verdict:
    text = whole(listener(manager(f"tracing: {{{fields}}}")), cluster(), more)
    return Verdict(f"tracing_{name}", text, differs)


def with_tracer(name: str, kind: str, fields: str, differs: str = "") -> Verdict:
    """A tracer of a connection manager."""
    config = f"{{'@type': {_TYPE}.{kind}, {fields}}}"
    return _traced(name, f"provider: {{name: t, typed_config: {config}}}", differs=differs)


def with_otlp(name: str, fields: str, differs: str = "") -> Verdict:
    """One of OpenTelemetry."""
    return with_tracer(f"otlp_{name}", "OpenTelemetryConfig", fields, differs)


def with_zipkin(name: str, fields: str, differs: str = "") -> Verdict:
    """One of Zipkin."""
    return with_tracer(f"zipkin_{name}", "ZipkinConfig", fields, differs)


def with_tag(name: str, tag: str) -> Verdict:
    """A tag."""
    return _traced(f"tag_{name}", f"custom_tags: [{tag}]")


def sampled(kind: str, fields: str = "") -> str:
    """A sampler."""
    config = f"{{'@type': {_EXTENSIONS}.samplers.v3.{kind}SamplerConfig{fields}}}"
    return f"{_GRPC}, sampler: {{name: s, typed_config: {config}}}"


def detected(kind: str, fields: str = "") -> str:
    """A resource detector."""
    package = f"{_EXTENSIONS}.resource_detectors.v3"
    config = f"{{'@type': {package}.{kind}ResourceDetectorConfig{fields}}}"
    return f"{_GRPC}, resource_detectors: [{{name: d, typed_config: {config}}}]"


_JSON = "collector_endpoint_version: HTTP_JSON"
_COLLECTOR = "collector_cluster: be, collector_endpoint: /x"
VERDICTS = (
    _traced("empty", "verbose: true"),
    _traced("shares", "client_sampling: {value: 1.5}, random_sampling: {value: 0.001}"),
    _traced("share_too_large", "random_sampling: {value: 101}"),
    _traced("operation_bad", "operation: '%NOTHING%'"),
    _traced("upstream_operation_bad", "upstream_operation: '%REQ('"),
    _traced("provider_untyped", "provider: {name: envoy.tracers.zipkin}"),
    _traced("provider_unknown", "provider: {name: none}"),
    _traced(
        "of_bootstrap",
        "verbose: true",
        f"tracing: {{http: {{name: t, typed_config: {{'@type': {_TYPE}.OpenTelemetryConfig,"
        f" {_GRPC}}}}}}}",
    ),
    _traced(
        "of_bootstrap_bad",
        "verbose: true",
        f"tracing: {{http: {{name: t, typed_config: {{'@type': {_TYPE}.OpenTelemetryConfig}}}}}}",
    ),
    with_tag("empty", "{tag: a}"),
    with_tag("nameless", "{literal: {value: a}}"),
    with_tag("literal_empty", "{tag: a, literal: {value: ''}}"),
    with_tag("environment_nameless", "{tag: a, environment: {default_value: a}}"),
    with_tag("header_nameless", "{tag: a, request_header: {default_value: a}}"),
    with_tag("value_bad", "{tag: a, value: '%REQ%'}"),
    with_tag("value_empty", "{tag: a, value: ''}"),
    with_tag(
        "metadata_of_nobody", "{tag: a, metadata: {metadata_key: {key: a, path: [{key: b}]}}}"
    ),
    with_tag("metadata_keyless", "{tag: a, metadata: {kind: {request: {}}}}"),
    with_tag(
        "metadata_pathless", "{tag: a, metadata: {kind: {request: {}}, metadata_key: {key: a}}}"
    ),
    with_otlp("grpc", _GRPC),
    with_otlp("http", _HTTP),
    with_otlp("both", f"{_GRPC}, {_HTTP}"),
    with_otlp("neither", "service_name: a"),
    with_otlp("grpc_cluster_unknown", _GRPC.replace("be", "none")),
    with_otlp("http_cluster_unknown", _HTTP.replace("cluster: be", "cluster: none")),
    with_otlp("http_uri_bad", _HTTP.replace("http://a/b", "a b")),
    with_otlp("http_without_timeout", _HTTP.replace(", timeout: 1s", "")),
    with_otlp("always_on", sampled("AlwaysOn")),
    with_otlp("ratio", sampled("TraceIdRatioBased", ", sampling_percentage: {numerator: 3}")),
    with_otlp("ratio_empty", sampled("TraceIdRatioBased")),
    with_otlp("parent_empty", sampled("ParentBased")),
    with_otlp("sampler_unknown", f"{_GRPC}, sampler: {{name: s}}"),
    with_otlp("environment", detected("Environment")),
    with_otlp("static", detected("StaticConfig", ", attributes: {a: b}")),
    with_otlp("static_empty", detected("StaticConfig")),
    with_otlp("detector_unknown", f"{_GRPC}, resource_detectors: [{{name: d}}]"),
    with_otlp("cache_zero", f"{_GRPC}, max_cache_size: 0"),
    with_zipkin("json", f"{_COLLECTOR}, {_JSON}"),
    with_zipkin("proto", f"{_COLLECTOR}, collector_endpoint_version: HTTP_PROTO"),
    with_zipkin("version_missing", _COLLECTOR),
    with_zipkin("version_grpc", f"{_COLLECTOR}, collector_endpoint_version: GRPC"),
    with_zipkin("cluster_unknown", f"collector_cluster: none, collector_endpoint: /x, {_JSON}"),
    with_zipkin("cluster_missing", f"collector_endpoint: /x, {_JSON}"),
    with_zipkin("endpoint_missing", f"collector_cluster: be, {_JSON}"),
    with_zipkin("service", f"collector_service: {_HTTP.partition(' ')[2]}, {_JSON}"),
    with_zipkin(
        "service_cluster_unknown",
        f"collector_service: {_HTTP.partition(' ')[2].replace('cluster: be', 'cluster: none')},"
        f" {_JSON}",
    ),
    with_zipkin(
        "service_and_cluster",
        f"{_COLLECTOR}, collector_service: {_HTTP.partition(' ')[2]}, {_JSON}",
    ),
    with_tracer("skywalking", "SkyWalkingConfig", _GRPC, "other tracers are not implemented"),
)
