"""envoy.filters.network.tcp_proxy

Source: envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy.proto; defaults as in Envoy 1.40.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.config.support import Fields, whole
from lateen.protos import worker_pb2
from lateen.protos.worker_pb2 import NetworkFilter
from lateen.proxy.compile.access_log import compile_access_logs
from lateen.proxy.compile.hash_policy import compile_connection_hash_policies
from lateen.proxy.compile.metadata_criteria import criteria_json
from lateen.proxy.compile.network_filters import tunneling
from lateen.proxy.compile.network_filters.owner import FilterOwner
from lateen.proxy.compile.on_demand import compile_odcds
from lateen.proxy.compile.proxy_protocol_tlvs import compile_tlvs
from lateen.proxy.compile.registry import NetworkExtension
from lateen.proxy.compile.stats_blocks import BlockKind
from lateen.proxy.compile.values import milliseconds

if TYPE_CHECKING:
    from envoy.extensions.filters.network.tcp_proxy.v3.tcp_proxy_pb2 import TcpProxy
    from google.protobuf.message import Message

    from lateen.proxy.compile.context import CompileContext

_PACKAGE = "envoy.extensions.filters.network.tcp_proxy.v3"

SUPPORT = (
    Fields(
        f"{_PACKAGE}.TcpProxy",
        implemented="""
            stat_prefix cluster weighted_clusters idle_timeout access_log max_connect_attempts
            max_downstream_connection_duration access_log_options access_log_flush_interval
            flush_access_log_on_connected max_downstream_connection_duration_jitter_percentage
            backoff_options upstream_connect_mode max_early_data_bytes tunneling_config
            proxy_protocol_tlvs on_demand hash_policy metadata_match
        """,
        category="envoy.filters.network",
    ),
    whole(f"{_PACKAGE}.TcpProxy.TcpAccessLogOptions"),
    Fields(
        f"{_PACKAGE}.TcpProxy.OnDemand",
        implemented="odcds_config timeout",
        harmless={"resources_locator": "Envoy 1.40 does not read it"},
    ),
    *tunneling.SUPPORT,
    Fields(f"{_PACKAGE}.TcpProxy.WeightedCluster", implemented="clusters"),
    Fields(
        f"{_PACKAGE}.TcpProxy.WeightedCluster.ClusterWeight",
        implemented="name weight metadata_match",
    ),
)

_IDLE_MS = 3_600_000
_IMMEDIATE, _ON_DATA = 0, 1
_LONGEST_BACKOFF = 10
_ODCDS_MS = 60_000


def compile_tcp_proxy(
    ctx: CompileContext, message: Message, owner: FilterOwner, at: str
) -> NetworkFilter:
    """The filter that joins a connection to one of a cluster."""
    config: TcpProxy = message  # type: ignore[assignment]
    longest = milliseconds(config.max_downstream_connection_duration)
    proxy = worker_pb2.TcpProxy(
        stat_prefix=config.stat_prefix,
        stats_block=ctx.blocks.allot(
            BlockKind.TCP, f"tcp.{config.stat_prefix}", {"envoy.tcp_prefix": config.stat_prefix}
        ),
        idle_timeout_ms=_IDLE_MS,
        max_connect_attempts=config.max_connect_attempts.value or 1,
        max_downstream_connection_duration_ms=longest,
        metadata_match_json=criteria_json(config.metadata_match),
        access_logs=compile_access_logs(ctx, config.access_log, f"{at}.access_log"),
    )
    if config.HasField("idle_timeout"):
        proxy.idle_timeout_ms = milliseconds(config.idle_timeout)
    if config.WhichOneof("cluster_specifier") == "weighted_clusters":
        for weight in config.weighted_clusters.clusters:
            criteria = criteria_json(weight.metadata_match, config.metadata_match)
            proxy.clusters.add(name=weight.name, weight=weight.weight, metadata_match_json=criteria)
    else:
        proxy.clusters.add(name=config.cluster, weight=1)
    if config.on_demand.HasField("odcds_config"):
        on_demand = config.on_demand
        timeout_ms = _ODCDS_MS
        if on_demand.HasField("timeout"):
            timeout_ms = on_demand.timeout.ToMilliseconds()
        proxy.on_demand.CopyFrom(
            compile_odcds(
                ctx, on_demand.odcds_config, timeout_ms, f"{at}.on_demand", "odcds_config"
            )
        )
    proxy.hash_policy.extend(compile_connection_hash_policies(config.hash_policy))
    _compile_connecting(ctx, config, proxy, at)
    _compile_log_options(ctx, config, proxy, at)
    return NetworkFilter(tcp_proxy=proxy)


def _compile_connecting(
    ctx: CompileContext, config: TcpProxy, out: worker_pb2.TcpProxy, at: str
) -> None:
    """When and how the upstream is connected."""
    out.max_duration_jitter = config.max_downstream_connection_duration_jitter_percentage.value
    if config.HasField("backoff_options"):
        base = milliseconds(config.backoff_options.base_interval)
        out.backoff_base_ms = base
        out.backoff_max_ms = _LONGEST_BACKOFF * base
        if config.backoff_options.HasField("max_interval"):
            out.backoff_max_ms = milliseconds(config.backoff_options.max_interval)
            if out.backoff_max_ms < base:
                ctx.error(
                    f"{at}.backoff_options.max_interval",
                    "max_backoff must be greater or equal to base_backoff",
                )
    if config.upstream_connect_mode != _IMMEDIATE and not config.HasField("max_early_data_bytes"):
        reason = "max_early_data_bytes must be set when upstream_connect_mode is not IMMEDIATE"
        ctx.error(f"{at}.max_early_data_bytes", reason)
    if config.upstream_connect_mode == _ON_DATA:
        out.connect_on_data = True
        out.max_early_data_bytes = config.max_early_data_bytes.value
    out.proxy_protocol_tlvs.extend(
        compile_tlvs(ctx, config.proxy_protocol_tlvs, f"{at}.proxy_protocol_tlvs")
    )
    if config.HasField("tunneling_config"):
        where = f"{at}.tunneling_config"
        out.tunnel.CopyFrom(tunneling.compile_tunnel(ctx, config.tunneling_config, where))


def _compile_log_options(
    ctx: CompileContext, config: TcpProxy, out: worker_pb2.TcpProxy, at: str
) -> None:
    """When access logs are written besides at the end; two deprecated fields say a part of it."""
    options = config.access_log_options
    interval = options.access_log_flush_interval
    out.flush_access_log_on_connected = options.flush_access_log_on_connected
    out.flush_access_log_on_start = options.flush_access_log_on_start
    if not config.HasField("access_log_options"):
        interval = config.access_log_flush_interval
        out.flush_access_log_on_connected = config.flush_access_log_on_connected
    elif config.HasField("access_log_flush_interval"):
        _report_both(ctx, "access_log_flush_interval", at)
    elif config.flush_access_log_on_connected:
        _report_both(ctx, "flush_access_log_on_connected", at)
    out.access_log_flush_interval_ms = milliseconds(interval)


def _report_both(ctx: CompileContext, field: str, at: str) -> None:
    ctx.error(f"{at}.{field}", f"Only one of {field} or access_log_options can be specified.")


EXTENSION = NetworkExtension(
    "envoy.filters.network.tcp_proxy",
    f"{_PACKAGE}.TcpProxy",
    compile_tcp_proxy,
    SUPPORT,
    terminal=True,
)
