"""Clusters.

Source: envoy/config/cluster/v3/cluster.proto; defaults and errors as in Envoy 1.40.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.config.support import Fields
from lateen.protos import worker_pb2
from lateen.protos.worker_pb2 import Discovery
from lateen.proxy.compile.address import compile_socket_address
from lateen.proxy.compile.circuit_breakers import compile_circuit_breakers, default_limits
from lateen.proxy.compile.discovery import compile_discovery
from lateen.proxy.compile.endpoints import compile_endpoints
from lateen.proxy.compile.forward_proxy import compile_forward_proxy
from lateen.proxy.compile.health_check import compile_health_checks
from lateen.proxy.compile.load_balancing import compile_load_balancing
from lateen.proxy.compile.network_filters import metadata_exchange
from lateen.proxy.compile.network_filters.metadata_exchange import compile_exchange
from lateen.proxy.compile.outlier_detection import compile_outlier_detection
from lateen.proxy.compile.socket_options import (
    compile_socket_options,
    compile_tcp_keepalive,
    freebind_options,
)
from lateen.proxy.compile.stats_blocks import BlockKind
from lateen.proxy.compile.transport_sockets import compile_upstream_socket
from lateen.proxy.compile.transport_sockets.proxy_protocol import unwrap_proxy_protocol
from lateen.proxy.compile.upstream_protocol import compile_upstream_protocol
from lateen.proxy.compile.values import (
    metadata_json,
    milliseconds,
    struct_to_python,
    to_json,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from contrib.envoy.extensions.filters.network.metadata_exchange.v3 import metadata_exchange_pb2
    from envoy.config.cluster.v3 import cluster_pb2 as envoy
    from envoy.config.core.v3.address_pb2 import BindConfig
    from envoy.extensions.clusters.dynamic_forward_proxy.v3.cluster_pb2 import (
        ClusterConfig as ForwardProxy,
    )

    from lateen.proxy.compile.context import CompileContext
    from lateen.proxy.compile.stats_blocks import StatsBlocks

SUPPORT = (
    Fields(
        "envoy.config.cluster.v3.Cluster",
        implemented="""
            name alt_stat_name type cluster_type eds_cluster_config connect_timeout
            per_connection_buffer_limit_bytes lb_policy load_assignment
            max_requests_per_connection circuit_breakers common_http_protocol_options
            http_protocol_options http2_protocol_options typed_extension_protocol_options
            dns_refresh_rate dns_jitter
            dns_failure_refresh_rate respect_dns_ttl dns_lookup_family dns_resolvers
            use_tcp_for_dns_lookups dns_resolution_config typed_dns_resolver_config
            upstream_bind_config least_request_lb_config round_robin_lb_config
            ring_hash_lb_config maglev_lb_config lb_subset_config
            common_lb_config
            transport_socket transport_socket_matches
            metadata protocol_selection upstream_connection_options
            load_balancing_policy track_timeout_budgets track_cluster_stats
            cleanup_interval original_dst_lb_config outlier_detection
            upstream_http_protocol_options health_checks ignore_health_on_host_removal
            close_connections_on_host_health_failure filters
        """,
        harmless={
            "wait_for_warm_on_init": "a static cluster is ready at once",
            "lrs_server": "load goes to load_stats_config, as in Envoy",
            "lrs_report_endpoint_metrics": "load is not reported yet",
            "stats_matcher": "stats_config decides which stats there are",
            "preconnect_policy": "connections are made when they are needed",
        },
    ),
    Fields(
        "envoy.config.cluster.v3.UpstreamConnectionOptions",
        implemented="tcp_keepalive",
        harmless={
            "set_local_interface_name_on_upstream_connections": "no access log or filter shows it",
            "happy_eyeballs_config": "addresses are tried one after the other",
        },
    ),
    Fields(
        "envoy.config.cluster.v3.TrackClusterStats",
        implemented="timeout_budgets request_response_sizes",
        harmless={
            "per_endpoint_stats": "hosts have no stats of their own yet; see /clusters",
        },
    ),
    Fields(
        "envoy.config.cluster.v3.Cluster.TransportSocketMatch",
        implemented="name match transport_socket",
    ),
    Fields(
        "envoy.config.core.v3.BindConfig",
        implemented="""
            source_address freebind socket_options extra_source_addresses
            additional_source_addresses
        """,
    ),
    Fields("envoy.config.core.v3.ExtraSourceAddress", implemented="address"),
    Fields("envoy.config.cluster.v3.Filter", implemented="name typed_config"),
)

_CONNECT_TIMEOUT_MS = 5000
_BUFFER_LIMIT = 1 << 20
_HOST_NAMES = (Discovery.STRICT_DNS, Discovery.LOGICAL_DNS)


def compile_cluster(ctx: CompileContext, source: envoy.Cluster, at: str) -> worker_pb2.Cluster:
    """One cluster, with the endpoints of its load_assignment."""
    name = source.alt_stat_name or source.name
    cluster = worker_pb2.Cluster(
        name=source.name,
        observability_name=name,
        connect_timeout_ms=_CONNECT_TIMEOUT_MS,
        per_connection_buffer_limit_bytes=_BUFFER_LIMIT,
    )
    if source.HasField("connect_timeout"):
        cluster.connect_timeout_ms = milliseconds(source.connect_timeout)
    if source.HasField("per_connection_buffer_limit_bytes"):
        limit = source.per_connection_buffer_limit_bytes.value
        cluster.per_connection_buffer_limit_bytes = limit
    compile_discovery(ctx, source, cluster, at)
    compile_load_balancing(ctx, source, cluster, at)
    compile_upstream_protocol(ctx, source, cluster, at)
    if cluster.discovery == Discovery.DYNAMIC_FORWARD_PROXY:
        config: ForwardProxy = ctx.unpack(source.cluster_type.typed_config)  # type: ignore[assignment]
        compile_forward_proxy(ctx, config, source, cluster, at)
    _compile_hosts(ctx, source, cluster, at)
    _compile_limits(ctx, source, cluster, at)
    _compile_sockets(ctx, source, cluster, at)
    _compile_tracking(ctx, source, cluster, at)
    _compile_filters(ctx, source, cluster, at)
    compile_health_checks(ctx, source, cluster, at)
    closes = source.close_connections_on_host_health_failure
    cluster.close_connections_on_host_health_failure = closes
    if source.HasField("metadata"):
        cluster.metadata_json = metadata_json(source.metadata)
    if source.HasField("outlier_detection"):
        outlier = compile_outlier_detection(source.outlier_detection, ctx.outlier_event_log)
        cluster.outlier_detection.CopyFrom(outlier)
    allot_blocks(ctx.blocks, cluster)
    return cluster


def allot_blocks(blocks: StatsBlocks, cluster: worker_pb2.Cluster) -> list[int]:
    """Gives a compiled cluster its stats blocks, by its observability_name."""
    name = cluster.observability_name
    tags = {"envoy.cluster_name": name}
    cluster.stats_block = blocks.allot(BlockKind.CLUSTER, f"cluster.{name}", tags)
    numbers = [cluster.stats_block]
    if cluster.HasField("outlier_detection"):
        prefix = f"cluster.{name}.outlier_detection"
        cluster.outlier_detection.stats_block = blocks.allot(BlockKind.OUTLIER, prefix, tags)
        numbers.append(cluster.outlier_detection.stats_block)
    numbers += _allot_checks(blocks, cluster.health_checks, f"cluster.{name}.health_check", tags)
    if cluster.HasField("metadata_exchange"):
        numbers.append(metadata_exchange.allot_block(blocks, cluster.metadata_exchange))
    return numbers


def _allot_checks(
    blocks: StatsBlocks, health: worker_pb2.HealthChecks, prefix: str, tags: Mapping[str, str]
) -> list[int]:
    """What has a name counts under it; of several there are gauges of all, too."""
    if len(health.checks) > 1:
        health.stats_block = blocks.allot(BlockKind.HEALTH_CHECKS, prefix, tags)
    for check in health.checks:
        where, of = (prefix, tags)
        if check.name:
            where = f"{prefix}.name.{check.name}"
            of = {**tags, "envoy.health_check_name": check.name}
        check.stats_block = blocks.allot(BlockKind.HEALTH_CHECK, where, of)
    numbers = [health.stats_block, *(check.stats_block for check in health.checks)]
    return [number for number in numbers if number]


def _compile_hosts(
    ctx: CompileContext, source: envoy.Cluster, out: worker_pb2.Cluster, at: str
) -> None:
    if not source.HasField("load_assignment") or out.discovery == Discovery.EDS:
        return
    host_names = out.discovery in _HOST_NAMES
    where = f"{at}.load_assignment"
    if out.discovery == Discovery.AGGREGATE:
        ctx.warning(where, "has no effect: an aggregate cluster has the hosts of its clusters")
        return
    if out.discovery == Discovery.DYNAMIC_FORWARD_PROXY:
        ctx.warning(where, "has no effect: requests name the hosts of the cluster")
        return
    endpoints = compile_endpoints(
        ctx, source.load_assignment, source.name, where, host_names=host_names
    )
    out.endpoints.CopyFrom(endpoints)
    if endpoints.overprovisioning_factor:
        out.lb.overprovisioning_factor = endpoints.overprovisioning_factor


def _compile_limits(
    ctx: CompileContext, source: envoy.Cluster, out: worker_pb2.Cluster, at: str
) -> None:
    if source.HasField("circuit_breakers"):
        where = f"{at}.circuit_breakers"
        default, high = compile_circuit_breakers(ctx, source.circuit_breakers, where)
    else:
        default = high = default_limits()
    out.default_priority.CopyFrom(default)
    out.high_priority.CopyFrom(high)


def _compile_sockets(
    ctx: CompileContext, source: envoy.Cluster, out: worker_pb2.Cluster, at: str
) -> None:
    if source.HasField("transport_socket"):
        where = f"{at}.transport_socket"
        name = out.observability_name
        inner, where = unwrap_proxy_protocol(ctx, source.transport_socket, out, where)
        socket = compile_upstream_socket(ctx, inner, name, where, _alpn(out))
        if socket is not None:
            out.transport_socket.CopyFrom(socket)
    for index, match in enumerate(source.transport_socket_matches):
        where = f"{at}.transport_socket_matches[{index}]"
        _compile_socket_match(ctx, match, out, where)
    if source.HasField("upstream_connection_options"):
        options = source.upstream_connection_options
        if options.HasField("tcp_keepalive"):
            out.tcp_keepalive.CopyFrom(compile_tcp_keepalive(options.tcp_keepalive))
    if source.HasField("upstream_bind_config"):
        _compile_bind(ctx, source.upstream_bind_config, out, f"{at}.upstream_bind_config")
    elif ctx.default_bind is not None:
        _compile_bind(ctx, ctx.default_bind, out, "cluster_manager.upstream_bind_config")


def _compile_filters(
    ctx: CompileContext, source: envoy.Cluster, out: worker_pb2.Cluster, at: str
) -> None:
    for index, each in enumerate(source.filters):
        where = f"{at}.filters[{index}]"
        message = ctx.unpack(each.typed_config)
        if message is not None and message.DESCRIPTOR.full_name == metadata_exchange.TYPE:
            config: metadata_exchange_pb2.MetadataExchange = message  # type: ignore[assignment]
            exchange = compile_exchange(ctx, config, f"{where}.typed_config")
            out.metadata_exchange.CopyFrom(exchange)
        else:
            what = f"the upstream filter {each.name}"
            ctx.unimplemented(where, what, metadata_exchange.EXTENSION.name)


def _alpn(cluster: worker_pb2.Cluster) -> tuple[str, ...]:
    """What is offered to hosts unless `alpn_protocols` says otherwise."""
    if cluster.upstream_protocol == worker_pb2.Cluster.AUTO:
        return ("h2", "http/1.1")
    return ("h2",) if cluster.upstream_protocol == worker_pb2.Cluster.HTTP2 else ()


def _compile_socket_match(
    ctx: CompileContext,
    match: envoy.Cluster.TransportSocketMatch,
    out: worker_pb2.Cluster,
    at: str,
) -> None:
    compiled = out.transport_socket_matches.add(
        name=match.name,
        criteria_json={key: to_json(value) for key, value in struct_to_python(match.match).items()},
    )
    if match.HasField("transport_socket"):
        where = f"{at}.transport_socket"
        name = out.observability_name
        socket = compile_upstream_socket(ctx, match.transport_socket, name, where, _alpn(out))
        if socket is not None:
            compiled.transport_socket.CopyFrom(socket)


def _compile_bind(ctx: CompileContext, bind: BindConfig, out: worker_pb2.Cluster, at: str) -> None:
    if bind.HasField("source_address"):
        address = compile_socket_address(ctx, bind.source_address, f"{at}.source_address")
        out.bind_source.CopyFrom(address)
        if bind.freebind.value:
            out.socket_options.extend(freebind_options(ipv6=":" in address.host))
    out.socket_options.extend(compile_socket_options(bind.socket_options))
    _compile_extra_sources(ctx, bind, out, at)


def _compile_extra_sources(
    ctx: CompileContext, bind: BindConfig, out: worker_pb2.Cluster, at: str
) -> None:
    """A source of the other IP version: two at most, one of each."""
    extra = [
        *((one.address, "extra_source_addresses") for one in bind.extra_source_addresses),
        *((one, "additional_source_addresses") for one in bind.additional_source_addresses),
    ]
    if not extra:
        return
    front = f"Cluster {out.name}'s upstream binding config has"
    where = f"{at}.{extra[0][1]}"
    if not bind.HasField("source_address"):
        reason = (
            f"{front} extra/additional source addresses but no source_address. Extra/additional"
            " addresses cannot be specified if source_address is not set."
        )
        ctx.error(where, reason)
        return
    address = compile_socket_address(ctx, extra[0][0], f"{where}[0]")
    if len(extra) > 1 or (":" in address.host) == (":" in out.bind_source.host):
        reason = (
            f"{front} two same IP version source addresses. Only two different IP version source"
            " addresses can be supported in BindConfig's source_address and"
            " extra_source_addresses/additional_source_addresses fields"
        )
        ctx.error(where, reason)
    out.extra_bind_source.CopyFrom(address)


def _compile_tracking(
    ctx: CompileContext, source: envoy.Cluster, out: worker_pb2.Cluster, at: str
) -> None:
    tracked = source.track_cluster_stats
    out.track_timeout_budgets = source.track_timeout_budgets or tracked.timeout_budgets
    out.track_request_response_sizes = tracked.request_response_sizes
