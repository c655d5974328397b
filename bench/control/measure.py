"""The measurements of one size of mesh."""

from __future__ import annotations

import re
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.control.fleet import Fleet, Proxy
from bench.control.manifests import PORT, RULES_EVERY, Directory, Service
from bench.errors import BenchError
from bench.machine import Cores
from bench.process import Process

SERVING: Final = "serving_s"
SYNCED: Final = "synced_s"
START_CPU: Final = "start_cpu_s"
CLIENTS_CPU: Final = "clients_cpu_s"
MEGABYTES: Final = "sent_mb"
ENDPOINT_MEDIAN: Final = "endpoint_median_ms"
ENDPOINT_P99: Final = "endpoint_p99_ms"
ENDPOINT_ALL: Final = "endpoint_all_ms"
ENDPOINT_CPU: Final = "endpoint_cpu_ms"
ROUTE_MEDIAN: Final = "route_median_ms"
ROUTE_P99: Final = "route_p99_ms"
ROUTE_CPU: Final = "route_cpu_ms"
ROUTE_CLIENTS: Final = "route_clients_cpu_ms"
STRAY: Final = "stray_resources"
PEAK: Final = "peak_mb"
PSS: Final = "pss_mb"

Values = dict[str, float]
LIMIT_SECONDS = 300.0
_BETWEEN_SECONDS = 0.3
_QUIET_SECONDS = 1.0


@dataclass(frozen=True)
class Sizes:
    """How large the mesh is, and how often each change is made."""

    services: int
    proxies: int
    changes: int


@dataclass(frozen=True)
class Scene:
    """A control plane with all proxies connected and synchronised."""

    sizes: Sizes
    directory: Directory
    process: Process
    fleet: Fleet
    started: Values


def run(lateen: Path, cores: Cores, sizes: Sizes) -> Values:
    """Everything that is measured, by name.

    Raises:
        BenchError: something does not start, or a proxy is not sent what it needs.
    """
    with _scene(lateen, cores, sizes) as scene:
        endpoints, routes = _endpoints(scene), _routes(scene)
        stray = endpoints.pop(STRAY) + routes.pop(STRAY)
        values = {**scene.started, **endpoints, **routes, STRAY: stray}
        status = Path(f"/proc/{scene.process.pid}/status").read_text()
        peak = re.search(r"^VmHWM:\s+(\d+) kB", status, re.MULTILINE)
        values[PEAK] = int(peak.group(1)) * 1024 / 1e6 if peak else 0.0
        values[PSS] = scene.process.pss_bytes() / 1e6
        return values


@contextmanager
def _scene(lateen: Path, cores: Cores, sizes: Sizes) -> Iterator[Scene]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lateen-bench-")))
        directory = Directory(folder / "mesh", sizes.services)
        directory.path.mkdir()
        directory.write()
        output = folder / "control.log"
        argv = [
            str(lateen),
            "control",
            str(directory.path),
            "--address",
            "127.0.0.1:0",
            "--monitoring-address",
            "127.0.0.1:0",
        ]
        began, spent = time.monotonic(), time.process_time()
        process = stack.enter_context(Process(argv, cores=cores.available, output=output))
        port = _port(process)
        serving = time.monotonic()
        fleet = Fleet(port, sizes.proxies, sizes.services)
        stack.callback(fleet.close)
        fleet.until(lambda proxy: proxy.synced, LIMIT_SECONDS)
        started = {
            SERVING: serving - began,
            SYNCED: time.monotonic() - began,
            START_CPU: process.cpu_ns() / 1e9,
            CLIENTS_CPU: time.process_time() - spent,
            MEGABYTES: sum(proxy.stream.received for proxy in fleet.proxies) / 1e6,
        }
        fleet.rest(_QUIET_SECONDS)
        yield Scene(sizes, directory, process, fleet, started)


def _port(process: Process) -> int:
    deadline = time.monotonic() + LIMIT_SECONDS
    while time.monotonic() < deadline:
        process.check_alive()
        found = re.search(r"^serving .* port (\d+)$", process.output.read_text(), re.MULTILINE)
        if found:
            return int(found.group(1))
        time.sleep(0.01)
    raise BenchError("the control plane did not begin to serve")


def _endpoints(scene: Scene) -> Values:
    """Milliseconds until a moved endpoint has come to each proxy."""
    took, whole, stray = [], [], 0
    cpu = scene.process.cpu_ns()
    for number in range(1, scene.sizes.changes + 1):
        service = Service(number * 7 % scene.sizes.services)
        scene.fleet.forget()
        began = time.monotonic()
        scene.directory.put_endpoints(service, moved=number)
        times, others = _arrivals(scene.fleet, "eds", service.cluster)
        took += [1000 * (at - began) for at in times]
        whole.append(1000 * (max(times) - began))
        stray += others
    spent = (scene.process.cpu_ns() - cpu) / 1e6
    return {
        ENDPOINT_MEDIAN: statistics.median(took),
        ENDPOINT_P99: _p99(took),
        ENDPOINT_ALL: statistics.median(whole),
        ENDPOINT_CPU: spent / scene.sizes.changes,
        STRAY: stray,
    }


def _routes(scene: Scene) -> Values:
    """Milliseconds until a changed virtual service has come to each proxy."""
    took, stray = [], 0
    cpu, clients = scene.process.cpu_ns(), time.process_time()
    for number in range(1, scene.sizes.changes + 1):
        service = Service(number * RULES_EVERY % scene.sizes.services)
        scene.fleet.forget()
        began = time.monotonic()
        scene.directory.put_routes(service, 10 + number)
        times, others = _arrivals(scene.fleet, "rds", str(PORT))
        took += [1000 * (at - began) for at in times]
        stray += others
    spent = (scene.process.cpu_ns() - cpu) / 1e6
    clients = time.process_time() - clients
    return {
        ROUTE_MEDIAN: statistics.median(took),
        ROUTE_P99: _p99(took),
        ROUTE_CPU: spent / scene.sizes.changes,
        ROUTE_CLIENTS: 1000 * clients / scene.sizes.changes,
        STRAY: stray,
    }


def _arrivals(fleet: Fleet, short: str, name: str) -> tuple[list[float], int]:
    """When the resource came to each proxy, and how many other resources came."""

    def has_it(proxy: Proxy) -> bool:
        return any(push.short == short and name in push.names for push in proxy.pushes)

    fleet.until(has_it, LIMIT_SECONDS)
    fleet.rest(_BETWEEN_SECONDS)
    times, others = [], 0
    for proxy in fleet.proxies:
        sent = [(push.short, one, push.at) for push in proxy.pushes for one in push.names]
        times.append(next(at for *which, at in sent if which == [short, name]))
        others += len(sent) - 1
    return times, others


def _p99(values: Sequence[float]) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[98]
