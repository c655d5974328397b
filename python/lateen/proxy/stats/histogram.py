"""Log-linear histograms, as Envoy summarises them (OpenHistogram: 90 bins a power of ten).

A bin number is `exponent * 100 + two significant digits`; bin 0 holds zeros.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

# The quantiles of Envoy's summaries, in percent.
QUANTILES: tuple[float, ...] = (0, 25, 50, 75, 90, 95, 99, 99.5, 99.9, 100)

# Upper bounds where stats_config names none (docs: config.metrics.v3.HistogramBucketSettings).
DEFAULT_BUCKETS: tuple[float, ...] = (
    0.5,
    1,
    5,
    10,
    25,
    50,
    100,
    250,
    500,
    1000,
    2500,
    5000,
    10000,
    30000,
    60000,
    300000,
    600000,
    1800000,
    3600000,
)


@dataclass(frozen=True)
class Bin:
    """One bin: values from `lower` up to `lower + width`, and how many fell there."""

    lower: float
    width: float
    count: int


def bin_of(value: int) -> int:
    """The bin number of a whole value (units as recorded).

    Raises:
        ValueError: a negative value.
    """
    if value < 0:
        raise ValueError("histogram values are not negative")
    if value == 0:
        return 0
    if value < 10:
        return value * 10
    exponent = len(str(value)) - 1
    return exponent * 100 + int(str(value)[:2])


def bins(counts: Mapping[int, int]) -> list[Bin]:
    """The bins in ascending order, those without values left out."""
    return [
        Bin(_lower(number), _width(number), counts[number])
        for number in sorted(counts)
        if counts[number]
    ]


def _lower(number: int) -> float:
    exponent, digits = divmod(number, 100)
    return digits / 10.0 * 10.0**exponent


def _width(number: int) -> float:
    exponent, digits = divmod(number, 100)
    return 0.0 if digits == 0 else 10.0**exponent / 10.0


@dataclass(frozen=True)
class Summary:
    """What is reported of a set of values."""

    bins: Sequence[Bin]

    @classmethod
    def of(cls, counts: Mapping[int, int]) -> Summary:
        """Summarises counts by bin number."""
        return cls(bins(counts)) if counts else _EMPTY

    @property
    def sample_count(self) -> int:
        """How many values were recorded."""
        return sum(each.count for each in self.bins)

    @property
    def sample_sum(self) -> float:
        """The values' sum, each taken as the harmonic middle of its bin."""
        total = 0.0
        for each in self.bins:
            if each.width:
                top = each.lower + each.width
                ratio = each.lower / (each.lower + top)
                total += (each.lower + each.width * ratio) * each.count
        return total

    def quantiles(self, percents: Sequence[float] = QUANTILES) -> list[float]:
        """The value at each percentage, NaN when nothing was recorded.

        The k-th of n values in a bin is taken to lie at k/(n+1) of its width.
        """
        total = self.sample_count
        if not total:
            return [math.nan] * len(percents)
        found: list[float] = []
        position = 0
        below = 0
        for percent in percents:
            rank = max(1, math.ceil(total * percent / 100))
            while rank > below + self.bins[position].count:
                below += self.bins[position].count
                position += 1
            here = self.bins[position]
            found.append(here.lower + (rank - below) / (here.count + 1) * here.width)
        return found

    def cumulative(self, bounds: Sequence[float]) -> list[int]:
        """How many values are in bins that begin at or under each ascending bound."""
        found: list[int] = []
        position = 0
        running = 0
        for bound in bounds:
            while position < len(self.bins) and self.bins[position].lower <= bound:
                running += self.bins[position].count
                position += 1
            found.append(running)
        return found

    def disjoint(self, bounds: Sequence[float]) -> list[int]:
        """How many values are in bins that begin at or under a bound and above the one before."""
        cumulative = self.cumulative(bounds)
        return [here - before for before, here in zip([0, *cumulative], cumulative, strict=False)]


_EMPTY = Summary(())
