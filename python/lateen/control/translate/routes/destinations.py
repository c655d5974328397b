"""The clusters that destinations of a route are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lateen.control.mesh import Mesh
from lateen.control.model.hosts import full_name
from lateen.control.model.proxy import Proxy
from lateen.control.model.service import Service
from lateen.control.resources.destination_rule import ConsistentHash
from lateen.control.resources.traffic import Destination
from lateen.control.resources.virtual_service import RouteDestination
from lateen.control.translate import names
from lateen.control.translate.routes.hashing import hash_of


@dataclass(frozen=True)
class Destinations:
    """Finds the clusters of destinations.

    Attributes:
        mesh: at this moment.
        proxy: that calls.
        services: those that it may call, by host.
        namespace: of the resource that names the destinations.
        port: that was called: of a destination that says none.
    """

    mesh: Mesh
    proxy: Proxy
    services: Mapping[str, Service]
    namespace: str
    port: int

    def cluster(self, destination: Destination) -> str:
        """The name of the cluster."""
        host = self._host(destination)
        service = self.service(destination)
        if service is not None and service.external_name:
            host = service.external_name
        return names.outbound(self._port(destination), destination.subset, host)

    def weighted(self, routes: Sequence[RouteDestination]) -> list[tuple[str, int]]:
        """The clusters of connections with their weights; one alone gets all."""
        if len(routes) == 1:
            return [(self.cluster(routes[0].destination), 1)]
        return [(self.cluster(one.destination), one.weight) for one in routes if one.weight]

    def service(self, destination: Destination) -> Service | None:
        """The service; None: the proxy knows of none."""
        return self.services.get(self._host(destination))

    def hash(self, destination: Destination) -> ConsistentHash | None:
        """What decides about its endpoint; None: nothing of a request."""
        service = self.service(destination)
        if service is None:
            return None
        rule = self.mesh.rule_for(service, self.proxy)
        return hash_of(rule.spec if rule else None, destination.subset, self._port(destination))

    def _host(self, destination: Destination) -> str:
        return full_name(destination.host, self.namespace, self.mesh.domain)

    def _port(self, destination: Destination) -> int:
        if destination.port is not None and destination.port.number:
            return destination.port.number
        service = self.service(destination)
        if service is not None and len(service.ports) == 1:
            return service.ports[0].number
        return self.port
