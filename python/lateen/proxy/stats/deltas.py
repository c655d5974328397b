"""What counters have counted since they were last sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lateen.proxy.stats.model import Stat


class Deltas:
    """Remembers the values of counters, by name."""

    def __init__(self) -> None:
        self._before: dict[str, int] = {}

    def since(self, stat: Stat) -> int:
        """What was counted since the last call for this counter, which may have been set to 0."""
        before = self._before.get(stat.name, 0)
        self._before[stat.name] = stat.value
        return stat.value - before if stat.value >= before else stat.value
