"""Hears when files are moved into directories: with inotify, or by looking where there is none."""

from __future__ import annotations

import asyncio
import ctypes
import os
import struct
import sys
from collections.abc import Callable

_MOVED_TO = 0x80
_CLOSE_WRITE = 0x8
_CLOEXEC_NONBLOCK = os.O_CLOEXEC | os.O_NONBLOCK
_EVENT = struct.Struct("iIII")
_BUFFER = 16384
# How often a directory is looked at without inotify.
_LOOK_S = 1.0

# Called with the name that something was moved to.
OnMove = Callable[[str], None]


class DirectoryWatcher:
    """Watches directories on behalf of many; its methods run in the event loop.

    Args:
        written: tell of files that were written in their place, too.
    """

    def __init__(self, *, written: bool = False) -> None:
        self._watched: dict[str, list[OnMove]] = {}
        self._inotify = (
            _Inotify(self._moved, _MOVED_TO | (written and _CLOSE_WRITE))
            if sys.platform == "linux"
            else None
        )
        self._looks: dict[str, asyncio.TimerHandle] = {}

    def watch(self, directory: str, on_move: OnMove) -> Callable[[], None]:
        """Calls `on_move` after each move; what is returned ends that.

        Raises:
            OSError: the directory is not there, or there are too many watches.
        """
        if directory not in self._watched:
            if self._inotify is not None:
                self._inotify.add(directory)
            else:
                self._look(directory, _stamp(directory))
        self._watched.setdefault(directory, []).append(on_move)
        return lambda: self._unwatch(directory, on_move)

    def close(self) -> None:
        """Ends all."""
        self._watched.clear()
        for look in self._looks.values():
            look.cancel()
        if self._inotify is not None:
            self._inotify.close()

    def _unwatch(self, directory: str, on_move: OnMove) -> None:
        listeners = self._watched.get(directory, [])
        if on_move in listeners:
            listeners.remove(on_move)
        if not listeners and self._watched.pop(directory, None) is not None:
            if self._inotify is not None:
                self._inotify.remove(directory)
            elif directory in self._looks:
                self._looks.pop(directory).cancel()

    def _moved(self, directory: str, name: str) -> None:
        for listener in tuple(self._watched.get(directory, ())):
            listener(name)

    def _look(self, directory: str, before: int) -> None:
        now = _stamp(directory)
        if now != before:
            for entry in _names(directory):
                self._moved(directory, entry)
        loop = asyncio.get_running_loop()
        self._looks[directory] = loop.call_later(_LOOK_S, self._look, directory, now)


def _stamp(directory: str) -> int:
    try:
        return os.stat(directory).st_mtime_ns
    except OSError:
        return 0


def _names(directory: str) -> list[str]:
    try:
        return os.listdir(directory)
    except OSError:
        return []


class _Inotify:
    """One inotify instance; Python has none of its own."""

    def __init__(self, on_move: Callable[[str, str], None], events: int) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._on_move = on_move
        self._events = events
        self._descriptor = self._checked(self._libc.inotify_init1(_CLOEXEC_NONBLOCK))
        self._directories: dict[int, str] = {}
        asyncio.get_running_loop().add_reader(self._descriptor, self._read)

    def add(self, directory: str) -> None:
        number = self._libc.inotify_add_watch(
            self._descriptor, os.fsencode(directory), self._events
        )
        self._directories[self._checked(number, directory)] = directory

    def remove(self, directory: str) -> None:
        for number in [key for key, value in self._directories.items() if value == directory]:
            del self._directories[number]
            self._libc.inotify_rm_watch(self._descriptor, number)

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._descriptor)
        os.close(self._descriptor)

    def _read(self) -> None:
        try:
            data = os.read(self._descriptor, _BUFFER)
        except BlockingIOError:
            return
        position = 0
        while position < len(data):
            number, _, _, length = _EVENT.unpack_from(data, position)
            position += _EVENT.size
            name = os.fsdecode(data[position : position + length].rstrip(b"\0"))
            position += length
            directory = self._directories.get(number)
            if directory is not None:
                self._on_move(directory, name)

    def _checked(self, result: int, path: str = "") -> int:
        if result < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), path)
        return result
