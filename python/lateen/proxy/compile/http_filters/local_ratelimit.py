"""envoy.filters.http.local_ratelimit

Source: envoy/extensions/filters/http/local_ratelimit/v3/local_rate_limit.proto; Envoy docs, "Local
rate limit"; errors as in Envoy 1.40.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from lateen.config.support import Fields, whole
from lateen.protos import worker_pb2
from lateen.protos.worker_pb2 import FilterOverride, HttpFilter, HttpLocalRateLimit, LocalDescriptor
from lateen.proxy.compile.headers import compile_options
from lateen.proxy.compile.rate_limits import compile_rate_limits
from lateen.proxy.compile.registry import HttpExtension, Override
from lateen.proxy.compile.stats_blocks import BlockKind
from lateen.proxy.compile.token_bucket import SHORTEST_FILL_MS, compile_token_bucket
from lateen.proxy.compile.values import milliseconds, runtime_fraction

if TYPE_CHECKING:
    from envoy.extensions.common.ratelimit.v3.ratelimit_pb2 import LocalRateLimitDescriptor
    from envoy.extensions.filters.http.local_ratelimit.v3 import local_rate_limit_pb2 as envoy
    from google.protobuf.message import Message

    from lateen.proxy.compile.context import CompileContext
    from lateen.proxy.compile.network_filters.owner import HttpFilterOwner

_TYPE = "envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit"
_COMMON = "envoy.extensions.common.ratelimit.v3"

SUPPORT = (
    Fields(
        _TYPE,
        implemented="""
            stat_prefix status token_bucket filter_enabled filter_enforced
            request_headers_to_add_when_not_enforced response_headers_to_add descriptors stage
            local_rate_limit_per_downstream_connection enable_x_ratelimit_headers vh_rate_limits
            always_consume_default_token_bucket rate_limited_as_resource_exhausted rate_limits
            max_dynamic_descriptors enable_retry_after_header
        """,
        rejected={
            "local_cluster_rate_limit": "every proxy has its own tokens: divide them yourself"
        },
        category="envoy.filters.http",
    ),
    whole(f"{_COMMON}.LocalRateLimitDescriptor"),
    whole(f"{_COMMON}.RateLimitDescriptor.Entry"),
    whole("envoy.type.v3.HttpStatus"),
)

_TOO_MANY = 429
_LOWEST_STATUS = 400
_MOST_DYNAMIC = 20


def compile_local_ratelimit(
    ctx: CompileContext, message: Message, _owner: HttpFilterOwner, at: str
) -> HttpFilter:
    """The filter that lets so many requests pass in a time."""
    config: envoy.LocalRateLimit = message  # type: ignore[assignment]
    return HttpFilter(local_ratelimit=_compile(ctx, config, at))


def compile_local_ratelimit_override(
    ctx: CompileContext, message: Message, out: FilterOverride, at: str
) -> None:
    """The limits of a route, with tokens of their own, in place of the filter's."""
    config: envoy.LocalRateLimit = message  # type: ignore[assignment]
    if not config.HasField("token_bucket"):
        reason = "local rate limit token bucket must be set for per filter configs"
        ctx.error(f"{at}.token_bucket", reason)
    out.local_ratelimit.CopyFrom(_compile(ctx, config, at))


