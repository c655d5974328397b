"""Reads directories again when they change, once they have been quiet for a moment."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from lateen.control.registry.files import Reading, read_directories, stamps_of


@dataclass(frozen=True)
class Debounce:
    """When a change is acted upon (facts of Istio: PILOT_DEBOUNCE_AFTER, PILOT_DEBOUNCE_MAX).

    Attributes:
        quiet_s: so long nothing must change.
        longest_s: so long after the first change, whatever still changes.
        poll_s: how often the directories are looked at.
    """

    quiet_s: float = 0.1
    longest_s: float = 10.0
    poll_s: float = 0.05


async def readings(
    directories: Sequence[Path], first: Reading, debounce: Debounce | None = None
) -> AsyncIterator[Reading]:
    """What the directories say after each change; nothing new as long as one of them is gone."""
    debounce = debounce or Debounce()
    loop = asyncio.get_running_loop()
    current, seen = first, first.stamps
    since = last = 0.0
    while True:
        await asyncio.sleep(debounce.poll_s)
        try:
            stamps = await asyncio.to_thread(stamps_of, *directories)
        except FileNotFoundError:
            continue
        now = loop.time()
        if stamps != seen:
            seen, last = stamps, now
            since = since or now
        waited = since and (now - last >= debounce.quiet_s or now - since >= debounce.longest_s)
        if not waited:
            continue
        since = 0.0
        if seen == current.stamps:
            continue
        try:
            current = await asyncio.to_thread(read_directories, directories, current)
        except FileNotFoundError:
            continue
        seen = current.stamps
        yield current
