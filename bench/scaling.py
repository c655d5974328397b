"""Two workers: whether a second core doubles the throughput."""

from __future__ import annotations

from bench import load, results
from bench.context import Context, run_proxy
from bench.proxies.base import Proxy
from bench.results import Measured
from bench.traffic import SCENARIOS, WARM_UP_SECONDS

#: Two for the workers; load and upstream have one each, so that they are not what is measured.
CORES = 4


def skipped(context: Context) -> str | None:
    """Return why two workers cannot be compared with one here, or None when they can."""
    available = len(context.cores.available)
    if available >= CORES:
        return None
    return (
        f"two workers against one: needs {CORES} cores (two for the workers, one each for load "
        f"and upstream), this machine has {available}"
    )


def measure(context: Context, proxy: Proxy) -> list[Measured]:
    """Measure the keep-alive scenario with one worker and with two."""
    available = context.cores.available
    found = []
    for workers in (1, 2):
        rounds = []
        for _ in range(context.rounds):
            with run_proxy(context, proxy, cores=available[:workers]) as running:
                port = running.setup.port
                _load(port, WARM_UP_SECONDS, available[-2])
                seen = _load(port, context.seconds, available[-2])
            rounds.append({results.RATE: seen.requests / seen.seconds})
        found.append(results.median(f"workers-{workers}", proxy.name, rounds))
    return found


def _load(port: int, seconds: float, core: int) -> load.Load:
    keepalive = SCENARIOS[0]
    return load.run(
        port, keepalive.path, connections=keepalive.connections, seconds=seconds, cores=[core]
    )
