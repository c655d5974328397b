"""`lateen proxy-config route`."""

from __future__ import annotations

from collections.abc import Iterator

from lateen.proxy_config import dump
from lateen.proxy_config.table import Table
from lateen.proxy_config.tree import Json, child, items, text, texts

COLUMNS = ("NAME", "VHOST NAME", "DOMAINS", "MATCH", "VIRTUAL SERVICE")
_SHOWN_DOMAINS = 2


def selected(told: Json, name: str) -> Iterator[Json]:
    """The route tables; `name`: one alone."""
    return (one for one in dump.routes(told) if name in ("", text(one, "name")))


def table(told: Json, name: str) -> Table:
    """A row for each route; the order within a virtual host is that in which they are tried."""
    rows = []
    for one in selected(told, name):
        for host in items(one, "virtual_hosts"):
            domains = _some(texts(host, "domains"))
            for route in items(host, "routes"):
                made_of = dump.resource_of(route) or answer_of(route)
                said = (text(one, "name"), text(host, "name"), domains)
                rows.append((*said, match_of(child(route, "match")), made_of))
    return Table(COLUMNS, sorted(rows, key=lambda row: (row[0], row[1])))


def _some(domains: list[str]) -> str:
    more = len(domains) - _SHOWN_DOMAINS
    shown = ", ".join(domains[:_SHOWN_DOMAINS])
    return f"{shown} + {more} more..." if more > 0 else shown


def match_of(match: Json) -> str:
    """What a route wants of requests."""
    regex = text(match, "safe_regex", "regex")
    separated = text(match, "path_separated_prefix")
    path = f"{text(match, 'prefix')}*" if text(match, "prefix") else text(match, "path")
    if regex:
        path = f"regex: {regex}"
    elif separated:
        path = f"PathPrefix: {separated}"
    names = [text(one, "name") for one in items(match, "headers")]
    return f"{path} (headers: {', '.join(names)})" if names else path


def answer_of(route: Json) -> str:
    """The status that a route answers itself; empty: it passes requests on."""
    status = text(route, "direct_response", "status")
    if status:
        return status
    return "redirect" if child(route, "redirect") is not None else ""
