"""envoy.resource_monitors.global_downstream_max_connections

Source: envoy/extensions/resource_monitors/downstream_connections/v3/downstream_connections.proto
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lateen.config.support import whole

if TYPE_CHECKING:
    from envoy.extensions.resource_monitors.downstream_connections.v3 import (
        downstream_connections_pb2 as envoy,
    )
    from google.protobuf.message import Message

    from lateen.proxy.compile.context import CompileContext

MESSAGE = "envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig"
SUPPORT = whole(MESSAGE, category="envoy.resource_monitors")


@dataclass(frozen=True)
class DownstreamConnections:
    """Listeners themselves do not take more. As in Envoy, there is no pressure to tell."""

    limit: int


def compile_downstream_connections(
    _ctx: CompileContext, message: Message, _at: str
) -> DownstreamConnections:
    """How many connections all listeners may have together."""
    config: envoy.DownstreamConnectionsConfig = message  # type: ignore[assignment]
    return DownstreamConnections(config.max_active_downstream_connections)
