"""The stats of each kind of block of proto/worker_stats.proto, beside those that no worker counts.
Those of filters and of receivers of telemetry are in filter_layouts.py.

The names are the enums'. What the enums do not say is here: which are gauges, which stats exist
only once something happened, and which are always 0 in this proxy but exist in Envoy.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence

from lateen.protos import worker_stats_pb2 as wire
from lateen.proxy.stats.model import Layout, StatKind


def stat_name(value_name: str, enum_prefix: str) -> str:
    """The stat that an enum value names: lower case, without the prefix; `__` is a dot, `___` a
    hyphen.

    A leading `_` of what is left stays: it belongs to no stat.
    """
    return value_name.removeprefix(enum_prefix).lower().replace("___", "-").replace("__", ".")


_PRIORITIES = ("default", "high")
_REMAINING = ("cx", "pending", "rq", "retries", "cx_pools")

_LISTENER_GAUGES = frozenset({"downstream_cx_active", "downstream_pre_cx_active"})
_LISTENER_IMPLIED = dict.fromkeys(_LISTENER_GAUGES, "downstream_cx_total")

_HTTP_GAUGES = frozenset(
    {
        "downstream_cx_active",
        "downstream_cx_http1_active",
        "downstream_cx_http1_soft_drain",
        "downstream_cx_http2_active",
        "downstream_cx_http3_active",
        "downstream_cx_rx_bytes_buffered",
        "downstream_cx_ssl_active",
        "downstream_cx_tx_bytes_buffered",
        "downstream_cx_upgrades_active",
        "downstream_rq_active",
    }
)
_HTTP_IMPLIED = {
    "downstream_cx_active": "downstream_cx_total",
    "downstream_cx_http1_active": "downstream_cx_http1_total",
    "downstream_cx_rx_bytes_buffered": "downstream_cx_rx_bytes_total",
    "downstream_cx_upgrades_active": "downstream_cx_upgrades_total",
    "downstream_rq_active": "downstream_rq_total",
}

_HTTP2_GAUGES = (
    "http2.outbound_control_frames_active",
    "http2.outbound_frames_active",
    "http2.pending_send_bytes",
    "http2.streams_active",
)

_RING_HASH = (
    "ring_hash_lb.size",
    "ring_hash_lb.min_hashes_per_host",
    "ring_hash_lb.max_hashes_per_host",
)
_MAGLEV = ("maglev_lb.min_entries_per_host", "maglev_lb.max_entries_per_host")

_DUPLICATE = "lb_subsets_single_host_per_subset_duplicate"

_CLUSTER_GAUGES = frozenset(
    {
        *_HTTP2_GAUGES,
        *_RING_HASH,
        *_MAGLEV,
        "lb_subsets_active",
        _DUPLICATE,
        "max_host_weight",
        "membership_degraded",
        "membership_excluded",
        "membership_healthy",
        "membership_total",
        "upstream_cx_active",
        "upstream_cx_rx_bytes_buffered",
        "upstream_cx_tx_bytes_buffered",
        "upstream_queue_overloaded",
        "upstream_rq_active",
        "upstream_rq_pending_active",
        "version",
        "warming_state",
        *(
            f"circuit_breakers.{priority}.{name}"
            for priority in _PRIORITIES
            for name in ("cx_open", "cx_pool_open", "rq_open", "rq_pending_open", "rq_retry_open")
        ),
        *(
            f"circuit_breakers.{priority}.remaining_{name}"
            for priority in _PRIORITIES
            for name in _REMAINING
        ),
    }
)
_CLUSTER_IMPLIED = {
    "circuit_breakers.default.cx_open": "upstream_cx_total",
    "circuit_breakers.default.cx_pool_open": "upstream_cx_total",
    "circuit_breakers.default.rq_open": "upstream_rq_total",
    "circuit_breakers.default.rq_pending_open": "upstream_rq_pending_total",
    "circuit_breakers.default.rq_retry_open": "upstream_rq_retry",
    **dict.fromkeys(
        (
            "membership_degraded",
            "membership_excluded",
            "membership_healthy",
            "membership_total",
        ),
        "membership_change",
    ),
    "upstream_cx_active": "upstream_cx_total",
    "upstream_cx_rx_bytes_buffered": "upstream_cx_rx_bytes_total",
    "upstream_rq_active": "upstream_rq_total",
    "upstream_rq_pending_active": "upstream_rq_pending_total",
}
_CLUSTER_ALWAYS_USED = frozenset({"warming_state"})
# Counted by Envoy, never by a worker.
_CLUSTER_CONSTANTS = {
    "version": 0,
    "warming_state": 0,
}
# They are for load reports alone, as in Envoy.
_CLUSTER_HIDDEN = frozenset(("upstream_rq_dropped", "upstream_rq_drop_overload"))
# The codec's stats exist from the first connection on; the rest when the cluster is configured so.
_CLUSTER_SHOWN: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(
        (
            "http1.dropped_headers_with_underscores",
            "http1.metadata_not_supported_error",
            "http1.requests_rejected_with_underscores_in_headers",
            "http1.response_flood",
        ),
        ("upstream_cx_http1_total",),
    ),
    **{
        name: ("upstream_cx_http2_total",)
        for each, _ in wire.ClusterStat.items()
        if (name := stat_name(each, "CLUSTER_")).startswith("http2.")
    },
    "internal_upstream.no_metadata": ("internal_upstream.no_metadata",),
    **dict.fromkeys(_RING_HASH, _RING_HASH),
    **dict.fromkeys(_MAGLEV, _MAGLEV),
    _DUPLICATE: ("lb_subsets_created",),
    **{
        f"circuit_breakers.{priority}.remaining_{name}": tuple(
            f"circuit_breakers.{priority}.remaining_{each}" for each in _REMAINING
        )
        for priority in _PRIORITIES
        for name in _REMAINING
    },
}

_TCP_GAUGES = frozenset(
    {
        "downstream_cx_rx_bytes_buffered",
        "downstream_cx_tx_bytes_buffered",
        "upstream_flush_active",
    }
)

# Counted by Envoy, never by this proxy.
_TCP_CONSTANTS = {
    "downstream_cx_drain_close": 0,
    "downstream_cx_overload_close": 0,
    "route_delayed_total": 0,
}
# Of `on_demand`: they exist once a cluster was asked for.
_TCP_SHOWN = {
    f"on_demand_cluster_{what}": ("on_demand_cluster_attempt",)
    for what in ("attempt", "missing", "success", "timeout")
}


# As Envoy writes them; of each group a stat exists once it was counted.
_SSL_GROUPS = {
    "ciphers": (
        "ECDHE-ECDSA-AES128-GCM-SHA256",
        "ECDHE-ECDSA-AES256-GCM-SHA384",
        "ECDHE-ECDSA-CHACHA20-POLY1305",
        "ECDHE-RSA-AES128-GCM-SHA256",
        "ECDHE-RSA-AES256-GCM-SHA384",
        "ECDHE-RSA-CHACHA20-POLY1305",
        "TLS_AES_128_GCM_SHA256",
        "TLS_AES_256_GCM_SHA384",
        "TLS_CHACHA20_POLY1305_SHA256",
    ),
    "curves": ("X25519", "P-256", "P-384", "X25519MLKEM768"),
    "versions": ("TLSv1.2", "TLSv1.3"),
}
_SECRETS = (
    "context_update_by_sds",
    "downstream_context_secrets_not_ready",
    "upstream_context_secrets_not_ready",
)


def layout_of(
    values: Sequence[tuple[str, int]],
    enum_prefix: str,
    *,
    gauges: frozenset[str] = frozenset(),
    implied: Mapping[str, str] | None = None,
    shown: Mapping[str, tuple[str, ...]] | None = None,
    constants: Mapping[str, int] | None = None,
    always_used: frozenset[str] = frozenset(),
    hidden: frozenset[str] = frozenset(),
) -> Layout:
    """The stats of an enum, whose names begin with `enum_prefix`, and `constants`."""
    indexes = {stat_name(name, enum_prefix): index for name, index in values}
    constants = constants or {}
    names = sorted({*indexes, *constants} - hidden)
    implied = implied or {}
    shown = shown or {}
    return Layout(
        names=tuple(names),
        kinds=tuple(StatKind.GAUGE if name in gauges else StatKind.COUNTER for name in names),
        indexes=tuple(indexes.get(name, -1) for name in names),
        implied_by=tuple(indexes[implied[name]] if name in implied else -1 for name in names),
        shown_by=tuple(tuple(indexes[each] for each in shown.get(name, ())) for name in names),
        constants=constants,
        always_used=always_used,
    )


@functools.cache
def listener_layout() -> Layout:
    """`listener.ADDRESS.*`."""
    return layout_of(
        wire.ListenerStat.items(), "LISTENER_", gauges=_LISTENER_GAUGES, implied=_LISTENER_IMPLIED
    )


@functools.cache
def http_layout() -> Layout:
    """`http.STAT_PREFIX.*`."""
    return layout_of(wire.HttpStat.items(), "HTTP_", gauges=_HTTP_GAUGES, implied=_HTTP_IMPLIED)


@functools.cache
def listener_http_layout() -> Layout:
    """`listener.ADDRESS.http.STAT_PREFIX.*`."""
    return layout_of(wire.ListenerHttpStat.items(), "LISTENER_HTTP_")


@functools.cache
def cluster_layout() -> Layout:
    """`cluster.NAME.*`."""
    return layout_of(
        wire.ClusterStat.items(),
        "CLUSTER_",
        gauges=_CLUSTER_GAUGES,
        implied=_CLUSTER_IMPLIED,
        shown=_CLUSTER_SHOWN,
        constants=_CLUSTER_CONSTANTS,
        always_used=_CLUSTER_ALWAYS_USED,
        hidden=_CLUSTER_HIDDEN,
    )


@functools.cache
def outlier_layout() -> Layout:
    """`cluster.NAME.outlier_detection.*`."""
    return layout_of(
        wire.OutlierStat.items(),
        "OUTLIER_",
        gauges=frozenset({"ejections_active"}),
        constants={"ejections_detected_degradation": 0},
        always_used=frozenset({"ejections_detected_degradation"}),
    )


@functools.cache
def health_check_layout() -> Layout:
    """`cluster.NAME.health_check.*`."""
    return layout_of(
        wire.HealthCheckStat.items(), "HEALTH_CHECK_", gauges=frozenset({"degraded", "healthy"})
    )


@functools.cache
def health_checks_layout() -> Layout:
    """`cluster.NAME.health_check.*` of a cluster with several checks, which count themselves."""
    gauges = frozenset({"degraded", "healthy"})
    items = [
        (name, number)
        for name, number in wire.HealthCheckStat.items()
        if name.removeprefix("HEALTH_CHECK_").lower() in gauges
    ]
    return layout_of(items, "HEALTH_CHECK_", gauges=gauges)


@functools.cache
def virtual_cluster_layout() -> Layout:
    """`vhost.NAME.vcluster.NAME.*` and `vhost.NAME.route.NAME.*`."""
    return layout_of(wire.VirtualClusterStat.items(), "VIRTUAL_CLUSTER_")


@functools.cache
def tcp_layout() -> Layout:
    """`tcp.STAT_PREFIX.*`."""
    return layout_of(
        wire.TcpStat.items(),
        "TCP_",
        gauges=_TCP_GAUGES,
        constants=_TCP_CONSTANTS,
        shown=_TCP_SHOWN,
    )


@functools.cache
def downstream_ssl_layout() -> Layout:
    """`listener.ADDRESS.ssl.*` and `listener.ADDRESS.server_ssl_socket_factory.*`."""
    return _ssl_layout("server_ssl_socket_factory")


@functools.cache
def upstream_ssl_layout() -> Layout:
    """`cluster.NAME.ssl.*` and `cluster.NAME.client_ssl_socket_factory.*`."""
    return _ssl_layout("client_ssl_socket_factory")


def _ssl_layout(factory: str) -> Layout:
    exact = {
        f"{group}.{re.sub('[-.]', '_', name.lower())}": f"{group}.{name}"
        for group, names in _SSL_GROUPS.items()
        for name in names
    }
    renamed = []
    shown = {}
    for value, index in wire.SslStat.items():
        name = stat_name(value, "SSL_")
        if name in _SECRETS:
            name = f"{factory}.{name.replace('context_update', 'ssl_context_update')}"
        else:
            name = f"ssl.{exact.get(name, name)}"
        renamed.append((name, index))
        if name.split(".")[1] in (*_SSL_GROUPS, "sigalgs", "was_key_usage_invalid"):
            shown[name] = index
    names = sorted(name for name, _ in renamed)
    indexes = dict(renamed)
    return Layout(
        names=tuple(names),
        kinds=(StatKind.COUNTER,) * len(names),
        indexes=tuple(indexes[name] for name in names),
        implied_by=(-1,) * len(names),
        shown_by=tuple((shown[name],) if name in shown else () for name in names),
        constants={},
        always_used=frozenset(),
    )


@functools.cache
def process_layout() -> Layout:
    """The block of the whole process: whole names, the scope has no prefix."""
    return layout_of(
        wire.ProcessStat.items(),
        "PROCESS_",
        gauges=frozenset(
            {
                "dns.cares.pending_resolutions",
                *_HTTP2_GAUGES,
                "filesystem.write_total_buffered",
                "listener_manager.total_filter_chains_draining",
                "listener_manager.total_listeners_draining",
            }
        ),
        shown={
            "downstream_cx_proxy_proto_error": ("downstream_cx_proxy_proto_error",),
        }
        | {
            name: ("http2.connections",)
            for each, _ in wire.ProcessStat.items()
            if (name := stat_name(each, "PROCESS_")).startswith("http2.")
        },
        hidden=frozenset({"http2.connections"}),
    )


def histogram_names(values: Sequence[tuple[str, int]], enum_prefix: str) -> tuple[str, ...]:
    """The names of a kind's histograms by index."""
    names = [""] * (1 + max(index for _, index in values))
    for name, index in values:
        names[index] = stat_name(name, enum_prefix)
    return tuple(names)
