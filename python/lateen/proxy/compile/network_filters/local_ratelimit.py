"""envoy.filters.network.local_ratelimit

Source: envoy/extensions/filters/network/local_ratelimit/v3/local_rate_limit.proto.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.config.support import whole
from lateen.protos import worker_pb2
from lateen.protos.worker_pb2 import NetworkFilter
from lateen.proxy.compile.network_filters.owner import FilterOwner
from lateen.proxy.compile.registry import NetworkExtension
from lateen.proxy.compile.stats_blocks import BlockKind
from lateen.proxy.compile.token_bucket import compile_runtime_flag, compile_token_bucket

if TYPE_CHECKING:
    from envoy.extensions.filters.network.local_ratelimit.v3.local_rate_limit_pb2 import (
        LocalRateLimit,
    )
    from google.protobuf.message import Message

    from lateen.proxy.compile.context import CompileContext

_TYPE = "envoy.extensions.filters.network.local_ratelimit.v3.LocalRateLimit"

SUPPORT = (whole(_TYPE, category="envoy.filters.network"),)


def compile_local_ratelimit(
    ctx: CompileContext, message: Message, owner: FilterOwner, at: str
) -> NetworkFilter:
    """The filter that takes so many connections in a time."""
    config: LocalRateLimit = message  # type: ignore[assignment]
    prefix = f"local_rate_limit.{config.stat_prefix}"
    tags = {"envoy.local_network_ratelimit_prefix": config.stat_prefix}
    limit = worker_pb2.LocalRateLimit(
        stats_block=ctx.blocks.allot(BlockKind.LOCAL_RATE_LIMIT, prefix, tags),
        bucket=compile_token_bucket(ctx, config.token_bucket, f"{at}.token_bucket"),
        share_key=config.share_key,
    )
    if config.HasField("runtime_enabled"):
        limit.enabled.CopyFrom(compile_runtime_flag(config.runtime_enabled))
    return NetworkFilter(local_ratelimit=limit)


EXTENSION = NetworkExtension(
    "envoy.filters.network.local_ratelimit", _TYPE, compile_local_ratelimit, SUPPORT
)
