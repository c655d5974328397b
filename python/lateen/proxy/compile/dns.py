"""How a cluster's names are resolved and how often.

Source: envoy/config/cluster/v3/cluster.proto (dns_*), envoy/extensions/clusters/dns/v3,
envoy/extensions/network/dns_resolver; defaults and errors as in Envoy 1.40.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, cast

from lateen.config.support import Fields, whole
from lateen.protos.worker_pb2 import Dns, DnsFamily
from lateen.proxy.compile.address import compile_address
from lateen.proxy.compile.values import milliseconds

if TYPE_CHECKING:
    from collections.abc import Iterable

    from envoy.config.bootstrap.v3.bootstrap_pb2 import Bootstrap
    from envoy.config.cluster.v3.cluster_pb2 import Cluster
    from envoy.config.core.v3.address_pb2 import Address
    from envoy.config.core.v3.extension_pb2 import TypedExtensionConfig
    from envoy.config.core.v3.resolver_pb2 import DnsResolverOptions
    from envoy.extensions.clusters.dns.v3.dns_cluster_pb2 import DnsCluster
    from envoy.extensions.common.dynamic_forward_proxy.v3.dns_cache_pb2 import DnsCacheConfig
    from envoy.extensions.network.dns_resolver.cares.v3.cares_dns_resolver_pb2 import (
        CaresDnsResolverConfig,
    )
    from google.protobuf.duration_pb2 import Duration

    from lateen.proxy.compile.context import CompileContext

    class RefreshRate(Protocol):
        """What both messages for failure refresh rates have."""

        @property
        def base_interval(self) -> Duration:
            """The first wait."""

        @property
        def max_interval(self) -> Duration:
            """The longest wait."""


_TUNING = "it tunes Envoy's resolver library"

SUPPORT = (
    Fields(
        "envoy.extensions.clusters.dns.v3.DnsCluster",
        implemented="""
            dns_refresh_rate dns_failure_refresh_rate respect_dns_ttl dns_jitter
            typed_dns_resolver_config dns_lookup_family all_addresses_in_single_endpoint
        """,
        category="envoy.clusters",
    ),
    Fields(
        "envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig",
        implemented="resolvers dns_resolver_options",
        harmless={
            "use_resolvers_as_fallback": _TUNING,
            "filter_unroutable_families": _TUNING,
            "udp_max_queries": _TUNING,
            "query_timeout_seconds": _TUNING,
            "query_tries": _TUNING,
            "rotate_nameservers": _TUNING,
            "edns0_max_payload_size": _TUNING,
            "max_udp_channel_duration": _TUNING,
            "reinit_channel_on_timeout": _TUNING,
            "qcache_max_ttl": _TUNING,
        },
        category="envoy.network.dns_resolver",
    ),
    Fields(
        "envoy.config.core.v3.DnsResolverOptions",
        implemented="use_tcp_for_dns_lookups no_default_search_domain",
    ),
    whole("envoy.config.cluster.v3.Cluster.RefreshRate"),
    whole("envoy.config.core.v3.DnsResolutionConfig"),
    whole("envoy.extensions.clusters.dns.v3.DnsCluster.RefreshRate"),
    whole(
        "envoy.extensions.network.dns_resolver.getaddrinfo.v3.GetAddrInfoDnsResolverConfig",
        category="envoy.network.dns_resolver",
    ),
    whole(
        "envoy.extensions.network.dns_resolver.apple.v3.AppleDnsResolverConfig",
        category="envoy.network.dns_resolver",
    ),
)

_CARES = "envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig"
_REFRESH_MS = 5000
_CACHE_REFRESH_MS = 60_000
_MAX_FACTOR = 10


def compile_cluster_dns(ctx: CompileContext, cluster: Cluster, at: str) -> Dns:
    """The fields of a cluster whose `type` is STRICT_DNS or LOGICAL_DNS."""
    dns = Dns(
        refresh_ms=_REFRESH_MS,
        jitter_ms=milliseconds(cluster.dns_jitter),
        respect_ttl=cluster.respect_dns_ttl,
        family=cast("DnsFamily", cluster.dns_lookup_family),
    )
    if cluster.HasField("dns_refresh_rate"):
        dns.refresh_ms = milliseconds(cluster.dns_refresh_rate)
    rate = (
        cluster.dns_failure_refresh_rate if cluster.HasField("dns_failure_refresh_rate") else None
    )
    _compile_failure_rate(ctx, rate, dns, f"{at}.dns_failure_refresh_rate")
    if _compile_config(ctx, cluster, dns, at):
        return dns
    if cluster.dns_resolvers or cluster.use_tcp_for_dns_lookups:
        _compile_servers(ctx, cluster.dns_resolvers, dns, f"{at}.dns_resolvers")
        dns.use_tcp = cluster.use_tcp_for_dns_lookups
    else:
        _inherit(ctx, dns)
    return dns


def compile_dns_cluster(ctx: CompileContext, config: DnsCluster, at: str) -> Dns:
    """The extension envoy.clusters.dns; its family is one more than a cluster's (0: AUTO)."""
    dns = Dns(
        refresh_ms=_REFRESH_MS,
        jitter_ms=milliseconds(config.dns_jitter),
        respect_ttl=config.respect_dns_ttl,
        family=cast("DnsFamily", max(config.dns_lookup_family - 1, 0)),
    )
    if config.HasField("dns_refresh_rate"):
        dns.refresh_ms = milliseconds(config.dns_refresh_rate)
    rate = config.dns_failure_refresh_rate if config.HasField("dns_failure_refresh_rate") else None
    _compile_failure_rate(ctx, rate, dns, f"{at}.dns_failure_refresh_rate")
    if config.HasField("typed_dns_resolver_config"):
        where = f"{at}.typed_dns_resolver_config"
        _compile_resolver(ctx, config.typed_dns_resolver_config, dns, where)
    else:
        _inherit(ctx, dns)
    return dns


