"""Token buckets and the switches of what limits with them.

Source: envoy/type/v3/token_bucket.proto, RuntimeFeatureFlag in envoy/config/core/v3/base.proto.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.config.support import whole
from lateen.protos import worker_pb2
from lateen.proxy.compile.values import milliseconds

if TYPE_CHECKING:
    from envoy.config.core.v3.base_pb2 import RuntimeFeatureFlag
    from envoy.type.v3.token_bucket_pb2 import TokenBucket

    from lateen.proxy.compile.context import CompileContext

SUPPORT = (
    whole("envoy.type.v3.TokenBucket"),
    whole("envoy.config.core.v3.RuntimeFeatureFlag"),
)

SHORTEST_FILL_MS = 50


def compile_token_bucket(
    ctx: CompileContext, bucket: TokenBucket, at: str
) -> worker_pb2.TokenBucket:
    """A bucket; one that is filled more often than every 50 ms is an error, as in Envoy."""
    interval = milliseconds(bucket.fill_interval)
    if interval < SHORTEST_FILL_MS:
        ctx.error(f"{at}.fill_interval", "local rate limit token bucket fill timer must be >= 50ms")
    filled = bucket.tokens_per_fill.value if bucket.HasField("tokens_per_fill") else 1
    return worker_pb2.TokenBucket(
        max_tokens=bucket.max_tokens, tokens_per_fill=filled, fill_interval_ms=interval
    )


def compile_runtime_flag(flag: RuntimeFeatureFlag) -> worker_pb2.RuntimeFlag:
    """A switch that runtime may turn."""
    return worker_pb2.RuntimeFlag(
        runtime_key=flag.runtime_key, default_value=flag.default_value.value
    )
