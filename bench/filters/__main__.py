"""The command: `python -m bench.filters`."""

from __future__ import annotations

import argparse
import statistics
import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from bench import machine, report, results, traffic
from bench.context import Context, run_proxy, run_upstream
from bench.errors import BenchError
from bench.filters import report as filters_report
from bench.filters.rows import COPIES, PLAIN, ROWS, Row
from bench.paths import default_envoy, default_lateen, default_target
from bench.proxies.base import Programs, Proxy
from bench.proxies.envoy import Envoy
from bench.proxies.lateen import Lateen

_SCENARIO = next(one for one in traffic.SCENARIOS if one.name == "keepalive")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.filters", description=__doc__)
    names = [row.name for row in ROWS]
    parser.add_argument("--row", action="append", choices=names, help="only this one")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2.0, help="of load in each round")
    parser.add_argument("--json", type=Path, help="also write the numbers to this file")
    parser.add_argument("--lateen", type=Path, default=default_lateen())
    parser.add_argument("--envoy", type=Path, default=default_envoy(), help="the binary")
    parser.add_argument("--examples", type=Path, default=default_target() / "release" / "examples")
    return parser


def _measure(context: Context, rows: Sequence[Row]) -> filters_report.Rounds:
    """CPU of a request in rounds: in each, every row of both proxies."""
    found: dict[tuple[str, str], list[float]] = defaultdict(list)
    for number in range(context.rounds):
        for row in (PLAIN, *rows):
            turn = number % len(context.proxies)
            for proxy in [*context.proxies[turn:], *context.proxies[:turn]]:
                added = row.envoy if proxy.name == "envoy" and row.envoy else row.added
                with run_proxy(context, proxy, added=added, sent=row.sent) as running:
                    scenario = replace(_SCENARIO, sent=row.sent)
                    values = traffic.round_of(context, scenario, proxy, running)
                found[row.name, proxy.name].append(values[results.CPU])
                shown = f"{values[results.CPU]:.2f} us, others {values[results.OTHERS]:.0%}"
                print(f"round {number + 1} {row.name} {proxy.name}: {shown}", file=sys.stderr)
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code: 1 when something could not be measured."""
    options = _parser().parse_args(arguments)
    machine.raise_file_limit()
    programs = Programs(options.lateen, options.envoy, options.examples)
    proxies: list[Proxy] = [Lateen(programs), Envoy(programs)]
    cores = machine.cores()
    rows = [row for row in ROWS if not options.row or row.name in options.row]
    try:
        for proxy in proxies:
            if missing := proxy.missing():
                raise BenchError(missing)
        with run_upstream(programs, cores) as upstream:
            context = Context(proxies, programs, cores, upstream, options.rounds, options.seconds)
            found = _measure(context, rows)
            about = report.describe(context)
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    alone = ", ".join(row.name for row in rows if row.copies == 1)
    about["chain"] = f"{COPIES} of each filter (one of: {alone}); what one adds"
    names = [proxy.name for proxy in proxies]
    plain = {name: statistics.median(found[PLAIN.name, name]) for name in names}
    costs = filters_report.fold(rows, found, names)
    print(filters_report.markdown(about, plain, costs))
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(filters_report.as_json(about, plain, costs) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
