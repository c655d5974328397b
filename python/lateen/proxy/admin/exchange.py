"""A request to the admin listener and its response."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import parse_qsl, unquote

TEXT = "text/plain; charset=UTF-8"
HTML = "text/html; charset=UTF-8"
JSON = "application/json"


@dataclass(frozen=True)
class AdminRequest:
    """What a client asked.

    Attributes:
        method: GET, POST, ...
        path: without the query.
        query: the first value of each parameter, decoded; "" when it has none.
        target: path and query as they came.
        headers: by lower-case name.
        version: HTTP/1.1 or HTTP/1.0.
    """

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    target: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    version: str = "HTTP/1.1"

    def flag(self, name: str) -> bool:
        """Whether a parameter without a value is given (`?usedonly`)."""
        return name in self.query


def split_target(target: str) -> tuple[str, dict[str, str]]:
    """The path and the parameters of a request target; a `+` in a value stays."""
    path, _, query = target.partition("?")
    return _normal(path), parse_query(query)


def parse_query(query: str) -> dict[str, str]:
    """The parameters of a query or of a form; of one that is repeated the first."""
    parameters: dict[str, str] = {}
    for name, value in parse_qsl(query.replace("+", "%2B"), keep_blank_values=True):
        parameters.setdefault(name, value)
    return parameters


def _normal(path: str) -> str:
    """A path without dot segments, repeated slashes and escapes; an escaped slash stays.

    Envoy's admin listener normalizes paths and merges slashes too.
    """
    if "%" in path:
        path = "%2F".join(unquote(part) for part in re.split("%2[fF]", path))
    if "//" not in path and "/." not in path:
        return path
    kept: list[str] = []
    parts = [part for part in path.split("/") if part not in ("", ".")]
    for part in parts:
        if part == "..":
            del kept[-1:]
        else:
            kept.append(part)
    return "/" + "/".join(kept) + ("/" if kept and path.endswith("/") else "")


@dataclass(frozen=True)
class AdminResponse:
    """What is answered; a body in pieces is sent piece by piece."""

    body: str | Iterable[str]
    status: HTTPStatus = HTTPStatus.OK
    content_type: str = TEXT
    # Headers that come before the content type.
    headers: tuple[tuple[str, str], ...] = ()


OK = AdminResponse("OK\n")


def bad_request(message: str) -> AdminResponse:
    """400 with a message."""
    return AdminResponse(message, HTTPStatus.BAD_REQUEST)
