"""istio.stats, of connections: envoy.filters.network.istio_stats

Source: see lateen.proxy.compile.istio_metrics.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.protos.worker_pb2 import NetworkFilter
from lateen.proxy.compile.istio_metrics import TYPE, compile_metrics
from lateen.proxy.compile.network_filters.owner import FilterOwner
from lateen.proxy.compile.registry import NetworkExtension

if TYPE_CHECKING:
    from contrib.envoy.extensions.filters.http.istio_stats.v3.istio_stats_pb2 import PluginConfig
    from google.protobuf.message import Message

    from lateen.proxy.compile.context import CompileContext


def compile_istio_stats(
    ctx: CompileContext, message: Message, owner: FilterOwner, at: str
) -> NetworkFilter:
    """The filter that tells of the connections of a tcp_proxy by Istio's standard metrics."""
    config: PluginConfig = message  # type: ignore[assignment]
    return NetworkFilter(istio_stats=compile_metrics(ctx, config, at))


EXTENSION = NetworkExtension("envoy.filters.network.istio_stats", TYPE, compile_istio_stats, ())
