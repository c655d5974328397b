"""A control plane with its pages, and a proxy of it as a client, for tests."""

from __future__ import annotations

import queue
import re
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import grpc

from lateen.closing import Closing
from lateen.protos import envoy_types
from lateen.xds.codec import decode_delta, encode_request
from lateen.xds.messages import DeltaRequest, Response
from lateen.xds.resource_types import ads_path
from tests.support.control_plane import LATEEN, control_command, running
from tests.support.waiting import until

_SERVING = re.compile(r"^serving .* on port (\d+).*\nmonitoring on port (\d+)$", re.MULTILINE)


class ControlPlane:
    """A process of `lateen control` that serves a directory of manifests."""

    def __init__(self, directory: Path, process: subprocess.Popen[bytes], log: Path) -> None:
        self.directory = directory
        self.process = process
        self._log = log
        found = until(lambda: _SERVING.search(self.log()))
        self.port, self.monitoring_port = int(found[1]), int(found[2])

    @property
    def monitoring(self) -> str:
        """Where its pages are."""
        return f"127.0.0.1:{self.monitoring_port}"

    def log(self) -> str:
        """All that it has said."""
        return self._log.read_text()

    def write(self, name: str, text: str) -> Path:
        """Write a manifest in one step."""
        part = self.directory / f"{name}.part"
        part.write_text(text)
        return part.replace(self.directory / name)

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """A command about it."""
        argv = [LATEEN, *arguments, "--monitoring", self.monitoring]
        return subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)


@contextmanager
def control_plane(directory: Path) -> Iterator[ControlPlane]:
    """A control plane for the block's length."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lateen-")))
        log = folder / "control.log"
        process = stack.enter_context(running(control_command(directory), log))
        yield ControlPlane(directory, process, log)


class AdsClient(Closing):
    """A proxy's delta stream; what it is sent is looked at one answer after the other."""

    def __init__(self, port: int, node_id: str = "sidecar~10.0.0.1~a-1.default~default.svc.x"):
        node = envoy_types().message_class("envoy.config.core.v3.Node")(id=node_id)
        self._node = node.SerializeToString()
        self._requests: queue.Queue[bytes | None] = queue.Queue()
        self._channel = grpc.insecure_channel(f"127.0.0.1:{port}")
        call = self._channel.stream_stream(ads_path(delta=True))
        self.stream = call(iter(self._requests.get, None))

    def close(self) -> None:
        """End the stream."""
        self._requests.put(None)
        self.stream.cancel()
        self._channel.close()

    def ask(self, type_url: str, *names: str, **fields: object) -> None:
        """Ask for resources."""
        self.send(DeltaRequest(type_url, subscribe=names, **fields))

    def send(self, request: DeltaRequest) -> None:
        """Send a request; the first tells the node."""
        self._requests.put(encode_request(request, self._node))
        self._node = None

    def forget_node(self) -> None:
        """Leave out who it is."""
        self._node = None

    def send_raw(self, data: bytes) -> None:
        """Send what may be no request."""
        self._requests.put(data)

    def next(self) -> Response:
        """The next answer."""
        return decode_delta(next(self.stream))

    def acknowledge(self, response: Response, error: str | None = None) -> None:
        """Take an answer, or refuse it."""
        self.send(DeltaRequest(response.type_url, nonce=response.nonce, error=error))

    def fetch(self, type_url: str, *names: str, **fields: object) -> dict[str, str]:
        """Ask and take the answer; the versions by name."""
        self.ask(type_url, *names, **fields)
        response = self.next()
        assert response.type_url == type_url
        self.acknowledge(response)
        return {one.name: one.version for one in response.resources}
