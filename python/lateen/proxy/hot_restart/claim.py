"""A process's own name among those of hot restart, bound for as long as it may hand over."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import stat
from collections.abc import Iterator

from lateen.proxy.hot_restart.names import EPOCHS, kernel_name, socket_name

# Base ids that --use-dynamic-base-id chooses from, and how often it tries.
_DYNAMIC_IDS = 1 << 16
_DYNAMIC_TRIES = 100
# --socket-mode when it is not given, as Envoy's.
_DEFAULT_MODE = 0o600


class ClaimError(Exception):
    """The name is taken or cannot be bound; the message says what to do."""


class Claim:
    """A listening socket under the name of a base id and an epoch."""

    def __init__(self, listening: socket.socket, name: str, base_id: int) -> None:
        self.socket = listening
        self.name = name
        self.base_id = base_id

    def release(self) -> None:
        """Gives the name up. Idempotent."""
        if self.socket.fileno() < 0:
            return
        if not self.name.startswith("@"):
            with contextlib.suppress(OSError):
                os.unlink(self.name)
        self.socket.close()


def claim(socket_path: str, base_id: int, epoch: int, mode: int) -> Claim:
    """Binds the name of a base id and an epoch.

    Args:
        socket_path: --socket-path.
        base_id: --base-id.
        epoch: --restart-epoch.
        mode: --socket-mode of a socket that is a file; 0: 600.

    Raises:
        ClaimError: a process has the name, or, for epoch 0, a process of another epoch is alive.
    """
    name = socket_name(socket_path, base_id, epoch)
    if epoch == 0:
        for other in range(1, EPOCHS):
            if _is_alive(socket_name(socket_path, base_id, other)):
                raise _taken(base_id, other, errno.EADDRINUSE)
    if not name.startswith("@") and os.path.exists(name) and not _is_alive(name):
        # What a process left behind that was killed; a file that is no socket stays.
        with contextlib.suppress(OSError):
            if stat.S_ISSOCK(os.stat(name).st_mode):
                os.unlink(name)
    listening = socket.socket(socket.AF_UNIX)
    try:
        listening.bind(kernel_name(name))
        if not name.startswith("@"):
            os.chmod(name, mode or _DEFAULT_MODE)
        listening.listen()
        listening.setblocking(False)
    except OSError as error:
        listening.close()
        if error.errno:
            raise _taken(base_id, epoch, error.errno) from None
        raise ClaimError(f"cannot bind the hot restart socket {name}: {error}") from None
    return Claim(listening, name, base_id)


def claim_dynamic(socket_path: str, mode: int) -> Claim:
    """Binds the name of a base id that nobody has, for epoch 0.

    Raises:
        ClaimError: none was free after many tries.
    """
    found = ClaimError("")
    for base_id in _candidates():
        try:
            return claim(socket_path, base_id, 0, mode)
        except ClaimError as error:
            found = error
    raise ClaimError(f"unable to select a dynamic base id: {found}")


def _candidates() -> Iterator[int]:
    import random

    return (random.randrange(_DYNAMIC_IDS) for _ in range(_DYNAMIC_TRIES))


def _is_alive(name: str) -> bool:
    """Whether a process listens under a name, or has bound it in its own way."""
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(kernel_name(name))
        except (ConnectionRefusedError, FileNotFoundError):
            return False
        except OSError:
            return True
        return True


def _taken(base_id: int, epoch: int, number: int) -> ClaimError:
    return ClaimError(
        f"unable to bind domain socket with base_id={base_id}, id={epoch % EPOCHS},"
        f" errno={number} (see --base-id option)"
    )
