"""When resources with a time to live are to be dropped.

Source: https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol (TTL). A later answer with
the resource, or a heartbeat (the resource without its body), renews it.
"""

from __future__ import annotations

import heapq


class Expiries:
    """The times at which resources of one type expire; times are seconds of one clock."""

    def __init__(self) -> None:
        self._at: dict[str, float] = {}
        # Also holds times that were renewed since; `_at` is the truth.
        self._heap: list[tuple[float, str]] = []

    def renew(self, name: str, at: float | None) -> None:
        """Lets a resource expire `at` a time; None: never."""
        if at is None:
            self._at.pop(name, None)
            return
        self._at[name] = at
        heapq.heappush(self._heap, (at, name))
        if len(self._heap) > 2 * len(self._at) + 16:
            self._heap = [(at, name) for name, at in self._at.items()]
            heapq.heapify(self._heap)

    def take(self, now: float) -> list[str]:
        """Takes out the names of resources whose time has come, earliest first."""
        found: list[str] = []
        while self._heap and self._heap[0][0] <= now:
            at, name = heapq.heappop(self._heap)
            if self._at.get(name) == at:
                del self._at[name]
                found.append(name)
        return found

    def next(self) -> float | None:
        """When the next resource expires; None: never."""
        while self._heap and self._at.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None
