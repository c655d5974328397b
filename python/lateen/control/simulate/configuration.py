"""The configuration of one proxy, as what it is looked up in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lateen.control.mesh import Mesh
from lateen.control.model.proxy import Proxy
from lateen.control.translate.clusters.build import clusters
from lateen.control.translate.endpoints import assignments
from lateen.control.translate.listeners.build import listeners
from lateen.control.translate.routes.build import tables_of

if TYPE_CHECKING:
    from envoy.config.cluster.v3.cluster_pb2 import Cluster
    from envoy.config.endpoint.v3.endpoint_pb2 import ClusterLoadAssignment
    from envoy.config.listener.v3.listener_pb2 import Listener
    from envoy.config.route.v3.route_pb2 import RouteConfiguration


@dataclass(frozen=True)
class Configuration:
    """What a proxy is sent.

    Attributes:
        listeners: in the order in which they are sent.
        table: a route table by its name; None: there is none.
        clusters: by name.
        assignments: endpoints by the name of their cluster.
    """

    listeners: Sequence[Listener]
    table: Callable[[str], RouteConfiguration | None]
    clusters: Mapping[str, Cluster]
    assignments: Mapping[str, ClusterLoadAssignment]

    def listener(self, name: str) -> Listener | None:
        """A listener by its name."""
        return next((one for one in self.listeners if one.name == name), None)


def configuration_of(mesh: Mesh, proxy: Proxy) -> Configuration:
    """What a proxy of the mesh is sent."""
    made = clusters(mesh, proxy)
    return Configuration(
        listeners=listeners(mesh, proxy),
        table=tables_of(mesh, proxy).table,
        clusters={one.name: one for one in made},
        assignments={one.cluster_name: one for one in assignments(mesh, proxy, made)},
    )
