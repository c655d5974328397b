"""Which endpoint of a cluster takes a call, and how it is called."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lateen.control.simulate.call import Call, Tls
from lateen.control.simulate.configuration import Configuration
from lateen.control.simulate.routes import resource_of
from lateen.control.simulate.steps import Lost, Path, Step
from lateen.control.translate import api
from lateen.protos import envoy_types

if TYPE_CHECKING:
    from envoy.config.cluster.v3.cluster_pb2 import Cluster
    from envoy.config.core.v3.base_pb2 import Metadata, TransportSocket
    from envoy.config.endpoint.v3.endpoint_components_pb2 import LbEndpoint
    from google.protobuf.struct_pb2 import Value

_UNAVAILABLE = 503
_SOCKET_MATCH = "envoy.transport_socket_match"
_TLS_SOCKET = "envoy.transport_sockets.tls"
_PROXY_SOCKET = "envoy.transport_sockets.upstream_proxy_protocol"


@dataclass(frozen=True)
class Target:
    """Where a call goes from here.

    Attributes:
        address: of the endpoint.
        port: of the endpoint.
        tls: what this side says in its handshake; None: it speaks plainly.
    """

    address: str
    port: int
    tls: Tls | None


def weighted(names: Sequence[tuple[str, int]], share: float) -> tuple[str, list[Lost], str]:
    """The cluster that gets a call, those that do not, and why.

    Args:
        names: clusters with their weights.
        share: from 0 up to 1: where among all weights the call is; the first come first.
    """
    total = sum(weight for _, weight in names)
    left = share * total
    chosen = names[-1][0]
    for name, weight in names:
        if left < weight:
            chosen = name
            break
        left -= weight
    lost = [Lost(name, f"gets {weight} of {total}") for name, weight in names if name != chosen]
    mine = next(weight for name, weight in names if name == chosen)
    return chosen, lost, f"gets {mine} of {total}"


def target_of(
    configuration: Configuration, name: str, call: Call, identity: str, path: Path
) -> Target | None:
    """The endpoint of a cluster that is chosen; None: there is none.

    Args:
        identity: of this proxy, which it shows in mutual TLS.
    """
    cluster = configuration.clusters.get(name)
    if cluster is None:
        path.refuse(f"there is no cluster {name}", _UNAVAILABLE if call.request else 0)
        return None
    path.add(Step("cluster", name, _kind(cluster), resource=resource_of(cluster.metadata)))
    if not cluster.load_assignment.endpoints and cluster.type == api.Cluster.STATIC:
        path.refuse(f"{name} refuses everything", _UNAVAILABLE if call.request else 0)
        return None
    if cluster.type == api.Cluster.ORIGINAL_DST:
        tls = _tls_of(cluster.transport_socket, call, identity)
        path.add(Step("endpoint", f"{call.address}:{call.port}", "the address that was called"))
        path.end = f"{call.address}:{call.port}"
        return Target(call.address, call.port, tls)
    endpoints = list(_endpoints(configuration, cluster))
    if not endpoints:
        path.refuse(f"{name} has no endpoint", _UNAVAILABLE if call.request else 0)
        return None
    return _target(cluster, endpoints, call, identity, path)


def _kind(cluster: Cluster) -> str:
    found = api.Cluster.DiscoveryType.Name(cluster.type)
    return f"{found}, {api.Cluster.LbPolicy.Name(cluster.lb_policy)}"


def _endpoints(configuration: Configuration, cluster: Cluster) -> Iterator[LbEndpoint]:
    """Those of the first priority that has any."""
    found = cluster.load_assignment
    if cluster.type == api.Cluster.EDS:
        service = cluster.eds_cluster_config.service_name or cluster.name
        if service not in configuration.assignments:
            return
        found = configuration.assignments[service]
    there = [one for one in found.endpoints if one.lb_endpoints]
    first = min((one.priority for one in there), default=0)
    for locality in there:
        if locality.priority == first:
            yield from locality.lb_endpoints


def _target(
    cluster: Cluster, endpoints: Sequence[LbEndpoint], call: Call, identity: str, path: Path
) -> Target:
    chosen = endpoints[0]
    socket, how = _socket(cluster, chosen.metadata)
    tls = _tls_of(socket, call, identity)
    lost = [Lost(_name(one), "balancing may choose it as well") for one in endpoints[1:]]
    why = f"one of {len(endpoints)}" if lost else "the only one"
    path.add(Step("endpoint", _name(chosen), why, lost))
    said = f"SNI {tls.sni or '-'}, ALPN {', '.join(tls.alpn) or '-'}" if tls is not None else "none"
    path.add(Step("tls", said, how))
    path.end = _name(chosen)
    address = chosen.endpoint.address
    if address.WhichOneof("address") == "pipe":
        return Target(address.pipe.path, 0, tls)
    return Target(address.socket_address.address, address.socket_address.port_value, tls)


def _name(endpoint: LbEndpoint) -> str:
    address = endpoint.endpoint.address
    if address.WhichOneof("address") == "pipe":
        return f"unix://{address.pipe.path}"
    return f"{address.socket_address.address}:{address.socket_address.port_value}"


def _socket(cluster: Cluster, metadata: Metadata) -> tuple[TransportSocket, str]:
    """How an endpoint is called, and why so."""
    told: Mapping[str, Value] = {}
    if _SOCKET_MATCH in metadata.filter_metadata:
        told = metadata.filter_metadata[_SOCKET_MATCH].fields
    for match in cluster.transport_socket_matches:
        if all(told.get(name) == value for name, value in match.match.fields.items()):
            return match.transport_socket, f"the endpoint matches {match.name}"
    return cluster.transport_socket, "so the cluster says"


def _tls_of(socket: TransportSocket, call: Call, identity: str) -> Tls | None:
    message = None
    if socket.name in (_TLS_SOCKET, _PROXY_SOCKET):
        message = envoy_types().unpack(socket.typed_config)
    if isinstance(message, api.ProxyProtocolUpstreamTransport):
        return _tls_of(message.transport_socket, call, identity)
    if not isinstance(message, api.UpstreamTlsContext):
        return None
    common = message.common_tls_context
    alpn = tuple(common.alpn_protocols)
    sni = message.sni
    if not sni and call.request is not None:
        sni = call.request.host.partition(":")[0]
    shown = identity if common.tls_certificate_sds_secret_configs else ""
    return Tls(sni, alpn, shown)
