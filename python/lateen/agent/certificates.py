"""Gets the workload's certificate from the mesh's authority, and a new one in time.

Source: security/pkg/nodeagent/cache/secretcache.go of Istio.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import grpc
import grpc.aio

from lateen.agent.credentials import Credentials, restore, save
from lateen.agent.state import State, StateError
from lateen.agent.upstream import Upstream, UpstreamError
from lateen.identity.client import AnswerError, create_certificate
from lateen.identity.keys import key_pem, new_key, signing_request
from lateen.identity.spiffe import Identity
from lateen.xds.backoff import Backoff

_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.5, 60.0
_LONGEST_SLEEP_S = 30.0
_REFUSALS = (grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED)


class _NoCertificateError(Exception):
    """An attempt failed; the message says why and what to do."""


@dataclass(frozen=True)
class Wanted:
    """What certificates are asked for.

    Attributes:
        identity: of the workload.
        token_file: with a join token, for when there is no certificate yet; None: there is none.
        life: of a certificate; None: as the authority thinks right.
        grace_ratio: the part of a life that is left when the next certificate is asked for.
    """

    identity: Identity
    token_file: Path | None = None
    life: timedelta | None = None
    grace_ratio: float = 0.5


class Certificates:
    """The credentials of a workload, which are replaced in time.

    Attributes:
        current: the newest; None before there are any.
        problem: why there are none, or no newer ones; empty: all is well.
    """

    def __init__(
        self, wanted: Wanted, upstream: Upstream, state: State, say: Callable[[str], None]
    ) -> None:
        self.current: Credentials | None = None
        self.problem = "no certificate yet"
        self._wanted = wanted
        self._upstream = upstream
        self._state = state
        self._say = say
        self._random = Random()

    async def keep(self, on_new: Callable[[Credentials], None]) -> None:
        """Have credentials from now on; never returns.

        Those of an earlier run are used as long as they are good. What cannot be renewed now is
        tried again; until then what there is stays, also when it has expired.

        Args:
            on_new: is told of each.
        """
        self._take(restore(self._state, self._wanted.identity, _now()), on_new)
        while True:
            if self.current is not None:
                renewal = self.current.renewal(self._wanted.grace_ratio, self._random)
                await _until(renewal)
            made = await self._obtain()
            try:
                save(self._state, made)
            except StateError as error:
                self._say(f"{error}; a restart will need a new token")
            self._take(made, on_new)

    def _take(self, made: Credentials | None, on_new: Callable[[Credentials], None]) -> None:
        if made is not None:
            self.current, self.problem = made, ""
            on_new(made)

    async def _obtain(self) -> Credentials:
        backoff = Backoff(self._random, _FIRST_WAIT_S, _LONGEST_WAIT_S)
        while True:
            try:
                return await self._attempt()
            except _NoCertificateError as error:
                if str(error) != self.problem:
                    self.problem = str(error)
                    self._say(self.problem)
            await asyncio.sleep(backoff.next())

    async def _attempt(self) -> Credentials:
        """Ask once: by the present certificate, or by a token without one.

        Raises:
            _NoCertificateError: there is none.
        """
        current = self.current
        if current is not None and current.expired(_now()):
            current = None
        token = "" if current is not None else self._token()
        key = new_key()
        request = signing_request(key, self._wanted.identity)
        try:
            async with self._upstream.open(current) as channel:
                issued = await create_certificate(channel, request, self._wanted.life, token)
        except grpc.aio.AioRpcError as error:
            hint = "; trying again"
            if token and error.code() in _REFUSALS:
                hint = f"; put a new join token into {self._wanted.token_file}"
            told = f"{self._upstream.discovery}: {error.details()}{hint}"
            raise _NoCertificateError(f"no certificate from {told}") from None
        except (AnswerError, UpstreamError) as error:
            raise _NoCertificateError(f"no certificate: {error}") from None
        return Credentials.of(key_pem(key), issued, _now())

    def _token(self) -> str:
        """The join token.

        Raises:
            _NoCertificateError: there is none.
        """
        file = self._wanted.token_file
        if file is None:
            raise _NoCertificateError("no certificate: --token-file is needed, with a join token")
        try:
            found = file.read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            raise _NoCertificateError(f"no certificate: cannot read {file}: {error}") from None
        # A header takes nothing else; what else is no token, the authority tells.
        if not found or not found.isascii() or not found.isprintable():
            what = "has something else than a join token" if found else "is empty"
            raise _NoCertificateError(f"no certificate: {file} {what}; put a join token into it")
        return found


async def _until(moment: datetime) -> None:
    """Wait, in steps: a machine may sleep, and its clock may be set."""
    while (left := (moment - _now()).total_seconds()) > 0:
        await asyncio.sleep(min(left, _LONGEST_SLEEP_S))


def _now() -> datetime:
    return datetime.now(UTC)
