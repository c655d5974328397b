"""The load over HTTP/2: h2load (Debian's nghttp2-client), pinned to a core."""

from __future__ import annotations

import re
import statistics
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench.errors import BenchError
from bench.load import Load
from bench.net import ADDRESS
from bench.priority import prefer

_COUNTS = re.compile(r"requests: .* (\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout")
#: A gRPC message, length-prefixed: not compressed, 16 bytes.
MESSAGE = b"\0\0\0\0\x100123456789abcdef"
_GRPC_HEADERS = ("content-type: application/grpc", "te: trailers")


def run(
    port: int,
    path: str,
    *,
    connections: int,
    streams: int,
    seconds: float,
    core: int,
    tls: bool = False,
    grpc: bool = False,
) -> Load:
    """Request `path` over and over, with some streams at a time on each connection.

    Args:
        port: where the proxy listens.
        path: the path of every request.
        connections: how many connections there are.
        streams: how many requests each keeps in flight.
        seconds: how long; h2load takes whole seconds, so it is rounded, and at least one.
        core: the CPU that h2load may use.
        tls: over TLS, with h2 agreed on by ALPN.
        grpc: each request is a unary gRPC call.

    Raises:
        BenchError: h2load is missing or failed.
    """
    length = max(1, round(seconds))
    with tempfile.TemporaryDirectory(prefix="lateen-bench-") as directory:
        log, body = Path(directory) / "log", Path(directory) / "body"
        argv = ["taskset", "-c", str(core), "h2load", "-t1", f"-c{connections}", f"-m{streams}"]
        argv += ["-D", str(length), "--log-file", str(log)]
        if grpc:
            body.write_bytes(MESSAGE)
            argv += ["-d", str(body)]
            for header in _GRPC_HEADERS:
                argv += ["-H", header]
        argv.append(f"{'https' if tls else 'http'}://{ADDRESS}:{port}{path}")
        output = _output(argv, length + 30)
        found = _COUNTS.search(output)
        if found is None:
            raise BenchError(f"h2load failed: {output.strip()}")
        succeeded, *failures = (int(number) for number in found.groups())
        times = _times(log)
    return Load(
        requests=succeeded,
        seconds=length,
        p50=statistics.median(times) if times else 0,
        p99=statistics.quantiles(times, n=100)[98] if len(times) > 1 else 0,
        errors=sum(failures),
    )


def _output(argv: Sequence[str], seconds: float) -> str:
    try:
        with subprocess.Popen(
            argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as load:
            prefer(load.pid)
            try:
                return load.communicate(timeout=seconds)[0]
            finally:
                load.kill()
    except FileNotFoundError as error:
        raise BenchError(f"{error.filename} is missing: apt-get install nghttp2-client") from error


def _times(log: Path) -> list[int]:
    """Microseconds that each request took: the third column."""
    with log.open() as lines:
        return [int(line.split("\t")[2]) for line in lines]
