"""The load: wrk, pinned to a core of its own."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.errors import BenchError
from bench.net import ADDRESS
from bench.priority import prefer

SCRIPT = Path(__file__).with_name("load.lua")


@dataclass(frozen=True)
class Load:
    """What wrk saw. Times are microseconds, `seconds` is the length of the run."""

    requests: int
    seconds: float
    p50: float
    p99: float
    errors: int


def run(
    port: int,
    path: str,
    *,
    connections: int,
    seconds: float,
    cores: Sequence[int],
    headers: Sequence[str] = (),
    tls: bool = False,
) -> Load:
    """Request `path` from the loopback port over and over.

    Args:
        port: where the proxy listens.
        path: the path of every request.
        connections: how many connections keep one request in flight each.
        seconds: how long; wrk takes whole seconds, so it is rounded, and at least one.
        cores: the CPUs that wrk may use, one thread for each.
        headers: request headers to add, `Name: value`.
        tls: over TLS.

    Raises:
        BenchError: wrk failed.
    """
    argv = ["taskset", "-c", ",".join(map(str, cores)), "wrk", f"-t{len(cores)}"]
    argv += [f"-c{connections}", f"-d{max(1, round(seconds))}s", "--timeout", "10s"]
    for header in headers:
        argv += ["-H", header]
    scheme = "https" if tls else "http"
    argv += ["-s", str(SCRIPT), f"{scheme}://{ADDRESS}:{port}{path}"]
    with subprocess.Popen(
        argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as wrk:
        prefer(wrk.pid)
        try:
            out, err = wrk.communicate(timeout=seconds + 30)
        finally:
            wrk.kill()
    lines = [line for line in out.splitlines() if line.startswith("JSON ")]
    if wrk.returncode != 0 or not lines:
        raise BenchError(f"wrk failed: {err.strip() or out.strip()}")
    found: dict[str, int] = json.loads(lines[-1].removeprefix("JSON "))
    return Load(
        requests=found["requests"],
        seconds=found["duration"] / 1e6,
        p50=found["p50"],
        p99=found["p99"],
        errors=found["errors"],
    )


def handshakes(program: Path, port: int, *, kind: str, seconds: float, core: int) -> Load:
    """Make new TLS connections, each with one request.

    Args:
        program: crates/core/examples/tls_load.rs.
        port: where the proxy listens.
        kind: `full` or `resumed`.
        seconds: how long.
        core: the CPU that the load may use.

    Raises:
        BenchError: it failed, or the connections are not of the kind.
    """
    argv = ["taskset", "-c", str(core), str(program), f"{ADDRESS}:{port}", str(seconds), "4", kind]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=seconds + 30, check=False)
    words = done.stdout.split()
    if done.returncode != 0 or len(words) != 6:
        raise BenchError(f"tls_load failed: {done.stderr.strip()}")
    made, resumed, failed = (int(word) for word in words[1::2])
    if (kind == "resumed") != (resumed > made / 2):
        raise BenchError(f"of {made} connections {resumed} were resumed")
    return Load(requests=made, seconds=seconds, p50=0, p99=0, errors=failed)
