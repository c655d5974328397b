"""How long a worker pauses for a new table of routes, when it has a core of its own.

The workers and the probe, which wait for each other, share one core; the main thread, the control
plane and whatever else the proxy runs have the others. So the longest wait of the probe is what
keeps a worker from its connections: what it computes, and what it waits for.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from bench.machine import Cores
from bench.xds.measure import Values
from bench.xds.probe import Asked, Probe
from bench.xds.resources import STILL, TABLE_HEADER
from bench.xds.scene import Scene

MEDIAN: Final = "pause_median_ms"
WORST: Final = "pause_worst_ms"
QUIET_MEDIAN: Final = "pause_quiet_median_ms"
QUIET_WORST: Final = "pause_quiet_worst_ms"

_PROBES = 4
_BETWEEN_SECONDS = 0.05


def pauses(scene: Scene, cores: Cores, tables: int, first: int) -> Values:
    """Milliseconds that an answer took at the longest while a table was replaced, the median and
    the worst of all tables, and the same of as long times without one.

    Args:
        scene: what runs.
        cores: at least two, else nothing is measured.
        tables: how many are pushed.
        first: the number of the first one.
    """
    others = [core for core in cores.available if core != cores.proxy]
    if not others:
        return {}
    found, quiet = [], []
    with _own_core(scene, cores.proxy, others):
        probe = Probe(scene.port, STILL, _PROBES)
        for number in range(first, first + tables):
            scene.plane.ask({"prepare": number})
            time.sleep(_BETWEEN_SECONDS)
            scene.plane.send({"table": number})
            asked = probe.until(f"\r\n{TABLE_HEADER}: {number}\r\n".encode())
            # The old table is freed after the switch.
            after = probe.during(_BETWEEN_SECONDS)
            scene.plane.read()
            found.append(_longest_ms([*asked, *after]))
            quiet.append(_longest_ms(probe.during(after[-1].at - asked[0].at)))
        probe.close()
    return {
        MEDIAN: statistics.median(found),
        WORST: max(found),
        QUIET_MEDIAN: statistics.median(quiet),
        QUIET_WORST: max(quiet),
    }


def _longest_ms(asked: Sequence[Asked]) -> float:
    return 1000 * max(one.took for one in asked)


@contextmanager
def _own_core(scene: Scene, core: int, others: Sequence[int]) -> Iterator[None]:
    """Keeps workers and this process on a core, before other work (sched(7)) where permitted."""
    workers = scene.workers()
    for pid in (scene.plane.pid, scene.process.pid):
        for task in Path(f"/proc/{pid}/task").iterdir():
            os.sched_setaffinity(int(task.name), others)
    before = os.sched_getaffinity(0), os.sched_getscheduler(0), os.sched_getparam(0)
    for thread in (*workers, 0):
        os.sched_setaffinity(thread, [core])
        with suppress(PermissionError):
            os.sched_setscheduler(thread, os.SCHED_RR, os.sched_param(1))
    try:
        yield
    finally:
        os.sched_setaffinity(0, before[0])
        os.sched_setscheduler(0, before[1], before[2])
