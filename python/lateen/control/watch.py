"""Reads directories again whenever they change."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from lateen.control.inotify import Inotify, NoInotifyError
from lateen.control.registry.files import (
    Reading,
    is_manifest,
    read_directories,
    read_files,
    stamps_of,
)

#: How often all files are looked at where the kernel tells of changes. It does not tell of all,
#: such as those behind links or of other machines.
_ANYWAY_S = 5.0
#: How often where it does not; at most this share of the time is spent on it.
_POLL_S = 0.05
_POLL_SHARE = 0.05


@dataclass(frozen=True)
class Directories:
    """Directories with manifests, as a registry.

    Attributes:
        paths: the directories, which are one mesh.
    """

    paths: Sequence[Path]

    def read(self) -> Reading:
        """What they say now.

        Raises:
            FileNotFoundError: one of them is not there.
        """
        return read_directories(self.paths)

    def changes(self, first: Reading) -> AsyncIterator[Reading]:
        """What they say after each change."""
        return readings(self.paths, first)


async def readings(directories: Sequence[Path], first: Reading) -> AsyncIterator[Reading]:
    """What the directories say after each change; nothing new as long as one of them is gone."""
    current = first
    with suppress(NoInotifyError):
        async for files in _told(directories):
            with suppress(FileNotFoundError):
                found = await asyncio.to_thread(_read, directories, current, files)
                if found is not current:
                    current = found
                    yield current
    while True:
        began = time.monotonic()
        with suppress(FileNotFoundError):
            found = await asyncio.to_thread(_read, directories, current, None)
            if found is not current:
                current = found
                yield current
        await asyncio.sleep(max(_POLL_S, (time.monotonic() - began) / _POLL_SHARE))


def _read(directories: Sequence[Path], before: Reading, files: set[str] | None) -> Reading:
    """What they say now; the same as before when nothing changed."""
    if files is not None:
        return read_files(directories, before, files) if files else before
    changed = stamps_of(*directories) != before.stamps
    return read_directories(directories, before) if changed else before


async def _told(directories: Sequence[Path]) -> AsyncIterator[set[str] | None]:
    """The files that have changed; None: any may have.

    Raises:
        NoInotifyError: the kernel does not tell.
    """
    inotify = Inotify()
    try:
        _watch(inotify, directories)
        # What has changed before it was watched is not told.
        yield None
        while True:
            changed = inotify.read() if await _readable(inotify.descriptor, _ANYWAY_S) else None
            if changed is None:
                _watch(inotify, directories)
                yield None
            else:
                yield {str(path) for path in changed if is_manifest(path.name)}
    finally:
        inotify.close()


async def _readable(descriptor: int, seconds: float) -> bool:
    """Wait until a descriptor is readable; False: the time is over.

    The loop looks at it while somebody waits alone: it would wake up for it again and again.
    """
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_reader(descriptor, ready.set)
    try:
        with suppress(TimeoutError):
            await asyncio.wait_for(ready.wait(), seconds)
    finally:
        loop.remove_reader(descriptor)
    return ready.is_set()


def _watch(inotify: Inotify, directories: Sequence[Path]) -> None:
    """Watch the directories that are there."""
    for directory in directories:
        with suppress(FileNotFoundError):
            inotify.watch(directory)
