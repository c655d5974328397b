"""A proxy that has everything from the control plane of the bench."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.errors import BenchError
from bench.machine import Cores
from bench.net import free_port, wait_accepts
from bench.process import Process
from bench.proxies.base import Programs, Setup, write_config
from bench.proxies.envoy import Envoy
from bench.proxies.lateen import Lateen
from bench.xds.helper import Helper
from bench.xds.probe import Probe
from bench.xds.resources import MOVING

LIMIT_SECONDS = 180.0
#: Both proxies call their worker threads wrk:worker_0 and so on.
_WORKER = "wrk:"
_POLL_SECONDS = 0.005


@dataclass(frozen=True)
class Sizes:
    """How much the proxies have to carry, and with how many workers."""

    clusters: int
    hosts: int
    workers: int


@dataclass(frozen=True)
class Scene:
    """A proxy that answers.

    Attributes:
        plane: the control plane.
        process: the proxy.
        port: of the proxy's listener.
        services: the ports of the moving cluster's services, `a` and `b`.
        started_in: seconds from the start of the process to its first answer.
    """

    plane: Helper
    process: Process
    port: int
    services: dict[str, float]
    started_in: float

    def workers(self) -> list[int]:
        """The ids of the proxy's worker threads."""
        tasks = Path(f"/proc/{self.process.pid}/task").iterdir()
        return [int(task.name) for task in tasks if (task / "comm").read_text().startswith(_WORKER)]


@contextmanager
def scene(proxy: Envoy | Lateen, programs: Programs, cores: Cores, sizes: Sizes) -> Iterator[Scene]:
    """Runs a control plane, services and a proxy, on all cores, until the proxy has answered.

    Raises:
        BenchError: something does not start, or the proxy refuses a resource.
    """
    with ExitStack() as stack:
        directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="lateen-bench-"))
        setup = Setup(free_port(), free_port(), free_port(), Path(directory))
        services = stack.enter_context(Helper("bench.xds.services")).first
        output = setup.directory / "upstream.log"
        # The endpoints of a cluster are one an address, 127.0.0.1 and those after it.
        upstream = [str(programs.examples / "upstream"), f"0.0.0.0:{setup.upstream_port}"]
        serving = stack.enter_context(Process(upstream, cores=cores.available, output=output))
        wait_accepts(serving, setup.upstream_port, seconds=LIMIT_SECONDS)
        plane_port = free_port()
        plane = stack.enter_context(
            Helper(
                "bench.xds.control_plane",
                plane_port,
                sizes.clusters,
                sizes.hosts,
                setup.port,
                setup.upstream_port,
                int(services["a"]),
            )
        )
        path = write_config(setup, "xds.yaml", control_plane=str(plane_port))
        output = setup.directory / "output.log"
        began = time.monotonic()
        argv = proxy.serve(path, sizes.workers)
        process = stack.enter_context(Process(argv, cores=cores.available, output=output))
        answered = _first_answer(process, setup.port)
        refused = plane.ask({})["refused"]
        if refused:
            raise BenchError(f"{proxy.name} refused resources: {refused}")
        yield Scene(plane, process, setup.port, services, answered - began)


def _first_answer(process: Process, port: int) -> float:
    """When the first answer came through the moving cluster."""
    deadline = time.monotonic() + LIMIT_SECONDS
    while time.monotonic() < deadline:
        process.check_alive()
        try:
            probe = Probe(port, MOVING)
            asked = probe.ask()
            probe.close()
            if asked.answer.startswith(b"HTTP/1.1 200 "):
                return asked.at
        except (OSError, BenchError):
            pass
        time.sleep(_POLL_SECONDS)
    raise BenchError(f"{process.name} did not answer in {LIMIT_SECONDS:.0f} s")
