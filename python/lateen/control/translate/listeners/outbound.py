"""The listeners of what a sidecar's application sends.

Captured connections come to `virtualOutbound`, which hands each to the listener of the address that
was called. HTTP of all services at a port is one listener at any address, whose routes tell them
apart; TCP is a listener at the address of the service.

Source: pilot/pkg/networking/core/listener.go, listener_builder.go.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import TYPE_CHECKING

from lateen.control.mesh import Mesh
from lateen.control.model.protocol import Protocol
from lateen.control.model.proxy import Proxy
from lateen.control.model.service import UNSPECIFIED, Port, Resolution, Service
from lateen.control.translate import api, names
from lateen.control.translate.listeners.manager import http_manager, network_filter, tcp_proxy
from lateen.control.translate.listeners.tcp_routes import TcpRoutes
from lateen.control.translate.values import address, duration

if TYPE_CHECKING:
    from envoy.config.listener.v3.listener_components_pb2 import (
        Filter,
        FilterChain,
        FilterChainMatch,
        ListenerFilter,
    )
    from envoy.config.listener.v3.listener_pb2 import Listener
    from google.protobuf.any_pb2 import Any

CAPTURED = 15001
PLAIN_HTTP = ("http/1.0", "http/1.1", "h2c")
_DETECTION_S = 0.0


@dataclass
class Entry:
    """A listener that is made of the ports of several services.

    Attributes:
        bind: its address.
        port: its port.
        chains: in the order in which they came.
        carries_http: one of the chains reads requests.
    """

    bind: str
    port: int
    chains: list[FilterChain] = field(default_factory=list)
    carries_http: bool = False


@dataclass(frozen=True)
class Outbound:
    """What the listeners are made for.

    Attributes:
        mesh: at this moment.
        proxy: whose application calls.
    """

    mesh: Mesh
    proxy: Proxy

    def listeners(self) -> Iterator[Listener]:
        """The listeners, the one that captured connections come to first."""
        yield self._virtual()
        entries: dict[tuple[str, int], Entry] = {}
        services = self.mesh.visible_services(self.proxy.namespace)
        for service in sorted(services, key=lambda one: (one.created, one.host)):
            if service.resolution is Resolution.ALIAS:
                continue
            for port in service.ports:
                if port.protocol is not Protocol.UDP:
                    self._add(entries, service, port)
        for key in sorted(entries):
            yield self._listener(entries[key])

    @property
    def _wildcard(self) -> str:
        return UNSPECIFIED if self.proxy.has_ipv4 else "::"

    def _virtual(self) -> Listener:
        trap = api.FilterChain(
            name="virtualOutbound-blackhole",
            filters=[tcp_proxy(names.BLACK_HOLE, [(names.BLACK_HOLE, 1)])],
        )
        trap.filter_chain_match.destination_port.value = CAPTURED
        made = api.Listener(
            name="virtualOutbound",
            address=address(self._wildcard, CAPTURED),
            filter_chains=[
                trap,
                api.FilterChain(name="virtualOutbound-catchall-tcp", filters=self._unknown()),
            ],
            traffic_direction="OUTBOUND",
        )
        made.use_original_dst.value = True
        return made

    def _unknown(self) -> list[Filter]:
        """What becomes of calls of addresses that no service has."""
        allowed = self.mesh.config.outbound_traffic_policy.mode == "ALLOW_ANY"
        cluster = names.PASSTHROUGH if allowed else names.BLACK_HOLE
        return [tcp_proxy(cluster, [(cluster, 1)])]

    def _add(self, entries: dict[tuple[str, int], Entry], service: Service, port: Port) -> None:
        if port.protocol.is_http:
            self._add_http(entries, self._wildcard, port, str(port.number))
            return
        for bind, ranges in self._addresses(service, port):
            entry = entries.setdefault((bind, port.number), Entry(bind, port.number))
            if port.protocol is Protocol.UNSUPPORTED:
                anywhere = bind == self._wildcard
                table = str(port.number) if anywhere else f"{service.host}:{port.number}"
                self._add_http(entries, bind, port, table)
            _add_tcp(entry, self._tcp_chains(service, port, ranges))

    def _addresses(self, service: Service, port: Port) -> Iterator[tuple[str, list[str]]]:
        """Where a service's TCP port is listened to, and for which destinations alone."""
        if service.is_headless and service.addresses == (UNSPECIFIED,):
            for endpoint in self.mesh.endpoints.get(service.host, ()):
                own = endpoint.address in self.proxy.addresses
                if endpoint.service_port == port.name and not own:
                    yield endpoint.address, []
            if service.source.kind != "Service":
                yield self._wildcard, []
            return
        for one in service.addresses:
            if "/" in one:
                yield self._wildcard, [one]
            else:
                yield (self._wildcard if one == UNSPECIFIED else one), []

    def _add_http(
        self, entries: dict[tuple[str, int], Entry], bind: str, port: Port, table: str
    ) -> None:
        entry = entries.setdefault((bind, port.number), Entry(bind, port.number))
        if entry.carries_http:
            return
        entry.carries_http = True
        manager = http_manager(f"outbound_{bind}_{port.number}", table, port.protocol)
        chain = api.FilterChain(filters=[network_filter(manager)])
        chain.filter_chain_match.transport_protocol = "raw_buffer"
        chain.filter_chain_match.application_protocols.extend(PLAIN_HTTP)
        entry.chains.insert(0, chain)

    def _tcp_chains(self, service: Service, port: Port, ranges: list[str]) -> list[FilterChain]:
        routes = TcpRoutes(self.mesh, self.proxy, service, port).routes()
        chains = []
        for route in routes:
            chain = api.FilterChain(filters=[tcp_proxy(route.stat_prefix, route.clusters)])
            match = chain.filter_chain_match
            match.server_names.extend(route.server_names)
            for one in [*ranges, *route.ranges]:
                network = ip_network(one, strict=False)
                found = match.prefix_ranges.add(address_prefix=str(network.network_address))
                found.prefix_len.value = network.prefixlen
            chains.append(chain)
        return chains

    def _listener(self, entry: Entry) -> Listener:
        made = api.Listener(
            name=f"{entry.bind}_{entry.port}",
            address=address(entry.bind, entry.port),
            traffic_direction="OUTBOUND",
            continue_on_listener_filters_timeout=True,
            listener_filters=_inspectors(entry.chains),
        )
        made.bind_to_port.value = False
        made.listener_filters_timeout.CopyFrom(duration(_DETECTION_S))
        for chain in entry.chains:
            if chain.filter_chain_match == api.FilterChainMatch():
                made.default_filter_chain.CopyFrom(chain)
                made.default_filter_chain.ClearField("filter_chain_match")
            else:
                made.filter_chains.append(chain)
        if not made.filter_chains:
            made.filter_chains.append(made.default_filter_chain)
            made.ClearField("default_filter_chain")
        elif not made.HasField("default_filter_chain"):
            rest = api.FilterChain(name="PassthroughFilterChain", filters=self._unknown())
            made.default_filter_chain.CopyFrom(rest)
        return made


def _add_tcp(entry: Entry, chains: list[FilterChain]) -> None:
    """Add chains; of two that match alike the first counts."""
    taken = [_key(one.filter_chain_match) for one in entry.chains]
    for chain in chains:
        if _key(chain.filter_chain_match) not in taken:
            taken.append(_key(chain.filter_chain_match))
            entry.chains.append(chain)


def _key(match: FilterChainMatch) -> bytes:
    return match.SerializeToString(deterministic=True)


def _inspectors(chains: list[FilterChain]) -> list[ListenerFilter]:
    """What the first bytes are looked at for."""
    made = []
    if any(chain.filter_chain_match.server_names for chain in chains):
        made.append(_listener_filter("tls_inspector", api.packed(api.TlsInspector())))
    if any(chain.filter_chain_match.application_protocols for chain in chains):
        made.append(_listener_filter("http_inspector", api.packed(api.HttpInspector())))
    return made


def _listener_filter(name: str, config: Any) -> ListenerFilter:
    return api.ListenerFilter(name=f"envoy.filters.listener.{name}", typed_config=config)
