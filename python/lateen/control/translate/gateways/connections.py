"""Where a gateway passes connections on to: TCP, TLS that it ended, and TLS by the name in it.

Source: pilot/pkg/networking/core/gateway.go createGatewayTCPFilterChainOpts,
buildGatewayNetworkFiltersFromTCPRoutes, buildGatewayNetworkFiltersFromTLSRoutes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from lateen.control.mesh import Mesh
from lateen.control.model.hosts import gateway_name, matches
from lateen.control.model.proxy import Proxy
from lateen.control.model.service import Service
from lateen.control.resources.meta import Resource
from lateen.control.resources.virtual_service import (
    L4Match,
    RouteDestination,
    TlsMatch,
    VirtualService,
)
from lateen.control.translate import api
from lateen.control.translate.gateways.server import GatewayServer
from lateen.control.translate.judges import Judges
from lateen.control.translate.listeners.chosen import choose
from lateen.control.translate.listeners.manager import tcp_proxy
from lateen.control.translate.routes.destinations import Destinations
from lateen.control.translate.scope.rules import hosts_of
from lateen.control.translate.scope.sidecar import sidecar_scope
from lateen.control.translate.telemetry.side import Observed

if TYPE_CHECKING:
    from envoy.config.listener.v3.listener_components_pb2 import Filter, FilterChain


@dataclass(frozen=True)
class Connections:
    """What the chains are made for.

    Attributes:
        mesh: at this moment.
        proxy: the gateway.
        observed: how connections are told of.
        judges: of connections.
    """

    mesh: Mesh
    proxy: Proxy
    observed: Observed
    judges: Judges

    def chains(self, server: GatewayServer) -> list[FilterChain]:
        """The chain of a server that sees bytes: the first route for it takes everything."""
        for rule in self._rules(server):
            for tcp in rule.spec.tcp:
                fits = any(_concerns(one, server, rule) for one in tcp.match or (L4Match(),))
                if fits and tcp.route:
                    return [api.FilterChain(filters=self._filters(rule, server, tcp.route))]
        return []

    def passed_on(self, server: GatewayServer, taken: set[str]) -> Iterator[FilterChain]:
        """The chains of a server that passes TLS on: by the names of each route.

        Args:
            taken: names that chains of the listener have; no two may have the same.
        """
        for rule in self._rules(server):
            for tls in rule.spec.tls:
                for match in tls.match if tls.route else ():
                    names = [one for one in match.sni_hosts if one not in taken]
                    if names and _concerns(match, server, rule):
                        taken.update(names)
                        chain = api.FilterChain(filters=self._filters(rule, server, tls.route))
                        if "*" not in names:
                            chain.filter_chain_match.server_names.extend(sorted(names))
                        yield chain

    def _rules(self, server: GatewayServer) -> Iterator[Resource[VirtualService]]:
        """The virtual services of the server's gateway that are for one of its hosts."""
        for rule in self.mesh.virtual_services_of(server.gateway, self.proxy.namespace):
            hosts = server.hosts_in(rule.namespace)
            names = hosts_of(rule, self.mesh.domain)
            if any(matches(host, one) for host in hosts for one in names):
                yield rule

    @cached_property
    def _services(self) -> Mapping[str, Service]:
        return sidecar_scope(self.mesh, self.proxy).services

    def _filters(
        self,
        rule: Resource[VirtualService],
        server: GatewayServer,
        routes: Sequence[RouteDestination],
    ) -> list[Filter]:
        find = Destinations(
            self.mesh, self.proxy, self._services, rule.namespace, server.named.number
        )
        to = choose(find, rule, routes)
        return [
            *(self.observed.network_first if server.is_of_mesh else ()),
            *self.judges.of_connections,
            *self.observed.network_last,
            tcp_proxy(to.stat_prefix, to.clusters, self.observed, to.settings),
        ]


def _concerns(
    match: TlsMatch | L4Match, server: GatewayServer, rule: Resource[VirtualService]
) -> bool:
    """Whether connections to the server may meet the match."""
    if match.port not in (0, server.named.number):
        return False
    named = [gateway_name(one, rule.namespace) for one in match.gateways]
    return not named or server.gateway in named
