"""envoy.filters.listener.local_ratelimit

Source: envoy/extensions/filters/listener/local_ratelimit/v3/local_ratelimit.proto.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.config.support import whole
from lateen.protos import worker_pb2
from lateen.protos.worker_pb2 import ListenerFilter
from lateen.proxy.compile.registry import Extension
from lateen.proxy.compile.stats_blocks import BlockKind
from lateen.proxy.compile.token_bucket import compile_runtime_flag, compile_token_bucket

if TYPE_CHECKING:
    from envoy.extensions.filters.listener.local_ratelimit.v3.local_ratelimit_pb2 import (
        LocalRateLimit,
    )
    from google.protobuf.message import Message

    from lateen.proxy.compile.context import CompileContext

_TYPE = "envoy.extensions.filters.listener.local_ratelimit.v3.LocalRateLimit"

SUPPORT = (whole(_TYPE, category="envoy.filters.listener"),)


def compile_local_ratelimit(ctx: CompileContext, message: Message, at: str) -> ListenerFilter:
    """The filter that takes so many connections in a time."""
    config: LocalRateLimit = message  # type: ignore[assignment]
    prefix = f"listener_local_ratelimit.{config.stat_prefix}"
    limit = worker_pb2.LocalRateLimit(
        stats_block=ctx.blocks.allot(BlockKind.LOCAL_RATE_LIMIT, prefix),
        bucket=compile_token_bucket(ctx, config.token_bucket, f"{at}.token_bucket"),
    )
    if config.HasField("runtime_enabled"):
        limit.enabled.CopyFrom(compile_runtime_flag(config.runtime_enabled))
    return ListenerFilter(local_ratelimit=limit)


EXTENSION = Extension(
    "envoy.filters.listener.local_ratelimit", _TYPE, compile_local_ratelimit, SUPPORT
)
