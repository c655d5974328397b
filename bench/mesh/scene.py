"""A mesh of two workloads on the loopback: a control plane, two sidecars, the upstream.

Nothing is captured: Sidecar resources let the client's sidecar listen as an HTTP proxy and the
server's at an address of its own. The configuration is what the control plane generates, for Lateen
and Envoy the same but for what Lateen's build has beside Envoy's.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.context import Upstream
from bench.errors import BenchError
from bench.machine import Cores
from bench.net import ADDRESS, free_port, wait_accepts, wait_for
from bench.process import Process
from bench.proxies.base import Programs

HOST = "server.bench.svc.cluster.local"
SENT = (f"Host: {HOST}",)
_SERVER, _CLIENT = "127.77.1.2", "127.77.1.1"
_SERVED = 8080
_START_S = 60.0
_MANIFESTS = """\
apiVersion: v1
kind: Service
metadata: {{name: server, namespace: bench}}
spec:
  clusterIP: 10.99.0.1
  selector: {{app: server}}
  ports: [{{name: http, port: 80, targetPort: {served}}}]
---
apiVersion: v1
kind: Pod
metadata:
  name: server-1
  namespace: bench
  labels: {{app: server, security.istio.io/tlsMode: istio}}
spec: {{serviceAccountName: server, containers: []}}
status: {{podIP: {server}}}
---
apiVersion: v1
kind: Pod
metadata:
  name: client-1
  namespace: bench
  labels: {{app: client, security.istio.io/tlsMode: istio}}
spec: {{serviceAccountName: client, containers: []}}
status: {{podIP: {client}}}
---
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: {{name: server, namespace: bench}}
spec:
  workloadSelector: {{labels: {{app: server}}}}
  ingress:
    - port: {{number: {served}, protocol: HTTP, name: http}}
      bind: {server}
      captureMode: NONE
      defaultEndpoint: 127.0.0.1:{upstream}
  egress: [{{hosts: ["~/*"]}}]
---
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: {{name: client, namespace: bench}}
spec:
  workloadSelector: {{labels: {{app: client}}}}
  egress:
    - port: {{number: {entry}, protocol: HTTP_PROXY, name: proxy}}
      bind: 127.0.0.1
      captureMode: NONE
      hosts: ["*/*"]
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {{name: default, namespace: istio-system}}
spec: {{mtls: {{mode: STRICT}}}}
"""


@dataclass(frozen=True)
class Pair:
    """Two sidecars that answer.

    Attributes:
        port: where the client's takes requests.
        sidecars: the client's and the server's, each with its proxy.
    """

    port: int
    sidecars: Sequence[Process]

    def cpu_ns(self) -> int:
        """What both have used."""
        return sum(one.cpu_ns() for one in self.sidecars)


@contextmanager
def pair(
    programs: Programs, cores: Cores, upstream: Upstream, flags: Sequence[str]
) -> Iterator[Pair]:
    """Run a mesh of two sidecars until a request comes through, and for the block's length.

    Args:
        flags: of both sidecars.

    Raises:
        BenchError: something ends, or nothing comes through in time.
    """
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lateen-bench-")))
        entry, secure = free_port(), free_port()
        mesh = directory / "mesh"
        mesh.mkdir()
        text = _MANIFESTS.format(
            served=_SERVED, server=_SERVER, client=_CLIENT, upstream=upstream.port, entry=entry
        )
        (mesh / "mesh.yaml").write_text(text)
        authority = directory / "ca"
        argv = [str(programs.lateen), "control", str(mesh), "--ca", str(authority)]
        argv += ["--address", f"{ADDRESS}:0", "--secure-address", f"{ADDRESS}:{secure}"]
        argv += ["--monitoring-address", f"{ADDRESS}:0"]
        output = directory / "control.log"
        control = stack.enter_context(Process(argv, cores=[cores.load], output=output))
        wait_accepts(control, secure, seconds=_START_S)
        sidecars = []
        for name, address in (("server", _SERVER), ("client", _CLIENT)):
            argv = _sidecar(programs, directory, name, address, secure)
            argv += flags
            log = directory / f"{name}.log"
            started = Process(argv, cores=[cores.proxy], output=log)
            sidecars.append(stack.enter_context(started))
        wait_for(sidecars[1], entry, "/128", b"x", seconds=_START_S, sent=SENT)
        yield Pair(entry, sidecars)


def _sidecar(
    programs: Programs, directory: Path, name: str, address: str, secure: int
) -> list[str]:
    """The command of a sidecar with a join token of its own."""
    authority = directory / "ca"
    token = directory / f"{name}.token"
    token.write_text(_token(programs, authority, name))
    argv = [str(programs.lateen), "sidecar", "--discovery", f"{ADDRESS}:{secure}"]
    argv += ["--ca-root", str(authority / "root-cert.pem"), "--token-file", str(token)]
    argv += ["--name", f"{name}-1", "--namespace", "bench", "--service-account", name]
    argv += ["--ip", address, "--label", f"app={name}", "--interception", "NONE"]
    argv += ["--admin-port", "0", "--ready-port", "0", "--dns-port", "0"]
    return [*argv, "--state", str(directory / name), "--concurrency", "1"]


def _token(programs: Programs, authority: Path, account: str) -> str:
    argv = [str(programs.lateen), "token", "create", "--ca", str(authority)]
    argv += ["--namespace", "bench", "--service-account", account]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode != 0:
        raise BenchError(f"lateen token create failed: {done.stderr.strip()}")
    return done.stdout.strip()
