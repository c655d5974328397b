"""Tokens that let machines join a mesh, each once.

A token is `ID.SECRET`. The directory has one file a token, named by its id, with the digest of its
secret: who reads the file cannot make the token of it. To spend a token is to rename its file,
which of several processes at a time only one can do.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

_FOLDER = "join-tokens"
_USED = ".used"
_ID_BYTES, _SECRET_BYTES = 8, 32
_TOKEN = re.compile(r"([0-9a-f]{16})\.([A-Za-z0-9_-]{43})")
_ID = re.compile(r"[0-9a-f]{16}")
# So long a token that cannot be used any more is still known, for who looks for its reason.
_REMEMBERED_S = 7 * 24 * 3600.0


class TokenError(Exception):
    """A token cannot be made or used; the message says why, without the token."""


class Grant(msgspec.Struct, frozen=True):
    """What a token lets its bearer have: a certificate with this identity.

    Attributes:
        namespace: of the workload.
        service_account: of the workload.
        created: seconds since 1970.
        expires: seconds since 1970.
        digest: SHA-256 of the token's secret, hexadecimal.
    """

    namespace: str
    service_account: str
    created: float
    expires: float
    digest: str


@dataclass(frozen=True)
class Known:
    """A token that is kept.

    Attributes:
        id: the part of it that is no secret.
        grant: what it is for.
        used: nobody can use it any more.
    """

    id: str
    grant: Grant
    used: bool

    @property
    def state(self) -> str:
        """`ready`, `used` or `expired`."""
        if self.used:
            return "used"
        return "expired" if self.grant.expires <= time.time() else "ready"


class Tokens:
    """The tokens that are kept beside an authority.

    Args:
        authority: the directory of the authority.
    """

    def __init__(self, authority: Path) -> None:
        self._folder = authority / _FOLDER

    def create(self, namespace: str, service_account: str, life_s: float) -> str:
        """A new token.

        Raises:
            TokenError: it cannot be kept.
        """
        identifier = secrets.token_hex(_ID_BYTES)
        secret = secrets.token_urlsafe(_SECRET_BYTES)
        now = time.time()
        grant = Grant(namespace, service_account, now, now + life_s, _digest(secret))
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            self._forget_old()
            descriptor = os.open(self._folder / identifier, os.O_WRONLY | os.O_CREAT, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(msgspec.json.encode(grant))
        except OSError as error:
            raise TokenError(f"cannot keep a token in {self._folder}: {error.strerror}") from None
        return f"{identifier}.{secret}"

    def check(self, token: str) -> Known:
        """The token as it is kept, if it may be spent now.

        Raises:
            TokenError: it is unknown, used or expired.
        """
        parts = _TOKEN.fullmatch(token)
        if parts is None:
            raise TokenError("this is no join token")
        identifier, secret = parts.groups()
        known = self._find(identifier)
        # An unknown id takes as long as a wrong secret.
        digest = known.grant.digest if known is not None else ""
        if not hmac.compare_digest(_digest(secret), digest) or known is None:
            raise TokenError(f"join token {identifier} is unknown")
        if known.state != "ready":
            raise TokenError(_refusal(known))
        return known

    def spend(self, known: Known) -> None:
        """Use a token up.

        Raises:
            TokenError: somebody else did, or it was revoked.
        """
        path = self._folder / known.id
        try:
            path.rename(path.with_suffix(_USED))
        except OSError:
            raise TokenError(f"join token {known.id} was used already, or revoked") from None

    def revoke(self, identifier: str) -> None:
        """Take a token back.

        Raises:
            TokenError: there is none that could be used.
        """
        if not _ID.fullmatch(identifier):
            raise TokenError(f"{identifier!r} is no id of a token: 16 hexadecimal digits")
        try:
            (self._folder / identifier).unlink()
        except OSError:
            raise TokenError(f"no token {identifier} that could be used") from None

    def known(self) -> list[Known]:
        """All that are kept, the oldest first.

        Raises:
            TokenError: they cannot be read.
        """
        try:
            found = list(self._kept())
        except OSError as error:
            raise TokenError(f"cannot read {self._folder}: {error.strerror}") from None
        return sorted(found, key=lambda one: one.grant.created)

    def _kept(self) -> Iterator[Known]:
        if not self._folder.is_dir():
            return
        for path in self._folder.iterdir():
            known = self._find(path.stem)
            if known is not None:
                yield known

    def _find(self, identifier: str) -> Known | None:
        for name, used in ((identifier, False), (identifier + _USED, True)):
            try:
                data = (self._folder / name).read_bytes()
                return Known(identifier, msgspec.json.decode(data, type=Grant), used)
            except (OSError, msgspec.DecodeError):
                continue
        return None

    def _forget_old(self) -> None:
        for known in list(self._kept()):
            if known.grant.expires + _REMEMBERED_S < time.time():
                name = known.id + (_USED if known.used else "")
                (self._folder / name).unlink(missing_ok=True)


def _refusal(known: Known) -> str:
    if known.used:
        return f"join token {known.id} was used already"
    return f"join token {known.id} has expired"


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
