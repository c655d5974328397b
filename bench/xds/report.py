"""The run as markdown and as JSON."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.report import table
from bench.xds import measure, pauses
from bench.xds.measure import Values

LATEEN = "lateen"
ENVOY = "envoy"
#: metric, what it is
TITLES = {
    measure.START: "seconds to first traffic",
    measure.PSS: "PSS then, MB",
    measure.MOVE_MEDIAN: "an endpoint moves: traffic follows after, median, ms",
    measure.MOVE_WORST: "the same at worst, ms",
    measure.REQUESTS: "100 pushes a second under 64 connections: requests",
    measure.FAILED: "of them failed",
    measure.QUIET_P99: "p99 without pushes, ms",
    measure.STORM_P99: "p99 with pushes, ms",
    measure.TABLE_MEDIAN: "a new table of routes: answers follow after, median, ms",
    measure.TABLE_WORST: "the same at worst, ms",
    measure.TABLE_CPU: "CPU of the busiest worker for a table, ms",
    pauses.MEDIAN: "longest pause of workers with a core meanwhile, median of tables, ms",
    pauses.QUIET_MEDIAN: "the same without a table, ms",
    pauses.WORST: "longest pause of all tables, ms",
    pauses.QUIET_WORST: "the same without a table, ms",
}
#: Those of which the worst of all rounds counts, and those that are added up.
WORST = {measure.MOVE_WORST, measure.TABLE_WORST, pauses.WORST, pauses.QUIET_WORST}
TOTAL = {measure.REQUESTS, measure.FAILED}


@dataclass(frozen=True)
class Verdict:
    """One target: the value reached and the limit."""

    title: str
    reached: float
    limit: float

    @property
    def met(self) -> bool:
        """Whether the value is at or under the limit."""
        return self.reached <= self.limit


def fold(rounds: Sequence[Values]) -> Values:
    """The rounds of a proxy as one: medians, sums or the worst, metric by metric."""
    folded = {}
    for name in rounds[0]:
        values = [one[name] for one in rounds]
        how = max if name in WORST else sum if name in TOTAL else statistics.median
        folded[name] = how(values)
    return folded


def verdicts(values: Values, peer: Values | None) -> list[Verdict]:
    """The targets, for what was measured of Lateen; `peer` is Envoy's of the same run."""
    found = []

    def judge(title: str, reached: float | None, limit: float | None) -> None:
        if reached is not None and limit is not None:
            found.append(Verdict(title, reached, limit))

    get = values.get
    judge("seconds to first traffic", get(measure.START), 2.0)
    judge("PSS, MB", get(measure.PSS), 200.0)
    theirs = None if peer is None else peer.get(measure.MOVE_MEDIAN)
    judge("endpoint, median, ms, against Envoy's", get(measure.MOVE_MEDIAN), theirs)
    judge("endpoint, at worst, ms", get(measure.MOVE_WORST), 20.0)
    judge("requests failed under pushes", get(measure.FAILED), 0.0)
    quiet = get(measure.QUIET_P99)
    judge("p99 under pushes, ms", get(measure.STORM_P99), None if quiet is None else 2 * quiet)
    judge("table of routes, at worst, ms", get(measure.TABLE_WORST), 50.0)
    judge("pause of a worker for a table of routes, median, ms", get(pauses.MEDIAN), 1.0)
    return found


def markdown(about: Mapping[str, str], measured: Mapping[str, Values]) -> str:
    """Return the whole report; `measured` is by proxy."""
    parts = ["".join(f"- {name}: {value}\n" for name, value in about.items())]
    rows = [
        [title, *(_cell(values.get(metric)) for values in measured.values())]
        for metric, title in TITLES.items()
        if any(metric in values for values in measured.values())
    ]
    parts.append(table(["", *measured], rows))
    if LATEEN in measured:
        judged = verdicts(measured[LATEEN], measured.get(ENVOY))
        cells = [
            [one.title, _cell(one.reached), _cell(one.limit), "yes" if one.met else "no"]
            for one in judged
        ]
        parts.append(table(["target", "reached", "at most", "met"], cells))
    return "\n".join(parts)


def as_json(
    about: Mapping[str, str],
    measured: Mapping[str, Values],
    rounds: Mapping[str, Sequence[Values]],
) -> str:
    """Return the report's numbers, the rounds included."""
    judged = verdicts(measured[LATEEN], measured.get(ENVOY)) if LATEEN in measured else []
    found = {
        "about": dict(about),
        "measured": {name: dict(values) for name, values in measured.items()},
        "rounds": {name: [dict(one) for one in values] for name, values in rounds.items()},
        "targets": [{**one.__dict__, "met": one.met} for one in judged],
    }
    return json.dumps(found, indent=2) + "\n"


def _cell(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if value >= 1000 or value == int(value) else f"{value:,.2f}"
