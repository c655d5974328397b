"""The route tables of a gateway: one for all plain HTTP of an address, one for each HTTPS server.

Source: pilot/pkg/networking/core/gateway.go buildGatewayHTTPRouteConfig.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from lateen.control.mesh import Mesh
from lateen.control.model.hosts import sorted_by_precision
from lateen.control.model.proxy import Proxy
from lateen.control.model.service import Service
from lateen.control.resources.meta import Key, Resource
from lateen.control.resources.virtual_service import VirtualService
from lateen.control.translate import api
from lateen.control.translate.gateways.merge import merged_gateway
from lateen.control.translate.gateways.server import GatewayServer, common_hosts
from lateen.control.translate.routes.destinations import Destinations
from lateen.control.translate.routes.matching import takes_everything
from lateen.control.translate.routes.rule import Rule
from lateen.control.translate.routes.tables import empty_table
from lateen.control.translate.scope.rules import hosts_of
from lateen.control.translate.scope.sidecar import sidecar_scope

if TYPE_CHECKING:
    from envoy.config.route.v3.route_components_pb2 import Route, VirtualHost
    from envoy.config.route.v3.route_pb2 import RouteConfiguration

#: Whose routes: a gateway and a virtual service.
_Origin = tuple[str, Key]


@dataclass
class _Host:
    """What becomes of requests for a host.

    Attributes:
        port: that clients use.
        origins: whose routes it has, in order.
        redirects: plain requests are told to use TLS.
    """

    port: int
    origins: list[_Origin] = field(default_factory=list)
    redirects: bool = False


@dataclass(frozen=True)
class GatewayTables:
    """The tables of one gateway.

    Attributes:
        mesh: at this moment.
        proxy: the gateway.
    """

    mesh: Mesh
    proxy: Proxy

    def table(self, name: str) -> RouteConfiguration:
        """One table; one that no server has any more is empty, while its listener drains."""
        made = empty_table(name)
        servers = self._servers.get(name, ())
        if servers:
            made.virtual_hosts.extend(self._virtual_hosts(servers))
        return made

    @cached_property
    def _servers(self) -> Mapping[str, Sequence[GatewayServer]]:
        return merged_gateway(self.mesh, self.proxy).tables()

    @cached_property
    def _services(self) -> Mapping[str, Service]:
        return sidecar_scope(self.mesh, self.proxy).services

    def _virtual_hosts(self, servers: Sequence[GatewayServer]) -> list[VirtualHost]:
        hosts: dict[str, _Host] = {}
        routes: dict[_Origin, list[Route]] = {}
        for server in servers:
            self._add(server, hosts, routes)
        if not hosts:
            # Without a route, every request is answered 404.
            return [api.VirtualHost(name=f"blackhole:{servers[0].named.number}", domains=["*"])]
        return sorted(_collapsed(hosts, routes), key=lambda one: one.name)

    def _add(
        self,
        server: GatewayServer,
        hosts: dict[str, _Host],
        routes: dict[_Origin, list[Route]],
    ) -> None:
        redirects = server.tls is not None and server.tls.https_redirect
        for rule in self.mesh.virtual_services_of(server.gateway, self.proxy.namespace):
            common = common_hosts(server.hosts_in(rule.namespace), hosts_of(rule, self.mesh.domain))
            origin = (server.gateway, rule.key)
            if common and origin not in routes:
                routes[origin] = self._routes(server, rule)
            for name in common if routes.get(origin) else ():
                host = hosts.setdefault(name, _Host(server.named.number))
                if origin not in host.origins:
                    host.origins.append(origin)
                host.redirects = host.redirects or redirects
        for name in server.hosts if redirects else ():
            host = hosts.setdefault(name.rpartition("/")[2], _Host(server.named.number))
            host.redirects = True

    def _routes(self, server: GatewayServer, rule: Resource[VirtualService]) -> list[Route]:
        find = Destinations(
            self.mesh, self.proxy, self._services, rule.namespace, server.named.number
        )
        return Rule(rule, find, (server.gateway,), server.tls is not None).routes()


def _collapsed(
    hosts: Mapping[str, _Host], routes: Mapping[_Origin, Sequence[Route]]
) -> Iterable[VirtualHost]:
    """Virtual hosts; hosts with the same routes are domains of one, named by the most precise."""
    made: dict[tuple[object, ...], VirtualHost] = {}
    for name in sorted_by_precision(hosts):
        host = hosts[name]
        same = (*host.origins, host.redirects)
        if same in made:
            made[same].domains.append(name)
            continue
        found = [route for origin in host.origins for route in routes[origin]]
        # What takes everything comes last, also when the virtual service before it has one.
        found.sort(key=lambda route: takes_everything(route.match))
        made[same] = api.VirtualHost(
            name=f"{name}:{host.port}",
            domains=[name],
            routes=found,
            include_request_attempt_count=True,
            require_tls=api.VirtualHost.ALL if host.redirects else api.VirtualHost.NONE,
        )
    return made.values()
