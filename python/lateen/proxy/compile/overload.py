"""The overload manager: how many connections all listeners may have.

Source: envoy/config/overload/v3/overload.proto,
envoy/extensions/resource_monitors/downstream_connections/v3/downstream_connections.proto.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.config.support import Fields, whole

if TYPE_CHECKING:
    from envoy.config.overload.v3.overload_pb2 import OverloadManager
    from envoy.extensions.resource_monitors.downstream_connections.v3 import (
        downstream_connections_pb2 as monitors,
    )

    from lateen.proxy.compile.context import CompileContext

_CONNECTIONS = (
    "envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig"
)

SUPPORT = (
    Fields(
        "envoy.config.overload.v3.OverloadManager",
        implemented="resource_monitors",
        harmless={"refresh_interval": "connections are counted as they come and go"},
    ),
    whole("envoy.config.overload.v3.ResourceMonitor"),
    whole(_CONNECTIONS, category="envoy.resource_monitors"),
)


def global_connection_limit(ctx: CompileContext, source: OverloadManager) -> int:
    """How many connections all listeners may have together; 0 for no limit."""
    limit = 0
    for monitor in source.resource_monitors:
        message = ctx.unpack(monitor.typed_config)
        if message is not None and message.DESCRIPTOR.full_name == _CONNECTIONS:
            config: monitors.DownstreamConnectionsConfig = message  # type: ignore[assignment]
            limit = config.max_active_downstream_connections
    return limit
