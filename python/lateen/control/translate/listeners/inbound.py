"""The listeners of what others send to a sidecar's application.

One listener takes everything that is captured. Its chains tell by the application's port, by TLS
and by ALPN who calls: a peer of the mesh announces itself by an ALPN that begins with `istio`.
Ports that a Sidecar says the proxy itself is to listen to are listeners of their own.

Source: pilot/pkg/networking/core/listener_inbound.go, filterchain_options.go.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from lateen.control.mesh import Mesh
from lateen.control.model.protocol import Protocol
from lateen.control.model.proxy import Build, Interception, Proxy
from lateen.control.resources.peer_authentication import Mode
from lateen.control.resources.traffic import ServerTls
from lateen.control.translate import api, names
from lateen.control.translate.gateways.tls import server_socket
from lateen.control.translate.judges import Judges
from lateen.control.translate.listeners.inspectors import PLAIN_HTTP, inspectors, listener_filter
from lateen.control.translate.listeners.manager import http_manager, network_filter, tcp_proxy
from lateen.control.translate.listeners.tls import peer_socket
from lateen.control.translate.routes.matching import route_match
from lateen.control.translate.routes.retries import inbound_retries
from lateen.control.translate.scope.sidecar import SidecarScope
from lateen.control.translate.served import Served, served
from lateen.control.translate.telemetry import side as telemetry
from lateen.control.translate.telemetry.side import Observed
from lateen.control.translate.values import address, duration
from lateen.control.translate.workloads import MutualTlsModes, mutual_tls_modes

if TYPE_CHECKING:
    from envoy.config.listener.v3.listener_components_pb2 import (
        Filter,
        FilterChain,
    )
    from envoy.config.listener.v3.listener_pb2 import Listener
    from envoy.config.route.v3.route_pb2 import RouteConfiguration

CAPTURED = 15006
_TLS, _PLAIN = "tls", "raw_buffer"
_PEER_HTTP = ("istio-http/1.0", "istio-http/1.1", "istio-h2")
_PEER_TCP = ("istio-peer-exchange", "istio")
_PEER = ("istio", "istio-peer-exchange", "istio-http/1.0", "istio-http/1.1", "istio-h2")


@dataclass(frozen=True)
class Match:
    """How a chain knows its connections.

    Attributes:
        http: whether it reads requests.
        transport: `tls` or `raw_buffer`; empty: either.
        protocols: of ALPN, or as the first bytes tell; none: any.
        mutual: whether it ends mutual TLS.
        tls: how it ends TLS of others; None, and not mutual: TLS is the application's.
    """

    http: bool
    transport: str
    protocols: tuple[str, ...] = ()
    mutual: bool = False
    tls: ServerTls | None = None


#: For each mode and protocol (HTTP, TCP, not known), the chains that a port has.
MATCHES: dict[tuple[str, str], tuple[Match, ...]] = {
    ("STRICT", "http"): (Match(True, _TLS, mutual=True),),
    ("STRICT", "tcp"): (Match(False, _TLS, mutual=True),),
    ("STRICT", "auto"): (Match(True, _TLS, _PEER_HTTP, True), Match(False, _TLS, mutual=True)),
    ("PERMISSIVE", "http"): (Match(True, _TLS, _PEER, True), Match(True, _PLAIN)),
    ("PERMISSIVE", "tcp"): (
        Match(False, _TLS, _PEER, True),
        Match(False, _TLS),
        Match(False, _PLAIN),
    ),
    ("PERMISSIVE", "auto"): (
        Match(True, _TLS, _PEER_HTTP, True),
        Match(True, _PLAIN, PLAIN_HTTP),
        Match(False, _TLS, _PEER_TCP, True),
        Match(False, _PLAIN),
        Match(False, _TLS),
    ),
    ("DISABLE", "http"): (Match(True, _PLAIN),),
    ("DISABLE", "tcp"): (Match(False, _PLAIN),),
    ("DISABLE", "auto"): (Match(True, _PLAIN, PLAIN_HTTP), Match(False, _PLAIN)),
}


def matches_of(mode: Mode, protocol: Protocol) -> tuple[Match, ...]:
    """The chains of a port."""
    kind = "http" if protocol.is_http else "tcp" if protocol.is_tcp else "auto"
    return MATCHES[mode if mode != "UNSET" else "PERMISSIVE", kind]


@dataclass(frozen=True)
class Inbound:
    """What the listeners are made for.

    Attributes:
        mesh: at this moment.
        proxy: whose application is called.
        scope: what the proxy knows.
    """

    mesh: Mesh
    proxy: Proxy
    scope: SidecarScope

    @cached_property
    def _modes(self) -> MutualTlsModes:
        return mutual_tls_modes(self.mesh, self.proxy)

    @cached_property
    def _observed(self) -> Observed:
        return telemetry.inbound(self.mesh, self.proxy)

    @cached_property
    def _judges(self) -> Judges:
        return Judges(self.mesh, self.proxy)

    def listeners(self) -> Iterator[Listener]:
        """The listeners, the one that captured connections come to first."""
        ports = served(self.mesh, self.proxy, self.scope)
        if self.proxy.interception is not Interception.NONE:
            yield self._virtual(ports)
        for port in ports:
            if port.binds:
                chains = self._chains(port.number, port)
                yield self._listener(port.name, port.bind, port.number, chains)

    def _virtual(self, ports: Sequence[Served]) -> Listener:
        chains = [self._black_hole()]
        for number in sorted(self._modes.ports.keys() - {port.number for port in ports}):
            chains += self._chains(number, None)
        chains += self._chains(0, None)
        for port in ports:
            if not port.binds:
                chains += self._chains(port.number, port)
        made = self._listener("virtualInbound", self.proxy.wildcard, CAPTURED, chains)
        made.listener_filters.insert(0, listener_filter("original_dst", api.OriginalDst()))
        if self.proxy.interception is Interception.TPROXY:
            made.transparent.value = True
        return made

    def _listener(self, name: str, bind: str, port: int, chains: Sequence[FilterChain]) -> Listener:
        made = api.Listener(
            name=name,
            address=address(bind, port),
            filter_chains=chains,
            listener_filters=inspectors(chains),
            traffic_direction="INBOUND",
            continue_on_listener_filters_timeout=True,
            access_log=self._observed.listener_logs,
        )
        made.listener_filters_timeout.CopyFrom(duration(0))
        return made

    def _black_hole(self) -> FilterChain:
        made = api.FilterChain(
            name="virtualInbound-blackhole",
            filters=[tcp_proxy(names.BLACK_HOLE, [(names.BLACK_HOLE, 1)])],
        )
        made.filter_chain_match.destination_port.value = CAPTURED
        return made

    def _chains(self, number: int, port: Served | None) -> list[FilterChain]:
        """The chains of a port; 0: of every port that has none of its own."""
        protocol = port.port.protocol if port is not None else Protocol.UNSUPPORTED
        mode = self._modes.of(number)
        tls = port.ingress.tls if port is not None and port.ingress is not None else None
        # What a Sidecar says of TLS has no effect where the mesh speaks its own.
        if tls is not None and mode == "DISABLE":
            return [self._chain(number, Match(protocol.is_http, _TLS, tls=tls), protocol, port)]
        matches = matches_of(mode, protocol)
        return [self._chain(number, match, protocol, port) for match in matches]

    def _chain(
        self, number: int, match: Match, protocol: Protocol, port: Served | None
    ) -> FilterChain:
        cluster = names.inbound(number) if port is not None else names.INBOUND_PASSTHROUGH
        made = api.FilterChain(name=_name(match, port))
        found = made.filter_chain_match
        if number:
            found.destination_port.value = number
        found.transport_protocol = match.transport
        found.application_protocols.extend(match.protocols)
        if match.mutual:
            exchanges = not match.http and self.proxy.build is not Build.ENVOY
            made.transport_socket.CopyFrom(peer_socket(self.mesh.config, exchanges=exchanges))
        elif match.tls is not None:
            made.transport_socket.CopyFrom(server_socket(match.tls, exchanges=False))
        made.filters.extend(self._requests(cluster, protocol, port) if match.http else ())
        made.filters.extend(() if match.http else self._connections(cluster))
        return made

    def _requests(self, cluster: str, protocol: Protocol, port: Served | None) -> Sequence[Filter]:
        prefix = f"inbound_{port.name}" if port is not None else cluster
        routes = _routes(cluster, port, protocol)
        manager = http_manager(prefix, routes, protocol, self._observed, self._judges.of_requests)
        manager.forward_client_cert_details = api.HttpConnectionManager.APPEND_FORWARD
        details = manager.set_current_client_cert_details
        details.subject.value = True
        details.dns = True
        details.uri = True
        return [network_filter(manager)]

    def _connections(self, cluster: str) -> Sequence[Filter]:
        return [
            *self._observed.network_first,
            *self._judges.of_connections,
            *self._observed.network_last,
            tcp_proxy(cluster, [(cluster, 1)], self._observed),
        ]


def _name(match: Match, port: Served | None) -> str:
    if port is not None:
        return port.name
    return "virtualInbound-catchall-http" if match.http else "virtualInbound"


def _routes(cluster: str, port: Served | None, protocol: Protocol) -> RouteConfiguration:
    """Everything goes to the application, however long it takes."""
    made = api.RouteConfiguration(name=cluster)
    made.validate_clusters.value = False
    number = port.port.number if port is not None else 0
    host = made.virtual_hosts.add(name=f"inbound|http|{number}", domains=["*"])
    route = host.routes.add(name="default", match=route_match(None))
    called = port.called if port is not None else ""
    route.decorator.operation = f"{called}:{number}/*"
    action = route.route
    action.cluster = cluster
    action.timeout.CopyFrom(duration(0))
    action.max_stream_duration.max_stream_duration.CopyFrom(duration(0))
    action.max_stream_duration.grpc_timeout_header_max.CopyFrom(duration(0))
    if protocol not in (Protocol.GRPC, Protocol.GRPC_WEB):
        action.retry_policy.CopyFrom(inbound_retries())
    return made
