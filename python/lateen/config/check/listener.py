"""Listeners: an address of their own, and filter chains that can be told apart."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from lateen.config.check.context import CheckContext
from lateen.config.diagnostics import nearest
from lateen.config.paths import Place

if TYPE_CHECKING:
    from envoy.config.bootstrap.v3.bootstrap_pb2 import Bootstrap
    from envoy.config.core.v3.address_pb2 import Address, CidrRange, SocketAddress
    from envoy.config.listener.v3.listener_components_pb2 import FilterChainMatch
    from envoy.config.listener.v3.listener_pb2 import Listener
    from envoy.extensions.filters.network.tcp_proxy.v3.tcp_proxy_pb2 import TcpProxy


def addresses(message: Bootstrap, place: Place, cx: CheckContext) -> None:
    """No two listeners have one address. Listeners of one name replace each other."""
    owners: dict[str, str] = {}
    names: set[str] = set()
    for index, listener in enumerate(message.static_resources.listeners):
        where: Place = (((place, "static_resources"), "listeners"), index)
        if listener.name and listener.name in names:
            cx.doubt((where, "name"), f"another listener is called {listener.name!r} too")
        names.add(listener.name)
        for address in [
            listener.address,
            *(more.address for more in listener.additional_addresses),
        ]:
            key = _key(address)
            if key is None:
                continue
            owner = owners.setdefault(key, listener.name or str(index))
            if owner != (listener.name or str(index)):
                text = f"listener {owner!r} has the address {key} already"
                cx.error((where, "address"), text, "give one of them another address or port")


def _key(address: Address) -> str | None:
    """An address that two listeners cannot share; None for one that is chosen by the system."""
    if address.HasField("pipe"):
        return address.pipe.path
    socket = address.socket_address
    if not socket.port_value:
        return None
    kind = "udp " if socket.protocol == socket.UDP else ""
    return f"{kind}{socket.address}:{socket.port_value}"


def listener(message: Listener, place: Place, cx: CheckContext) -> None:
    """A listener has an address, and its filter chains differ in what they match."""
    if not message.HasField("address") and not (
        message.HasField("internal_listener") or message.HasField("api_listener")
    ):
        cx.error((place, "address"), "a listener needs an address")
    socket = message.address.socket_address
    if socket.ipv4_compat and not _takes_ipv4(socket):
        where: Place = ((place, "address"), "socket_address")
        text = "ipv4_compat is for '::' and IPv4-mapped IPv6 addresses"
        cx.error((where, "ipv4_compat"), text, "remove it")
    if not message.HasField("filter_chain_matcher"):
        _check_chains(message, place, cx)


def _takes_ipv4(socket: SocketAddress) -> bool:
    try:
        address = ipaddress.IPv6Address(socket.address)
    except ValueError:
        return False
    return address.is_unspecified or address.ipv4_mapped is not None


def _check_chains(message: Listener, place: Place, cx: CheckContext) -> None:
    seen: dict[bytes, int] = {}
    for index, chain in enumerate(message.filter_chains):
        where: Place = ((place, "filter_chains"), index)
        match = (where, "filter_chain_match")
        first = seen.setdefault(
            chain.filter_chain_match.SerializeToString(deterministic=True), index
        )
        if first != index:
            text = f"filter_chains[{first}] matches the same connections"
            cx.error(match, text, "give the filter chains different matches")
        _check_match(chain.filter_chain_match, match, cx)


def _check_match(message: FilterChainMatch, place: Place, cx: CheckContext) -> None:
    """What is listed in one match differs: each item is a rule of its own."""
    for number, name in enumerate(message.server_names):
        if name == "*":
            text = 'a server name "*" is not supported'
            cx.error(((place, "server_names"), number), text, "leave server_names out")
    lists: dict[str, list[str]] = {
        "server_names": [name.lower().removeprefix("*") for name in message.server_names],
        "application_protocols": list(message.application_protocols),
        "source_ports": [str(port) for port in message.source_ports],
        "prefix_ranges": [_network(each) for each in message.prefix_ranges],
        "source_prefix_ranges": [_network(each) for each in message.source_prefix_ranges],
    }
    for name, values in lists.items():
        for number, value in enumerate(values):
            if value in values[:number]:
                text = f"{value!r} is matched twice: filter chains must not overlap"
                cx.error(((place, name), number), text, "remove one of them")


def _network(cidr: CidrRange) -> str:
    """The addresses of a range, however they are written."""
    try:
        size = 128 if ":" in cidr.address_prefix else 32
        length = min(cidr.prefix_len.value, size)
        return str(ipaddress.ip_network(f"{cidr.address_prefix}/{length}", strict=False))
    except ValueError:
        return f"{cidr.address_prefix}/{cidr.prefix_len.value}"


def tcp_proxy(message: TcpProxy, place: Place, cx: CheckContext) -> None:
    """A TCP proxy to a cluster that does not exist is valid: it closes every connection."""
    names = cx.cluster_names
    wanted = [(message.cluster, (place, "cluster"))] if message.cluster else []
    for index, cluster in enumerate(message.weighted_clusters.clusters):
        where: Place = (((place, "weighted_clusters"), "clusters"), index)
        wanted.append((cluster.name, (where, "name")))
    dynamic = cx.bootstrap.dynamic_resources
    if dynamic.HasField("cds_config") or dynamic.cds_resources_locator:
        return
    for name, where in wanted:
        if name not in names:
            cx.doubt(where, f"there is no cluster {name!r}", nearest(name, names))
