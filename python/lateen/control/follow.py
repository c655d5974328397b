"""Puts in force what a directory says: endpoints at once, the rest once it is quiet for a moment.

Source: facts of Istio's PILOT_DEBOUNCE_AFTER, PILOT_DEBOUNCE_MAX, PILOT_ENABLE_EDS_DEBOUNCE.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass

from lateen.control.mesh import Mesh
from lateen.control.mesh_settings import mesh_config
from lateen.control.push.endpoints import only_traffic
from lateen.control.push.plane import Plane
from lateen.control.registry.changes import ENDPOINT_KINDS, changed_keys, digest, with_changes
from lateen.control.registry.files import Reading
from lateen.control.resources.meta import Key, Resource

#: Kinds that nothing but endpoints is made of.
_LISTS = frozenset(("EndpointSlice", "Endpoints"))


@dataclass(frozen=True)
class Debounce:
    """When a change is acted upon.

    Attributes:
        quiet_s: so long nothing must change.
        longest_s: so long after the first change, whatever still changes.
    """

    quiet_s: float = 0.1
    longest_s: float = 10.0


class Follower:
    """Brings a plane what is read.

    Attributes:
        reading: that is in force.
    """

    def __init__(
        self,
        plane: Plane,
        first: Reading,
        told: Callable[[Reading], None],
        debounce: Debounce | None = None,
    ) -> None:
        """Follow on from `first`, which is in force; `told` is called with what is after it."""
        self.reading = first
        self._plane = plane
        self._told = told
        self._debounce = debounce or Debounce()
        self._in_force = first.resources
        self._latest = first
        self._new = asyncio.Event()
        self._since = self._last = 0.0

    async def follow(self, readings: AsyncIterator[Reading]) -> None:
        """Go on until there are no more readings; raises what they raise."""
        reader = asyncio.create_task(self._read(readings))
        try:
            while not reader.done() or self._new.is_set() or self._since:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._new.wait(), self._left())
                if self._new.is_set():
                    self._new.clear()
                    await self._take(self._latest)
                elif self._since:
                    await self._act(self._latest)
            await reader
        finally:
            reader.cancel()

    async def _read(self, readings: AsyncIterator[Reading]) -> None:
        try:
            async for reading in readings:
                self._latest = reading
                self._new.set()
        finally:
            self._new.set()

    def _left(self) -> float | None:
        """Seconds until what has changed is acted upon; None: nothing has."""
        if not self._since:
            return None
        quiet, longest = self._debounce.quiet_s, self._debounce.longest_s
        return max(0.0, min(self._last + quiet, self._since + longest) - time.monotonic())

    async def _take(self, reading: Reading) -> None:
        """Put endpoints in force; the rest waits."""
        keys = changed_keys(self._in_force, reading.resources)
        endpoints = {key for key in keys if key.kind in ENDPOINT_KINDS}
        waits = keys != endpoints or reading.problems != self.reading.problems
        if endpoints:
            before = self._plane.mesh
            self._in_force = with_changes(self._in_force, reading.resources, endpoints)
            mesh = await self._update(endpoints, time.monotonic(), endpoints_alone=True)
            lists = all(key.kind in _LISTS for key in endpoints)
            own = {address for one in self._plane.connections for address in one.proxy.addresses}
            waits = waits or not (lists and only_traffic(before, mesh, own))
        if waits:
            self._last = time.monotonic()
            self._since = self._since or self._last
        elif not self._since:
            self.reading = reading

    async def _act(self, reading: Reading) -> None:
        """Put everything in force."""
        since, self._since = self._since, 0.0
        self._plane.metrics.debounce.observe(time.monotonic() - since)
        keys = changed_keys(self._in_force, reading.resources)
        self._in_force = reading.resources
        await self._update(keys, since)
        self.reading = reading
        self._told(reading)

    async def _update(
        self, keys: Collection[Key], since: float, *, endpoints_alone: bool = False
    ) -> Mesh:
        plane, resources = self._plane, self._in_force
        plane.metrics.changed(keys)
        made, said = await plane.make(
            lambda: (_next(plane.mesh, tuple(resources.values())), digest(resources))
        )
        await plane.update(made, said, since, endpoints_alone=endpoints_alone)
        return made


def _next(mesh: Mesh, resources: Sequence[Resource[object]]) -> Mesh:
    return mesh.after(mesh_config(resources), resources)
