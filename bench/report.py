"""The run as markdown and as JSON."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from operator import truediv

from bench import idle, machine, results, scale, targets, traffic
from bench.context import Context
from bench.results import Measured, Results

PEERS = ("relay", "nginx", "haproxy", "envoy")


def describe(context: Context) -> dict[str, str]:
    """Return what the run was made on and with."""
    cores = context.cores
    return {
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "cpu": f"{machine.cpu_model()}, {len(cores.available)} cores",
        "kernel": machine.kernel(),
        "cores": f"proxy on CPU {cores.proxy}, load (wrk) and upstream on CPU {cores.load}",
        "rounds": f"{context.rounds} of {context.seconds:.0f} s, interleaved; medians",
        "versions": "; ".join(proxy.version() for proxy in context.proxies),
    }


def markdown(about: Mapping[str, str], found: Results) -> str:
    """Return the whole report."""
    parts = ["".join(f"- {name}: {value}\n" for name, value in about.items())]
    for scenario in traffic.SCENARIOS:
        rows = [one for one in found.measured if one.scenario == scenario.name]
        if rows:
            parts.append(f"### {scenario.name}: {scenario.title}\n\n{_traffic(rows, found)}")
    parts += _sizes(found)
    verdicts = targets.verdicts(found)
    if verdicts:
        parts.append("### Targets\n\n" + _targets(verdicts))
    if found.skipped:
        parts.append("".join(f"- not measured: {reason}\n" for reason in found.skipped))
    return "\n".join(parts)


def as_json(about: Mapping[str, str], found: Results) -> str:
    """Return the report's numbers, the rounds included."""
    return json.dumps(
        {
            "about": dict(about),
            "measured": [
                {**asdict(one), "rounds": [dict(values) for values in one.rounds]}
                for one in found.measured
            ],
            "targets": [
                {**asdict(verdict), "met": verdict.met} for verdict in targets.verdicts(found)
            ],
            "skipped": found.skipped,
        },
        indent=2,
    )


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table in markdown; all columns but the first are numbers."""
    rule = "|".join("---" if not number else "---:" for number in range(len(head)))
    lines = ["| " + " | ".join(head) + " |", f"|{rule}|"]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def _traffic(rows: Sequence[Measured], found: Results) -> str:
    peers = [peer for peer in PEERS if any(row.proxy == peer for row in rows)]
    head = ["proxy", "CPU us/request", "rounds", "requests/s", "p50 us", "p99 us", "PSS MB"]
    head += [f"/ {peer}" for peer in peers] + ["others", "errors"]
    lines = []
    for row in rows:
        cpu = row.values[results.CPU]
        spread = sorted(values[results.CPU] for values in row.rounds)
        cells = [row.proxy, f"{cpu:.1f}", f"{spread[0]:.1f} to {spread[-1]:.1f}"]
        cells += [f"{row.values[results.RATE]:,.0f}", f"{row.values[results.P50]:.0f}"]
        cells += [f"{row.values[results.P99]:.0f}", f"{row.values[results.PSS]:.1f}"]
        for peer in peers:
            pair = (row.scenario, row.proxy), (row.scenario, peer)
            ratio = found.paired(*pair, results.CPU, truediv)
            cells.append("-" if ratio is None else f"{ratio:.2f}")
        cells.append(f"{row.values[results.OTHERS]:.0%}")
        cells.append(f"{row.values[results.ERRORS]:.0f}")
        lines.append(cells)
    return table(head, lines)


def _sizes(found: Results) -> list[str]:
    titles = {
        ("hello", results.PSS): "idle PSS with examples/hello/envoy.yaml, MB",
        ("idle", results.PER_CONNECTION): f"PSS for each of {idle.CONNECTIONS:,} idle"
        " connections, bytes",
        ("scale", results.LISTEN): f"{scale.CLUSTERS:,} clusters and routes: seconds to listen",
        ("scale", results.PSS): f"{scale.CLUSTERS:,} clusters and routes: PSS, MB",
    }
    names = list(dict.fromkeys(row.proxy for row in found.measured))
    rows = []
    for (scenario, metric), title in titles.items():
        values = [found.value(scenario, name, metric) for name in names]
        if any(value is not None for value in values):
            cells = ["-" if value is None else f"{value:,.1f}" for value in values]
            rows.append([title, *cells])
    return ["### Memory and start\n\n" + table(["", *names], rows)] if rows else []


def _targets(verdicts: Iterable[targets.Verdict]) -> str:
    rows = [
        [
            one.title,
            f"{one.reached:,.2f} {one.unit}",
            f"{one.limit:,.2f} {one.unit}",
            "yes" if one.met else "no",
        ]
        for one in verdicts
    ]
    return table(["target", "reached", "at most", "met"], rows)
