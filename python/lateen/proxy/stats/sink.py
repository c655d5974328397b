"""What sends stats somewhere at every flush interval."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol

from lateen.proxy.stats.snapshot import StatsFilter

if TYPE_CHECKING:
    from lateen.proxy.stats.model import StatKind
    from lateen.proxy.stats.snapshot import Snapshot


class StatsSink(Protocol):
    """A receiver of stats, and what is on its way there."""

    def flush(self, snapshot: Snapshot) -> Iterator[None]:
        """Sends all stats of a moment that were ever written, in steps between which others may
        have their turn.
        """

    async def finish(self) -> None:
        """Returns when what is on its way has arrived or is lost; nothing more is sent."""

    def close(self) -> None:
        """Ends it; what is on its way is lost."""


def used(kind: StatKind | None = None) -> StatsFilter:
    """Stats that were ever written, of one kind or of all."""
    return StatsFilter(used_only=True, kind=kind)
