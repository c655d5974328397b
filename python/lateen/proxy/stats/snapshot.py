"""All stats at one moment, in the order in which they are printed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from lateen.proxy.stats.model import HistogramStat, Scope, Stat, StatKind, TextStat
from lateen.proxy.stats.regex import compile_regex

NameTest = Callable[[str], bool]


@dataclass(frozen=True)
class StatsFilter:
    """What of the stats is wanted (the query of /stats).

    Attributes:
        accepts: whether a full name is wanted.
        used_only: only stats that were ever written.
        kind: one kind alone; None: all.
        hidden_only: only hidden stats, of which there are none.
    """

    accepts: NameTest | None = None
    used_only: bool = False
    kind: StatKind | None = None
    hidden_only: bool = False

    @classmethod
    def matching(
        cls,
        pattern: str,
        *,
        invert: bool,
        used_only: bool,
        kind: StatKind | None,
        hidden_only: bool = False,
    ) -> StatsFilter:
        """A filter by regular expression (found anywhere in the name; "" for none).

        Raises:
            RegexError: `pattern` is no regular expression.
        """
        if not pattern:
            return cls(None, used_only, kind, hidden_only)
        search = compile_regex(pattern).search
        test: NameTest = lambda name: (search(name) is None) == invert  # noqa: E731
        return cls(test, used_only, kind, hidden_only)

    def wants(self, kind: StatKind) -> bool:
        """Whether stats of `kind` are wanted at all."""
        return (self.kind is None or self.kind is kind) and not self.hidden_only


@dataclass(frozen=True)
class Snapshot:
    """The stats of one moment.

    Attributes:
        scopes: sorted by prefix.
        histograms: sorted by name.
        accepts: the stats_matcher; None: every stat exists.
        texts: text readouts, sorted by name.
        reset: names of counters that had been written before counters were set to 0.
    """

    scopes: Sequence[Scope]
    histograms: Sequence[HistogramStat]
    accepts: NameTest | None = None
    texts: Sequence[TextStat] = ()
    reset: frozenset[str] = frozenset()

    @classmethod
    def of(
        cls,
        scopes: Iterable[Scope],
        histograms: Iterable[HistogramStat],
        accepts: NameTest | None = None,
        texts: Iterable[TextStat] = (),
        reset: frozenset[str] = frozenset(),
    ) -> Snapshot:
        """Sorts what comes in any order."""
        return cls(
            sorted(scopes, key=lambda scope: scope.prefix),
            sorted(histograms, key=lambda histogram: histogram.name),
            accepts,
            sorted(texts),
            reset,
        )

    def was_used(self, stat: Stat) -> bool:
        """Whether a stat (under its full name) was ever written."""
        return stat.used or stat.name in self.reset

    def batches(self, wanted: StatsFilter) -> Iterator[list[Stat]]:
        """Counters and gauges under their full names, sorted by name, some at a time."""
        counters, gauges = wanted.wants(StatKind.COUNTER), wanted.wants(StatKind.GAUGE)
        if not (counters or gauges):
            return
        for group in self._groups():
            batch = [
                stat._replace(name=scope.prefix + stat.name)
                for scope in group
                for stat in scope.stats()
                if (counters if stat.kind is StatKind.COUNTER else gauges)
            ]
            if wanted.used_only:
                batch = [stat for stat in batch if self.was_used(stat)]
            if self.accepts is not None:
                batch = [stat for stat in batch if self.accepts(stat.name)]
            if wanted.accepts is not None:
                batch = [stat for stat in batch if wanted.accepts(stat.name)]
            if len(group) > 1:
                batch.sort(key=lambda stat: stat.name)
            yield batch

    def selected_texts(self, wanted: StatsFilter) -> Iterator[TextStat]:
        """Text readouts, sorted by name."""
        if wanted.wants(StatKind.TEXT_READOUT):
            for text in self.texts:
                if self._selects(wanted, text):
                    yield text

    def selected_histograms(self, wanted: StatsFilter) -> Iterator[HistogramStat]:
        """Histograms, sorted by name."""
        if wanted.wants(StatKind.HISTOGRAM):
            for histogram in self.histograms:
                if self._selects(wanted, histogram):
                    yield histogram

    def _selects(self, wanted: StatsFilter, stat: TextStat | HistogramStat) -> bool:
        if wanted.used_only and not stat.used:
            return False
        return all(
            accepts is None or accepts(stat.name) for accepts in (self.accepts, wanted.accepts)
        )

    def _groups(self) -> Iterator[list[Scope]]:
        """Scopes whose names may interleave, together: `cluster.a.` and `cluster.a.b.`."""
        group: list[Scope] = []
        for scope in self.scopes:
            if group and not scope.prefix.startswith(group[0].prefix):
                yield group
                group = []
            group.append(scope)
        if group:
            yield group
