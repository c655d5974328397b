"""The directory of a sidecar: keys, sockets and what its proxy is started with."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

# Of `sockaddr_un`, with the zero at its end.
_LONGEST_SOCKET_PATH = 107


class StateError(Exception):
    """The directory cannot be used; the message says why and what to do."""


class State:
    """A directory that one sidecar has for itself until the process ends.

    Raises:
        StateError: it cannot be written to, another sidecar has it, or its path is too long.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory.absolute()
        if len(os.fsencode(self.socket)) > _LONGEST_SOCKET_PATH:
            raise StateError(f"--state: {directory}: too long a path for a socket; take a shorter")
        try:
            self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            self.directory.chmod(0o700)
            self._lock = os.open(self.directory / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise StateError(f"--state: cannot use {directory}: {error.strerror}") from None
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._lock)
            raise StateError(f"--state: another sidecar uses {directory}") from None
        for path in (self.socket, self.admin_address):
            path.unlink(missing_ok=True)

    @property
    def socket(self) -> Path:
        """Where the proxy asks for configuration and secrets."""
        return self.directory / "agent.sock"

    @property
    def bootstrap(self) -> Path:
        """What the proxy is started with."""
        return self.directory / "bootstrap.json"

    @property
    def admin_address(self) -> Path:
        """Where the proxy writes the address of its admin interface."""
        return self.directory / "admin"

    @property
    def credentials(self) -> Path:
        """The workload's key and its certificate chain."""
        return self.directory / "credentials.pem"

    @property
    def roots(self) -> Path:
        """Whom the mesh trusts."""
        return self.directory / "root-cert.pem"

    def write(self, path: Path, content: bytes) -> None:
        """Replace a file of the directory in one step; only this user can read it.

        Raises:
            StateError: it cannot be written.
        """
        part = path.with_name(f"{path.name}.part")
        try:
            descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
            part.replace(path)
        except OSError as error:
            raise StateError(f"--state: cannot write {path}: {error.strerror}") from None

    def close(self) -> None:
        """Let another sidecar have the directory."""
        self.socket.unlink(missing_ok=True)
        os.close(self._lock)
