"""Where connections to a TCP port of a service go, as virtual services say.

Source: pilot/pkg/networking/core/tls.go.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from lateen.control.mesh import Mesh
from lateen.control.model.hosts import MESH
from lateen.control.model.proxy import Proxy
from lateen.control.model.service import UNSPECIFIED, Port, Service
from lateen.control.resources.meta import Resource
from lateen.control.resources.selectors import selects
from lateen.control.resources.virtual_service import (
    L4Match,
    RouteDestination,
    TcpRoute,
    TlsMatch,
    VirtualService,
)
from lateen.control.translate import names
from lateen.control.translate.listeners.chosen import Chosen, choose, settings_for
from lateen.control.translate.routes.destinations import Destinations
from lateen.control.translate.scope.sidecar import Egress


@dataclass(frozen=True)
class TcpRoutes:
    """The routes of one port of a service.

    Attributes:
        mesh: at this moment.
        proxy: whose application calls.
        egress: whose rules count.
        services: that rules may lead to, by host.
        service: that is called.
        port: that is listened to.
        ranges: of addresses that are the service's; none: the listener is at its address.
        anywhere: the listener is at every address.
    """

    mesh: Mesh
    proxy: Proxy
    egress: Egress
    services: Mapping[str, Service]
    service: Service
    port: Port
    ranges: Sequence[str]
    anywhere: bool

    def routes(self) -> list[Chosen]:
        """TLS by its name, else by address; the service itself where no rule says anything."""
        if self.port.protocol.is_tls:
            return list(self._by_name()) or [self._of_service(self._names())]
        return list(self._by_address())

    def _names(self) -> Sequence[str]:
        """The service's name in TLS, where its address does not tell it."""
        addresses = self.service.addresses
        unknown = self.anywhere and addresses == (UNSPECIFIED,)
        return (self.service.host,) if self.ranges or unknown else ()

    def _of_service(self, server_names: Sequence[str] = ()) -> Chosen:
        """The port of the service; its only one where it does not have the listener's."""
        ports = self.service.ports
        number = ports[0].number if len(ports) == 1 else self.port.number
        cluster = names.outbound(number, "", self.service.host)
        settings = settings_for(self.mesh, self.proxy, self.service)
        return Chosen([(cluster, 1)], cluster, settings, server_names, self.ranges)

    @cached_property
    def _rules(self) -> list[Resource[VirtualService]]:
        return self.egress.rules_of(self.service.host)

    def _by_name(self) -> Iterator[Chosen]:
        for rule in self._rules:
            for tls in rule.spec.tls:
                for match in tls.match:
                    if self._concerns(match) and tls.route:
                        hosts = () if "*" in match.sni_hosts else match.sni_hosts
                        ranges = match.destination_subnets if self.port.number else ()
                        yield self._chosen(rule, tls.route, hosts, ranges or self.ranges)

    def _by_address(self) -> Iterator[Chosen]:
        """Up to a route that takes every address, which the service itself is in the end."""
        for rule in self._rules:
            for tcp in rule.spec.tcp:
                ranges = self._ranges_of(tcp) if tcp.route else None
                if ranges is not None:
                    yield self._chosen(rule, tcp.route, (), ranges or self.ranges)
                    if not ranges:
                        return
        yield self._of_service()

    def _ranges_of(self, tcp: TcpRoute) -> Sequence[str] | None:
        """The addresses that a route is for; none: every; None: it is not for this port."""
        here = [match for match in tcp.match or (L4Match(),) if self._concerns(match)]
        if not here:
            return None
        if not self.port.number or any(not match.destination_subnets for match in here):
            return ()
        return tuple(one for match in here for one in match.destination_subnets)

    def _concerns(self, match: TlsMatch | L4Match) -> bool:
        if match.gateways and MESH not in match.gateways:
            return False
        return (
            match.port in (0, self.port.number)
            and match.source_namespace in ("", self.proxy.namespace)
            and selects(match.source_labels, self.proxy.labels)
        )

    def _chosen(
        self,
        rule: Resource[VirtualService],
        routes: Sequence[RouteDestination],
        server_names: Sequence[str],
        ranges: Sequence[str],
    ) -> Chosen:
        find = Destinations(self.mesh, self.proxy, self.services, rule.namespace, self.port.number)
        return choose(find, rule, routes, server_names, ranges)
