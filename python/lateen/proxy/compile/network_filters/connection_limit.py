"""envoy.filters.network.connection_limit

Source: envoy/extensions/filters/network/connection_limit/v3/connection_limit.proto.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.config.support import whole
from lateen.protos import worker_pb2
from lateen.protos.worker_pb2 import NetworkFilter
from lateen.proxy.compile.network_filters.owner import FilterOwner
from lateen.proxy.compile.registry import NetworkExtension
from lateen.proxy.compile.stats_blocks import BlockKind
from lateen.proxy.compile.token_bucket import compile_runtime_flag
from lateen.proxy.compile.values import milliseconds

if TYPE_CHECKING:
    from envoy.extensions.filters.network.connection_limit.v3.connection_limit_pb2 import (
        ConnectionLimit,
    )
    from google.protobuf.message import Message

    from lateen.proxy.compile.context import CompileContext

_TYPE = "envoy.extensions.filters.network.connection_limit.v3.ConnectionLimit"

SUPPORT = (whole(_TYPE, category="envoy.filters.network"),)


def compile_connection_limit(
    ctx: CompileContext, message: Message, owner: FilterOwner, at: str
) -> NetworkFilter:
    """The filter that takes so many connections at a time."""
    config: ConnectionLimit = message  # type: ignore[assignment]
    prefix = f"connection_limit.{config.stat_prefix}"
    tags = {"envoy.connection_limit_prefix": config.stat_prefix}
    limit = worker_pb2.ConnectionLimit(
        stats_block=ctx.blocks.allot(BlockKind.CONNECTION_LIMIT, prefix, tags),
        max_connections=config.max_connections.value,
        delay_ms=milliseconds(config.delay),
    )
    if config.HasField("runtime_enabled"):
        limit.enabled.CopyFrom(compile_runtime_flag(config.runtime_enabled))
    return NetworkFilter(connection_limit=limit)


EXTENSION = NetworkExtension(
    "envoy.filters.network.connection_limit", _TYPE, compile_connection_limit, SUPPORT
)
