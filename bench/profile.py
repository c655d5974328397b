"""Where Lateen's CPU time goes: one scenario under `perf record`."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path

from bench.context import Context, run_proxy
from bench.errors import BenchError
from bench.proxies.base import Proxy
from bench.traffic import WARM_UP_SECONDS, Scenario, port_of, put_load

FREQUENCY = 999
EXTRA_SECONDS = 3.0
#: perf fills columns that it has no data for (branch and memory events) with dashes.
EMPTY_COLUMNS = re.compile(r"(\s+-)+\s*$")


def profile(
    context: Context, proxy: Proxy, scenario: Scenario, *, callers: bool, keep: Path | None
) -> str:
    """Return perf's report of a proxy under a scenario's load, the hottest symbols first.

    Args:
        context: the run's cores, upstream and seconds.
        proxy: whom to profile.
        scenario: the load.
        callers: also record call stacks (by DWARF, which itself costs) and report callers.
        keep: where to leave perf's data file, else it is deleted.

    Raises:
        BenchError: perf is missing or may not record.
    """
    if not shutil.which("perf"):
        raise BenchError("perf is missing: apt-get install linux-perf")
    with (
        tempfile.TemporaryDirectory(prefix="lateen-bench-") as directory,
        run_proxy(
            context,
            proxy,
            access_log=scenario.access_log,
            tls=bool(scenario.tls),
            upstream=scenario.upstream,
        ) as running,
    ):
        data = keep or Path(directory) / "perf.data"
        port = port_of(scenario, running)
        put_load(context, scenario, port, WARM_UP_SECONDS)
        load = threading.Thread(
            target=put_load,
            args=(context, scenario, port, context.seconds + EXTRA_SECONDS),
        )
        load.start()
        try:
            _record(running.process.pids(), data, context.seconds, callers=callers)
        finally:
            load.join()
        return _report(data, callers=callers)


def _record(pids: Sequence[int], data: Path, seconds: float, *, callers: bool) -> None:
    argv = [
        "perf",
        "record",
        "-q",
        "-F",
        str(FREQUENCY),
        "-o",
        str(data),
        "-p",
        ",".join(map(str, pids)),
    ]
    argv += ["--call-graph", "dwarf,16384"] if callers else []
    done = subprocess.run(
        [*argv, "--", "sleep", str(seconds)], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise BenchError(f"perf record failed: {done.stderr.strip()}")


def _report(data: Path, *, callers: bool) -> str:
    """Return who spent the time: by program or library, then by symbol."""
    graph = "caller,0.5" if callers else "none"
    parts = [
        _perf_report(data, "dso", "none", limit=1.0),
        _perf_report(data, "dso,symbol", graph, limit=0.4),
    ]
    return "\n\n".join(parts) + "\n"


def _perf_report(data: Path, sort: str, graph: str, *, limit: float) -> str:
    argv = ["perf", "report", "-i", str(data), "--stdio", "--no-children", "--sort", sort]
    argv += ["--call-graph", graph, "--percent-limit", str(limit)]
    done = subprocess.run(argv, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode != 0:
        raise BenchError(f"perf report failed: {done.stderr.strip()}")
    lines = [line for line in done.stdout.splitlines() if line and not line.startswith("#")]
    return "\n".join(EMPTY_COLUMNS.sub("", line).rstrip() for line in lines)
