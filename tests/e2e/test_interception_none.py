"""Two sidecars on one machine without capture: their listeners bind, the application calls them."""

from __future__ import annotations

import http.client
import json
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from tests.support.control_plane import bootstrap, control_command, port_told, running
from tests.support.ports import PortLease
from tests.support.proxies import Proxy, envoy_command, lateen_command
from tests.support.waiting import until

APPLICATION = str(Path(__file__).parents[1] / "support" / "sidecar_upstream.py")
CALLER, CALLED = "127.77.0.11", "127.77.0.12"
MESH = """\
apiVersion: v1
kind: Service
metadata: {name: b, namespace: default}
spec: {clusterIP: None, selector: {app: b}, ports: [{name: http, port: INGRESS}]}
---
apiVersion: v1
kind: Pod
metadata: {name: b-1, namespace: default, labels: {app: b}}
spec: {containers: []}
status: {podIP: CALLED}
---
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: {name: a, namespace: default}
spec:
  workloadSelector: {labels: {app: a}}
  egress:
    - port: {number: EGRESS, protocol: HTTP_PROXY, name: proxy}
      bind: CALLER
      captureMode: NONE
      hosts: ["*/*"]
  outboundTrafficPolicy: {mode: REGISTRY_ONLY}
---
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: {name: b, namespace: default}
spec:
  workloadSelector: {labels: {app: b}}
  ingress:
    - port: {number: INGRESS, protocol: HTTP, name: http}
      bind: CALLED
      captureMode: NONE
      defaultEndpoint: 127.0.0.1:SERVED
  egress: [{hosts: ["~/*"]}]
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: default, namespace: istio-system}
spec: {mtls: {mode: DISABLE}}
"""
CONFIG = """\
---
apiVersion: v1
kind: ConfigMap
metadata: {name: istio, namespace: istio-system}
data: {mesh: "outboundTrafficPolicy: {mode: ALLOW_ANY_DYNAMIC_DNS}"}
"""


class Pair:
    """The caller's and the called one's sidecar, an application, and the control plane."""

    def __init__(self, stack: ExitStack, folder: Path, command: list[str]) -> None:
        leases = [stack.enter_context(PortLease(host)) for host in (CALLER, CALLED, "127.0.0.1")]
        self.egress, self.ingress, self.served = (lease.port for lease in leases)
        text = MESH.replace("EGRESS", str(self.egress)).replace("INGRESS", str(self.ingress))
        text = text.replace("SERVED", str(self.served))
        manifests = folder / "mesh"
        manifests.mkdir()
        self.mesh = manifests / "mesh.yaml"
        self.mesh.write_text(text.replace("CALLER", CALLER).replace("CALLED", CALLED))
        leases[2].close()
        application = [sys.executable, APPLICATION, "127.0.0.1", str(self.served)]
        stack.enter_context(running(application, folder / "app.log"))
        log = folder / "control.log"
        stack.enter_context(running(control_command(manifests), log))
        port = until(lambda: port_told(log))
        self.caller = stack.enter_context(self._sidecar(command, port, "a", CALLER))
        self.called = stack.enter_context(self._sidecar(command, port, "b", CALLED))

    def _sidecar(self, command: list[str], port: int, app: str, address: str) -> Proxy:
        node = f"sidecar~{address}~{app}-1.default~default.svc.cluster.local"
        metadata = {"LABELS": {"app": app}, "INTERCEPTION_MODE": "NONE"}
        return Proxy(command, bootstrap(port, node, metadata))

    def call(self, host: str, path: str = "/") -> tuple[int, bytes]:
        """A request as a client sends it to its HTTP proxy."""
        connection = http.client.HTTPConnection(CALLER, self.egress, timeout=10)
        with closing(connection):
            connection.request("GET", f"http://{host}{path}")
            answer = connection.getresponse()
            return answer.status, answer.read()


@pytest.fixture(params=["lateen", "envoy"])
def pair(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Pair]:
    command = {"lateen": lateen_command(), "envoy": envoy_command()}[request.param]
    if command is None:
        pytest.skip(f"no {request.param}: make build, make .venv-envoy/.installed")
    with ExitStack() as stack:
        yield Pair(stack, tmp_path, command)


def test_an_http_proxy_reaches_the_service_through_both_sidecars(pair):
    host = f"b:{pair.ingress}"
    status, body = pair.call(host, "/tea")
    assert status == 200
    told = json.loads(body)
    assert told["from"] == "127.0.0.1"
    assert told["headers"]["host"] == host
    outbound = f"cluster.outbound|{pair.ingress}||b.default.svc.cluster.local;"
    pair.caller.wait_stat(f"{outbound}.upstream_rq_200", 1)
    pair.called.wait_stat(f"cluster.inbound|{pair.ingress}||;.upstream_rq_200", 1)


def test_hosts_and_ports_that_no_service_has_are_refused(pair):
    other = pair.ingress - 1
    for host in (f"b:{other}", "b", "unknown.test"):
        assert pair.call(host)[0] == 502


def test_hosts_that_nobody_knows_have_no_address_to_pass_on_to(pair):
    pair.mesh.write_text(pair.mesh.read_text().replace("REGISTRY_ONLY", "ALLOW_ANY"))
    until(lambda: pair.call("unknown.test")[0] == 503)
    assert pair.call("unknown.test")[1] == b"no healthy upstream"


def test_hosts_that_nobody_knows_are_where_dns_says(pair):
    # It is the mesh that says so; the Sidecar must not say otherwise.
    text = pair.mesh.read_text().replace("  outboundTrafficPolicy: {mode: REGISTRY_ONLY}\n", "")
    pair.mesh.write_text(text + CONFIG)
    host = f"localhost:{pair.served}"
    until(lambda: pair.call(host)[0] == 200)
    told = json.loads(pair.call(host)[1])
    assert told["headers"]["host"] == host


def test_no_listener_waits_for_captured_connections(pair):
    for proxy in (pair.caller, pair.called):
        names = proxy.admin("/listeners").text
        assert "virtual" not in names
        assert len(names.splitlines()) == 1
