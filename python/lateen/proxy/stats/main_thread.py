"""The stats that the main thread counts by name, such as those of subscriptions and managers."""

from __future__ import annotations

import array
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from lateen.proxy.stats.model import Scope, Stat, StatKind, TextStat, loose_scope

if TYPE_CHECKING:
    from lateen.proxy.stats.histograms import Histograms


class StatNames(NamedTuple):
    """The stats that every scope of one kind has; no name has a dot in it."""

    counters: tuple[str, ...] = ()
    gauges: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    histograms: tuple[str, ...] = ()


class MainThreadScope:
    """Stats whose names begin with `prefix` and a dot, such as `cluster_manager.cds`.

    Values of a name that the scope's StatNames lack raise ValueError.
    """

    __slots__ = ("_owner", "_texts", "_users", "_values", "_written", "names", "prefix")

    def __init__(self, owner: MainThreadStats, prefix: str, names: StatNames) -> None:
        self.prefix = prefix
        self.names = names
        self._owner = owner
        self._values = array.array("Q", bytes(8 * (len(names.counters) + len(names.gauges))))
        self._texts: list[str | None] = [None] * len(names.texts)
        self._written = 0
        self._users = 0

    def add(self, counter: str, amount: int = 1) -> None:
        """Adds to a counter."""
        self._values[self.names.counters.index(counter)] += amount

    def set(self, gauge: str, value: int) -> None:
        """Sets a gauge, which may be any unsigned number of 64 bits."""
        place = self.names.gauges.index(gauge)
        self._values[len(self.names.counters) + place] = value
        self._written |= 1 << place

    def set_text(self, text: str, value: str) -> None:
        """Sets a text readout."""
        self._texts[self.names.texts.index(text)] = value

    def record(self, histogram: str, value: int) -> None:
        """Records a value in a histogram."""
        place = self.names.histograms.index(histogram)
        self._owner.histograms.record(f"{self.prefix}.{self.names.histograms[place]}", value)

    def value(self, name: str) -> int:
        """The value of a counter or a gauge."""
        return self._values[(*self.names.counters, *self.names.gauges).index(name)]

    def text(self, name: str) -> str:
        """The value of a text readout, "" before it is set."""
        return self._texts[self.names.texts.index(name)] or ""

    def close(self) -> None:
        """Says that one who opened the scope is done; its stats go with the last of them."""
        self._users -= 1
        if self._users == 0:
            self._owner.forget(self)

    def opened(self) -> MainThreadScope:
        """Counts one more who uses the scope."""
        self._users += 1
        return self

    def stats(self) -> Iterator[Stat]:
        """Counters and gauges, without the prefix."""
        gauges_start = len(self.names.counters)
        for place, name in enumerate(self.names.counters):
            value = self._values[place]
            yield Stat(name, StatKind.COUNTER, value, value != 0)
        for place, name in enumerate(self.names.gauges):
            used = bool(self._written >> place & 1)
            yield Stat(name, StatKind.GAUGE, self._values[gauges_start + place], used)

    def scope(self) -> Scope:
        """Counters and gauges as they are now."""
        return loose_scope(f"{self.prefix}.", self.stats())

    def texts(self) -> Iterator[TextStat]:
        """Text readouts under their full names."""
        for name, text in zip(self.names.texts, self._texts, strict=True):
            yield TextStat(f"{self.prefix}.{name}", text or "", text is not None)

    def reset_counters(self) -> None:
        """Sets counters to 0."""
        for place in range(len(self.names.counters)):
            self._values[place] = 0


class MainThreadStats:
    """All scopes of the main thread.

    A stat of a scope counts before one of the same name that is made from facts (`process.py`).
    """

    def __init__(self, histograms: Histograms) -> None:
        self.histograms = histograms
        self._scopes: dict[str, dict[StatNames, MainThreadScope]] = {}

    def open(self, prefix: str, names: StatNames) -> MainThreadScope:
        """The scope of a prefix; one that is open with the same names is shared."""
        kinds = self._scopes.setdefault(prefix, {})
        scope = kinds.get(names)
        if scope is None:
            scope = kinds[names] = MainThreadScope(self, prefix, names)
            for histogram in names.histograms:
                self.histograms.declare(f"{prefix}.{histogram}")
        return scope.opened()

    def forget(self, scope: MainThreadScope) -> None:
        """Takes a scope's stats away."""
        kinds = self._scopes.get(scope.prefix, {})
        if kinds.get(scope.names) is not scope:
            return
        del kinds[scope.names]
        if not kinds:
            del self._scopes[scope.prefix]
        for histogram in scope.names.histograms:
            self.histograms.forget(f"{scope.prefix}.{histogram}")

    def has(self, full_name: str) -> bool:
        """Whether an open scope has this counter or gauge."""
        prefix, _, name = full_name.rpartition(".")
        kinds = self._scopes.get(prefix)
        return kinds is not None and any(
            name in names.counters or name in names.gauges for names in kinds
        )

    def scopes(self) -> Iterator[Scope]:
        """The counters and gauges, in no order."""
        for scope in self._all():
            yield scope.scope()

    def all(self) -> list[MainThreadScope]:
        """The scopes that are open now."""
        return list(self._all())

    def texts(self) -> Iterator[TextStat]:
        """The text readouts, in no order."""
        for scope in self._all():
            yield from scope.texts()

    def reset_counters(self) -> None:
        """Sets counters to 0."""
        for scope in self._all():
            scope.reset_counters()

    def _all(self) -> Iterator[MainThreadScope]:
        for kinds in self._scopes.values():
            yield from kinds.values()
