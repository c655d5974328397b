"""envoy.filters.http.health_check

Source: envoy/extensions/filters/http/health_check/v3/health_check.proto; errors as in Envoy 1.40.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.config.support import whole
from lateen.protos.worker_pb2 import HealthCheckFilter, HttpFilter
from lateen.proxy.compile.matchers import compile_headers
from lateen.proxy.compile.registry import HttpExtension
from lateen.proxy.compile.stats_blocks import BlockKind
from lateen.proxy.compile.values import milliseconds

if TYPE_CHECKING:
    from envoy.extensions.filters.http.health_check.v3.health_check_pb2 import HealthCheck
    from google.protobuf.message import Message

    from lateen.proxy.compile.context import CompileContext
    from lateen.proxy.compile.network_filters.owner import HttpFilterOwner

_TYPE = "envoy.extensions.filters.http.health_check.v3.HealthCheck"

SUPPORT = (whole(_TYPE, category="envoy.filters.http"),)


def compile_health_check_filter(
    ctx: CompileContext, message: Message, owner: HttpFilterOwner, at: str
) -> HttpFilter:
    """The filter that answers whether the proxy, or what is behind it, is well."""
    source: HealthCheck = message  # type: ignore[assignment]
    compiled = HealthCheckFilter(
        stats_block=owner.block(ctx.blocks, BlockKind.HEALTH_CHECK_FILTER, "health_check"),
        headers=compile_headers(ctx, source.headers, f"{at}.headers"),
        pass_through=source.pass_through_mode.value,
        cache_time_ms=milliseconds(source.cache_time),
        cluster=ctx.service_cluster,
    )
    if compiled.cache_time_ms and not compiled.pass_through:
        reason = "cache_time_ms must not be set when path_through_mode is disabled"
        ctx.error(f"{at}.cache_time", reason)
    for name, minimum in sorted(source.cluster_min_healthy_percentages.items()):
        compiled.minima.add(cluster=name, healthy_percent=minimum.value)
    return HttpFilter(health_check=compiled)


EXTENSION = HttpExtension(
    "envoy.filters.http.health_check", _TYPE, compile_health_check_filter, SUPPORT
)
