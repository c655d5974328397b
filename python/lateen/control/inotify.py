"""Which files of a directory change, as the kernel tells (inotify(7)), without looking at each.

Linux alone has it; elsewhere, and where the limit of watches is reached, whoever asks looks itself.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
from pathlib import Path

_CLOSE_WRITE, _MOVED_FROM, _MOVED_TO = 0x8, 0x40, 0x80
_CREATE, _DELETE, _DELETE_SELF, _MOVE_SELF = 0x100, 0x200, 0x400, 0x800
_ATTRIBUTES, _OVERFLOW, _IS_FOLDER = 0x4, 0x4000, 0x40000000
_CHANGES = _CLOSE_WRITE | _MOVED_FROM | _MOVED_TO | _CREATE | _DELETE | _DELETE_SELF | _MOVE_SELF
_MASK = _CHANGES | _ATTRIBUTES
_HEAD = struct.Struct("iIII")
_BUFFER = 1 << 16
#: The link that Kubernetes changes when the files of a mounted ConfigMap do.
_MOUNTED = b"..data"


class NoInotifyError(OSError):
    """The kernel does not tell; the message says why."""


class Inotify:
    """The changes below a directory.

    Attributes:
        descriptor: is readable when something has changed.
    """

    def __init__(self) -> None:
        """Raises NoInotifyError: the system has no inotify, or no more of it."""
        library = ctypes.CDLL(None, use_errno=True)
        if not hasattr(library, "inotify_init1"):
            raise NoInotifyError("the system has no inotify")
        self._add = library.inotify_add_watch
        self.descriptor: int = library.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self.descriptor < 0:
            raise NoInotifyError(os.strerror(ctypes.get_errno()))
        self._folders: dict[int, Path] = {}

    def close(self) -> None:
        """Give the descriptor back."""
        os.close(self.descriptor)

    def watch(self, folder: Path) -> None:
        """Watch a folder and those below it.

        Raises:
            NoInotifyError: the limit of watches is reached.
            FileNotFoundError: there is no such folder.
        """
        if not os.path.isdir(folder):
            raise FileNotFoundError(f"{folder} is no directory")
        for parent, folders, _ in os.walk(folder):
            folders[:] = [name for name in folders if not name.startswith(".")]
            number = self._add(self.descriptor, os.fsencode(parent), _MASK)
            if number >= 0:
                self._folders[number] = Path(parent)
            # One that is gone since it was listed is told by the folder above.
            elif (problem := ctypes.get_errno()) != errno.ENOENT:
                raise NoInotifyError(f"{parent}: {os.strerror(problem)}")

    def read(self) -> set[Path] | None:
        """The files that have changed; None: look at all, what has changed is not known."""
        found: set[Path] = set()
        unsure = False
        try:
            data = os.read(self.descriptor, _BUFFER)
        except BlockingIOError:
            return found
        position = 0
        while position < len(data):
            number, mask, _, length = _HEAD.unpack_from(data, position)
            name = data[position + _HEAD.size :][:length].rstrip(b"\0")
            position += _HEAD.size + length
            folder = self._folders.get(number)
            if folder is None or name in (b"", _MOUNTED) or mask & (_OVERFLOW | _IS_FOLDER):
                unsure = True
            else:
                found.add(folder / os.fsdecode(name))
        return None if unsure else found
