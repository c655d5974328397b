"""What a measurement is: a scenario, a proxy, and values by metric."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

CPU: Final = "cpu_us_per_request"
RATE: Final = "requests_per_second"
P50: Final = "p50_us"
P99: Final = "p99_us"
PSS: Final = "pss_mb"
OTHERS: Final = "others_share"
ERRORS: Final = "errors"
LISTEN: Final = "seconds_to_listen"
PER_CONNECTION: Final = "bytes_per_connection"


@dataclass(frozen=True)
class Measured:
    """The values of one proxy in one scenario: medians, and the rounds they come from."""

    scenario: str
    proxy: str
    values: Mapping[str, float]
    rounds: tuple[Mapping[str, float], ...]


def median(scenario: str, proxy: str, rounds: Sequence[Mapping[str, float]]) -> Measured:
    """Fold rounds into their medians, metric by metric; errors are added up instead."""
    values = {name: statistics.median(one[name] for one in rounds) for name in rounds[0]}
    if ERRORS in values:
        values[ERRORS] = sum(one[ERRORS] for one in rounds)
    return Measured(scenario, proxy, values, tuple(rounds))


Pair = tuple[str, str]


class Results:
    """Everything measured in one run, and why something was not."""

    def __init__(self) -> None:
        self.measured: list[Measured] = []
        self.skipped: list[str] = []

    def value(self, scenario: str, proxy: str, metric: str) -> float | None:
        """Return one value, or None when it was not measured."""
        one = self._find(scenario, proxy)
        return one.values.get(metric) if one else None

    def paired(
        self, mine: Pair, theirs: Pair, metric: str, compare: Callable[[float, float], float]
    ) -> float | None:
        """Return the median over the rounds of `compare(my value, their value)`.

        Rounds are compared one by one because a machine is slower at one time than at another.

        Args:
            mine: scenario and proxy of the one side.
            theirs: scenario and proxy of the other.
            metric: what to compare; None is returned when a side was not measured.
            compare: such as `operator.truediv`.
        """
        one, other = self._find(*mine), self._find(*theirs)
        if one is None or other is None:
            return None
        return statistics.median(
            compare(my_round[metric], their_round[metric])
            for my_round, their_round in zip(one.rounds, other.rounds, strict=True)
        )

    def _find(self, scenario: str, proxy: str) -> Measured | None:
        for one in self.measured:
            if (one.scenario, one.proxy) == (scenario, proxy):
                return one
        return None
