"""Which virtual host and which route take a request.

Source: https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/route/v3/route_components.proto
(VirtualHost.domains, RouteMatch).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from lateen.control.simulate.call import Call, Request
from lateen.control.simulate.steps import Lost, Path, Step
from lateen.control.simulate.texts import (
    full_match,
    is_header,
    is_metadata,
    is_query,
    wanted_header,
)

if TYPE_CHECKING:
    from envoy.config.core.v3.base_pb2 import Metadata
    from envoy.config.route.v3.route_components_pb2 import Route, RouteMatch, VirtualHost
    from envoy.config.route.v3.route_pb2 import RouteConfiguration

_PORT = re.compile(r":\d+$")


def virtual_host_of(table: RouteConfiguration, request: Request, path: Path) -> VirtualHost | None:
    """The virtual host of the request's host; None: there is none, which answers 404."""
    host = request.host.lower()
    if table.ignore_port_in_host_matching:
        host = _PORT.sub("", host)
    found = [
        (rank, domain, one) for one in table.virtual_hosts for rank, domain in _ranks(one, host)
    ]
    if not found:
        path.add(Step("virtual host", "", f"none of table {table.name} has {host}"))
        path.refuse(f"no virtual host has {host}", 404)
        return None
    _, domain, chosen = max(found, key=lambda one: one[0])
    others = {one.name: domain for _, domain, one in found if one is not chosen}
    lost = [Lost(name, f"{domain} is less specific") for name, domain in others.items()]
    path.add(
        Step(
            "virtual host",
            chosen.name,
            f"its domain {domain} has {host}" if domain != host else "by its name",
            lost,
        )
    )
    return chosen


def _ranks(host: VirtualHost, name: str) -> Iterator[tuple[tuple[int, int], str]]:
    """How well domains meet a name: exact, `*.x`, `x.*`, `*`; the longer the better."""
    for domain in host.domains:
        lowered = domain.lower()
        if lowered == name:
            yield (3, 0), domain
        elif lowered == "*":
            yield (0, 0), domain
        elif lowered.startswith("*") and name.endswith(lowered[1:]) and len(name) >= len(lowered):
            yield (2, len(lowered)), domain
        elif lowered.endswith("*") and name.startswith(lowered[:-1]) and len(name) >= len(lowered):
            yield (1, len(lowered)), domain


def route_of(host: VirtualHost, call: Call, request: Request, path: Path) -> Route | None:
    """The first route that the request matches; None: there is none, which answers 404."""
    lost = []
    for index, route in enumerate(host.routes):
        why = why_not(route.match, call, request)
        if not why:
            lost += [_lost(one, "an earlier one matches") for one in host.routes[index + 1 :]]
            said = written(route.match)
            path.add(Step("route", label(route), said, lost, resource_of(route.metadata)))
            return route
        lost.append(_lost(route, why))
    path.add(Step("route", "", "none matches", lost))
    path.refuse(f"no route of {host.name} matches", 404)
    return None


def _lost(route: Route, why: str) -> Lost:
    return Lost(label(route), why, resource_of(route.metadata))


def label(route: Route) -> str:
    """A route's name, or what it matches."""
    return route.name or written(route.match)


def why_not(match: RouteMatch, call: Call, request: Request) -> str:
    """What the request is not that the match wants; empty: it matches."""
    if not _is_path(match, request):
        return f"the path does not match {_written_path(match)}"
    for header in match.headers:
        if not is_header(header, request):
            return f"it wants {wanted_header(header)}"
    for query in match.query_parameters:
        if not is_query(query, request):
            return f"the query parameter {query.name} does not match"
    for wanted in match.dynamic_metadata:
        if not is_metadata(wanted, call.claims):
            claim = ".".join(segment.key for segment in wanted.path[1:])
            return f"the token's claim {claim} does not match"
    return ""


def _is_path(match: RouteMatch, request: Request) -> bool:
    kind = match.WhichOneof("path_specifier")
    path = request.path if kind == "prefix" else request.url_path
    wanted = {
        "prefix": match.prefix,
        "path": match.path,
        "path_separated_prefix": match.path_separated_prefix,
    }.get(kind or "", "")
    if match.HasField("case_sensitive") and not match.case_sensitive.value:
        path, wanted = path.lower(), wanted.lower()
    if kind == "prefix":
        return path.startswith(wanted)
    if kind == "path":
        return path == wanted
    if kind == "path_separated_prefix":
        return path == wanted or path.startswith(f"{wanted}/")
    if kind == "safe_regex":
        return full_match(match.safe_regex.regex, path)
    return kind == "connect_matcher" and request.method == "CONNECT"


def _written_path(match: RouteMatch) -> str:
    kind = match.WhichOneof("path_specifier")
    if kind == "safe_regex":
        return f"the expression {match.safe_regex.regex}"
    if kind == "path":
        return match.path
    return f"{match.prefix or match.path_separated_prefix}*"


def written(match: RouteMatch) -> str:
    """What a match wants, in words."""
    words = [f"path {_written_path(match)}"]
    words += [wanted_header(one) for one in match.headers]
    words += [f"query {one.name}" for one in match.query_parameters]
    words += [f"claim {one.path[-1].key}" for one in match.dynamic_metadata]
    return ", ".join(words)


def resource_of(metadata: Metadata) -> str:
    """The resource that a part of the configuration was made of, as its metadata tells."""
    fields = metadata.filter_metadata["istio"].fields if metadata.filter_metadata else {}
    return fields["config"].string_value if "config" in fields else ""
