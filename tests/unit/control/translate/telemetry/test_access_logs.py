import pytest

from lateen.control.translate.telemetry.access_logs import FIELDS, LINE
from tests.support.mesh import sent, sidecar

MESH = """\
apiVersion: v1
kind: Service
metadata: {name: als, namespace: obs}
spec: {clusterIP: 10.1.0.1, ports: [{name: grpc, port: 9000}]}
---
apiVersion: v1
kind: Service
metadata: {name: db, namespace: obs}
spec: {clusterIP: 10.1.0.2, ports: [{name: tcp, port: 5432}]}
"""
ALS = "als.obs.svc.cluster.local"
PROVIDERS = [
    {"name": "envoy", "envoyFileAccessLog": {"path": "/dev/stdout"}},
    {"name": "json", "envoyFileAccessLog": {"logFormat": {"labels": {"a": "%PROTOCOL%"}}}},
    {"name": "line", "envoyFileAccessLog": {"path": "/x", "logFormat": {"text": "%PROTOCOL%"}}},
    {"name": "http", "envoyHttpAls": {"service": f"obs/{ALS}", "port": 9000}},
    {"name": "tcp", "envoyTcpAls": {"service": ALS, "port": 9000, "logName": "mine"}},
    {
        "name": "otel",
        "envoyOtelAls": {"service": ALS, "port": 9000, "logFormat": {"labels": {"k": "v"}}},
    },
    {"name": "lost", "envoyHttpAls": {"service": "nobody.obs", "port": 9000}},
]


def telemetry(entries, namespace="istio-system", selector="", name="logs"):
    return f"""\
---
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {{name: {name}, namespace: {namespace}}}
spec: {{{selector}accessLogging: [{entries}]}}
"""


def listeners(text, proxy=None, **config):
    return sent(MESH + text, proxy, extensionProviders=PROVIDERS, **config)["listeners"]


def configs(found):
    return [one["typed_config"] for one in found.get("access_log", [])]


def manager(found, name="0.0.0.0_9000"):
    return found[name]["filter_chains"][0]["filters"][-1]["typed_config"]


def paths(text, proxy=None, **config):
    return [one.get("path") for one in configs(manager(listeners(text, proxy, **config)))]


def test_none_unless_somebody_asks():
    found = listeners("")
    assert "access_log" not in manager(found)
    assert "access_log" not in found["virtualOutbound"]


def test_the_file_of_the_mesh():
    found = listeners("", accessLogFile="/dev/stdout")
    (one,) = configs(manager(found))
    assert one["path"] == "/dev/stdout"
    assert one["log_format"]["text_format_source"]["inline_string"] == LINE
    assert LINE.startswith('[%START_TIME%] "%REQ(:METHOD)% ')
    (tcp,) = configs(manager(found, "10.1.0.2_5432"))
    assert tcp == one
    (unknown,) = found["virtualOutbound"]["access_log"]
    assert unknown["filter"] == {"response_flag_filter": {"flags": ["NR"]}}


@pytest.mark.parametrize(
    ("given", "fields"), [("", FIELDS), ('{"a": "%PROTOCOL%"}', {"a": "%PROTOCOL%"}), ("x", FIELDS)]
)
def test_the_file_of_the_mesh_as_objects(given, fields):
    found = listeners("", accessLogFile="/x", accessLogEncoding="JSON", accessLogFormat=given)
    assert configs(manager(found))[0]["log_format"]["json_format"] == fields


def test_providers():
    names = ["json", "line", "http", "tcp", "otel", "lost"]
    found = listeners(telemetry(", ".join(f"{{providers: [{{name: {one}}}]}}" for one in names)))
    by_name = {one["name"]: one["typed_config"] for one in manager(found)["access_log"]}
    assert len(manager(found)["access_log"]) == 5
    http = by_name["envoy.access_loggers.http_grpc"]["common_config"]
    assert http["log_name"] == "http_envoy_accesslog"
    assert http["grpc_service"]["envoy_grpc"] == {
        "cluster_name": f"outbound|9000||{ALS}",
        "authority": ALS,
    }
    assert http["filter_state_objects_to_log"] == ["upstream_peer", "downstream_peer"]
    assert by_name["envoy.access_loggers.tcp_grpc"]["common_config"]["log_name"] == "mine"
    otel = by_name["envoy.access_loggers.open_telemetry"]
    assert otel["body"] == {"string_value": LINE}
    assert otel["attributes"]["values"] == [{"key": "k", "value": {"string_value": "v"}}]
    texts = [
        one["typed_config"]["log_format"]
        for one in manager(found)["access_log"]
        if one["name"] == "envoy.access_loggers.file"
    ]
    assert {"json_format": {"a": "%PROTOCOL%"}} in texts
    assert {"text_format_source": {"inline_string": "%PROTOCOL%\n"}} in texts


def test_an_expression_of_the_entry():
    entry = "{providers: [{name: envoy}], filter: {expression: response.code >= 400}}"
    found = listeners(telemetry(entry))
    (one,) = manager(found)["access_log"]
    extension = one["filter"]["extension_filter"]
    assert extension["typed_config"]["expression"] == "response.code >= 400"
    (unknown,) = found["virtualOutbound"]["access_log"]
    first, second = unknown["filter"]["and_filter"]["filters"]
    assert first == one["filter"]
    assert second == {"response_flag_filter": {"flags": ["NR"]}}


ENVOY = "{providers: [{name: envoy}]}"
OFF = "{disabled: true}"
LINE_ONLY = "{providers: [{name: line}]}"


@pytest.mark.parametrize(
    ("mesh", "namespace", "workload", "expected"),
    [
        (ENVOY, "", "", ["/dev/stdout"]),
        (ENVOY, LINE_ONLY, "", ["/x"]),
        (ENVOY, OFF, "", []),
        (ENVOY, OFF, ENVOY, ["/dev/stdout"]),
        (ENVOY, "", OFF, []),
        ("", "", LINE_ONLY, ["/x"]),
        ("{match: {mode: SERVER}, providers: [{name: envoy}]}", "", "", []),
        ("{match: {mode: CLIENT}, providers: [{name: envoy}]}", "", "", ["/dev/stdout"]),
    ],
)
def test_levels(mesh, namespace, workload, expected):
    text = telemetry(mesh) if mesh else ""
    text += telemetry(namespace, "shop") if namespace else ""
    selector = "selector: {matchLabels: {app: web}}, "
    text += telemetry(workload, "shop", selector, "web") if workload else ""
    assert paths(text, sidecar(namespace="shop", labels={"app": "web"})) == expected


def test_default_providers():
    assert paths("", defaultProviders={"accessLogging": ["line"]}) == ["/x"]
    off = telemetry(OFF, "default")
    assert paths(off, defaultProviders={"accessLogging": ["line"]}) == []
