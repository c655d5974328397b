"""What every scenario gets: the proxies that are there, the cores, the upstream."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.machine import Cores
from bench.net import ADDRESS, free_port, get, wait_accepts, wait_for
from bench.process import Process
from bench.proxies.base import NOTHING, Added, Programs, Proxy, Setup, make_certificate

START_SECONDS = 20.0


@dataclass(frozen=True)
class Upstream:
    """The server behind every proxy (crates/core/examples/upstream.rs)."""

    port: int
    process: Process

    def accepted(self) -> int:
        """Return how many connections it has accepted, the one that asks included."""
        return int(get(self.port, "/connections").body)


@dataclass(frozen=True)
class Context:
    """One run of the bench."""

    proxies: Sequence[Proxy]
    programs: Programs
    cores: Cores
    upstream: Upstream
    rounds: int
    seconds: float


@contextmanager
def run_upstream(programs: Programs, cores: Cores) -> Iterator[Upstream]:
    """Run the upstream on the load's core."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="lateen-bench-") as directory:
        output = Path(directory) / "upstream.out"
        argv = [str(programs.examples / "upstream"), f"{ADDRESS}:{port}"]
        with Process(argv, cores=[cores.load], output=output) as process:
            wait_accepts(process, port, seconds=START_SECONDS)
            yield Upstream(port, process)


@dataclass(frozen=True)
class Running:
    """A proxy that answers."""

    process: Process
    setup: Setup


@contextmanager
def run_proxy(
    context: Context,
    proxy: Proxy,
    *,
    access_log: bool = False,
    tls: bool = False,
    upstream: str = "http1",
    tcp: bool = False,
    cores: Sequence[int] = (),
    added: Added = NOTHING,
    sent: Sequence[str] = (),
) -> Iterator[Running]:
    """Run a proxy in front of the upstream until it answers, and for the block's length.

    It has a worker for each of `cores`, which is the proxy's one core by default. `sent` are
    headers without which it does not answer.
    """
    cores = cores or [context.cores.proxy]
    with tempfile.TemporaryDirectory(prefix="lateen-bench-") as directory:
        setup = Setup(
            port=free_port(),
            admin_port=free_port(),
            upstream_port=context.upstream.port,
            directory=Path(directory),
            access_log=access_log,
            workers=len(cores),
            tls_port=free_port() if tls else 0,
            http2_port=free_port(),
            upstream=upstream,
            tcp=tcp,
            added=added,
        )
        if tls:
            make_certificate(setup)
        output = setup.directory / "output.log"
        # nginx gives up its privileges: its worker must be able to write here.
        setup.directory.chmod(0o777)
        with Process(proxy.command(setup), cores=cores, output=output) as process:
            wait_for(process, setup.port, "/128", b"x", seconds=START_SECONDS, sent=sent)
            yield Running(process, setup)
