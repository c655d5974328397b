"""Routes and matches of a virtual service that no request gets to.

Source: Istio pkg/config/validation/validation.go analyzeUnreachableHTTPRules and what is beside it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from lateen.control.documents import Path
from lateen.control.resources.traffic import StringMatch
from lateen.control.resources.virtual_service import (
    HttpMatch,
    HttpRoute,
    TcpRoute,
    TlsRoute,
    VirtualService,
)

Route = HttpRoute | TcpRoute | TlsRoute


@dataclass(frozen=True)
class Unreachable:
    """A route that is never used."""

    path: Path
    text: str


@dataclass(frozen=True)
class Ineffective:
    """A match that is never used."""

    path: Path
    text: str


def unreachable_routes(service: VirtualService) -> Iterator[Unreachable | Ineffective]:
    """What is never used, in the order in which it is written."""
    yield from _unreachable("http", service.http)
    yield from _overlaps(service.http)
    yield from _unreachable("tcp", service.tcp)
    yield from _unreachable("tls", service.tls)


def _unreachable(field: str, routes: Sequence[Route]) -> Iterator[Unreachable | Ineffective]:
    seen: dict[bytes, int] = {}
    taken = False
    for index, route in enumerate(routes):
        path, name = (field, index), _name(route, index)
        if not route.match:
            if taken:
                yield Unreachable(path, f"Route {name} is not used: one before it takes everything")
            taken = True
            continue
        doubles = 0
        for number, match in enumerate(route.match):
            if taken:
                text = f"Route {name} is not used: one without match is before it"
                yield Unreachable((*path, "match", number), text)
                continue
            known = seen.setdefault(_said(match), index)
            if known != index or _is_double(route.match, number):
                doubles += 1
                other = _name(routes[known], known)
                text = f"Match {_name(match, number)} of route {name} is already in route {other}"
                yield Ineffective((*path, "match", number), text)
        if doubles == len(route.match):
            yield Unreachable(path, f"Route {name} is not used: those before it have its matches")


def _is_double(matches: Sequence[object], number: int) -> bool:
    said = _said(matches[number])
    return any(_said(other) == said for other in matches[:number])


def _said(match: object) -> bytes:
    if isinstance(match, HttpMatch):
        match = msgspec.structs.replace(match, name="")
    return msgspec.json.encode(match, order="sorted")


def _name(one: object, index: int) -> str:
    name = getattr(one, "name", "")
    return f'"{name}"' if name else f"#{index}"


def _overlaps(routes: Sequence[HttpRoute]) -> Iterator[Ineffective]:
    """Prefixes after shorter ones that match the same requests."""
    before: list[tuple[int, int, HttpMatch, str]] = []
    seen: set[bytes] = set()
    for index, route in enumerate(routes):
        if not route.match:
            return
        for number, match in enumerate(route.match):
            prefix = match.uri.prefix if match.uri is not None else None
            if not prefix or _said(match) in seen:
                continue
            seen.add(_said(match))
            for first, one, other, shorter in before:
                if prefix != shorter and prefix.startswith(shorter) and _covers(other, match):
                    text = (
                        f"Match {_name(match, number)} (prefix {prefix}) of route "
                        f"{_name(route, index)} is not used: match {_name(other, one)} (prefix "
                        f"{shorter}) of route {_name(routes[first], first)} takes it"
                    )
                    yield Ineffective(("http", index, "match", number), text)
            before.append((index, number, match, prefix))


def _covers(one: HttpMatch, other: HttpMatch) -> bool:
    if one.port != other.port:
        return False
    method = _pattern(one.method) or "exact:GET"
    if not method.startswith(_pattern(other.method) or "exact:GET"):
        return False
    return (
        _pattern(one.authority).startswith(_pattern(other.authority))
        and _entries_cover(one.headers, other.headers)
        and _entries_cover(one.query_params, other.query_params)
        and _entries_cover(one.without_headers, other.without_headers)
    )


def _entries_cover(one: Mapping[str, StringMatch], other: Mapping[str, StringMatch]) -> bool:
    return one.keys() == other.keys() and all(
        _pattern(value).startswith(_pattern(other[name])) for name, value in one.items()
    )


def _pattern(match: StringMatch | None) -> str:
    if match is None:
        return ""
    if match.exact:
        return f"exact:{match.exact}"
    return f"prefix:{match.prefix}" if match.prefix else ""