def compile_cache_dns(ctx: CompileContext, config: DnsCacheConfig, at: str) -> Dns:
    """How the names of a DNS cache are resolved."""
    dns = Dns(refresh_ms=_CACHE_REFRESH_MS, family=cast("DnsFamily", config.dns_lookup_family))
    if config.HasField("dns_refresh_rate"):
        dns.refresh_ms = milliseconds(config.dns_refresh_rate)
    if config.HasField("dns_failure_refresh_rate"):
        where = f"{at}.dns_failure_refresh_rate"
        _compile_failure_rate(ctx, config.dns_failure_refresh_rate, dns, where)
    if _compile_config(ctx, config, dns, at):
        return dns
    if config.use_tcp_for_dns_lookups:
        dns.use_tcp = True
    else:
        _inherit(ctx, dns)
    return dns


def compile_default_resolver(ctx: CompileContext, bootstrap: Bootstrap) -> Dns:
    """The resolver of clusters that name none: resolvers, use_tcp, no_default_search_domain."""
    dns = Dns()
    if not _compile_config(ctx, bootstrap, dns, ""):
        dns.use_tcp = bootstrap.use_tcp_for_dns_lookups
    return dns


def _compile_config(
    ctx: CompileContext, source: Cluster | DnsCacheConfig | Bootstrap, dns: Dns, at: str
) -> bool:
    """Who resolves names by the fields that say so of many resources; False when none does."""
    front = f"{at}." if at else ""
    if source.HasField("typed_dns_resolver_config"):
        where = f"{front}typed_dns_resolver_config"
        _compile_resolver(ctx, source.typed_dns_resolver_config, dns, where)
    elif source.HasField("dns_resolution_config"):
        old = source.dns_resolution_config
        _compile_servers(ctx, old.resolvers, dns, f"{front}dns_resolution_config.resolvers")
        _compile_options(old.dns_resolver_options, dns)
    else:
        return False
    return True


def _inherit(ctx: CompileContext, dns: Dns) -> None:
    if ctx.default_resolver is not None:
        dns.resolvers.extend(ctx.default_resolver.resolvers)
        dns.use_tcp = ctx.default_resolver.use_tcp
        dns.no_default_search_domain = ctx.default_resolver.no_default_search_domain


def _compile_failure_rate(ctx: CompileContext, rate: RefreshRate | None, dns: Dns, at: str) -> None:
    if rate is None:
        dns.failure_base_ms = dns.failure_max_ms = dns.refresh_ms
        return
    dns.failure_base_ms = milliseconds(rate.base_interval)
    longest = milliseconds(rate.max_interval)
    dns.failure_max_ms = longest or dns.failure_base_ms * _MAX_FACTOR
    if dns.failure_max_ms < dns.failure_base_ms:
        reason = (
            "dns_failure_refresh_rate must have max_interval greater than or equal to the"
            " base_interval"
        )
        ctx.error(f"{at}.max_interval", reason)


def _compile_resolver(ctx: CompileContext, config: TypedExtensionConfig, dns: Dns, at: str) -> None:
    message = ctx.unpack(config.typed_config)
    if message is None or message.DESCRIPTOR.full_name != _CARES:
        return
    cares: CaresDnsResolverConfig = message  # type: ignore[assignment]
    _compile_servers(ctx, cares.resolvers, dns, f"{at}.typed_config.resolvers")
    _compile_options(cares.dns_resolver_options, dns)


def _compile_servers(ctx: CompileContext, servers: Iterable[Address], dns: Dns, at: str) -> None:
    for index, server in enumerate(servers):
        address = compile_address(ctx, server, f"{at}[{index}]")
        if address.WhichOneof("kind") == "socket":
            dns.resolvers.append(address.socket)


def _compile_options(options: DnsResolverOptions, dns: Dns) -> None:
    dns.use_tcp = options.use_tcp_for_dns_lookups
    dns.no_default_search_domain = options.no_default_search_domain
