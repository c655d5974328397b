"""Values as Envoy's messages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeAlias

from lateen.control.model.proxy import Proxy
from lateen.control.translate import api

if TYPE_CHECKING:
    from envoy.config.cluster.v3.cluster_pb2 import Cluster
    from envoy.config.core.v3.address_pb2 import Address
    from envoy.config.core.v3.base_pb2 import TransportSocket
    from envoy.config.core.v3.config_source_pb2 import ConfigSource
    from google.protobuf.duration_pb2 import Duration
    from google.protobuf.struct_pb2 import Struct
    from google.protobuf.wrappers_pb2 import UInt32Value

AGENT = "sds-grpc"
"""The cluster of the agent, which the bootstrap has."""

UNIX = "unix://"
"""How the path of a socket begins where an address may be written."""

Json: TypeAlias = "bool | float | str | list[Json] | dict[str, Json] | None"


def duration(seconds: float) -> Duration:
    """A length of time."""
    made = api.Duration()
    made.FromNanoseconds(round(seconds * 1e9))
    return made


def uint32(value: int) -> UInt32Value:
    """A number that may be left out."""
    return api.UInt32Value(value=value)


def struct(fields: Mapping[str, Json]) -> Struct:
    """A value as JSON has it."""
    made = api.Struct()
    made.update(fields)
    return made


def address(host: str, port: int) -> Address:
    """An address, a name, or a path (`unix://`)."""
    if host.startswith(UNIX):
        return api.Address(pipe=api.Pipe(path=host.removeprefix(UNIX)))
    return api.Address(socket_address=api.SocketAddress(address=host, port_value=port))


def by_ads(first_fetch: float | None = None) -> ConfigSource:
    """Comes over the stream of all resources.

    Args:
        first_fetch: how long it is waited for, in seconds; 0: as long as it takes. None: as Envoy.
    """
    made = api.ConfigSource(ads=api.AggregatedConfigSource(), resource_api_version="V3")
    if first_fetch is not None:
        made.initial_fetch_timeout.CopyFrom(duration(first_fetch))
    return made


def by_agent() -> ConfigSource:
    """Comes from the agent beside the proxy, which keeps its identity."""
    made = api.ConfigSource(resource_api_version="V3")
    source = made.api_config_source
    source.CopyFrom(api.ApiConfigSource(api_type="GRPC", transport_api_version="V3"))
    source.set_node_on_first_message_only = True
    source.grpc_services.add().envoy_grpc.cluster_name = AGENT
    return made


def dns_lookup_family(proxy: Proxy) -> Cluster.DnsLookupFamily:
    """The addresses that DNS is asked for: those that the proxy can call."""
    if proxy.has_ipv4 and proxy.has_ipv6:
        return api.Cluster.ALL
    return api.Cluster.V4_ONLY if proxy.has_ipv4 else api.Cluster.V6_ONLY


def raw_buffer() -> TransportSocket:
    """A transport socket without TLS."""
    config = api.packed(api.RawBuffer())
    return api.TransportSocket(name="envoy.transport_sockets.raw_buffer", typed_config=config)
