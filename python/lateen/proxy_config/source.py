"""Asks a proxy's admin interface, or reads what was saved of it."""

from __future__ import annotations

import contextlib
import http.client
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, cast

from lateen.proxy_config.tree import Json

_TIMEOUT_S = 10.0
_LARGEST = 1 << 30


class SourceError(Exception):
    """The proxy does not answer, or what was read is no dump; the message says what to do."""


class Source(Protocol):
    """Where the configuration of a proxy comes from."""

    def dump(self) -> Json:
        """The whole configuration, as `/config_dump` tells it."""

    def clusters(self) -> Json:
        """Clusters with their hosts, as `/clusters?format=json` tells them."""


@dataclass(frozen=True)
class Admin:
    """The admin interface of a running proxy.

    Attributes:
        address: `HOST:PORT`.
    """

    address: str

    def dump(self) -> Json:
        """The whole configuration.

        Raises:
            SourceError: the proxy does not answer.
        """
        return self._json("/config_dump?include_eds")

    def clusters(self) -> Json:
        """Clusters with their hosts.

        Raises:
            SourceError: the proxy does not answer.
        """
        return self._json("/clusters?format=json")

    def levels(self, query: str = "") -> str:
        """The levels of the loggers, after those of `query` were set.

        Raises:
            SourceError: the proxy does not answer, or knows no such logger or level.
        """
        return self._ask("POST", f"/logging{query}").decode(errors="replace")

    def _json(self, path: str) -> Json:
        return parsed(self._ask("GET", path), self.address)

    def _ask(self, method: str, path: str) -> bytes:
        try:
            connection = http.client.HTTPConnection(self.address, timeout=_TIMEOUT_S)
            with contextlib.closing(connection):
                connection.request(method, path)
                answer = connection.getresponse()
                body = answer.read(_LARGEST)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise SourceError(
                f"no proxy answers at {self.address}: {error} (--admin names its admin address)"
            ) from None
        if answer.status != http.client.OK:
            said = body.decode(errors="replace").strip()
            raise SourceError(f"{self.address}{path} answers {answer.status}: {said}")
        return body


@dataclass(frozen=True)
class Saved:
    """What `/config_dump` told, in a file.

    Attributes:
        path: of the file.
    """

    path: Path

    def dump(self) -> Json:
        """The whole configuration.

        Raises:
            SourceError: the file cannot be read or is no JSON.
        """
        try:
            return parsed(self.path.read_bytes(), str(self.path))
        except OSError as error:
            raise SourceError(f"cannot read {self.path}: {error.strerror}") from None

    def clusters(self) -> Json:
        """Nothing: a saved configuration does not tell how hosts are.

        Raises:
            SourceError: always.
        """
        raise SourceError("endpoints are asked of a running proxy: leave --file out")


def parsed(body: bytes, where: str) -> Json:
    """JSON.

    Raises:
        SourceError: it is none.
    """
    try:
        return cast(Json, json.loads(body))
    except ValueError as error:
        raise SourceError(f"{where}: no JSON: {error}") from None
