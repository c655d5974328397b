"""A mesh of machines: a control plane, two sidecars with captured traffic, an application.

`a` (10.77.0.1) calls, `b` (10.77.0.2) has an application; the control plane is at 10.77.0.3.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.namespaces import Namespace, neighbours
from tests.support.proxies import envoy_command
from tests.support.waiting import until

LATEEN = str(Path(sys.executable).with_name("lateen"))
APPLICATION = str(Path(__file__).with_name("sidecar_upstream.py"))
LOAD = str(Path(__file__).with_name("steady_load.py"))
SIDECAR_USER, CLIENT_USER = "1337", "1000"
VIRTUAL, HERE, THERE, CONTROL = "203.0.113.10", "10.77.0.1", "10.77.0.2", "10.77.0.3"
SECONDS = 30.0
# How a control plane serves without TLS.
PLAIN = ("--address", f"{CONTROL}:15010", "--insecure-plaintext")
MESH = f"""\
apiVersion: v1
kind: Service
metadata: {{name: b, namespace: default}}
spec:
  clusterIP: {VIRTUAL}
  selector: {{app: b}}
  ports: [{{name: http, port: 80, targetPort: 8080}}]
---
apiVersion: v1
kind: Pod
metadata:
  name: b-1
  namespace: default
  labels: {{app: b, security.istio.io/tlsMode: istio}}
spec: {{serviceAccountName: b, containers: []}}
status: {{podIP: {THERE}}}
"""
PLAINTEXT = """\
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: default, namespace: istio-system}
spec: {mtls: {mode: DISABLE}}
"""

STRICT = PLAINTEXT.replace("DISABLE", "STRICT")


@dataclass(frozen=True)
class Ledger:
    """What became of calls.

    Attributes:
        answered: with 200 and a whole body.
        failures: the others, with how often.
    """

    answered: int
    failures: Mapping[str, int]


class Process:
    """A process with a log."""

    def __init__(self, argv: Sequence[str], log: Path) -> None:
        self._log = log
        with log.open("ab") as output:
            self.process = subprocess.Popen(argv, stdout=output, stderr=output)

    def log(self) -> str:
        """What it wrote so far."""
        return self._log.read_text(errors="replace")

    def end(self) -> int:
        """End it; the exit code."""
        self.process.terminate()
        try:
            return self.process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()


def as_user(number: str) -> list[str]:
    """What runs a command as a user and group of this number."""
    return ["setpriv", "--reuid", number, "--regid", number, "--clear-groups"]


class Machine:
    """A namespace whose traffic is captured, with a sidecar."""

    def __init__(self, inside: Namespace, name: str, ip: str, folder: Path) -> None:
        self.inside = inside
        self.name = name
        self.ip = ip
        self.folder = folder / name
        self.folder.mkdir(mode=0o777)
        self.folder.chmod(0o777)
        self.sidecar: Process | None = None

    def capture(self, stack: ExitStack) -> None:
        """Let the kernel bring all traffic to the sidecar."""
        everything = ("--inbound-ports", "*", "--outbound-ip-ranges", "*")
        names = ("--redirect-dns", "--capture-all-dns")
        self.inside.run(LATEEN, "capture", "apply", *everything, *names)
        stack.callback(self.inside.run, LATEEN, "capture", "clean")

    def start(self, stack: ExitStack, arguments: Sequence[str], user: str = SIDECAR_USER) -> None:
        """Start a sidecar, and wait until it is ready."""
        self.sidecar = self.begin(arguments, user)
        stack.callback(self.sidecar.end)
        try:
            until(lambda: self.is_ready() or self.sidecar.process.poll() is not None)
            assert self.sidecar.process.poll() is None
        except AssertionError as error:
            raise AssertionError(f"{self.name} is not ready:\n{self.sidecar.log()}") from error

    def begin(
        self, arguments: Sequence[str], user: str = SIDECAR_USER, wrapper: Sequence[str] = ()
    ) -> Process:
        """Start a sidecar, as the command of a wrapper."""
        argv = [
            *wrapper,
            *as_user(user),
            LATEEN, "sidecar",
            "--name", f"{self.name}-1", "--namespace", "default",
            "--service-account", self.name, "--ip", self.ip, "--label", f"app={self.name}",
            "--state", str(self.folder / "state"),
            *arguments,
        ]  # fmt: skip
        return Process(self.inside.command(argv), self.folder / "sidecar.log")

    def is_ready(self) -> bool:
        """Whether the sidecar says that it is."""
        url = "http://127.0.0.1:15021/healthz/ready"
        argv = [*as_user(SIDECAR_USER), "curl", "-s", "-m", "5", "-o", "/dev/null"]
        done = self.inside.run(*argv, "-w", "%{http_code}", url, check=False)
        return done.stdout == "200"

    def admin(self, path: str) -> str:
        """What the proxy's admin interface answers."""
        return self.inside.run("curl", "-s", f"127.0.0.1:15000{path}", check=False).stdout

    def post(self, path: str) -> str:
        """What the agent answers to a command."""
        return self.inside.run("curl", "-s", "-X", "POST", f"127.0.0.1:15021{path}").stdout

    def call(self, url: str = f"http://{VIRTUAL}/", host: str = "b") -> tuple[int, str]:
        """A call of an application's, which knows nothing of a sidecar."""
        argv = [*as_user(CLIENT_USER), "curl", "-s", "-m", "5", "-H", f"Host: {host}", url]
        done = self.inside.run(*argv, "-w", "\n%{http_code}", check=False)
        body, _, status = done.stdout.rpartition("\n")
        return int(status), body


