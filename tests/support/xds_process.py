"""A control plane in a process of its own, which can be killed.

`python -m tests.support.xds_process PORT` serves state of the world and delta, prints its port, and
takes lines of JSON on stdin: `{"url": TYPE_URL, "resources": {NAME: HEX}}`; each is answered `ok`.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from google.protobuf.message import Message

from lateen.protos import envoy_types
from tests.support.xds_resources import PREFIX
from tests.support.xds_server import XdsServer

_ROOT = Path(__file__).parents[2]
_LIMIT_S = 10.0


class ServerProcess:
    """The control plane, as the tests see it; it forgets nothing when it is started again."""

    def __init__(self) -> None:
        self.port = 0
        self._resources: dict[str, dict[str, str]] = {}
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> ServerProcess:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def start(self) -> None:
        """Begins to serve; on the same port as before."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.xds_process", str(self.port)],
            cwd=_ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.port = int(self._answer())
        for url, resources in self._resources.items():
            self._tell(url, resources)

    def kill(self) -> None:
        """Ends the process at once, in the middle of whatever it does (SIGKILL)."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.communicate(timeout=_LIMIT_S)
            self._process = None

    def put(self, url: str, resources: Mapping[str, Message]) -> None:
        """Adds and replaces resources, now if it runs, and whenever it is started."""
        made = {name: each.SerializeToString().hex() for name, each in resources.items()}
        self._resources.setdefault(url, {}).update(made)
        if self._process is not None:
            self._tell(url, made)

    def _tell(self, url: str, resources: Mapping[str, str]) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        print(
            json.dumps({"url": url, "resources": resources}), file=self._process.stdin, flush=True
        )
        assert self._answer() == "ok"

    def _answer(self) -> str:
        assert self._process is not None
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


def _serve(port: int) -> None:
    types = envoy_types()
    with XdsServer(port) as server:
        server.era = f"{os.getpid()}."
        print(server.port, flush=True)
        for line in sys.stdin:
            told = json.loads(line)
            kind = types.message_class(told["url"].removeprefix(PREFIX))
            made = {
                name: kind.FromString(bytes.fromhex(data))
                for name, data in told["resources"].items()
            }
            server.put(told["url"], made)
            print("ok", flush=True)


if __name__ == "__main__":
    _serve(int(sys.argv[1]))
