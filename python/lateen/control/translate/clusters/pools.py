"""Limits of connections and requests, and what is spoken to a cluster.

Source: pilot/pkg/networking/core/cluster_traffic_policy.go applyConnectionPool.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.control.mesh_config import MeshConfig
from lateen.control.model.protocol import Protocol
from lateen.control.resources.destination_rule import (
    ConnectionPool,
    HttpPool,
    RetryBudget,
    TcpKeepalive,
    TcpPool,
)
from lateen.control.translate import api
from lateen.control.translate.values import duration, uint32

if TYPE_CHECKING:
    from envoy.config.cluster.v3.circuit_breaker_pb2 import CircuitBreakers
    from envoy.config.cluster.v3.cluster_pb2 import Cluster, UpstreamConnectionOptions
    from envoy.extensions.upstreams.http.v3.http_protocol_options_pb2 import HttpProtocolOptions

OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
_UNLIMITED = 2**32 - 1
_BUDGET_PERCENT = 20.0
_BUDGET_CONCURRENCY = 3


def limit(
    cluster: Cluster, pool: ConnectionPool | None, budget: RetryBudget | None, config: MeshConfig
) -> None:
    """Set the limits of a cluster: none but those that are written."""
    tcp = (pool.tcp if pool is not None else None) or TcpPool()
    http = (pool.http if pool is not None else None) or HttpPool()
    cluster.connect_timeout.CopyFrom(duration(tcp.connect_timeout or config.connect_timeout))
    thresholds = api.CircuitBreakers.Thresholds(
        max_connections=uint32(tcp.max_connections or _UNLIMITED),
        max_pending_requests=uint32(http.http1_max_pending_requests or _UNLIMITED),
        max_requests=uint32(http.http2_max_requests or _UNLIMITED),
        max_retries=uint32(http.max_retries or _UNLIMITED),
        track_remaining=True,
    )
    if budget is not None:
        thresholds.retry_budget.CopyFrom(_budget(budget))
    cluster.circuit_breakers.CopyFrom(api.CircuitBreakers(thresholds=[thresholds]))
    keepalive = tcp.tcp_keepalive or config.tcp_keepalive
    if keepalive is not None:
        cluster.upstream_connection_options.CopyFrom(_keepalive(keepalive))


def _budget(budget: RetryBudget) -> CircuitBreakers.Thresholds.RetryBudget:
    made = api.CircuitBreakers.Thresholds.RetryBudget(
        budget_percent=api.Percent(
            value=_BUDGET_PERCENT if budget.percent is None else budget.percent
        ),
        min_retry_concurrency=uint32(budget.min_retry_concurrency or _BUDGET_CONCURRENCY),
    )
    if budget.budget_interval is not None:
        made.budget_interval.CopyFrom(duration(budget.budget_interval))
    return made


def _keepalive(keepalive: TcpKeepalive) -> UpstreamConnectionOptions:
    made = api.TcpKeepalive()
    if keepalive.probes:
        made.keepalive_probes.value = keepalive.probes
    if keepalive.time is not None:
        made.keepalive_time.value = int(keepalive.time)
    if keepalive.interval is not None:
        made.keepalive_interval.value = int(keepalive.interval)
    return api.UpstreamConnectionOptions(tcp_keepalive=made)


def protocols(
    protocol: Protocol, pool: ConnectionPool | None, config: MeshConfig, *, sniffed: bool
) -> HttpProtocolOptions:
    """What is spoken, with what the pool says of it.

    Args:
        protocol: of the port.
        sniffed: the proxy tells the client's protocol by its first bytes, and speaks the same.
    """
    tcp = (pool.tcp if pool is not None else None) or TcpPool()
    http = (pool.http if pool is not None else None) or HttpPool()
    made = api.UpstreamProtocols()
    if http.use_client_protocol or (
        sniffed and protocol is Protocol.UNSUPPORTED and not _upgraded(http, protocol, config)
    ):
        as_client = made.use_downstream_protocol_config
        as_client.http_protocol_options.SetInParent()
        as_client.http2_protocol_options.SetInParent()
    elif protocol.is_http2 or _upgraded(http, protocol, config):
        _set_http2(made, http)
    idle = http.idle_timeout if http.idle_timeout is not None else tcp.idle_timeout
    common = made.common_http_protocol_options
    if idle is not None:
        common.idle_timeout.CopyFrom(duration(idle))
    if http.max_requests_per_connection:
        common.max_requests_per_connection.value = http.max_requests_per_connection
    if tcp.max_connection_duration is not None:
        common.max_connection_duration.CopyFrom(duration(tcp.max_connection_duration))
    return made


def _upgraded(http: HttpPool, protocol: Protocol, config: MeshConfig) -> bool:
    if http.h2_upgrade_policy != "DEFAULT":
        return http.h2_upgrade_policy == "UPGRADE"
    return protocol.is_http and config.h2_upgrade_policy == "UPGRADE"


def _set_http2(made: HttpProtocolOptions, http: HttpPool) -> None:
    http2 = made.explicit_http_config.http2_protocol_options
    http2.SetInParent()
    if http.max_concurrent_streams:
        http2.max_concurrent_streams.value = http.max_concurrent_streams
    if http.http2_keep_alive is not None:
        keepalive = http2.connection_keepalive
        if http.http2_keep_alive.interval is not None:
            keepalive.interval.CopyFrom(duration(http.http2_keep_alive.interval))
        if http.http2_keep_alive.timeout is not None:
            keepalive.timeout.CopyFrom(duration(http.http2_keep_alive.timeout))


def speaks_http2(options: HttpProtocolOptions) -> bool:
    """Whether HTTP/2 is spoken whatever the client speaks."""
    return options.explicit_http_config.HasField("http2_protocol_options")


def set_protocols(cluster: Cluster, options: HttpProtocolOptions) -> None:
    """Give a cluster its options; none where all is as Envoy has it by itself."""
    if not options.ByteSize():
        return
    if options.WhichOneof("upstream_protocol_options") is None:
        options.explicit_http_config.SetInParent()
        options.explicit_http_config.http_protocol_options.SetInParent()
    cluster.typed_extension_protocol_options[OPTIONS].CopyFrom(api.packed(options))
