"""istio.stats, of requests: envoy.filters.http.istio_stats

Source: see lateen.proxy.compile.istio_metrics.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.protos.worker_pb2 import HttpFilter
from lateen.proxy.compile.istio_metrics import SUPPORT, TYPE, compile_metrics
from lateen.proxy.compile.registry import HttpExtension

if TYPE_CHECKING:
    from contrib.envoy.extensions.filters.http.istio_stats.v3.istio_stats_pb2 import PluginConfig
    from google.protobuf.message import Message

    from lateen.proxy.compile.context import CompileContext
    from lateen.proxy.compile.network_filters.owner import HttpFilterOwner


def compile_istio_stats(
    ctx: CompileContext, message: Message, owner: HttpFilterOwner, at: str
) -> HttpFilter:
    """The filter that tells of requests by Istio's standard metrics."""
    config: PluginConfig = message  # type: ignore[assignment]
    return HttpFilter(istio_stats=compile_metrics(ctx, config, at))


EXTENSION = HttpExtension("envoy.filters.http.istio_stats", TYPE, compile_istio_stats, SUPPORT)
