"""/stats as text."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from lateen.proxy.stats.histogram import QUANTILES, Bin, Summary
from lateen.proxy.stats.model import HistogramStat
from lateen.proxy.stats.numbers import general, shortest
from lateen.proxy.stats.snapshot import Snapshot, StatsFilter

Bounds = Callable[[str], Sequence[float]]
_QUANTILE_NAMES = tuple(f"P{shortest(percent)}" for percent in QUANTILES)


def render_text(
    snapshot: Snapshot, wanted: StatsFilter, mode: str, bounds: Bounds
) -> Iterator[str]:
    """The lines of /stats, some at a time.

    Args:
        snapshot: the stats.
        wanted: which of them.
        mode: how histograms are shown: summary, cumulative, disjoint or detailed.
        bounds: the buckets of a histogram by its name.
    """
    for text in snapshot.selected_texts(wanted):
        yield f'{text.name}: "{text.text}"\n'
    for batch in snapshot.batches(wanted):
        yield "".join([f"{stat.name}: {stat.value}\n" for stat in batch])
    for histogram in snapshot.selected_histograms(wanted):
        yield _histogram(histogram, mode, bounds)


def _histogram(histogram: HistogramStat, mode: str, bounds: Bounds) -> str:
    if mode == "detailed" and histogram.used:
        return (
            f"{histogram.name}:\n  totals={_bins(histogram.cumulative.bins)}\n"
            f"  intervals={_bins(histogram.interval.bins)}\n  summary={_summary(histogram)}\n"
        )
    if mode in ("summary", "detailed") or not histogram.used:
        return f"{histogram.name}: {_summary(histogram)}\n"
    return f"{histogram.name}: {_buckets(histogram, mode, bounds(histogram.name))}\n"


def _summary(histogram: HistogramStat) -> str:
    if not histogram.used:
        return "No recorded values"
    pairs = zip(
        _QUANTILE_NAMES,
        histogram.interval.quantiles(),
        histogram.cumulative.quantiles(),
        strict=True,
    )
    return " ".join(f"{name}({shortest(here)},{shortest(ever)})" for name, here, ever in pairs)


def _buckets(histogram: HistogramStat, mode: str, bounds: Sequence[float]) -> str:
    here, ever = (
        counts(histogram.interval, mode, bounds),
        counts(histogram.cumulative, mode, bounds),
    )
    return " ".join(
        f"B{general(bound)}({interval},{total})"
        for bound, interval, total in zip(bounds, here, ever, strict=True)
    )


def counts(summary: Summary, mode: str, bounds: Sequence[float]) -> list[int]:
    """The counts of buckets: cumulative or disjoint."""
    return summary.cumulative(bounds) if mode == "cumulative" else summary.disjoint(bounds)


def _bins(bins: Sequence[Bin]) -> str:
    return ", ".join(f"{shortest(each.lower)},{shortest(each.width)}:{each.count}" for each in bins)