class Meshed:
    """The machines and the control plane."""

    def __init__(self, a: Namespace, b: Namespace, hub: Namespace, folder: Path) -> None:
        self.hub = hub
        self.folder = folder
        self.manifests = folder / "mesh"
        self.manifests.mkdir()
        self.authority = folder / "ca"
        self.a = Machine(a, "a", HERE, folder)
        self.b = Machine(b, "b", THERE, folder)
        self.control: Process | None = None

    def start_control(self, stack: ExitStack, *arguments: str) -> None:
        """Start the control plane."""
        argv = [LATEEN, "control", str(self.manifests), *arguments]
        self._run_control(stack, self.hub.command(argv))

    def restart_control(self, stack: ExitStack) -> None:
        """Start it again, as it was started."""
        self._run_control(stack, self.control.process.args)

    def _run_control(self, stack: ExitStack, argv: Sequence[str]) -> None:
        log = self.folder / f"control-{time.monotonic_ns()}.log"
        self.control = Process(argv, log)
        stack.callback(self.control.end)
        until(lambda: "serving" in self.control.log())

    def token(self, service_account: str, name: str) -> Path:
        """A file with a join token, which sidecars can read."""
        argv = [LATEEN, "token", "create", "--ca", str(self.authority)]
        argv += ["--namespace", "default", "--service-account", service_account]
        done = subprocess.run(argv, check=True, capture_output=True, text=True, timeout=60)
        file = self.folder / name
        file.write_text(done.stdout)
        file.chmod(0o644)
        return file

    def credentials(self, service_account: str) -> list[str]:
        """The arguments of a sidecar that joins."""
        root = self.folder / "root.pem"
        shutil.copy(self.authority / "root-cert.pem", root)
        root.chmod(0o644)
        token = self.token(service_account, f"{service_account}.token")
        return ["--ca-root", str(root), "--token-file", str(token)]

    def load(self, seconds: float, meanwhile: Callable[[], object]) -> Ledger:
        """What became of calls from `a` to `b` while something happens, for so long at least."""
        argv = [*as_user(CLIENT_USER), sys.executable, LOAD, f"{VIRTUAL}:80", "b", str(seconds)]
        with subprocess.Popen(
            self.a.inside.command(argv), stdout=subprocess.PIPE, text=True
        ) as process:
            meanwhile()
            told = json.loads(process.communicate(timeout=seconds + SECONDS)[0])
        return Ledger(told["answered"], told["failures"])

    def start_application(self, stack: ExitStack) -> None:
        """Start what `b` answers with."""
        argv = self.b.inside.command([sys.executable, APPLICATION, "0.0.0.0", "8080"])
        stack.callback(Process(argv, self.folder / "application.log").end)

    def answer(self) -> dict[str, object]:
        """What the application on `b` tells of a call from `a`."""
        status, body = self.a.call()
        assert status == 200, body
        return json.loads(body)


def proxy_arguments(kind: str) -> list[str]:
    """The arguments of a sidecar whose proxy is this one; skips the test where there is none."""
    if kind == "lateen":
        return []
    command = envoy_command()
    if command is None:
        pytest.skip("no Envoy: make .venv-envoy/.installed")
    return ["--envoy", command[0]]


@contextmanager
def machines(manifests: str) -> Iterator[tuple[Meshed, ExitStack]]:
    """Machines with captured traffic, on which nothing runs yet."""
    with ExitStack() as stack:
        three = stack.enter_context(neighbours())
        # Not pytest's folder, which other users cannot enter.
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lateen-")))
        folder.chmod(0o755)
        made = Meshed(*three, folder)
        (made.manifests / "mesh.yaml").write_text(manifests)
        for machine in (made.a, made.b):
            machine.capture(stack)
        yield made, stack
