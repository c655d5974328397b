"""The traffic scenarios: what a request costs."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench import h2load, load, results
from bench.context import Context, Running, run_proxy
from bench.errors import BenchError
from bench.net import get
from bench.priority import busy_ns
from bench.proxies.base import Proxy
from bench.results import Measured

WARM_UP_SECONDS = 1.0
#: Upstream connections opened for a request, over which a proxy does not keep them alive.
REOPENED_LIMIT = 0.01


@dataclass(frozen=True)
class Scenario:
    """One kind of load; the answer to `path` has `size` bytes."""

    name: str
    title: str
    path: str
    size: int
    connections: int = 64
    new_connections: bool = False
    access_log: bool = False
    #: Over TLS: `kept` connections, or new ones, `full` or `resumed`.
    tls: str = ""
    #: Requests of each connection at a time, over HTTP/2; 0: HTTP/1.
    streams: int = 0
    #: What the upstream is spoken to in: `http1`, `http2`, or `grpc` calls over HTTP/2.
    upstream: str = "http1"
    #: The proxies pass bytes on; requests are the client's and the upstream's alone.
    tcp: bool = False
    #: Further headers of every request, `Name: value`.
    sent: tuple[str, ...] = ()

    @property
    def in_flight(self) -> int:
        """Requests that are under way at a time."""
        return self.connections * max(1, self.streams)

    @property
    def headers(self) -> Sequence[str]:
        """The request headers that make the load what it is."""
        return [*self.sent, *(["Connection: close"] if self.new_connections else [])]

    def fits(self, proxy: Proxy) -> bool:
        """Whether the scenario means anything for the proxy."""
        if (self.new_connections or self.tls or self.streams) and not proxy.speaks_http:
            return False
        if self.upstream not in proxy.upstreams:
            return False
        if self.tcp and not proxy.passes_tcp():
            return False
        return proxy.has_access_log or not self.access_log


_MANY = "8 connections with 32 streams each"

SCENARIOS = (
    Scenario("keepalive", "128-byte answers, 64 kept-alive connections", "/128", 128),
    Scenario("log", "the same with the access log on", "/128", 128, access_log=True),
    Scenario("16k", "16 KB bodies, 64 kept-alive connections", "/16k", 16 * 1024),
    Scenario("1m", "1 MB bodies, 64 kept-alive connections", "/1m", 1024 * 1024),
    Scenario("tcp", "128-byte answers through TCP proxies, 64 connections", "/128", 128, tcp=True),
    Scenario("tcp-1m", "1 MB bodies through TCP proxies, 64 connections", "/1m", 1 << 20, tcp=True),
    Scenario("new", "a new client connection a request", "/128", 128, new_connections=True),
    Scenario(
        "tls", "128-byte answers over TLS, 64 kept-alive connections", "/128", 128, tls="kept"
    ),
    Scenario("tls-new", "a new TLS connection a request, full handshakes", "/128", 128, tls="full"),
    Scenario("tls-resume", "the same with resumed sessions", "/128", 128, tls="resumed"),
    Scenario("h2c", f"HTTP/2 {_MANY}, to HTTP/1", "/128", 128, connections=8, streams=32),
    Scenario(
        "tls-h2", f"the same over TLS, {_MANY}", "/128", 128, connections=8, streams=32, tls="kept"
    ),
    Scenario(
        "h2-h2",
        f"HTTP/2 {_MANY}, to HTTP/2",
        "/128",
        128,
        connections=8,
        streams=32,
        upstream="http2",
    ),
    Scenario(
        "grpc",
        f"unary gRPC calls of 16 bytes, {_MANY}",
        "/grpc",
        21,
        connections=8,
        streams=32,
        upstream="grpc",
    ),
)


def measure(context: Context, scenarios: Sequence[Scenario]) -> list[Measured]:
    """Measure scenarios in rounds: in each, every proxy in turn, another one first each time."""
    rounds: dict[tuple[str, str], list[Mapping[str, float]]] = {}
    for number in range(context.rounds):
        for scenario in scenarios:
            proxies = [proxy for proxy in context.proxies if scenario.fits(proxy)]
            turn = number % max(1, len(proxies))
            for proxy in proxies[turn:] + proxies[:turn]:
                with run_proxy(
                    context,
                    proxy,
                    access_log=scenario.access_log,
                    tls=bool(scenario.tls),
                    upstream=scenario.upstream,
                    tcp=scenario.tcp,
                ) as running:
                    values = round_of(context, scenario, proxy, running)
                rounds.setdefault((scenario.name, proxy.name), []).append(values)
                _tell(number, scenario, proxy, values)
    return [results.median(*names, found) for names, found in rounds.items()]


def _tell(number: int, scenario: Scenario, proxy: Proxy, values: Mapping[str, float]) -> None:
    print(
        f"round {number + 1} {scenario.name} {proxy.name}: {values[results.CPU]:.1f} us, "
        f"{values[results.RATE]:.0f}/s, others {values[results.OTHERS]:.0%}",
        file=sys.stderr,
    )


def round_of(
    context: Context, scenario: Scenario, proxy: Proxy, running: Running
) -> Mapping[str, float]:
    """What a proxy that runs costs under a scenario's load, by metric."""
    if scenario.upstream != "grpc":
        _check_answer(scenario, proxy, running.setup.port)
    port = port_of(scenario, running)
    put_load(context, scenario, port, WARM_UP_SECONDS)
    opened = context.upstream.accepted()
    core = context.cores.proxy
    began, busy, before = time.monotonic_ns(), busy_ns(core), running.process.cpu_ns()
    seen = put_load(context, scenario, port, context.seconds)
    spent = running.process.cpu_ns() - before
    others = (busy_ns(core) - busy - spent) / (time.monotonic_ns() - began)
    # The one connection that asks is not the proxy's.
    opened = context.upstream.accepted() - opened - 1
    if seen.requests == 0:
        raise BenchError(f"{proxy.name} answered nothing in scenario {scenario.name}")
    if (
        proxy.speaks_http
        and not scenario.tcp
        and opened > seen.requests * REOPENED_LIMIT + scenario.in_flight
    ):
        raise BenchError(f"{proxy.name} opened {opened} upstream connections: not kept alive")
    if scenario.access_log:
        _check_log(proxy, running)
    return {
        results.CPU: spent / 1000 / seen.requests,
        results.RATE: seen.requests / seen.seconds,
        results.P50: seen.p50,
        results.P99: seen.p99,
        results.PSS: running.process.pss_bytes() / 1e6,
        results.OTHERS: max(0.0, others),
        results.ERRORS: seen.errors,
    }


