"""DNS caches, which resolve the names that requests ask for.

Source: envoy/extensions/common/dynamic_forward_proxy/v3/dns_cache.proto; defaults and errors as in
Envoy 1.40.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from lateen.config.support import Fields, whole
from lateen.protos.worker_pb2 import DnsCache
from lateen.proxy.compile.address import compile_cidrs
from lateen.proxy.compile.dns import compile_cache_dns
from lateen.proxy.compile.stats_blocks import BlockKind
from lateen.proxy.compile.values import milliseconds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from envoy.config.core.v3.address_pb2 import CidrRange
    from envoy.extensions.common.dynamic_forward_proxy.v3.dns_cache_pb2 import DnsCacheConfig

    from lateen.proxy.compile.context import CompileContext

_PACKAGE = "envoy.extensions.common.dynamic_forward_proxy.v3"

SUPPORT = (
    Fields(
        f"{_PACKAGE}.DnsCacheConfig",
        implemented="""
            name dns_lookup_family dns_refresh_rate dns_min_refresh_rate host_ttl max_hosts
            disable_dns_refresh_on_failure dns_failure_refresh_rate dns_cache_circuit_breaker
            use_tcp_for_dns_lookups dns_resolution_config typed_dns_resolver_config
            preresolve_hostnames dns_query_timeout resolved_address_filter
        """,
    ),
    whole(f"{_PACKAGE}.DnsCacheCircuitBreakers"),
)

_MIN_REFRESH_MS = 5000
_HOST_TTL_MS = 300_000
_QUERY_TIMEOUT_MS = 5000
_MAX_HOSTS = 1024
_MAX_PENDING = 1024


def compile_dns_cache(ctx: CompileContext, config: DnsCacheConfig, at: str) -> DnsCache:
    """A cache. Whoever names the same has the same cache, and must say the same of it."""
    cache = DnsCache(
        name=config.name,
        dns=compile_cache_dns(ctx, config, at),
        min_refresh_ms=_MIN_REFRESH_MS,
        host_ttl_ms=_HOST_TTL_MS,
        max_hosts=config.max_hosts.value if config.HasField("max_hosts") else _MAX_HOSTS,
        no_refresh_on_failure=config.disable_dns_refresh_on_failure,
        max_pending_requests=_MAX_PENDING,
        query_timeout_ms=_QUERY_TIMEOUT_MS,
    )
    if config.HasField("dns_min_refresh_rate"):
        cache.min_refresh_ms = milliseconds(config.dns_min_refresh_rate)
    if config.HasField("host_ttl"):
        cache.host_ttl_ms = milliseconds(config.host_ttl)
    if config.HasField("dns_query_timeout"):
        cache.query_timeout_ms = milliseconds(config.dns_query_timeout)
    if config.dns_cache_circuit_breaker.HasField("max_pending_requests"):
        cache.max_pending_requests = config.dns_cache_circuit_breaker.max_pending_requests.value
    _compile_preresolved(ctx, config, cache, at)
    if config.HasField("resolved_address_filter"):
        ranges = cast("Sequence[CidrRange]", config.resolved_address_filter.ranges)
        where = f"{at}.resolved_address_filter.ranges"
        cache.filtered.extend(compile_cidrs(ctx, ranges, where))
        cache.filter_inverted = config.resolved_address_filter.invert_match
    _allot(ctx, config, cache, at)
    return cache


def _compile_preresolved(
    ctx: CompileContext, config: DnsCacheConfig, cache: DnsCache, at: str
) -> None:
    names = config.preresolve_hostnames
    if len(names) > cache.max_hosts:
        reason = (
            f"DNS Cache [{config.name}] configured with preresolve_hostnames={len(names)} larger"
            f" than max_hosts={cache.max_hosts}"
        )
        ctx.error(f"{at}.preresolve_hostnames", reason)
    for name in names:
        cache.preresolve.add(host=name.address, port=name.port_value)


def _allot(ctx: CompileContext, config: DnsCacheConfig, cache: DnsCache, at: str) -> None:
    """The block of stats tells caches apart: it is the name's as long as one of it is used."""
    cache.stats_block = ctx.blocks.allot(BlockKind.DNS_CACHE, f"dns_cache.{config.name}")
    settings = config.SerializeToString(deterministic=True)
    if ctx.dns_caches.setdefault(cache.stats_block, settings) != settings:
        reason = f"config specified DNS cache '{config.name}' with different settings"
        ctx.error(at, reason, "give one of them another name")
