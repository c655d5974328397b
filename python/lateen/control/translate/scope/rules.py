"""The hosts that VirtualServices are for, and the services that they lead to.

Source: pilot/pkg/model/push_context.go virtualServiceDestinationsFilteredBySourceNamespace.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping

from lateen.control.model.hosts import full_name
from lateen.control.resources.meta import Resource
from lateen.control.resources.traffic import Destination
from lateen.control.resources.virtual_service import HttpRoute, VirtualService

EVERY_PORT = 0


def hosts_of(rule: Resource[VirtualService], domain: str) -> list[str]:
    """The full names of a rule's hosts, in lower case."""
    return [full_name(host, rule.namespace, domain).lower() for host in rule.spec.hosts]


def destinations_of(
    rule: Resource[VirtualService], domain: str, namespace: str
) -> Mapping[str, set[int]]:
    """The ports of the hosts that a rule leads callers of a namespace to; EVERY_PORT: none said."""
    found: defaultdict[str, set[int]] = defaultdict(set)
    for one in _destinations(rule.spec, namespace):
        port = one.port.number if one.port is not None else EVERY_PORT
        found[full_name(one.host, rule.namespace, domain)].add(port)
    return found


def _destinations(spec: VirtualService, namespace: str) -> Iterator[Destination]:
    for http in spec.http:
        if _concerns(http, namespace):
            yield from (one.destination for one in http.route)
            yield from (one.destination for one in http.mirrors)
            if http.mirror is not None:
                yield http.mirror
    for routes in (*(one.route for one in spec.tcp), *(one.route for one in spec.tls)):
        yield from (one.destination for one in routes)


def _concerns(http: HttpRoute, namespace: str) -> bool:
    """Whether a route may be taken by callers of a namespace."""
    named = {one.source_namespace for one in http.match} - {""}
    return not named or namespace in named
