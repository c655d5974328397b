"""Runs tests/support/go_control_plane: a control plane on go-control-plane, by others."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from google.protobuf import json_format
from google.protobuf.message import Message

from lateen.closing import Closing
from lateen.protos import envoy_types
from tests.support.arrivals import Arrivals
from tests.support.proxies import ROOT

SOURCE = ROOT / "tests/support/go_control_plane"
# The first build compiles all of Envoy's API.
_BUILD_LIMIT_S = 900


class NoGo(Exception):
    """It cannot be built here; the message says why."""


def build_go_server(directory: Path) -> Path:
    """The program, built from modules of the Go module proxy.

    Raises:
        NoGo: Go is missing, or the modules are out of reach.
    """
    if shutil.which("go") is None:
        raise NoGo("no go on PATH: install Go to run this")
    program = directory / "controlplane"
    fetched = _go("mod", "download")
    if fetched.returncode:
        raise NoGo(f"the Go modules cannot be had: {fetched.stderr[-500:]}")
    built = _go("build", "-o", str(program), ".")
    assert built.returncode == 0, built.stderr
    return program


def _go(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["go", *arguments],
        cwd=SOURCE,
        env={**os.environ, "GOFLAGS": "-mod=readonly -buildvcs=false"},
        capture_output=True,
        text=True,
        timeout=_BUILD_LIMIT_S,
        check=False,
    )


class GoServer(Closing):
    """Serves snapshots to one node; `lines` is what it says, see main.go.

    `port` is where it listens.
    """

    def __init__(self, program: Path, node: str) -> None:
        self._arrivals: Arrivals[str] = Arrivals()
        self.lines = self._arrivals.items
        self._process = subprocess.Popen(
            [str(program), node], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        self.port = int(self.wait(lambda line: line.startswith("port ")).split()[1])

    def put(self, version: str, resources: Mapping[str, Iterable[Message]]) -> None:
        """Serves these resources, by type URL, and no others."""
        pool = envoy_types().pool
        tree = {
            url: [
                json_format.MessageToDict(
                    each, preserving_proto_field_name=True, descriptor_pool=pool
                )
                for each in made
            ]
            for url, made in resources.items()
        }
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"version": version, "resources": tree}) + "\n")
        self._process.stdin.flush()
        self.wait(lambda line: line == f"set {version}")

    def wait(self, condition: Callable[[str], bool], start: int = 0, limit: float = 20.0) -> str:
        """The first line from number `start` on for which `condition` holds."""
        return self._arrivals.wait(condition, start, limit)

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._arrivals.add(line.rstrip("\n"))

    def close(self) -> None:
        """Kill the program."""
        self._process.kill()
        self._process.wait()
        self._reader.join(5)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
