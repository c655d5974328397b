"""The measurements; each returns values by metric."""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench import load
from bench.errors import BenchError
from bench.machine import Cores
from bench.process import settled_pss
from bench.xds.helper import Answer
from bench.xds.probe import Probe
from bench.xds.resources import MOVING, STILL, TABLE_HEADER
from bench.xds.scene import Scene

START: Final = "seconds_to_traffic"
PSS: Final = "pss_mb"
MOVE_MEDIAN: Final = "endpoint_median_ms"
MOVE_WORST: Final = "endpoint_worst_ms"
REQUESTS: Final = "storm_requests"
FAILED: Final = "storm_failed"
QUIET_P99: Final = "quiet_p99_ms"
STORM_P99: Final = "storm_p99_ms"
TABLE_MEDIAN: Final = "table_median_ms"
TABLE_WORST: Final = "table_worst_ms"
TABLE_CPU: Final = "table_worker_cpu_ms"

Values = Mapping[str, float]
CONNECTIONS = 64
STORM_RATE = 100
_SETTLE_SECONDS = 3.0
_PROBES = 4
_BETWEEN_SECONDS = 0.05
#: Time for a table of routes to be taken and for the old one to be freed.
_TAKE_SECONDS = 0.3


@dataclass(frozen=True)
class Effort:
    """How often and how long each measurement is made."""

    moves: int
    tables: int
    storm_seconds: float


def start(scene: Scene) -> Values:
    """Seconds to the first answer, and PSS in MB after a pause."""
    pss = settled_pss(scene.process, seconds=_SETTLE_SECONDS)
    return {START: scene.started_in, PSS: pss / 1e6}


def moves(scene: Scene, effort: Effort) -> Values:
    """Milliseconds from the push of an endpoint to the first answer from there."""
    probe = Probe(scene.port, MOVING)
    took = []
    for number in range(effort.moves):
        name = "ba"[number % 2]
        time.sleep(_BETWEEN_SECONDS)
        pushed = scene.plane.ask({"move": scene.services[name]})["at"]
        wanted = f"\r\n\r\n{name}".encode()
        asked = probe.until(wanted)
        took.append(1000 * (asked[-1].at - pushed))
    probe.close()
    return {MOVE_MEDIAN: statistics.median(took), MOVE_WORST: max(took)}


def storm(scene: Scene, cores: Cores, effort: Effort) -> Values:
    """Requests, failures and p99 in ms under load while pushes come, and p99 without them."""
    quiet = _load(scene, cores, effort.storm_seconds)
    pushed: list[Answer] = []
    scene.plane.send({"storm": effort.storm_seconds, "rate": STORM_RATE})
    reader = threading.Thread(target=lambda: pushed.append(scene.plane.read()))
    reader.start()
    busy = _load(scene, cores, effort.storm_seconds)
    reader.join()
    refused = scene.plane.ask({})["refused"]
    if not pushed or refused:
        raise BenchError(f"the pushes failed: {refused}")
    return {
        REQUESTS: busy.requests,
        FAILED: busy.errors + quiet.errors,
        QUIET_P99: quiet.p99 / 1000,
        STORM_P99: busy.p99 / 1000,
    }


def _load(scene: Scene, cores: Cores, seconds: float) -> load.Load:
    return load.run(
        scene.port,
        "/128",
        connections=CONNECTIONS,
        seconds=seconds,
        cores=cores.available,
        headers=["Host: host-0"],
    )


def tables(scene: Scene, effort: Effort) -> Values:
    """Milliseconds from the push of a table of routes to the first answer of it, and what a worker
    computes for a table while it has nothing else to do.
    """
    probe = Probe(scene.port, STILL, _PROBES)
    followed = []
    for number in range(1, effort.tables + 1):
        scene.plane.ask({"prepare": number})
        time.sleep(_BETWEEN_SECONDS)
        pushed = scene.plane.ask({"table": number})["at"]
        asked = probe.until(f"\r\n{TABLE_HEADER}: {number}\r\n".encode())
        followed.append(1000 * (asked[-1].at - pushed))
    probe.close()
    before = _workers_ns(scene)
    for number in range(effort.tables + 1, 2 * effort.tables + 1):
        scene.plane.ask({"prepare": number})
        scene.plane.ask({"table": number})
        time.sleep(_TAKE_SECONDS)
    spent = [after - before[thread] for thread, after in _workers_ns(scene).items()]
    return {
        TABLE_CPU: max(spent) / effort.tables / 1e6,
        TABLE_MEDIAN: statistics.median(followed),
        TABLE_WORST: max(followed),
    }


def _workers_ns(scene: Scene) -> dict[int, int]:
    """CPU time of each worker thread so far (see Process.cpu_ns)."""
    path = Path(f"/proc/{scene.process.pid}/task")
    return {
        thread: int((path / str(thread) / "schedstat").read_text().split()[0])
        for thread in scene.workers()
    }
