"""Where connections to a TCP port of a service go, as virtual services say.

Source: pilot/pkg/networking/core/tls.go.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lateen.control.mesh import Mesh, exported
from lateen.control.model.hosts import full_name, matches
from lateen.control.model.proxy import Proxy
from lateen.control.model.service import Port, Service
from lateen.control.resources.meta import Resource
from lateen.control.resources.selectors import selects
from lateen.control.resources.virtual_service import (
    L4Match,
    RouteDestination,
    TlsMatch,
    VirtualService,
)
from lateen.control.translate import names
from lateen.control.translate.routes.destinations import Destinations

_MESH = "mesh"


@dataclass(frozen=True)
class TcpRoute:
    """Where connections go that match.

    Attributes:
        clusters: with their weights.
        stat_prefix: how its stats are called.
        server_names: of TLS; none: any, or no TLS.
        ranges: of destination addresses; none: any.
    """

    clusters: Sequence[tuple[str, int]]
    stat_prefix: str
    server_names: Sequence[str] = ()
    ranges: Sequence[str] = ()


@dataclass(frozen=True)
class TcpRoutes:
    """The routes of one port of a service.

    Attributes:
        mesh: at this moment.
        proxy: whose application calls.
        service: that is called.
        port: of the service.
    """

    mesh: Mesh
    proxy: Proxy
    service: Service
    port: Port

    def routes(self) -> list[TcpRoute]:
        """By SNI, then by address; the service itself where no virtual service says anything."""
        found: list[TcpRoute] = []
        for rule in self._rules():
            found += self._by_name(rule)
        for rule in self._rules():
            by_address = list(self._by_address(rule))
            if by_address:
                return found + by_address
        if found:
            return found
        cluster = names.outbound(self.port.number, "", self.service.host)
        if self.port.protocol.is_tls and self.service.host.count("*") < 2:
            named = (self.service.host,)
            return [TcpRoute([(cluster, 1)], cluster, server_names=named if self._by_sni else ())]
        return [TcpRoute([(cluster, 1)], cluster)]

    @property
    def _by_sni(self) -> bool:
        """Whether the service has no address of its own: then its name in TLS tells it."""
        return self.service.addresses == ("0.0.0.0",)

    def _rules(self) -> Iterator[Resource[VirtualService]]:
        default = self.mesh.config.default_virtual_service_export_to
        for rule in self.mesh.of(VirtualService):
            if _MESH not in (rule.spec.gateways or (_MESH,)):
                continue
            seen = exported(rule.spec.export_to or default, rule.namespace, self.proxy.namespace)
            hosts = (full_name(one, rule.namespace, self.mesh.domain) for one in rule.spec.hosts)
            if seen and any(matches(one, self.service.host) for one in hosts):
                yield rule

    def _by_name(self, rule: Resource[VirtualService]) -> Iterator[TcpRoute]:
        for tls in rule.spec.tls:
            for match in tls.match:
                if self._concerns(match):
                    yield TcpRoute(
                        self._clusters(rule, tls.route),
                        f"{rule.name}.{rule.namespace}",
                        match.sni_hosts,
                        match.destination_subnets,
                    )

    def _by_address(self, rule: Resource[VirtualService]) -> Iterator[TcpRoute]:
        for tcp in rule.spec.tcp:
            for match in tcp.match or (L4Match(),):
                if self._concerns(match):
                    yield TcpRoute(
                        self._clusters(rule, tcp.route),
                        f"{rule.name}.{rule.namespace}",
                        ranges=match.destination_subnets,
                    )

    def _concerns(self, match: TlsMatch | L4Match) -> bool:
        if match.port and match.port != self.port.number:
            return False
        if match.gateways:
            return _MESH in match.gateways
        if match.source_namespace not in ("", self.proxy.namespace):
            return False
        return selects(match.source_labels, self.proxy.labels)

    def _clusters(
        self, rule: Resource[VirtualService], routes: Sequence[RouteDestination]
    ) -> list[tuple[str, int]]:
        services = self.mesh.services
        find = Destinations(self.mesh, self.proxy, services, rule.namespace, self.port.number)
        if len(routes) == 1:
            return [(find.cluster(routes[0].destination), 1)]
        return [(find.cluster(one.destination), one.weight) for one in routes if one.weight]
