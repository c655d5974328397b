"""The listeners of what a sidecar's application sends.

Captured connections come to `virtualOutbound`, which hands each to the listener of the address that
was called. HTTP of all services at a port is one listener at any address, whose routes tell them
apart; TCP is a listener at the address of the service. Egress listeners of a Sidecar may take
connections themselves, and all do where nothing is captured.

Source: pilot/pkg/networking/core/listener.go, listener_builder.go.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from ipaddress import ip_network
from typing import TYPE_CHECKING, NamedTuple

from lateen.control.mesh import Mesh
from lateen.control.model.hosts import is_address
from lateen.control.model.protocol import Protocol, parse_protocol
from lateen.control.model.proxy import Interception, Proxy
from lateen.control.model.service import UNSPECIFIED, Port, Resolution, Service
from lateen.control.resources.sidecar import EgressListener
from lateen.control.translate import api, names
from lateen.control.translate.listeners.entries import Entry
from lateen.control.translate.listeners.inbound import CAPTURED as CAPTURED_INBOUND
from lateen.control.translate.listeners.manager import http_manager, network_filter, tcp_proxy
from lateen.control.translate.listeners.tcp_routes import TcpRoutes
from lateen.control.translate.listeners.virtual_outbound import (
    CAPTURED,
    unknown_connections,
    virtual_outbound,
)
from lateen.control.translate.scope.sidecar import Egress, SidecarScope
from lateen.control.translate.telemetry import side as telemetry
from lateen.control.translate.telemetry.side import Observed
from lateen.control.translate.unknown import forward_proxy
from lateen.control.translate.values import UNIX

if TYPE_CHECKING:
    from envoy.config.listener.v3.listener_components_pb2 import Filter, FilterChain
    from envoy.config.listener.v3.listener_pb2 import Listener

# Where the proxy itself listens at every address.
_RESERVED = frozenset((CAPTURED, CAPTURED_INBOUND, 15021, 15090))
Entries = dict[tuple[str, int], Entry]


class Place(NamedTuple):
    """Where an egress listener listens.

    Attributes:
        bind: its address, or a socket's path; empty: at the addresses of the services.
        binds: whether it takes connections itself.
    """

    bind: str
    binds: bool


@dataclass(frozen=True)
class Outbound:
    """What the listeners are made for.

    Attributes:
        mesh: at this moment.
        proxy: whose application calls.
        scope: what the proxy knows.
    """

    mesh: Mesh
    proxy: Proxy
    scope: SidecarScope

    @cached_property
    def _observed(self) -> Observed:
        return telemetry.outbound(self.mesh, self.proxy)

    def listeners(self) -> Iterator[Listener]:
        """The listeners, the one that captured connections come to first."""
        if self.proxy.interception is not Interception.NONE:
            yield virtual_outbound(self.proxy, self.scope.outbound, self._observed)
        entries: Entries = {}
        for egress in self.scope.egress:
            # A port that has a listener of its own is left alone by the one for all ports.
            taken = frozenset(() if egress.listener.port is not None else entries)
            for service in egress.services.values():
                if service.resolution is not Resolution.ALIAS:
                    self._add_service(entries, taken, egress, service)
        for key in sorted(entries):
            yield self._logged(entries[key].listener(self._unknown))
        if self.mesh.config.proxy_http_port:
            yield self._logged(self._http_proxy(self.mesh.config.proxy_http_port))

    def _logged(self, listener: Listener) -> Listener:
        listener.access_log.extend(self._observed.listener_logs)
        return listener

    def _http_proxy(self, port: int) -> Listener:
        """Where applications may send requests for every service, as the mesh says."""
        entry = Entry(self.proxy.loopback, port, True, Protocol.HTTP_PROXY)
        self._add_http(entry, Protocol.HTTP_PROXY, names.HTTP_PROXY_TABLE)
        return entry.listener(self._unknown)

    @cached_property
    def _unknown(self) -> list[Filter]:
        """What becomes of calls of addresses that no service has."""
        return unknown_connections(self.scope.outbound, self._observed)

    def _place(self, listener: EgressListener) -> Place:
        binds = (
            self.proxy.interception is Interception.NONE
            or listener.capture_mode == "NONE"
            or listener.bind.startswith(UNIX)
        )
        return Place(listener.bind or (self.proxy.loopback if binds else ""), binds)

    def _add_service(
        self,
        entries: Entries,
        taken: frozenset[tuple[str, int]],
        egress: Egress,
        service: Service,
    ) -> None:
        place = self._place(egress.listener)
        own = egress.listener.port
        ports = service.ports
        if own is not None:
            ports = (Port(own.name, own.number, parse_protocol(own.protocol)),)
        for port in ports:
            if port.protocol is Protocol.UDP or self._is_reserved(place, port):
                continue
            for bind, ranges in self._addresses(service, port, place):
                key = bind, port.number
                entry = entries.setdefault(key, Entry(*key, place.binds, port.protocol))
                if key not in taken and entry.goes_with(port.protocol):
                    self._add(entry, egress, service, port, ranges)

    def _is_reserved(self, place: Place, port: Port) -> bool:
        anywhere = place.bind == self.proxy.wildcard or (not place.bind and port.protocol.is_http)
        return anywhere and port.number in _RESERVED

    def _addresses(
        self, service: Service, port: Port, place: Place
    ) -> Iterator[tuple[str, list[str]]]:
        """Where a service's port is listened to, and for which destinations alone."""
        if place.bind:
            yield place.bind, []
        elif port.protocol.is_http:
            yield self.proxy.wildcard, []
        elif service.is_headless and service.addresses == (UNSPECIFIED,):
            yield from self._of_endpoints(service, port)
        else:
            for one in service.addresses:
                if "/" in one:
                    yield self.proxy.wildcard, [one]
                else:
                    yield (self.proxy.wildcard if one == UNSPECIFIED else one), []

    def _of_endpoints(self, service: Service, port: Port) -> Iterator[tuple[str, list[str]]]:
        """The addresses of a headless service's endpoints, without the proxy's own.

        What says nothing of its endpoints may be anywhere.
        """
        endpoints = self.mesh.endpoints.get(service.key, ())
        there = [one for one in endpoints if one.service_port == port.name]
        for one in there:
            if one.address not in self.proxy.addresses and is_address(one.address):
                yield one.address, []
        if not there and not service.selects and service.source.kind != "Service":
            yield self.proxy.wildcard, []

    def _add(
        self, entry: Entry, egress: Egress, service: Service, port: Port, ranges: list[str]
    ) -> None:
        table = str(port.number) if port.number else entry.bind
        if port.protocol.is_http:
            self._add_http(entry, port.protocol, table)
            return
        if port.protocol is Protocol.UNSUPPORTED:
            if port.number and entry.bind != self.proxy.wildcard:
                table = f"{service.host}:{port.number}"
            self._add_http(entry, port.protocol, table)
        entry.add_tcp(self._tcp_chains(entry, egress, service, port, ranges))

    def _add_http(self, entry: Entry, protocol: Protocol, table: str) -> None:
        if entry.carries_http:
            return
        last = [forward_proxy(self.proxy)] if self.scope.outbound.asks_dns else []
        prefix = f"outbound_{entry.name}"
        manager = http_manager(prefix, table, protocol, self._observed, last=last)
        told = protocol.is_http and entry.bind != self.proxy.wildcard
        entry.add_http(network_filter(manager), told=told or protocol is Protocol.HTTP_PROXY)

    def _tcp_chains(
        self, entry: Entry, egress: Egress, service: Service, port: Port, ranges: list[str]
    ) -> Iterator[FilterChain]:
        anywhere = entry.bind == self.proxy.wildcard
        routes = TcpRoutes(
            self.mesh, self.proxy, egress, self.scope.services, service, port, ranges, anywhere
        )
        for route in routes.routes():
            proxy = tcp_proxy(route.stat_prefix, route.clusters, self._observed, route.settings)
            chain = api.FilterChain(filters=[*self._observed.network_last, proxy])
            match = chain.filter_chain_match
            match.server_names.extend(route.server_names)
            for one in route.ranges:
                network = ip_network(one, strict=False)
                found = match.prefix_ranges.add(address_prefix=str(network.network_address))
                found.prefix_len.value = network.prefixlen
            yield chain
