import pytest

from lateen.proxy.compile.network_filters.owner import FilterOwner
from lateen.proxy.compile.tracing import (
    compile_decorator,
    compile_route_tracing,
    compile_tracing,
)
from tests.support.messages import context, errors, message, unsupported

_HCM = "extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.Tracing"
_TYPE = "type.googleapis.com/envoy.config.trace.v3"
_EXTENSIONS = "type.googleapis.com/envoy.extensions.tracers.opentelemetry"
GRPC = "grpc_service: {envoy_grpc: {cluster_name: c}, timeout: 2s}"
ZIPKIN = "collector_cluster: c, collector_endpoint: /x, collector_endpoint_version: HTTP_JSON"


def provider(kind, fields):
    return f"provider: {{name: t, typed_config: {{'@type': {_TYPE}.{kind}, {fields}}}}}"


def compiled(text, ctx=None, outbound=False):
    owner = FilterOwner("t", "a", outbound=outbound)
    return compile_tracing(ctx or context(), message(_HCM, text), owner, "x")


def otlp(fields, **given):
    ctx = context(version="v", **given)
    tracer = compiled(provider("OpenTelemetryConfig", f"{GRPC}, {fields}"), ctx)
    return {each.key: each.value for each in tracer.tracer.opentelemetry.resource}, ctx


def share(fraction):
    return (fraction.runtime_key, fraction.numerator, fraction.denominator)


def test_shares_are_cut_to_what_envoy_tells_apart():
    sampling = compiled("{client_sampling: {value: 2.9}, random_sampling: {value: 0.129}}").sampling
    assert share(sampling.client) == ("tracing.client_enabled", 2, 100)
    assert share(sampling.random) == ("tracing.random_sampling", 12, 10_000)
    assert share(sampling.overall) == ("tracing.global_enabled", 10_000, 10_000)


def test_a_route_has_shares_of_its_own():
    text = "{random_sampling: {numerator: 5, denominator: MILLION}, operation: '%PROTOCOL%'}"
    tracing = compile_route_tracing(context(), message("config.route.v3.Tracing", text), "x")
    assert share(tracing.sampling.random) == ("tracing.random_sampling", 5, 1_000_000)
    assert share(tracing.sampling.client) == ("tracing.client_enabled", 100, 100)
    assert tracing.operation.omit_empty
    assert not tracing.HasField("upstream_operation")


def test_a_decorator_is_told_unless_it_says_otherwise():
    def told(text):
        return compile_decorator(message("config.route.v3.Decorator", text)).propagate

    assert told("operation: a")
    assert not told("operation: a\npropagate: false")


def test_the_first_tag_of_a_name_counts():
    text = "custom_tags: [{tag: a, literal: {value: x}}, {tag: a, literal: {value: later}}]"
    (tag,) = compiled(text).tags
    assert tag.literal == "x"


def test_who_tells_the_spans():
    resource, _ = otlp("service_name: s")
    assert resource == {
        "service.name": "s",
        "telemetry.sdk.language": "rust",
        "telemetry.sdk.name": "lateen",
        "telemetry.sdk.version": "v",
    }


@pytest.mark.parametrize(
    ("variable", "found", "problem"),
    [
        ("a=1,service.name=o", {"a": "1", "service.name": "o"}, False),
        ("a", {}, True),
        ("", {}, False),
    ],
)
def test_attributes_of_the_environment(variable, found, problem):
    kind = f"{_EXTENSIONS}.resource_detectors.v3.EnvironmentResourceDetectorConfig"
    detector = f"resource_detectors: [{{name: d, typed_config: {{'@type': {kind}}}}}]"
    environment = {"OTEL_RESOURCE_ATTRIBUTES": variable}
    bare = (
        "set_telemetry_sdk_resource_attributes: false, set_service_name_resource_attribute: false"
    )
    resource, ctx = otlp(f"{detector}, {bare}", environment=environment)
    assert resource == found
    assert bool(errors(ctx)) == problem


def test_samplers_stand_within_each_other():
    kind = f"{_EXTENSIONS}.samplers.v3"
    inner = (
        f"{{'@type': {kind}.TraceIdRatioBasedSamplerConfig, sampling_percentage: {{numerator: 7}}}}"
    )
    outer = (
        f"{{'@type': {kind}.ParentBasedSamplerConfig, wrapped_sampler: {{typed_config: {inner}}}}}"
    )
    tracing = compiled(
        provider("OpenTelemetryConfig", f"{GRPC}, sampler: {{typed_config: {outer}}}")
    )
    ratio = tracing.tracer.opentelemetry.sampler.parent_based.trace_id_ratio
    assert (ratio.numerator, ratio.denominator) == (7, 100)


def test_zipkin_has_a_collector_and_its_timeout_is_of_runtime():
    ctx = context(service_cluster="me", runtime={"tracing.zipkin.request_timeout": "70"})
    zipkin = compiled(provider("ZipkinConfig", ZIPKIN), ctx, outbound=True).tracer.zipkin
    collector = zipkin.collector
    assert (collector.client.timeout_ms, collector.authority, collector.path) == (70, "c", "/x")
    assert (zipkin.service_name, zipkin.protobuf, zipkin.separate_spans) == ("me", False, False)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        (provider("ZipkinConfig", "collector_cluster: c"), "collector_endpoint_version"),
        (provider("ZipkinConfig", "collector_endpoint_version: HTTP_JSON"), "typed_config"),
        (provider("OpenTelemetryConfig", "service_name: a"), "exactly one"),
        ("provider: {name: n}", "needs a typed_config"),
        ("custom_tags: [{tag: a}]", "custom_tags[0]"),
    ],
)
def test_what_cannot_be(text, path):
    ctx = context()
    compiled(text, ctx)
    assert any(path in each for each in errors(ctx))


def test_the_tracer_of_the_bootstrap_stands_in():
    default = message("config.trace.v3.Tracing.Http", provider("ZipkinConfig", ZIPKIN)[10:])
    assert compiled("verbose: true", context(tracing_provider=default)).HasField("tracer")
    assert not compiled("verbose: true").HasField("tracer")


def test_other_tracers_are_refused():
    text = provider("SkyWalkingConfig", GRPC)
    found = unsupported(message(_HCM, text))
    assert any(each.startswith("error x.provider.typed_config") for each in found)
