"""The command: `python -m bench.xds`."""

from __future__ import annotations

import argparse
import datetime
import sys
from collections.abc import Sequence
from pathlib import Path

from bench import machine
from bench.errors import BenchError
from bench.machine import Cores
from bench.paths import default_envoy, default_lateen, default_target
from bench.priority import realtime
from bench.proxies.base import Programs
from bench.proxies.envoy import Envoy
from bench.proxies.lateen import Lateen
from bench.xds import measure, pauses, report
from bench.xds.measure import Effort, Values
from bench.xds.scene import Sizes, scene

PARTS = ("start", "moves", "storm", "tables", "pauses")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.xds", description=__doc__)
    parser.add_argument("--part", action="append", choices=PARTS, help="only this one")
    parser.add_argument("--proxy", action="append", choices=["envoy", "lateen"])
    parser.add_argument("--rounds", type=int, default=3, help="of everything; default: %(default)s")
    parser.add_argument("--clusters", type=int, default=10_000)
    parser.add_argument("--hosts", type=int, default=1_000, help="virtual hosts")
    parser.add_argument("--workers", type=int, default=2, help="default: %(default)s")
    parser.add_argument("--moves", type=int, default=200, help="of an endpoint, in each round")
    parser.add_argument("--tables", type=int, default=20, help="of routes, in each round")
    parser.add_argument("--storm-seconds", type=float, default=10.0)
    parser.add_argument("--realtime", action="store_true", help="as for python -m bench")
    parser.add_argument("--json", type=Path, help="also write the numbers to this file")
    parser.add_argument("--lateen", type=Path, default=default_lateen())
    parser.add_argument("--envoy", type=Path, default=default_envoy(), help="the binary")
    parser.add_argument("--examples", type=Path, default=default_target() / "release" / "examples")
    return parser


def _usable(options: argparse.Namespace, programs: Programs) -> list[Envoy | Lateen]:
    """The proxies that are there, of those that are wanted."""
    found: list[Envoy | Lateen] = []
    kinds: tuple[type[Envoy | Lateen], ...] = (Lateen, Envoy)
    for proxy in (kind(programs) for kind in kinds):
        missing = proxy.missing()
        if options.proxy and proxy.name not in options.proxy:
            continue
        if missing:
            print(f"not measured: {missing}", file=sys.stderr)
        else:
            found.append(proxy)
    return found


def _round(
    proxy: Envoy | Lateen, programs: Programs, cores: Cores, options: argparse.Namespace
) -> Values:
    parts = options.part or PARTS
    effort = Effort(options.moves, options.tables, options.storm_seconds)
    sizes = Sizes(options.clusters, options.hosts, options.workers)
    values: dict[str, float] = {}
    with scene(proxy, programs, cores, sizes) as running:
        if "start" in parts:
            values |= measure.start(running)
        if "moves" in parts:
            values |= measure.moves(running, effort)
        if "storm" in parts:
            values |= measure.storm(running, cores, effort)
        if "tables" in parts:
            values |= measure.tables(running, effort)
        if "pauses" in parts:
            values |= pauses.pauses(running, cores, effort.tables, 1 + 2 * effort.tables)
    return values


def _about(
    options: argparse.Namespace, cores: Cores, proxies: Sequence[Envoy | Lateen]
) -> dict[str, str]:
    return {
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "cpu": f"{machine.cpu_model()}, {len(cores.available)} cores, shared by everything",
        "kernel": machine.kernel(),
        "resources": f"{options.clusters:,} clusters with 10 endpoints each,"
        f" {options.hosts:,} virtual hosts, over delta ADS; {options.workers} workers",
        "rounds": f"{options.rounds}; medians, and the worst of all where it says so",
        "versions": "; ".join(proxy.version() for proxy in proxies),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code: 1 when something could not be measured."""
    options = _parser().parse_args(arguments)
    machine.raise_file_limit()
    programs = Programs(options.lateen, options.envoy, options.examples)
    cores = machine.cores()
    proxies = _usable(options, programs)
    rounds: dict[str, list[Values]] = {proxy.name: [] for proxy in proxies}
    try:
        if options.realtime:
            realtime()
        for number in range(options.rounds):
            for proxy in proxies if number % 2 == 0 else proxies[::-1]:
                values = _round(proxy, programs, cores, options)
                rounds[proxy.name].append(values)
                shown = ", ".join(f"{name} {value:.2f}" for name, value in values.items())
                print(f"round {number + 1} {proxy.name}: {shown}", file=sys.stderr)
        about = _about(options, cores, proxies)
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    measured = {name: report.fold(values) for name, values in rounds.items()}
    print(report.markdown(about, measured))
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(report.as_json(about, measured, rounds))
    return 0


if __name__ == "__main__":
    sys.exit(main())
