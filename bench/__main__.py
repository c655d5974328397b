"""The command: `python -m bench` and `python -m bench profile`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from bench import idle, machine, report, scale, scaling, traffic
from bench.context import Context, run_upstream
from bench.errors import BenchError
from bench.paths import default_envoy, default_lateen, default_target
from bench.priority import realtime
from bench.profile import profile
from bench.proxies import PROXIES
from bench.proxies.base import Programs, Proxy
from bench.results import Measured, Results

#: Scenarios of proxies that run Envoy's configuration.
SIZES: dict[str, Callable[[Context, Proxy], Measured]] = {
    "hello": idle.hello_pss,
    "idle": idle.connections,
    "scale": scale.measure,
}
SCALING = "workers"
SCENARIOS = [*(one.name for one in traffic.SCENARIOS), *SIZES, SCALING]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("command", nargs="?", choices=["run", "profile"], default="run")
    parser.add_argument("--scenario", action="append", choices=SCENARIOS, help="only this one")
    parser.add_argument("--proxy", action="append", choices=[one.name for one in PROXIES])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4.0, help="of load in each round")
    parser.add_argument("--json", type=Path, help="also write the numbers to this file")
    parser.add_argument(
        "--realtime",
        action="store_true",
        help="run everything at real-time priority, for a machine that does other work",
    )
    parser.add_argument("--callers", action="store_true", help="profile: record call stacks")
    parser.add_argument("--perf-data", type=Path, help="profile: keep perf's data in this file")
    parser.add_argument("--lateen", type=Path, default=default_lateen())
    parser.add_argument("--envoy", type=Path, default=default_envoy(), help="the binary")
    parser.add_argument(
        "--examples",
        type=Path,
        default=default_target() / "release" / "examples",
        help="where cargo leaves the relay and the upstream",
    )
    return parser


def _proxies(programs: Programs, names: Sequence[str], found: Results) -> list[Proxy]:
    usable = []
    for proxy in (kind(programs) for kind in PROXIES):
        if names and proxy.name not in names:
            continue
        missing = proxy.missing()
        if missing:
            found.skipped.append(missing)
            print(f"not measured: {missing}", file=sys.stderr)
        else:
            usable.append(proxy)
    return usable


def _run(context: Context, scenarios: Sequence[str], found: Results) -> None:
    wanted = [scenario for scenario in traffic.SCENARIOS if scenario.name in scenarios]
    found.measured += traffic.measure(context, wanted)
    peers = [proxy for proxy in context.proxies if proxy.runs_envoy_config]
    for name, measure in SIZES.items():
        if name in scenarios:
            found.measured += [measure(context, proxy) for proxy in peers]
    if SCALING in scenarios:
        reason = scaling.skipped(context)
        if reason:
            found.skipped.append(reason)
        else:
            found.measured += [one for proxy in peers for one in scaling.measure(context, proxy)]


def _profile(context: Context, options: argparse.Namespace) -> None:
    wanted = options.scenario or [traffic.SCENARIOS[0].name]
    for scenario in traffic.SCENARIOS:
        if scenario.name in wanted:
            for proxy in context.proxies:
                print(f"### {scenario.name}, {proxy.name}\n")
                print(
                    profile(
                        context, proxy, scenario, callers=options.callers, keep=options.perf_data
                    )
                )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code: 1 when something could not be measured."""
    options = _parser().parse_args(arguments)
    machine.raise_file_limit()
    programs = Programs(options.lateen, options.envoy, options.examples)
    found = Results()
    profiling = options.command == "profile"
    names = options.proxy or (["lateen"] if profiling else [])
    proxies = _proxies(programs, names, found)
    cores = machine.cores()
    try:
        if options.realtime:
            realtime()
        with run_upstream(programs, cores) as upstream:
            context = Context(proxies, programs, cores, upstream, options.rounds, options.seconds)
            if profiling:
                _profile(context, options)
                return 0
            _run(context, options.scenario or SCENARIOS, found)
            about = report.describe(context)
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    print(report.markdown(about, found))
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(report.as_json(about, found) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
