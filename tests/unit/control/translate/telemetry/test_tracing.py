import pytest

from tests.support.mesh import sent, sidecar

MESH = """\
apiVersion: v1
kind: Service
metadata: {name: zipkin, namespace: obs}
spec: {clusterIP: 10.1.0.1, ports: [{name: http, port: 9411}, {name: grpc, port: 4317}]}
"""
HOST = "zipkin.obs.svc.cluster.local"
PROVIDERS = [
    {"name": "zip", "zipkin": {"service": HOST, "port": 9411, "maxTagLength": 60}},
    {"name": "otel", "opentelemetry": {"service": HOST, "port": 4317}},
    {
        "name": "web",
        "opentelemetry": {
            "service": HOST,
            "port": 9411,
            "http": {"path": "/v1/traces", "headers": [{"name": "x-a", "value": "b"}]},
        },
    },
    {"name": "lost", "zipkin": {"service": "nobody", "port": 1}},
]
WEB = sidecar(namespace="shop", labels={"app": "web", "version": "v2"})


def telemetry(entry, namespace="istio-system"):
    return f"""\
---
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {{name: traces, namespace: {namespace}}}
spec: {{tracing: [{entry}]}}
"""


def tracing(text, **config):
    found = sent(MESH + text, WEB, extensionProviders=PROVIDERS, **config)["listeners"]
    chain = found["0.0.0.0_9411"]["filter_chains"][0]
    return chain["filters"][-1]["typed_config"].get("tracing")


def test_nothing_is_traced_unless_somebody_asks():
    assert tracing("") is None
    assert tracing(telemetry("{randomSamplingPercentage: 5}")) is None
    assert tracing(telemetry("{providers: [{name: lost}]}")) is None


def test_zipkin():
    found = tracing(telemetry("{providers: [{name: zip}], randomSamplingPercentage: 5}"))
    assert found["provider"]["name"] == "envoy.tracers.zipkin"
    config = found["provider"]["typed_config"]
    assert config["collector_cluster"] == f"outbound|9411||{HOST}"
    assert config["collector_endpoint"] == "/api/v2/spans"
    assert config["trace_id_128bit"] is True
    assert config["shared_span_context"] is False
    assert found["max_path_tag_length"] == 60
    assert found["random_sampling"] == {"value": 5.0}
    assert found["client_sampling"] == found["overall_sampling"] == {"value": 100.0}


def test_open_telemetry():
    grpc = tracing(telemetry("{providers: [{name: otel}]}"))["provider"]["typed_config"]
    assert grpc["service_name"] == "web.shop"
    assert grpc["grpc_service"]["envoy_grpc"]["cluster_name"] == f"outbound|4317||{HOST}"
    http = tracing("", defaultProviders={"tracing": ["web"]})["provider"]["typed_config"]
    assert http["http_service"]["http_uri"]["uri"] == f"http://{HOST}/v1/traces"
    assert http["http_service"]["request_headers_to_add"][0]["header"] == {
        "key": "x-a",
        "value": "b",
    }


def test_tags():
    entry = "{providers: [{name: zip}], customTags: {b: {literal: {value: x}}, "
    entry += "a: {header: {name: x-a, defaultValue: z}}, c: {environment: {name: C}}, "
    entry += "d: {formatter: {value: '%PROTOCOL%'}}}}"
    found = {one["tag"]: one for one in tracing(telemetry(entry))["custom_tags"]}
    assert list(found) == sorted(found)
    assert found["b"]["literal"] == {"value": "x"}
    assert found["a"]["request_header"] == {"name": "x-a", "default_value": "z"}
    assert found["c"]["environment"] == {"name": "C"}
    assert found["d"]["value"] == "%PROTOCOL%"
    assert found["istio.canonical_service"]["literal"] == {"value": "web"}
    assert found["istio.canonical_revision"]["literal"] == {"value": "v2"}
    dry = found["istio.authorization.dry_run.deny_policy.name"]["metadata"]["metadata_key"]
    assert dry["path"] == [{"key": "istio_dry_run_deny_shadow_effective_policy_id"}]


def test_no_tags_of_istio():
    assert "custom_tags" not in tracing(
        telemetry("{providers: [{name: zip}], enableIstioTags: false}")
    )


@pytest.mark.parametrize(
    ("mesh", "namespace", "name"),
    [
        ("{providers: [{name: zip}]}", "{providers: [{name: otel}]}", "opentelemetry"),
        ("{providers: [{name: zip}]}", "{randomSamplingPercentage: 9}", "zipkin"),
        ("{providers: [{name: zip}]}", "{disableSpanReporting: true}", None),
        ("{match: {mode: SERVER}, providers: [{name: zip}]}", "", None),
    ],
)
def test_levels(mesh, namespace, name):
    text = telemetry(mesh) + (telemetry(namespace, "shop") if namespace else "")
    found = tracing(text)
    assert (found and found["provider"]["name"].rpartition(".")[2]) == name


def test_sampling_of_the_mesh():
    found = tracing(
        "",
        defaultProviders={"tracing": ["zip"]},
        defaultConfig={"tracing": {"sampling": 42, "maxPathTagLength": 9}},
    )
    assert found["random_sampling"] == {"value": 42.0}
    assert found["max_path_tag_length"] == 60
    without = tracing(
        telemetry("{providers: [{name: otel}]}"),
        defaultConfig={"tracing": {"maxPathTagLength": 9}},
    )
    assert without["max_path_tag_length"] == 9
    assert without["random_sampling"] == {"value": 1.0}
