"""The listeners of a gateway: one for each address, a filter chain for each of its servers.

Source: pilot/pkg/networking/core/gateway.go buildGatewayListeners, listener.go
buildGatewayListener.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from lateen.control.mesh import Mesh
from lateen.control.mesh_config import GatewayTopology
from lateen.control.model.proxy import Build, Proxy
from lateen.control.translate import api
from lateen.control.translate.gateways.connections import Connections
from lateen.control.translate.gateways.merge import Address, merged_gateway
from lateen.control.translate.gateways.server import GatewayServer
from lateen.control.translate.gateways.tls import server_socket
from lateen.control.translate.judges import Judges
from lateen.control.translate.listeners.inspectors import listener_filter
from lateen.control.translate.listeners.manager import http_manager, network_filter
from lateen.control.translate.telemetry import side as telemetry
from lateen.control.translate.telemetry.side import Observed
from lateen.control.translate.values import address, duration, uint32

if TYPE_CHECKING:
    from envoy.config.listener.v3.listener_components_pb2 import FilterChain
    from envoy.config.listener.v3.listener_pb2 import Listener
    from envoy.extensions.filters.network.http_connection_manager.v3 import (
        http_connection_manager_pb2 as hcm,
    )

SERVER_NAME = "istio-envoy"
_HANDSHAKE_S = 15.0
_DETAILS_ADDED = ("APPEND_FORWARD", "SANITIZE_SET")


@dataclass(frozen=True)
class Listeners:
    """What the listeners are made for.

    Attributes:
        mesh: at this moment.
        proxy: the gateway.
    """

    mesh: Mesh
    proxy: Proxy

    def listeners(self) -> Iterator[Listener]:
        """The listeners, without addresses at which nothing has a route."""
        for one in merged_gateway(self.mesh, self.proxy).addresses:
            bind = one.bind or self.proxy.wildcard
            chains = list(self._chains(one, f"{bind}_{one.port}"))
            if chains:
                yield self._listener(bind, one.port, chains)

    def _chains(self, one: Address, name: str) -> Iterator[FilterChain]:
        """A chain for what is not TLS, then those of names of TLS."""
        for server in one.plain[:1]:
            for chain in self._read(server, name):
                if one.tls:
                    chain.filter_chain_match.transport_protocol = "raw_buffer"
                yield chain
        taken = {name for server in one.tls if server.ends_tls for name in server.claims}
        for server in one.tls:
            if server.ends_tls:
                yield from (self._secured(one, server) for one in self._read(server, name))
            else:
                yield from self._connections.passed_on(server, taken)

    def _read(self, server: GatewayServer, name: str) -> list[FilterChain]:
        """The chain of a server that sees requests or bytes; none where bytes have no route."""
        if server.reads_requests:
            return [api.FilterChain(filters=[network_filter(self._manager(server, name))])]
        return self._connections.chains(server)

    @cached_property
    def _connections(self) -> Connections:
        return Connections(self.mesh, self.proxy, self._observed, self._judges)

    @cached_property
    def _judges(self) -> Judges:
        return Judges(self.mesh, self.proxy)

    @cached_property
    def _observed(self) -> Observed:
        return telemetry.outbound(self.mesh, self.proxy)

    @property
    def _topology(self) -> GatewayTopology:
        return self.mesh.config.default_config.gateway_topology

    def _manager(self, server: GatewayServer, listener: str) -> hcm.HttpConnectionManager:
        prefix = f"outbound_{listener}"
        made = http_manager(
            prefix, server.table, server.protocol, self._observed, self._judges.of_requests
        )
        if server.server.name and server.ends_tls:
            made.stat_prefix = server.server.name
        made.use_remote_address.value = True
        made.server_name = SERVER_NAME
        made.proxy_100_continue = True
        made.xff_num_trusted_hops = self._topology.num_trusted_proxies
        told = self._topology.forward_client_cert_details
        told = "SANITIZE_SET" if told == "UNDEFINED" else told
        made.MergeFrom(api.HttpConnectionManager(forward_client_cert_details=told))
        if told in _DETAILS_ADDED:
            details = made.set_current_client_cert_details
            details.subject.value = True
            details.cert = details.dns = details.uri = True
        return made

    def _secured(self, chain: FilterChain, server: GatewayServer) -> FilterChain:
        """The chain for the server's names, behind its TLS."""
        chain.filter_chain_match.server_names.extend(server.names)
        has_filters = self.proxy.build is not Build.ENVOY
        exchanges = has_filters and server.is_of_mesh and not server.reads_requests
        if server.tls is not None:
            chain.transport_socket.CopyFrom(server_socket(server.tls, exchanges=exchanges))
        return chain

    def _listener(self, bind: str, port: int, chains: list[FilterChain]) -> Listener:
        """One that binds; a slow handshake keeps no connection for long."""
        for chain in chains:
            chain.transport_socket_connect_timeout.CopyFrom(duration(_HANDSHAKE_S))
        tls = any(
            one.filter_chain_match.server_names or one.transport_socket.name for one in chains
        )
        announced = self._topology.proxy_protocol is not None
        return api.Listener(
            name=f"{bind}_{port}",
            address=address(bind, port),
            listener_filters=[
                *([listener_filter("proxy_protocol", api.ProxyProtocol())] if announced else []),
                *([listener_filter("tls_inspector", api.TlsInspector())] if tls else []),
            ],
            filter_chains=chains,
            traffic_direction="OUTBOUND",
            access_log=self._observed.listener_logs,
            max_connections_to_accept_per_socket_event=uint32(1),
        )
