"""Merges histograms and sends stats to sinks, at every flush interval and once more at the end."""

from __future__ import annotations

import asyncio
import contextlib
import gc
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lateen.proxy.stats.sink import StatsSink
    from lateen.proxy.stats.source import StatsSource

# How long the end waits for receivers.
_LIMIT_S = 1.0


class StatsFlush:
    """What sends the stats of one proxy."""

    def __init__(
        self, stats: StatsSource, sinks: Sequence[StatsSink], handed_over: Callable[[], bool]
    ) -> None:
        """Once `handed_over`, another process tells what was counted, and nothing is sent here."""
        self._stats = stats
        self._sinks = sinks
        self._handed_over = handed_over

    async def run(self, interval_s: float, tick: Callable[[], None]) -> None:
        """Flushes until cancelled, and calls `tick` each time."""
        while True:
            await asyncio.sleep(interval_s)
            await self._flush()
            tick()
            gc.collect(0)

    async def finish(self) -> None:
        """Flushes what is left if that takes less than a second, and closes the sinks."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LIMIT_S):
                await self._flush()
                await asyncio.gather(*(sink.finish() for sink in self._sinks))
        for sink in self._sinks:
            sink.close()

    async def _flush(self) -> None:
        self._stats.merge()
        if self._sinks and not self._handed_over():
            await self._send()

    async def _send(self) -> None:
        """In steps, so that whatever else the main thread does has its turn."""
        steps = self._stats.snapshot_in_steps()
        while True:
            try:
                next(steps)
            except StopIteration as end:
                snapshot = end.value
                break
            await asyncio.sleep(0)
        for sink in self._sinks:
            for _ in sink.flush(snapshot):
                await asyncio.sleep(0)
