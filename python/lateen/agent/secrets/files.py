"""Secrets in files, by the names that configurations of the mesh give them.

`file-cert:CERTIFICATE~KEY` is a certificate with its key, `file-root:FILE` whom to trust;
`file-root:system` those whom the machine trusts.

Source: pkg/security/security.go and security/pkg/nodeagent/cache/secretcache.go of Istio.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from lateen.agent.secrets.messages import certificate_secret, roots_secret

_CERTIFICATE, _ROOTS, _SYSTEM = "file-cert:", "file-root:", "system"

Stamps = tuple[tuple[int, int, int], ...]


class FileSecrets:
    """Reads the files of secrets, and again when they change.

    Args:
        say: is told of files that cannot be read.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        # How the files were when they were read; None: they could not be.
        self._known: dict[str, Stamps | None] = {}

    def added(self, names: Iterable[str]) -> Mapping[str, bytes]:
        """Secrets that are looked at from now on, as far as they can be read."""
        return self._look([one for one in names if one not in self._known and _paths(one)])

    def changed(self) -> Mapping[str, bytes]:
        """Secrets that have changed, or can be read now."""
        return self._look(list(self._known))

    def _look(self, names: Iterable[str]) -> Mapping[str, bytes]:
        found = {}
        for name in names:
            try:
                stamps = tuple(_stamp(path) for path in _paths(name))
                if self._known.get(name) != stamps:
                    found[name] = _read(name)
                    self._known[name] = stamps
            except OSError as error:
                if self._known.get(name, ()) is not None:
                    self._say(f"secret {name!r}: cannot read {error.filename}: {error.strerror}")
                self._known[name] = None
        return found


def _read(name: str) -> bytes:
    contents = [path.read_bytes() for path in _paths(name)]
    if name.startswith(_CERTIFICATE):
        return certificate_secret(name, *contents)
    return roots_secret(name, *contents)


def _paths(name: str) -> Sequence[Path]:
    """The files of a secret; none: it is not one of files."""
    if name.startswith(_CERTIFICATE):
        certificate, _, key = name.removeprefix(_CERTIFICATE).partition("~")
        return [Path(certificate), Path(key)]
    if name == f"{_ROOTS}{_SYSTEM}":
        machine = ssl.get_default_verify_paths()
        return [Path(machine.cafile or machine.openssl_cafile)]
    if name.startswith(_ROOTS):
        return [Path(name.removeprefix(_ROOTS))]
    return []


def _stamp(path: Path) -> tuple[int, int, int]:
    found = path.stat()
    return found.st_ino, found.st_size, found.st_mtime_ns
