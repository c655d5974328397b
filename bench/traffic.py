"""The traffic scenarios: what a request costs."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench import load, results
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
    #: The proxies pass bytes on; requests are the client's and the upstream's alone.
    tcp: bool = False

    @property
    def headers(self) -> Sequence[str]:
        """The request headers that make the load what it is."""
        return ["Connection: close"] if self.new_connections else []

    def fits(self, proxy: Proxy) -> bool:
        """Whether the scenario means anything for the proxy."""
        if self.new_connections and not proxy.speaks_http:
            return False
        if self.tcp and not proxy.passes_tcp():
            return False
        return proxy.has_access_log or not self.access_log


SCENARIOS = (
    Scenario("keepalive", "128-byte answers, 64 kept-alive connections", "/128", 128),
    Scenario("log", "the same with the access log on", "/128", 128, access_log=True),
    Scenario("16k", "16 KB bodies, 64 kept-alive connections", "/16k", 16 * 1024),
    Scenario("1m", "1 MB bodies, 64 kept-alive connections", "/1m", 1024 * 1024),
    Scenario("tcp", "128-byte answers through TCP proxies, 64 connections", "/128", 128, tcp=True),
    Scenario("tcp-1m", "1 MB bodies through TCP proxies, 64 connections", "/1m", 1 << 20, tcp=True),
    Scenario("new", "a new client connection a request", "/128", 128, new_connections=True),
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
                    context, proxy, access_log=scenario.access_log, tcp=scenario.tcp
                ) as running:
                    values = _round(context, scenario, proxy, running)
                rounds.setdefault((scenario.name, proxy.name), []).append(values)
                _tell(number, scenario, proxy, values)
    return [results.median(*names, found) for names, found in rounds.items()]


def _tell(number: int, scenario: Scenario, proxy: Proxy, values: Mapping[str, float]) -> None:
    print(
        f"round {number + 1} {scenario.name} {proxy.name}: {values[results.CPU]:.1f} us, "
        f"{values[results.RATE]:.0f}/s, others {values[results.OTHERS]:.0%}",
        file=sys.stderr,
    )


def _round(
    context: Context, scenario: Scenario, proxy: Proxy, running: Running
) -> Mapping[str, float]:
    _check_answer(scenario, proxy, running.setup.port)
    put_load(context, scenario, running.setup.port, WARM_UP_SECONDS)
    opened = context.upstream.accepted()
    core = context.cores.proxy
    began, busy, before = time.monotonic_ns(), busy_ns(core), running.process.cpu_ns()
    seen = put_load(context, scenario, running.setup.port, context.seconds)
    spent = running.process.cpu_ns() - before
    others = (busy_ns(core) - busy - spent) / (time.monotonic_ns() - began)
    # The one connection that asks is not the proxy's.
    opened = context.upstream.accepted() - opened - 1
    if seen.requests == 0:
        raise BenchError(f"{proxy.name} answered nothing in scenario {scenario.name}")
    if (
        proxy.speaks_http
        and not scenario.tcp
        and opened > seen.requests * REOPENED_LIMIT + scenario.connections
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


def put_load(context: Context, scenario: Scenario, port: int, seconds: float) -> load.Load:
    """Put a scenario's load on the port for some seconds."""
    return load.run(
        port,
        scenario.path,
        connections=scenario.connections,
        seconds=seconds,
        cores=[context.cores.load],
        headers=scenario.headers,
    )


def _check_answer(scenario: Scenario, proxy: Proxy, port: int) -> None:
    answer = get(port, scenario.path)
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
