"""What the parents of a process have counted, as part of its own stats (Envoy's stat merger)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from lateen.proxy.stats import tagged
from lateen.proxy.stats.model import Scope, Stat, StatKind, family_scopes, loose_scope
from lateen.proxy.stats.snapshot import Snapshot, StatsFilter

# Gauges that tell of one process, or of its configuration, not of work that both do.
_OWN_GAUGES = re.compile(
    r"(server|runtime|cluster_manager|listener_manager|thread_local_cluster_manager|dns|overload"
    r"|workers|main_thread)\."
    r"|(.*\.)?(version|connected_state|update_time|config_reload_time_ms|total_principals"
    r"|max_host_weight|membership_\w+|remaining_\w+|pressure)$"
)


class Counted(NamedTuple):
    """Stats as they go from a parent to its child.

    Attributes:
        counters: those that are not 0.
        gauges: those that add up, which are not 0.
        connections: downstream connections, with those of the parent's own parents.
        memory: allocated bytes, likewise.
    """

    counters: Mapping[str, int]
    gauges: Mapping[str, int]
    connections: int = 0
    memory: int = 0


def export(snapshot: Snapshot, connections: int, memory: int) -> Counted:
    """What a parent tells of its stats."""
    counters, gauges = {}, {}
    for batch in snapshot.batches(StatsFilter()):
        for stat in batch:
            if not stat.value:
                continue
            if stat.kind is StatKind.COUNTER:
                counters[_key(stat)] = stat.value
            elif not _OWN_GAUGES.match(stat.name):
                gauges[stat.name] = stat.value
    return Counted(counters, gauges, connections, memory)


def _key(stat: Stat) -> str:
    """What a stat is called between processes: a child is told its tags, too."""
    return stat.name if stat.tagged is None else tagged.write(stat.tagged)


def _counter(key: str, value: int) -> Stat:
    if not tagged.has_tags(key):
        return Stat(key, StatKind.COUNTER, value, True)
    name, parts = tagged.read(key)
    return Stat(name, StatKind.COUNTER, value, True, parts)


class InheritedStats:
    """Counters of former processes, which stay, and gauges of the parent, while it lives."""

    def __init__(self) -> None:
        self._counters: Mapping[str, int] = {}
        self._gauges: Mapping[str, int] = {}
        self._reset: Mapping[str, int] = {}
        self.connections = 0
        self.memory = 0

    def take(self, counted: Counted) -> None:
        """Replaces what the parent told before."""
        self._counters = counted.counters
        self._gauges = counted.gauges
        self.connections = counted.connections
        self.memory = counted.memory

    def parent_gone(self) -> None:
        """Drops what only a living process has."""
        self.take(Counted(self._counters, {}))

    def reset_counters(self) -> None:
        """Lets the counters begin at 0 again."""
        self._reset = self._counters

    def merged(self, scopes: Iterable[Scope]) -> Iterable[Scope]:
        """Scopes with what was inherited; stats that only the parent had are added."""
        if not (self._counters or self._gauges):
            return scopes
        return self._merged(scopes)

    def _merged(self, scopes: Iterable[Scope]) -> Iterator[Scope]:
        left = {
            name: counted
            for name, value in self._counters.items()
            if (counted := value - self._reset.get(name, 0)) > 0
        }
        gauges = dict(self._gauges)
        for scope in scopes:
            yield loose_scope(scope.prefix, _added(scope, left, gauges))
        rest = [_counter(name, value) for name, value in left.items()]
        rest += [Stat(name, StatKind.GAUGE, value, True) for name, value in gauges.items()]
        yield from family_scopes(rest)


def _added(scope: Scope, counters: dict[str, int], gauges: dict[str, int]) -> Iterator[Stat]:
    for stat in scope.stats():
        more = counters if stat.kind is StatKind.COUNTER else gauges
        value = more.pop(_key(stat._replace(name=scope.prefix + stat.name)), 0)
        yield stat._replace(value=stat.value + value, used=True) if value else stat
