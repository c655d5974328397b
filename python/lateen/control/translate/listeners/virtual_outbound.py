"""The listener that captured connections of an application come to.

It hands each to the listener of the address that was called, and keeps those of addresses that no
service has.

Source: pilot/pkg/networking/core/listener_builder.go buildVirtualOutboundListener,
buildOutboundCatchAllNetworkFilterChains.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.control.model.protocol import Protocol
from lateen.control.model.proxy import Interception, Proxy
from lateen.control.translate import api, names
from lateen.control.translate.listeners.inspectors import PLAIN_HTTP, inspectors
from lateen.control.translate.listeners.manager import http_manager, network_filter, tcp_proxy
from lateen.control.translate.scope.outbound import OutboundPolicy
from lateen.control.translate.telemetry.side import Observed
from lateen.control.translate.unknown import (
    cluster_of_connections,
    forward_proxy,
    table_of_unknown,
)
from lateen.control.translate.values import address

if TYPE_CHECKING:
    from envoy.config.listener.v3.listener_components_pb2 import Filter, FilterChain
    from envoy.config.listener.v3.listener_pb2 import Listener

CAPTURED = 15001
_NAME = "virtualOutbound"


def virtual_outbound(proxy: Proxy, policy: OutboundPolicy, observed: Observed) -> Listener:
    """The listener.

    Args:
        policy: what becomes of calls that nobody knows.
        observed: how connections are told of.
    """
    chains = [_trap()]
    if policy.asks_dns:
        chains.append(_requests(proxy, policy, observed))
    rest = unknown_connections(policy, observed)
    chains.append(api.FilterChain(name=f"{_NAME}-catchall-tcp", filters=rest))
    made = api.Listener(
        name=_NAME,
        address=address(proxy.wildcard, CAPTURED),
        filter_chains=chains,
        listener_filters=inspectors(chains),
        traffic_direction="OUTBOUND",
        access_log=observed.listener_logs,
    )
    made.use_original_dst.value = True
    if proxy.interception is Interception.TPROXY:
        made.transparent.value = True
    return made


def unknown_connections(policy: OutboundPolicy, observed: Observed) -> list[Filter]:
    """The filters of connections to addresses that no service has."""
    cluster = cluster_of_connections(policy)
    return [*observed.network_last, tcp_proxy(cluster, [(cluster, 1)], observed)]


def _trap() -> FilterChain:
    """Calls of the port itself would go round and round."""
    made = api.FilterChain(
        name=f"{_NAME}-blackhole",
        filters=[tcp_proxy(names.BLACK_HOLE, [(names.BLACK_HOLE, 1)])],
    )
    made.filter_chain_match.destination_port.value = CAPTURED
    return made


def _requests(proxy: Proxy, policy: OutboundPolicy, observed: Observed) -> FilterChain:
    """Requests that tell their host, which DNS is asked for."""
    manager = http_manager(
        f"outbound_{_NAME}_allow_any_dynamic_dns",
        table_of_unknown(policy),
        Protocol.HTTP,
        observed,
        last=[forward_proxy(proxy)],
    )
    made = api.FilterChain(name=f"{_NAME}-catchall-tcp-http", filters=[network_filter(manager)])
    made.filter_chain_match.application_protocols.extend(PLAIN_HTTP)
    return made
