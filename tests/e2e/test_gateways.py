"""Gateways over xDS: Istio's resources in files, and clients at the ports that they open."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.client import Client, Response, get
from tests.support.control_plane import bootstrap, control_command, port_told, running
from tests.support.gateways import pair, secret
from tests.support.http1 import ConnectionEnded
from tests.support.ports import PortLease
from tests.support.proxies import Proxy, envoy_command, lateen_command
from tests.support.tls_files import tls_files
from tests.support.upstream import Script, TlsServer, Upstream, reply
from tests.support.waiting import until

GATEWAY = """\
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: gw, namespace: edge}
spec:
  selector: {istio: ingress}
  servers:
    - port: {number: HTTP_PORT, name: http, protocol: HTTP}
      hosts: ['*']
    - port: {number: REDIRECT_PORT, name: redirect, protocol: HTTP}
      hosts: [a.test]
      tls: {httpsRedirect: true}
    - port: {number: TCP_PORT, name: bytes, protocol: TCP}
      hosts: ['*']
      bind: 127.0.0.1
    - port: {number: TLS_PORT, name: simple, protocol: HTTPS}
      hosts: [a.test]
      tls: {mode: SIMPLE, credentialName: a-cert}
    - port: {number: TLS_PORT, name: mutual, protocol: HTTPS}
      hosts: [two.test]
      tls: {mode: MUTUAL, credentialName: two-cert}
    - port: {number: TLS_PORT, name: late, protocol: HTTPS}
      hosts: [late.b.test]
      tls: {mode: SIMPLE, credentialName: late-cert}
    - port: {number: TLS_PORT, name: passed, protocol: TLS}
      hosts: ['*.b.test']
      tls: {mode: PASSTHROUGH}
"""
ROUTES = """\
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: default, namespace: istio-system}
spec: {mtls: {mode: DISABLE}}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: a, namespace: shop}
spec:
  hosts: [a.test, late.b.test]
  gateways: [edge/gw]
  http: [{route: [{destination: {host: a.shop.svc.cluster.local}}]}]
  tcp: [{match: [{port: TCP_PORT}], route: [{destination: {host: two.shop.svc.cluster.local}}]}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: two, namespace: shop}
spec:
  hosts: [two.test]
  gateways: [edge/gw]
  http: [{route: [{destination: {host: two.shop.svc.cluster.local}}]}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: b, namespace: shop}
spec:
  hosts: ['*.b.test']
  gateways: [edge/gw]
  tls: [{match: [{sniHosts: [x.b.test]}], route: [{destination: {host: b.shop.svc.cluster.local}}]}]
"""
SERVICE = """\
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: NAME, namespace: shop}
spec:
  hosts: [NAME.shop.svc.cluster.local]
  location: MESH_INTERNAL
  resolution: STATIC
  ports: [{number: 80, name: PROTOCOL, protocol: PROTOCOL, targetPort: PORT}]
  endpoints: [{address: 127.0.0.1}]