def port_of(scenario: Scenario, running: Running) -> int:
    """Return where the proxy takes the scenario's load."""
    if scenario.tls:
        return running.setup.tls_port
    return running.setup.http2_port if scenario.streams else running.setup.port


def put_load(context: Context, scenario: Scenario, port: int, seconds: float) -> load.Load:
    """Put a scenario's load on the port for some seconds."""
    if scenario.tls in ("full", "resumed"):
        program = context.programs.examples / "tls_load"
        core = context.cores.load
        return load.handshakes(program, port, kind=scenario.tls, seconds=seconds, core=core)
    if scenario.streams:
        return h2load.run(
            port,
            scenario.path,
            connections=scenario.connections,
            streams=scenario.streams,
            seconds=seconds,
            core=context.cores.load,
            tls=bool(scenario.tls),
            grpc=scenario.upstream == "grpc",
        )
    return load.run(
        port,
        scenario.path,
        connections=scenario.connections,
        seconds=seconds,
        cores=[context.cores.load],
        headers=scenario.headers,
        tls=bool(scenario.tls),
    )


def _check_answer(scenario: Scenario, proxy: Proxy, port: int) -> None:
    answer = get(port, scenario.path, sent=scenario.sent)
    if answer.status != 200 or len(answer.body) != scenario.size:
        raise BenchError(
            f"{proxy.name} answered {scenario.path} with status {answer.status} and "
            f"{len(answer.body)} bytes, not with 200 and {scenario.size}"
        )


def _check_log(proxy: Proxy, running: Running) -> None:
    """Fail when the log that the scenario pays for is not written (after its flush)."""
    deadline = time.monotonic() + 12
    while time.monotonic() < deadline:
        files = (running.setup.log, running.process.output)
        if any(file.is_file() and file.stat().st_size > 10_000 for file in files):
            return
        time.sleep(0.2)
    raise BenchError(f"{proxy.name} wrote no access log")
