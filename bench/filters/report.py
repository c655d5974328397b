"""What filters add, as markdown and as JSON."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from bench.filters.rows import PLAIN, Row
from bench.report import table

#: CPU of a request in us, by row and proxy, round by round.
Rounds = Mapping[tuple[str, str], Sequence[float]]
MINE, PEER = "lateen", "envoy"


@dataclass(frozen=True)
class AddedCost:
    """What one of a filter adds to a request, in ns, by proxy: the median of the rounds."""

    name: str
    title: str
    copies: int
    ns: Mapping[str, float]
    limit: float

    @property
    def ratio(self) -> float | None:
        """Lateen's share of Envoy's; None where Envoy's is not to be told from nothing."""
        peer = self.ns.get(PEER, 0.0)
        return self.ns[MINE] / peer if peer > 0 and MINE in self.ns else None


def fold(rows: Sequence[Row], rounds: Rounds, proxies: Sequence[str]) -> list[AddedCost]:
    """The rows against the plain one of the same round."""
    found = []
    for row in rows:
        ns = {}
        for proxy in proxies:
            pairs = zip(rounds[row.name, proxy], rounds[PLAIN.name, proxy], strict=True)
            added = statistics.median(with_it - without for with_it, without in pairs)
            ns[proxy] = added * 1000 / row.copies
        found.append(AddedCost(row.name, row.title, row.copies, ns, row.limit))
    return found


def markdown(
    about: Mapping[str, str], plain: Mapping[str, float], costs: Sequence[AddedCost]
) -> str:
    """The whole report; `plain` is the CPU of a request without filters, in us."""
    proxies = list(plain)
    base = table(["", *proxies], [["us a request without", *(f"{plain[p]:.1f}" for p in proxies)]])
    head = ["filter", *(f"{proxy} ns" for proxy in proxies), "/ envoy", "at most"]
    lines = []
    for cost in costs:
        ratio = "-" if cost.ratio is None else f"{cost.ratio:.2f}"
        each = [f"{cost.ns[proxy]:,.0f}" for proxy in proxies]
        lines.append([f"{cost.name}: {cost.title}", *each, ratio, f"{cost.limit:.2f}"])
    return "\n".join(["".join(f"- {k}: {v}\n" for k, v in about.items()), base, table(head, lines)])


def as_json(
    about: Mapping[str, str], plain: Mapping[str, float], costs: Sequence[AddedCost]
) -> str:
    """The numbers of the report."""
    rows = [{**asdict(cost), "ratio": cost.ratio} for cost in costs]
    return json.dumps({"about": dict(about), "plain_us": dict(plain), "rows": rows}, indent=2)