"""
LATE = secret("late-cert", **pair("srv"))
NODE = "router~127.0.0.1~gw-1.edge~edge.svc.cluster.local"
METADATA = {"LABELS": {"istio": "ingress"}}


class Edge:
    """A gateway with its control plane and three backends."""

    def __init__(
        self,
        stack: ExitStack,
        folder: Path,
        command: list[str],
        api_type: str = "DELTA_GRPC",
        late: bool = True,
    ) -> None:
        self.manifests = folder / "mesh"
        self.manifests.mkdir()
        names = ("HTTP_PORT", "REDIRECT_PORT", "TCP_PORT", "TLS_PORT")
        self.ports = {name: stack.enter_context(PortLease()).port for name in names}
        self.write("mesh.yaml", GATEWAY + ROUTES + "".join(_services(stack)))
        self.write("a-cert.yaml", secret("a-cert", **pair("srv")))
        if late:
            self.write("late-cert.yaml", LATE)
        self.write("two-cert.yaml", secret("two-cert", **pair("two"), **{"ca.crt": "ca.pem"}))
        self.log = folder / "control.log"
        stack.enter_context(running(control_command(self.manifests), self.log))
        port = until(lambda: port_told(self.log))
        config = bootstrap(port, NODE, METADATA)
        config["dynamic_resources"]["ads_config"]["api_type"] = api_type
        self.proxy = stack.enter_context(Proxy(command, config))
        until(lambda: self.listens("HTTP_PORT") and self.listens("TLS_PORT"))

    def write(self, name: str, text: str) -> None:
        for port, number in self.ports.items():
            text = text.replace(port, str(number))
        (self.manifests / name).write_text(text)

    def listens(self, port: str) -> bool:
        return f"_{self.ports[port]}::" in self.proxy.admin("/listeners").text

    def get(self, port: str, host: str, path: str = "/") -> Response:
        with Client(("127.0.0.1", self.ports[port])) as client:
            return client.request(get(path, host))

    def get_tls(self, name: str, certificate: str = "") -> tuple[Response, str]:
        """The answer to a request by TLS, and the common name of who gave it."""
        context = ssl.create_default_context(cafile=str(tls_files() / "ca.pem"))
        if certificate:
            context.load_cert_chain(
                tls_files() / f"{certificate}.pem", tls_files() / f"{certificate}.key"
            )
        with Client(("127.0.0.1", self.ports["TLS_PORT"])) as client:
            secured = client.secure(context, name)
            shown = secured.getpeercert() or {}
            return client.request(get("/", name)), str(shown["serialNumber"])


def _services(stack: ExitStack) -> Iterator[str]:
    """Backends that answer with their name, as services; `b` ends TLS itself."""
    for name, protocol, tls in (
        ("a", "HTTP", None),
        ("two", "HTTP", None),
        ("b", "TLS", TlsServer("srv")),
    ):
        script = Script([reply(body=name.encode())])
        upstream = stack.enter_context(Upstream(script, tls=tls))
        entry = SERVICE.replace("NAME", name).replace("PROTOCOL", protocol)
        yield entry.replace("PORT", str(upstream.port))


@pytest.fixture(params=["lateen", "envoy"])
def command(request: pytest.FixtureRequest) -> list[str]:
    commands = {"lateen": lateen_command(), "envoy": envoy_command()}
    found = commands[request.param]
    if found is None:
        pytest.skip(f"no {request.param}: make build, make .venv-envoy/.installed")
    return found


@pytest.fixture
def edge(command: list[str], tmp_path: Path, stack: ExitStack) -> Edge:
    return Edge(stack, tmp_path, command)


def test_requests_go_by_their_host(edge):
    answer = edge.get("HTTP_PORT", "a.test")
    assert (answer.status, answer.text, answer.get("server")) == (200, "a", "istio-envoy")
    assert edge.get("HTTP_PORT", f"two.test:{edge.ports['HTTP_PORT']}").text == "two"
    assert edge.get("HTTP_PORT", "unknown.test").status == 404


def test_plain_text_is_redirected(edge):
    answer = edge.get("REDIRECT_PORT", "a.test", "/cart")
    assert (answer.status, answer.get("location")) == (301, "https://a.test/cart")


def test_tls_goes_by_the_name_that_is_asked_for(edge):
    assert edge.get_tls("a.test")[0].text == "a"
    assert edge.get_tls("two.test", "cli")[0].text == "two"
    assert edge.get_tls("x.b.test")[0].text == "b"
    with pytest.raises(OSError, match=r"(?i)ssl|reset|eof"):
        edge.get_tls("y.b.test")


def test_connections_are_passed_on(edge):
    assert edge.get("TCP_PORT", "any.test").text == "two"


def test_clients_of_mutual_tls_need_a_certificate(edge):
    for certificate in ("", "stranger"):
        with pytest.raises((OSError, ConnectionEnded)):
            edge.get_tls("two.test", certificate)


@pytest.mark.parametrize("api_type", ["DELTA_GRPC", "GRPC"])
def test_a_secret_that_changes_is_shown_to_clients(command, tmp_path, stack, api_type):
    edge = Edge(stack, tmp_path, command, api_type)
    before = edge.get_tls("a.test")[1]
    edge.write("a-cert.yaml", secret("a-cert", **pair("rsa")))
    until(lambda: edge.get_tls("a.test")[1] != before)
    rotated = edge.get_tls("a.test")[1]
    # What is of no use, and a Secret that is gone, change nothing.
    wrong = {"tls.crt": "srv.pem", "tls.key": "two.key"}
    edge.write("a-cert.yaml", secret("a-cert", **wrong))
    until(lambda: "tls.key is not the key of" in edge.log.read_text())
    assert edge.get_tls("a.test")[1] == rotated
    (edge.manifests / "a-cert.yaml").unlink()
    until(lambda: "there is no Secret a-cert" in edge.log.read_text())
    assert edge.get_tls("a.test")[1] == rotated
    edge.write("a-cert.yaml", secret("a-cert", **pair("srv")))
    until(lambda: edge.get_tls("a.test")[1] == before)


def test_a_secret_that_is_missing_is_told_and_the_rest_goes_on(command, tmp_path, stack):
    edge = Edge(stack, tmp_path, command, late=False)
    log = edge.log.read_text()
    assert "credentialName: there is no Secret late-cert" in log
    assert edge.get("HTTP_PORT", "a.test").text == "a"
    assert edge.get_tls("a.test")[0].text == "a"
    with pytest.raises((OSError, ConnectionEnded)):
        edge.get_tls("late.b.test")
    edge.write("late-cert.yaml", LATE)
    until(lambda: _works(edge, "late.b.test"))


def _works(edge: Edge, name: str) -> bool:
    try:
        return edge.get_tls(name)[0].status == 200
    except (OSError, ConnectionEnded):
        return False
