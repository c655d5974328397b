"""What comes from elsewhere, one after the other, and waiting for it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

_T = TypeVar("_T")


class Arrivals(Generic[_T]):
    """All that came so far, in its order, in `items`."""

    def __init__(self) -> None:
        self.items: list[_T] = []
        self._changed = threading.Condition()

    def add(self, item: _T) -> None:
        """One more came."""
        with self._changed:
            self.items.append(item)
            self._changed.notify_all()

    def wait(self, condition: Callable[[_T], bool], start: int = 0, limit: float = 20.0) -> _T:
        """The first from number `start` on for which `condition` holds, within `limit` seconds."""
        deadline = time.monotonic() + limit
        with self._changed:
            seen = start
            while True:
                for item in self.items[seen:]:
                    if condition(item):
                        return item
                seen = max(seen, len(self.items))
                left = deadline - time.monotonic()
                assert left > 0, f"no such arrival among {self.items[start:]}"
                self._changed.wait(left)
