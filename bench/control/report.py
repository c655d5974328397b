"""The run as markdown, as JSON and as a picture."""

from __future__ import annotations

import json
from collections.abc import Mapping

from bench.control import measure, svg
from bench.control.measure import Values
from bench.report import table

#: metric, what it is, the target
TITLES: dict[str, tuple[str, float | None]] = {
    measure.SERVING: ("start until it serves, s", None),
    measure.SYNCED: ("start until all proxies are synchronised, s", 20.0),
    measure.START_CPU: ("CPU of the control plane until then, s", None),
    measure.CLIENTS_CPU: ("CPU of all clients until then, s", None),
    measure.MEGABYTES: ("sent until then, MB", None),
    measure.ENDPOINT_MEDIAN: ("an endpoint moves: until a proxy has it, median, ms", None),
    measure.ENDPOINT_P99: ("an endpoint moves: p99, ms", 200.0),
    measure.ENDPOINT_ALL: ("an endpoint moves: until all have it, median, ms", None),
    measure.ENDPOINT_CPU: ("an endpoint moves: CPU of the control plane, ms", None),
    measure.ROUTE_MEDIAN: ("a VirtualService changes: until a proxy has it, median, ms", None),
    measure.ROUTE_P99: ("a VirtualService changes: p99, ms", 1000.0),
    measure.ROUTE_CPU: ("a VirtualService changes: CPU of the control plane, ms", None),
    measure.ROUTE_CLIENTS: ("a VirtualService changes: CPU of all clients, ms", None),
    measure.STRAY: ("resources sent that did not change", 0.0),
    measure.PSS: ("memory of the control plane (PSS), MB", 1000.0),
    measure.PEAK: ("memory of the control plane at its peak, MB", 1000.0),
}
_DRAWN = (measure.SYNCED, measure.ENDPOINT_P99, measure.ROUTE_P99, measure.PEAK)


def markdown(about: Mapping[str, str], found: Mapping[int, Values], judged: int) -> str:
    """Return the whole report; `found` is by the number of services."""
    parts = ["".join(f"- {name}: {value}\n" for name, value in about.items())]
    rows = [
        [title, *(_cell(values[metric]) for values in found.values())]
        for metric, (title, _) in TITLES.items()
    ]
    parts.append(table(["services", *(f"{size:,}" for size in found)], rows))
    if judged in found:
        cells = [
            [title, _cell(reached), _cell(limit), "yes" if reached <= limit else "no"]
            for title, reached, limit in _verdicts(found[judged])
        ]
        parts.append(table([f"target, {judged:,} services", "reached", "at most", "met"], cells))
    return "\n".join(parts)


def as_json(about: Mapping[str, str], found: Mapping[int, Values], judged: int) -> str:
    """Return the report's numbers."""
    targets = [
        {"title": title, "reached": reached, "limit": limit, "met": reached <= limit}
        for title, reached, limit in _verdicts(found.get(judged, {}))
    ]
    sizes = {str(size): values for size, values in found.items()}
    return json.dumps({"about": dict(about), "sizes": sizes, "targets": targets}, indent=2) + "\n"


def picture(found: Mapping[int, Values]) -> str:
    """The growth with the number of services, as SVG."""
    panels = []
    for metric in _DRAWN:
        points = [(float(size), values[metric]) for size, values in found.items()]
        panels.append(svg.Panel(TITLES[metric][0], points, TITLES[metric][1]))
    return svg.panels(panels, "services")


def _verdicts(values: Values) -> list[tuple[str, float, float]]:
    return [
        (title, values[metric], limit)
        for metric, (title, limit) in TITLES.items()
        if limit is not None and metric in values
    ]


def _cell(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:,.1f}"
