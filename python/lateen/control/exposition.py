"""Metrics in the text format of Prometheus.

Istio's counters have names without `_total`, which the usual library adds to every counter.

Source: https://prometheus.io/docs/instrumenting/exposition_formats (text-based format 0.0.4)
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


@dataclass
class Counter:
    """What is counted; by the value of one label, if it has one.

    Attributes:
        name: of the metric.
        help: what it counts.
        label: the name of the label; empty: it has none.
    """

    name: str
    help: str
    label: str = ""
    kind: str = "counter"
    values: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))

    def add(self, amount: float = 1.0, label: str = "") -> None:
        """Count."""
        self.values[label] += amount

    def lines(self) -> Iterator[str]:
        """The samples."""
        values = self.values or ({} if self.label else {"": 0.0})
        for label, value in sorted(values.items()):
            yield f"{self.name}{_labels(self.label, label)} {_number(value)}"


@dataclass
class Gauge(Counter):
    """What goes up and down."""

    kind: str = "gauge"

    def set(self, value: float) -> None:
        """Say what it is."""
        self.values[""] = value


@dataclass
class _Series:
    counts: list[int]
    total: float = 0.0


@dataclass
class Histogram:
    """A distribution; by the value of one label, if it has one.

    Attributes:
        name: of the metric.
        help: what is observed.
        bounds: upper bounds of the buckets, without the last, which has none.
        label: the name of the label; empty: it has none.
    """

    name: str
    help: str
    bounds: Sequence[float]
    label: str = ""
    kind: str = "histogram"
    series: dict[str, _Series] = field(default_factory=dict)

    def observe(self, value: float, label: str = "") -> None:
        """Note one value."""
        if label not in self.series:
            self.series[label] = _Series([0] * (len(self.bounds) + 1))
        series = self.series[label]
        series.counts[bisect_left(self.bounds, value)] += 1
        series.total += value

    def lines(self) -> Iterator[str]:
        """The samples: buckets with all below them, the sum and the count."""
        for label, series in sorted(self.series.items()):
            below = 0
            for bound, count in zip((*self.bounds, None), series.counts, strict=True):
                below += count
                text = "+Inf" if bound is None else _number(bound)
                yield f"{self.name}_bucket{_labels(self.label, label, text)} {below}"
            yield f"{self.name}_sum{_labels(self.label, label)} {_number(series.total)}"
            yield f"{self.name}_count{_labels(self.label, label)} {below}"


def render(metrics: Iterable[Counter | Histogram]) -> str:
    """All metrics as text."""
    parts = []
    for one in metrics:
        parts += [f"# HELP {one.name} {one.help}", f"# TYPE {one.name} {one.kind}", *one.lines()]
    return "\n".join(parts) + "\n"


def _labels(name: str, value: str, bound: str = "") -> str:
    pairs = [(name, value)] if name else []
    pairs += [("le", bound)] if bound else []
    inside = ",".join(f'{one}="{text.translate(_ESCAPES)}"' for one, text in pairs)
    return f"{{{inside}}}" if pairs else ""


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)
