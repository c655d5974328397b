"""A sidecar in a network namespace: captured traffic, a control plane that is fed by files."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.control_plane import (
    LATEEN,
    bootstrap,
    control_command,
    port_told,
    running,
)
from tests.support.namespaces import Namespace, namespace
from tests.support.proxies import envoy_command, lateen_command
from tests.support.waiting import until

APPLICATION = str(Path(__file__).parents[1] / "support" / "sidecar_upstream.py")
SIDECAR_USER, CLIENT_USER = "1337", "1000"
VIRTUAL, HERE, THERE = "203.0.113.10", "10.77.0.1", "10.77.0.2"
MESH = """\
apiVersion: v1
kind: Service
metadata: {name: b, namespace: default}
spec: {clusterIP: VIRTUAL, selector: {app: b}, ports: [{name: http, port: 80, targetPort: 8080}]}
---
apiVersion: v1
kind: Pod
metadata: {name: b-1, namespace: default, labels: {app: b}}
spec: {containers: []}
status: {podIP: THERE}
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: default, namespace: istio-system}
spec: {mtls: {mode: DISABLE}}
""".replace("VIRTUAL", VIRTUAL).replace("THERE", THERE)
ROUTE = """\
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: b, namespace: default}
spec:
  hosts: [b]
  http:
    - match: [{uri: {prefix: /tea}}]
      directResponse: {status: 418, body: {string: tea}}
    - route: [{destination: {host: b}}]
      headers: {request: {set: {x-routed: 'yes'}}}
"""
NODE = f"sidecar~{HERE}~a-1.default~default.svc.cluster.local"
ADMIN = {"address": {"socket_address": {"address": "127.0.0.1", "port_value": 15000}}}


class Place:
    """The namespace with everything in it."""

    def __init__(self, inside: Namespace, folder: Path) -> None:
        self.inside = inside
        self.folder = folder
        self.manifests = folder / "mesh"
        self.manifests.mkdir()
        (self.manifests / "mesh.yaml").write_text(MESH)

    def start(self, stack: ExitStack, sidecar: list[str]) -> None:
        inside = self.inside
        inside.run("ip", "addr", "add", f"{THERE}/24", "dev", "out")
        everything = ("--inbound-ports", "*", "--outbound-ip-ranges", "*")
        inside.run(LATEEN, "capture", "apply", *everything)
        stack.callback(inside.run, LATEEN, "capture", "clean")
        application = [sys.executable, APPLICATION, THERE, "8080"]
        stack.enter_context(running(inside.command(application), self.folder / "app.log"))
        log = self.folder / "control.log"
        control = inside.command(control_command(self.manifests))
        stack.enter_context(running(control, log))
        port = until(lambda: port_told(log))
        config = self.folder / "bootstrap.json"
        told = bootstrap(port, NODE, {"LABELS": {"app": "a"}})
        config.write_text(json.dumps({**told, "admin": ADMIN}))
        self.folder.chmod(0o755)
        argv = [*as_user(SIDECAR_USER), *sidecar, "-c", str(config), "--disable-hot-restart"]
        stack.enter_context(running(inside.command(argv), self.folder / "sidecar.log"))
        until(lambda: "0.0.0.0_80" in self.admin("/listeners"))

    def admin(self, path: str) -> str:
        return self.inside.run("curl", "-s", f"127.0.0.1:15000{path}", check=False).stdout

    def call(self, path: str, host: str = "b") -> tuple[int, str]:
        """A call of the application's, which knows nothing of a sidecar."""
        url = f"http://{VIRTUAL}{path}"
        argv = [*as_user(CLIENT_USER), "curl", "-s", "-m", "5", "-H", f"Host: {host}", url]
        done = self.inside.run(*argv, "-w", "\n%{http_code}", check=False)
        body, _, status = done.stdout.rpartition("\n")
        return int(status), body

    def log(self) -> str:
        return (self.folder / "control.log").read_text()


def as_user(number: str) -> list[str]:
    return ["setpriv", "--reuid", number, "--regid", number, "--clear-groups"]


@pytest.fixture(params=["lateen", "envoy"])
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    commands = {"lateen": lateen_command(), "envoy": envoy_command()}
    command = commands[request.param]
    if command is None:
        pytest.skip(f"no {request.param}: make build, make .venv-envoy/.installed")
    with namespace() as inside, ExitStack() as stack:
        # Not pytest's folder, which other users cannot enter.
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lateen-")))
        made = Place(inside, folder)
        made.start(stack, command)
        yield made


def test_a_call_goes_out_and_comes_in_through_the_sidecar(place):
    status, body = place.call("/")
    told = json.loads(body)
    assert status == 200
    # Only the sidecar's inbound side connects from there.
    assert told["from"] == "127.0.0.6"
    assert told["headers"]["host"] == "b"
    assert "x-request-id" in told["headers"]
    stats = place.admin("/stats?filter=cluster.outbound.80..b.default.svc.cluster.local.*rq_2xx")
    assert stats.rstrip().endswith("upstream_rq_2xx: 1")
    inbound = place.admin("/stats?filter=InboundPassthroughCluster.*upstream_rq_2xx")
    assert inbound.rstrip().endswith("upstream_rq_2xx: 1")


def test_what_changes_in_the_files_changes_in_the_sidecar(place):
    assert place.call("/tea")[0] == 200
    (place.manifests / "route.yaml").write_text(ROUTE)
    until(lambda: place.call("/tea") == (418, "tea"))
    assert json.loads(place.call("/")[1])["headers"]["x-routed"] == "yes"
    (place.manifests / "route.yaml").write_text(ROUTE.replace("418", "tea"))
    until(lambda: "route.yaml" in place.log())
    assert place.call("/tea") == (418, "tea")
    (place.manifests / "route.yaml").unlink()
    until(lambda: place.call("/tea")[0] == 200)


def test_a_host_that_nobody_knows_passes(place):
    status, body = place.call("/", host="unknown.test")
    assert (status, body) != (200, "")
    passed = place.admin("/stats?filter=cluster.PassthroughCluster.*upstream_cx_total")
    assert passed.rstrip().endswith("upstream_cx_total: 1")
