"""The directory in which a mesh keeps what it makes: keys, tokens, manifests, sockets."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


class StateError(Exception):
    """The directory cannot be used; the message says why and what to do."""


@contextmanager
def state_directory(given: Path | None, number: int) -> Iterator[Path]:
    """The directory, for the block's length.

    Args:
        given: is used as it is, and stays; None: an empty one, which is removed at the end (after
            a SIGKILL: by the next mesh of this number).
        number: of the mesh.

    Raises:
        StateError: it cannot be made, or others may write to it.
    """
    if given is not None:
        _private(given)
        yield given.absolute()
        return
    base = Path(os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir())
    parent = base / f"lateen-{os.getuid()}"
    _private(parent)
    directory = parent / f"up-{number}"
    shutil.rmtree(directory, ignore_errors=True)
    _private(directory)
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)
        with suppress(OSError):
            parent.rmdir()


def _private(directory: Path) -> None:
    """Make a directory of this user's alone; one that is there must be."""
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = directory.lstat()
    except OSError as error:
        raise StateError(f"cannot make {directory}: {error.strerror}") from None
    ours = stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid()
    if not ours or stat.S_IMODE(status.st_mode) & 0o077:
        raise StateError(f"{directory} must be a directory that only you can enter: chmod 700 it")
