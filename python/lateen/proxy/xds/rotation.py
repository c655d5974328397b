"""Several servers of a control plane: which one is tried next, and when."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lateen.xds.backoff import Backoff

if TYPE_CHECKING:
    from lateen.proxy.xds.target import Target

# After so many attempts without an answer the next server of the list has its turn.
_ATTEMPTS_EACH = 2


@dataclass
class Attempt:
    """What became of one stream."""

    connected: bool = False
    answered: bool = False
    reason: str = ""


class Rotation:
    """Which of several servers is next, and how long to wait before it is tried.

    Attributes:
        same_server: whether the last answer came from the current one, if any came.
    """

    def __init__(self, targets: Sequence[Target], chance: random.Random) -> None:
        self._targets = targets
        self._backoffs = [
            Backoff(chance, each.base_interval_s, each.max_interval_s) for each in targets
        ]
        self._place = 0
        self._failures = 0
        self._answered_by: int | None = None

    @property
    def current(self) -> Target:
        """The server to try."""
        return self._targets[self._place]

    @property
    def same_server(self) -> bool:
        """Whether the current server is the one that answered last, or none did."""
        return self._answered_by in (None, self._place)

    def answered(self) -> None:
        """The current server sent something."""
        self._answered_by = self._place
        self._failures = 0
        self._backoffs[self._place].reset()

    def failed(self, attempt: Attempt) -> float:
        """The stream ended: chooses the next server; seconds to wait."""
        wait_s = self._backoffs[self._place].next(
            None if attempt.connected else self.current.unreachable_s
        )
        if attempt.answered:
            self._place = 0  # the first is tried again before another is
            return wait_s
        self._failures += 1
        if self._failures >= _ATTEMPTS_EACH:
            self._failures = 0
            self._place = (self._place + 1) % len(self._targets)
        return wait_s
