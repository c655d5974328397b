"""Which cores workers may use: the same of the real Envoy and of Lateen."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.proxies import Proxy

CORES = sorted(os.sched_getaffinity(0))


def affinities(pid):
    """The cores of each worker, in order."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    names = {(task / "comm").read_text().strip(): int(task.name) for task in tasks}
    workers = sorted(name for name in names if name.startswith("wrk:"))
    return [sorted(os.sched_getaffinity(names[name])) for name in workers]


@pytest.mark.skipif(len(CORES) < 2, reason="there is one core alone")
@pytest.mark.parametrize(
    ("asked", "concurrency", "expected"),
    [
        (True, 2, [CORES[:1], CORES[1:2]]),
        (True, len(CORES) + 1, [CORES] * (len(CORES) + 1)),
        (False, 2, [CORES, CORES]),
    ],
)
def test_workers_are_pinned_when_they_are_asked_to(command, asked, concurrency, expected):
    config = {"enable_worker_cpu_affinity": asked}
    with Proxy(command, config, concurrency=concurrency) as proxy:
        assert affinities(proxy.process.pid) == expected
