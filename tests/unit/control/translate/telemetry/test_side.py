"""Istio's filters: where they are, and what they are told."""

import pytest

from lateen.control.model.proxy import Build
from tests.support.mesh import sent, sidecar

MESH = """\
apiVersion: v1
kind: Service
metadata: {name: web, namespace: default}
spec:
  clusterIP: 10.1.0.1
  selector: {app: web}
  ports: [{name: http, port: 80}, {name: tcp, port: 90}]
---
apiVersion: v1
kind: Pod
metadata: {name: web-1, labels: {app: web, security.istio.io/tlsMode: istio}}
spec: {containers: []}
status: {podIP: 10.0.0.1}
"""


def telemetry(entries):
    return f"""\
---
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {{name: metrics, namespace: istio-system}}
spec: {{metrics: [{entries}]}}
"""


def made(text="", build=Build.LATEEN, **config):
    return sent(MESH + text, sidecar(build=build), **config)


def chains(found, name, kind):
    every = found["listeners"][name]["filter_chains"]
    return [one["filters"] for one in every if one["filters"][-1]["name"].endswith(kind)]


def http(found, name):
    manager = chains(found, name, "http_connection_manager")[0][-1]["typed_config"]
    return {one["name"]: one["typed_config"] for one in manager["http_filters"]}


def stats(found, name="0.0.0.0_80"):
    return http(found, name)["istio.stats"]["value"]


def test_an_ordinary_envoy_gets_none_of_them():
    found = made(build=Build.ENVOY)
    for name in ("0.0.0.0_80", "virtualInbound"):
        assert not any(one.startswith("istio.") for one in http(found, name))
    assert "filters" not in found["clusters"]["outbound|90||web.default.svc.cluster.local"]
    assert "istio-peer-exchange" not in str(found["clusters"])


def test_order_of_a_clients_filters():
    names = [one.removeprefix("envoy.filters.http.") for one in http(made(), "0.0.0.0_80")]
    assert names == [
        "istio.metadata_exchange",
        "grpc_stats",
        "istio.alpn",
        "fault",
        "cors",
        "istio.stats",
        "router",
    ]


def test_order_of_a_servers_filters():
    names = [one.removeprefix("envoy.filters.http.") for one in http(made(), "virtualInbound")]
    assert names[0] == "istio.metadata_exchange"
    assert "istio.alpn" not in names
    assert names[-2:] == ["istio.stats", "router"]


@pytest.mark.parametrize(("build", "ways"), [(Build.LATEEN, 1), (Build.ISTIO, 2)])
def test_exchange_of_requests(build, ways):
    found = made(build=build)
    client = http(found, "0.0.0.0_80")["istio.metadata_exchange"]["value"]
    assert len(client["upstream_discovery"]) == ways
    assert client["upstream_propagation"] == [{"istio_headers": {"skip_external_clusters": True}}]
    server = http(found, "virtualInbound")["istio.metadata_exchange"]["value"]
    assert server["downstream_propagation"] == [{"istio_headers": {}}]


def test_exchange_of_connections():
    found = made()
    (tcp,) = chains(found, "10.1.0.1_90", "tcp_proxy")
    assert [one["name"] for one in tcp[:-1]] == ["istio.stats"]
    served = chains(found, "virtualInbound", "tcp_proxy")[-1]
    assert [one["name"] for one in served[:-1]] == ["istio.metadata_exchange", "istio.stats"]
    cluster = found["clusters"]["outbound|90||web.default.svc.cluster.local"]
    assert [one["name"] for one in cluster["filters"]] == ["istio.metadata_exchange"]
    istio = cluster["transport_socket_matches"][0]["transport_socket"]["typed_config"]
    assert istio["common_tls_context"]["alpn_protocols"] == ["istio-peer-exchange", "istio"]
    assert "filters" not in found["clusters"]["outbound|80||web.default.svc.cluster.local"]


def test_metrics_are_counted_unless_that_is_switched_off():
    assert stats(made()) == {"disable_host_header_fallback": False}
    assert stats(made(), "virtualInbound") == {"disable_host_header_fallback": True}
    off = made(telemetry("{overrides: [{match: {metric: ALL_METRICS}, disabled: true}]}"))
    assert "istio.stats" not in http(off, "0.0.0.0_80")
    assert "istio.stats" not in http(made(defaultProviders={"metrics": []}), "0.0.0.0_80")


@pytest.mark.parametrize("match", ["", "match: {mode: CLIENT_AND_SERVER}, "])
def test_all_metrics_are_switched_off_also_without_their_name(match):
    found = made(telemetry(f"{{overrides: [{{{match}disabled: true}}]}}"))
    assert "istio.stats" not in http(found, "0.0.0.0_80")
    assert "istio.stats" not in http(found, "virtualInbound")


def test_metrics_of_one_side_are_switched_off():
    off = "{match: {metric: ALL_METRICS, mode: CLIENT}, disabled: true}"
    other = "{match: {metric: REQUEST_SIZE, mode: SERVER}, disabled: true}"
    found = made(telemetry(f"{{overrides: [{off}, {other}]}}"))
    assert "istio.stats" not in http(found, "0.0.0.0_80")
    assert stats(found, "virtualInbound")["metrics"] == [{"name": "request_bytes", "drop": True}]


def test_overrides():
    entry = """
{overrides: [
  {match: {metric: REQUEST_COUNT, mode: CLIENT}, tagOverrides: {
    request_host: {operation: REMOVE}, fixed: {value: "'x'"}, dynamic: {value: request.host}}},
  {match: {metric: REQUEST_SIZE, mode: SERVER}, disabled: true},
  {match: {customMetric: mine}, disabled: true}], reportingInterval: 10s}"""
    found = made(telemetry(entry))
    client = stats(found)
    assert client["tcp_reporting_duration"] == "10s"
    assert client["metrics"] == [
        {"name": "mine", "drop": True},
        {
            "name": "requests_total",
            "tags_to_remove": ["request_host"],
            "dimensions": {"fixed": "'x'"},
        },
    ]
    assert stats(found, "virtualInbound")["metrics"] == [
        {"name": "mine", "drop": True},
        {"name": "request_bytes", "drop": True},
    ]
    istio = stats(made(telemetry(entry), Build.ISTIO))["metrics"][1]
    assert istio["dimensions"] == {"fixed": "'x'", "dynamic": "request.host"}


def test_an_interval_of_many_digits():
    found = made(telemetry("{reportingInterval: 1234567s}"))
    assert stats(found)["tcp_reporting_duration"] == "1234567s"


def test_all_metrics():
    entry = "{overrides: [{tagOverrides: {source_app: {operation: REMOVE}}}]}"
    metrics = stats(made(telemetry(entry)))["metrics"]
    assert len(metrics) == 10
    assert all(one["tags_to_remove"] == ["source_app"] for one in metrics)
