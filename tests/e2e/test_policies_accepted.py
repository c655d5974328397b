"""Configuration with logs, traces, metrics and CUSTOM policies, as proxies judge it."""

import pytest

from lateen.control.model.proxy import Build
from lateen.control.offline import translate
from tests.support.accepted import refusal, refusal_of
from tests.support.mesh import mesh_of, sidecar
from tests.support.proxies import lateen_command

HOST = "obs.default.svc.cluster.local"
MESH = """\
apiVersion: v1
kind: Service
metadata: {name: obs, namespace: default}
spec:
  clusterIP: 10.1.0.1
  selector: {app: web}
  ports:
    - {name: http, port: 80}
    - {name: grpc, port: 90}
    - {name: tcp, port: 91}
    - {name: x, port: 92}
---
apiVersion: v1
kind: Pod
metadata: {name: web-1, labels: {app: web, security.istio.io/tlsMode: istio}}
spec: {containers: []}
status: {podIP: 10.0.0.1}
---
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: all, namespace: istio-system}
spec:
  accessLogging:
    - providers: [{name: envoy}, {name: als}, {name: tcp}, {name: otel}]
    - providers: [{name: objects}]
      filter: {expression: response.code >= 400}
  tracing: [{providers: [{name: spans}], customTags: {a: {literal: {value: b}}}}]
  metrics:
    - overrides: [{tagOverrides: {request_host: {operation: REMOVE}, a: {value: "'b'"}}}]
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: ask, namespace: default}
spec: {action: CUSTOM, provider: {name: PROVIDER}, rules: [{to: [{operation: {paths: [/a]}}]}]}
"""
PROVIDERS = [
    {"name": "als", "envoyHttpAls": {"service": HOST, "port": 90}},
    {"name": "tcp", "envoyTcpAls": {"service": HOST, "port": 90}},
    {"name": "otel", "envoyOtelAls": {"service": HOST, "port": 90}},
    {"name": "objects", "envoyFileAccessLog": {"logFormat": {"labels": {"a": "%PROTOCOL%"}}}},
    {"name": "spans", "opentelemetry": {"service": HOST, "port": 90}},
    {"name": "web", "envoyExtAuthzHttp": {"service": HOST, "port": 80}},
    {"name": "grpc", "envoyExtAuthzGrpc": {"service": HOST, "port": 90}},
]


def made(build, provider):
    mesh = mesh_of(MESH.replace("PROVIDER", provider), extensionProviders=PROVIDERS)
    return translate(mesh, sidecar(labels={"app": "web"}, build=build))


@pytest.mark.parametrize("provider", ["web", "grpc", "absent"])
def test_lateen_takes_it(tmp_path, provider):
    sent = made(Build.LATEEN, provider)
    assert refusal_of(lateen_command(), sent, tmp_path / "b.json") == ""


@pytest.mark.oracle
@pytest.mark.parametrize("provider", ["web", "grpc", "absent"])
def test_envoy_takes_it(tmp_path, provider):
    assert refusal(made(Build.ENVOY, provider), tmp_path / "b.json") == ""
