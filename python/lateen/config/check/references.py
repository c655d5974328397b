"""Names that must exist or must be unique: clusters, domains.

Compiling checks them too, because xDS needs that; here they are found in the same pass as mistakes
of other kinds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from lateen.config.check.context import CheckContext
from lateen.config.diagnostics import nearest
from lateen.config.paths import Place

if TYPE_CHECKING:
    from envoy.config.bootstrap.v3.bootstrap_pb2 import Bootstrap
    from envoy.config.route.v3.route_components_pb2 import RouteAction
    from envoy.config.route.v3.route_pb2 import RouteConfiguration

# A name, where it is, and what it is called in an error.
_Reference = tuple[str, Place, str]


def unique_clusters(message: Bootstrap, place: Place, cx: CheckContext) -> None:
    """No two clusters have one name."""
    seen: set[str] = set()
    for index, cluster in enumerate(message.static_resources.clusters):
        if cluster.name in seen:
            where: Place = (((place, "static_resources"), "clusters"), index)
            text = f"another cluster is called {cluster.name!r} too"
            cx.error((where, "name"), text, "rename or remove one of them")
        seen.add(cluster.name)


def unique_domains(message: RouteConfiguration, place: Place, cx: CheckContext) -> None:
    """A domain belongs to one virtual host; case does not matter."""
    owners: dict[str, str] = {}
    for index, host in enumerate(message.virtual_hosts):
        for number, domain in enumerate(host.domains):
            key = domain.lower()
            if key in owners:
                where: Place = (((place, "virtual_hosts"), index), "domains")
                text = f"the domain {domain!r} is in virtual host {owners[key]!r} already"
                cx.error((where, number), text)
            owners.setdefault(key, host.name)


def known_clusters(message: RouteConfiguration, place: Place, cx: CheckContext) -> None:
    """Routes lead to clusters that exist, unless validate_clusters is false."""
    if message.HasField("validate_clusters") and not message.validate_clusters.value:
        return
    known = cx.cluster_names
    if "" in known:
        # Its name could not be read: any reference may be meant for it.
        return
    for name, where, noun in _references(message, place):
        if name not in known:
            cx.error(where, f"there is no {noun} {name!r}", nearest(name, known))


def _references(message: RouteConfiguration, place: Place) -> Iterator[_Reference]:
    mirrors = ((place, "request_mirror_policies"), message.request_mirror_policies)
    yield from _mirrored(*mirrors)
    for index, host in enumerate(message.virtual_hosts):
        where: Place = ((place, "virtual_hosts"), index)
        yield from _mirrored((where, "request_mirror_policies"), host.request_mirror_policies)
        for number, route in enumerate(host.routes):
            if route.WhichOneof("action") == "route":
                yield from _of_action((((where, "routes"), number), "route"), route.route)


def _of_action(place: Place, action: RouteAction) -> Iterator[_Reference]:
    kind = action.WhichOneof("cluster_specifier")
    if kind == "cluster" and action.cluster:
        yield action.cluster, (place, "cluster"), "cluster"
    elif kind == "weighted_clusters":
        where: Place = ((place, "weighted_clusters"), "clusters")
        for index, cluster in enumerate(action.weighted_clusters.clusters):
            if cluster.name:
                yield cluster.name, ((where, index), "name"), "weighted cluster"
    if action.request_mirror_policies:
        yield from _mirrored((place, "request_mirror_policies"), action.request_mirror_policies)


def _mirrored(
    place: Place, policies: Iterable[RouteAction.RequestMirrorPolicy]
) -> Iterator[_Reference]:
    for index, policy in enumerate(policies):
        if policy.cluster:
            yield policy.cluster, ((place, index), "cluster"), "shadow cluster"
