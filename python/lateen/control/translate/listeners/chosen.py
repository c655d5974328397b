"""Where connections go that a route takes, and how they are passed on.

Source: pilot/pkg/networking/core/networkfilter.go buildOutboundNetworkFilters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lateen.control.mesh import Mesh
from lateen.control.model.proxy import Proxy
from lateen.control.model.service import Service
from lateen.control.resources.meta import Resource
from lateen.control.resources.virtual_service import RouteDestination, VirtualService
from lateen.control.translate.listeners.tcp_settings import TcpSettings, tcp_settings
from lateen.control.translate.routes.destinations import Destinations


@dataclass(frozen=True)
class Chosen:
    """Where connections go that match.

    Attributes:
        clusters: with their weights.
        stat_prefix: how its stats are called.
        settings: how they are passed on.
        server_names: of TLS; none: any, or no TLS.
        ranges: of destination addresses; none: any.
    """

    clusters: Sequence[tuple[str, int]]
    stat_prefix: str
    settings: TcpSettings
    server_names: Sequence[str] = ()
    ranges: Sequence[str] = ()


def choose(
    find: Destinations,
    rule: Resource[VirtualService],
    routes: Sequence[RouteDestination],
    server_names: Sequence[str] = (),
    ranges: Sequence[str] = (),
) -> Chosen:
    """The destinations of a rule's route."""
    clusters = find.weighted(routes)
    first, alone = routes[0].destination, len(routes) == 1
    # The filter is one for all: what the first says counts, of none of its subsets.
    subset = first.subset if alone else ""
    return Chosen(
        clusters,
        clusters[0][0] if alone else f"{rule.name}.{rule.namespace}",
        settings_for(find.mesh, find.proxy, find.service(first), subset),
        server_names,
        ranges,
    )


def settings_for(
    mesh: Mesh, proxy: Proxy, service: Service | None, subset: str = ""
) -> TcpSettings:
    """What the rule of a service says for a proxy; None: nobody knows the service."""
    if service is None:
        return TcpSettings()
    rule = mesh.rule_for(service, proxy)
    return tcp_settings(rule.spec if rule is not None else None, subset)
