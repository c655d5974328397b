"""What a stat is: its name, its kind and its value; and scopes, which share the front of a name."""

from __future__ import annotations

import array
import enum
import functools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from lateen.proxy.stats.histogram import Summary
from lateen.proxy.stats.tags import TaggedName


class StatKind(enum.Enum):
    """Envoy's kinds of stats; the value is the name in `/stats?type=`."""

    COUNTER = "Counters"
    GAUGE = "Gauges"
    HISTOGRAM = "Histograms"
    TEXT_READOUT = "TextReadouts"


class Stat(NamedTuple):
    """A counter or a gauge. `name` lacks the scope's prefix in a scope; `used`: ever written;
    `tagged`: the whole name without its tags, and those, where rules are not to find them.
    """

    name: str
    kind: StatKind
    value: int
    used: bool
    tagged: TaggedName | None = None


class TextStat(NamedTuple):
    """A text readout under its full name; `used`: ever written."""

    name: str
    text: str
    used: bool


class HistogramStat(NamedTuple):
    """A histogram: of the last flush interval, and since the start."""

    name: str
    interval: Summary
    cumulative: Summary
    tagged: TaggedName | None = None

    @property
    def used(self) -> bool:
        """Whether a value was ever recorded."""
        return bool(self.cumulative.bins)


@dataclass(frozen=True)
class Layout:
    """The counters and gauges that every scope of one kind has, sorted by name.

    Attributes:
        names: without the scope's prefix.
        kinds: beside each name.
        indexes: where each value is in the scope's array; -1: the value is in `constants`.
        implied_by: a gauge counts as written when the value at this index is not 0; -1: by its own.
        shown_by: the stat exists once one of the values at these indexes is not 0; (): always.
        constants: values that no array has; others are 0.
        always_used: names of gauges that are written when the scope is made.
    """

    names: tuple[str, ...]
    kinds: tuple[StatKind, ...]
    indexes: tuple[int, ...]
    implied_by: tuple[int, ...]
    shown_by: tuple[tuple[int, ...], ...]
    constants: Mapping[str, int]
    always_used: frozenset[str]

    @functools.cached_property
    def indexes_by_name(self) -> Mapping[str, int]:
        """Where the value of each name is."""
        return dict(zip(self.names, self.indexes, strict=True))


@dataclass
class Scope:
    """Stats whose names begin with `prefix`.

    Attributes:
        prefix: such as `cluster.be.`.
        layout: what is at which index of `values`.
        values: summed over workers; gauges are signed.
        extra: stats that only this scope has, such as counters by response code.
        constants: replaces those of the layout.
    """

    prefix: str
    layout: Layout
    values: Sequence[int]
    extra: Sequence[Stat] = ()
    constants: Mapping[str, int] = field(default_factory=dict)

    def stats(self) -> list[Stat]:
        """All counters and gauges, sorted by name."""
        found = [
            stat
            for position in range(len(self.layout.names))
            if (stat := self.stat(position)) is not None
        ]
        if self.extra:
            found.extend(self.extra)
            found.sort(key=_by_name)
        return found

    def stat(self, position: int) -> Stat | None:
        """The stat at one position of the layout; None when this scope does not have it (yet)."""
        layout = self.layout
        shown_by = layout.shown_by[position]
        if shown_by and not any(self._value(index) for index in shown_by):
            return None
        name = layout.names[position]
        index = layout.indexes[position]
        if index < 0:
            value = self.constants.get(name, layout.constants.get(name, 0))
        else:
            value = self._value(index)
        if value < 0 and name.endswith(_UNSIGNED):
            value += 1 << 64
        used = value != 0 or name in layout.always_used
        if not used:
            trigger = layout.implied_by[position]
            used = trigger >= 0 and self._value(trigger) != 0
        return Stat(name, layout.kinds[position], value, used)

    def _value(self, index: int) -> int:
        return self.values[index] if index < len(self.values) else 0


# Without a limit this gauge begins at the highest unsigned number, as Envoy's does.
_UNSIGNED = ".remaining_cx_pools"


def _by_name(stat: Stat) -> str:
    return stat.name


EMPTY_LAYOUT = Layout((), (), (), (), (), {}, frozenset())


def loose_scope(prefix: str, stats: Iterable[Stat]) -> Scope:
    """A scope whose stats come ready-made, in any order."""
    return Scope(prefix, EMPTY_LAYOUT, (), tuple(stats))


class OwnScope(Protocol):
    """A scope that the main thread counts itself."""

    @property
    def prefix(self) -> str:
        """Without the dot."""

    def scope(self) -> Scope:
        """Its stats as they are now."""


def join_scopes(counted: Iterable[Scope], own: Iterable[OwnScope]) -> Iterator[Scope]:
    """Scopes of the workers and of the main thread; where both have a stat, their sum counts."""
    own_by_prefix: dict[str, list[OwnScope]] = {}
    for each in own:
        own_by_prefix.setdefault(f"{each.prefix}.", []).append(each)
    for scope in counted:
        others = own_by_prefix.pop(scope.prefix, None)
        yield scope if others is None else _joined(scope, (each.scope() for each in others))
    for left in own_by_prefix.values():
        yield from (each.scope() for each in left)


def _joined(scope: Scope, others: Iterable[Scope]) -> Scope:
    """The scope with what else was counted added to it; its layout stays, others share that."""
    indexes = scope.layout.indexes_by_name
    values = array.array("q", scope.values)
    constants = dict(scope.constants)
    extra = list(scope.extra)
    for other in others:
        for stat in other.stats():
            index = indexes.get(stat.name)
            if index is None:
                extra.append(stat)
            elif index < 0:
                constants[stat.name] = constants.get(stat.name, 0) + stat.value
            elif stat.value:
                values.extend([0] * (index + 1 - len(values)))
                values[index] += stat.value
    return Scope(scope.prefix, scope.layout, values, extra, constants)


def family_scopes(stats: Iterable[Stat]) -> list[Scope]:
    """Scopes for stats under their full names: one for each first part of a name."""
    families: dict[str, list[Stat]] = {}
    for stat in stats:
        family, dot, rest = stat.name.partition(".")
        prefix, name = (f"{family}.", rest) if dot else ("", stat.name)
        families.setdefault(prefix, []).append(stat._replace(name=name))
    return [loose_scope(prefix, members) for prefix, members in families.items()]


def counter(name: str, value: int = 0) -> Stat:
    """A counter, used when it is not 0."""
    return Stat(name, StatKind.COUNTER, value, value != 0)


def gauge(name: str, value: int = 0, *, used: bool = False) -> Stat:
    """A gauge; `used` when it was written, even with 0."""
    return Stat(name, StatKind.GAUGE, value, used or value != 0)
