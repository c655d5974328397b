"""envoy.filters.network.sni_cluster

Source: envoy/extensions/filters/network/sni_cluster/v3/sni_cluster.proto.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.config.support import whole
from lateen.protos import worker_pb2
from lateen.protos.worker_pb2 import NetworkFilter
from lateen.proxy.compile.network_filters.owner import FilterOwner
from lateen.proxy.compile.registry import NetworkExtension

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from lateen.proxy.compile.context import CompileContext

_TYPE = "envoy.extensions.filters.network.sni_cluster.v3.SniCluster"

SUPPORT = (whole(_TYPE, category="envoy.filters.network"),)


def compile_sni_cluster(
    ctx: CompileContext, message: Message, owner: FilterOwner, at: str
) -> NetworkFilter:
    """The filter that lets a tcp_proxy go to the cluster of the name that the client asks for."""
    return NetworkFilter(sni_cluster=worker_pb2.SniCluster())


EXTENSION = NetworkExtension(
    "envoy.filters.network.sni_cluster", _TYPE, compile_sni_cluster, SUPPORT
)