def _compile(ctx: CompileContext, config: envoy.LocalRateLimit, at: str) -> HttpLocalRateLimit:
    tags = {"envoy.local_http_ratelimit_prefix": config.stat_prefix}
    prefix = f"{config.stat_prefix}.http_local_rate_limit"
    spares = config.HasField("always_consume_default_token_bucket")
    most = config.max_dynamic_descriptors
    code = config.status.code
    compiled = HttpLocalRateLimit(
        stats_block=ctx.blocks.allot(BlockKind.HTTP_LOCAL_RATE_LIMIT, prefix, tags),
        status=code if code >= _LOWEST_STATUS else _TOO_MANY,
        request_headers=compile_options(
            ctx,
            config.request_headers_to_add_when_not_enforced,
            f"{at}.request_headers_to_add_when_not_enforced",
        ),
        response_headers=compile_options(
            ctx, config.response_headers_to_add, f"{at}.response_headers_to_add"
        ),
        stage=config.stage,
        per_connection=config.local_rate_limit_per_downstream_connection,
        x_ratelimit_headers=bool(config.enable_x_ratelimit_headers),
        virtual_host_limits=cast("HttpLocalRateLimit.VirtualHostLimits", config.vh_rate_limits),
        spares_default_bucket=spares and not config.always_consume_default_token_bucket.value,
        resource_exhausted=config.rate_limited_as_resource_exhausted,
        rate_limits=compile_rate_limits(ctx, config.rate_limits, f"{at}.rate_limits"),
        max_dynamic_descriptors=(
            most.value if config.HasField("max_dynamic_descriptors") else _MOST_DYNAMIC
        ),
        retry_after_header=config.enable_retry_after_header,
    )
    if config.HasField("filter_enabled"):
        compiled.enabled.CopyFrom(runtime_fraction(config.filter_enabled))
    if config.HasField("filter_enforced"):
        compiled.enforced.CopyFrom(runtime_fraction(config.filter_enforced))
    if milliseconds(config.token_bucket.fill_interval):
        bucket = compile_token_bucket(ctx, config.token_bucket, f"{at}.token_bucket")
        compiled.bucket.CopyFrom(bucket)
    _compile_descriptors(ctx, config, compiled, f"{at}.descriptors")
    _check_rate_limits(ctx, config, f"{at}.rate_limits")
    return compiled


def _compile_descriptors(
    ctx: CompileContext, config: envoy.LocalRateLimit, out: HttpLocalRateLimit, at: str
) -> None:
    known: list[list[tuple[str, str]]] = []
    for index, descriptor in enumerate(config.descriptors):
        entries = [(entry.key, entry.value) for entry in descriptor.entries]
        if entries in known:
            text = ", ".join(f"{key}={value}" for key, value in entries)
            reason = f"duplicate descriptor in the local rate descriptor: {text}"
            ctx.error(f"{at}[{index}].entries", reason)
        known.append(entries)
        out.descriptors.append(_descriptor(ctx, descriptor, f"{at}[{index}]"))


def _descriptor(
    ctx: CompileContext, descriptor: LocalRateLimitDescriptor, at: str
) -> LocalDescriptor:
    bucket = descriptor.token_bucket
    interval = milliseconds(bucket.fill_interval)
    if bucket.max_tokens and interval < SHORTEST_FILL_MS:
        reason = "local rate limit descriptor token bucket fill timer must be >= 50ms"
        ctx.error(f"{at}.token_bucket.fill_interval", reason)
    return LocalDescriptor(
        entries=[
            worker_pb2.RateLimitEntry(key=entry.key, value=entry.value)
            for entry in descriptor.entries
        ],
        bucket=worker_pb2.TokenBucket(
            max_tokens=bucket.max_tokens,
            tokens_per_fill=bucket.tokens_per_fill.value or 1,
            fill_interval_ms=interval,
        ),
        shadow=descriptor.shadow_mode,
    )


def _check_rate_limits(ctx: CompileContext, config: envoy.LocalRateLimit, at: str) -> None:
    for index, limit in enumerate(config.rate_limits):
        where = f"{at}[{index}]"
        if limit.HasField("stage") or limit.disable_key:
            ctx.error(where, "'stage' field and 'disable_key' field are not supported")
        if limit.HasField("limit"):
            ctx.error(f"{where}.limit", "'limit' field is not supported")


EXTENSION = HttpExtension(
    "envoy.filters.http.local_ratelimit",
    _TYPE,
    compile_local_ratelimit,
    SUPPORT,
    Override(_TYPE, compile_local_ratelimit_override),
)
