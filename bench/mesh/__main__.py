"""The command: `python -m bench.mesh`."""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench import load, machine, report
from bench.context import Context, run_upstream
from bench.errors import BenchError
from bench.mesh.scene import SENT, pair
from bench.paths import default_envoy, default_lateen, default_target
from bench.proxies.base import Programs, Proxy
from bench.proxies.envoy import Envoy
from bench.proxies.lateen import Lateen

WARM_UP_SECONDS = 1.0
CONNECTIONS = 64
LIMIT = 0.4
#: With Istio's filters, with the configuration that an ordinary Envoy is sent, and that.
MINE, SAME, PEER = "lateen", "lateen, same filters", "envoy"
#: Path and size of the answer.
BODIES = {"/128": "128-byte answers", "/16k": "16 KB answers"}
Rounds = Mapping[tuple[str, str], Sequence[float]]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.mesh", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4.0, help="of load in each round")
    parser.add_argument("--json", type=Path, help="also write the numbers to this file")
    parser.add_argument("--lateen", type=Path, default=default_lateen())
    parser.add_argument("--envoy", type=Path, default=default_envoy(), help="the binary")
    parser.add_argument("--examples", type=Path, default=default_target() / "release" / "examples")
    return parser


def _measure(context: Context) -> Rounds:
    """CPU of a request in us, in both sidecars together."""
    found: dict[tuple[str, str], list[float]] = defaultdict(list)
    kinds = {MINE: [], SAME: ["--no-istio-filters"], PEER: ["--envoy", str(context.programs.envoy)]}
    for number in range(context.rounds):
        turn = number % len(kinds)
        names = [*kinds]
        for name in [*names[turn:], *names[:turn]]:
            made = pair(context.programs, context.cores, context.upstream, kinds[name])
            with made as running:
                for path in BODIES:
                    _load(context, running.port, path, WARM_UP_SECONDS)
                    before = running.cpu_ns()
                    asked = _load(context, running.port, path, context.seconds)
                    cost = (running.cpu_ns() - before) / 1000 / asked.requests
                    found[path, name].append(cost)
                    shown = f"{cost:.1f} us, {asked.requests / asked.seconds:.0f}/s"
                    print(f"round {number + 1} {path} {name}: {shown}", file=sys.stderr)
    return found


def _load(context: Context, port: int, path: str, seconds: float) -> load.Load:
    cores = [context.cores.load]
    made = load.run(port, path, connections=CONNECTIONS, seconds=seconds, cores=cores, headers=SENT)
    if made.errors:
        raise BenchError(f"{made.errors} of {made.requests} requests failed")
    return made


def _markdown(about: Mapping[str, str], found: Rounds) -> str:
    names = (MINE, SAME, PEER)
    head = ["two sidecars, mutual TLS", *(f"{name}, us/request" for name in names)]
    head += [f"{MINE} / {PEER}", f"{SAME} / {PEER}", "at most"]
    rows = []
    for path, title in BODIES.items():
        each = [f"{statistics.median(found[path, name]):.1f}" for name in names]
        ratios = [f"{_ratio(found, path, name):.2f}" for name in (MINE, SAME)]
        rows.append([title, *each, *ratios, f"{LIMIT:.2f}"])
    facts = "".join(f"- {name}: {value}\n" for name, value in about.items())
    return f"{facts}\n{report.table(head, rows)}"


def _ratio(found: Rounds, path: str, name: str) -> float:
    """A share of Envoy's, of measurements of one round."""
    pairs = zip(found[path, name], found[path, PEER], strict=True)
    return statistics.median(mine / peer for mine, peer in pairs)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code: 1 when something could not be measured."""
    options = _parser().parse_args(arguments)
    machine.raise_file_limit()
    programs = Programs(options.lateen, options.envoy, options.examples)
    proxies: list[Proxy] = [Lateen(programs), Envoy(programs)]
    cores = machine.cores()
    try:
        for proxy in proxies:
            if missing := proxy.missing():
                raise BenchError(missing)
        with run_upstream(programs, cores) as upstream:
            context = Context(proxies, programs, cores, upstream, options.rounds, options.seconds)
            found = _measure(context)
            about = report.describe(context)
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    print(_markdown(about, found))
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        rows = {f"{path} {name}": [*values] for (path, name), values in found.items()}
        options.json.write_text(json.dumps({"about": about, "us": rows}, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
