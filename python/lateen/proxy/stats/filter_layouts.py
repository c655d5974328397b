"""The stats of blocks of filters and of receivers of telemetry, as in proto/worker_stats.proto."""

from __future__ import annotations

import functools

from lateen.protos import worker_stats_pb2 as wire
from lateen.proxy.stats.layouts import layout_of
from lateen.proxy.stats.model import EMPTY_LAYOUT, Layout

_DNS_CACHE_GAUGES = frozenset(
    {
        "num_hosts",
        "circuit_breakers.rq_pending_open",
        "circuit_breakers.rq_pending_remaining",
    }
)


@functools.cache
def tls_inspector_layout() -> Layout:
    """`tls_inspector.*`."""
    return layout_of(wire.TlsInspectorStat.items(), "TLS_INSPECTOR_")


@functools.cache
def http_inspector_layout() -> Layout:
    """`http_inspector.*`."""
    return layout_of(wire.HttpInspectorStat.items(), "HTTP_INSPECTOR_")


@functools.cache
def proxy_protocol_layout() -> Layout:
    """`proxy_proto.*`, `proxy_proto.STAT_PREFIX.*`."""
    return layout_of(wire.ProxyProtocolStat.items(), "PROXY_PROTOCOL_")


@functools.cache
def local_rate_limit_layout() -> Layout:
    """`local_rate_limit.STAT_PREFIX.*`, `listener_local_ratelimit.STAT_PREFIX.*`."""
    return layout_of(wire.LocalRateLimitStat.items(), "LOCAL_RATE_LIMIT_")


@functools.cache
def connection_limit_layout() -> Layout:
    """`connection_limit.STAT_PREFIX.*`."""
    return layout_of(
        wire.ConnectionLimitStat.items(),
        "CONNECTION_LIMIT_",
        gauges=frozenset({"active_connections"}),
    )


@functools.cache
def rbac_layout() -> Layout:
    """`STAT_PREFIX.rbac.*`."""
    return layout_of(wire.RbacStat.items(), "RBAC_")


@functools.cache
def rbac_shadow_layout() -> Layout:
    """`STAT_PREFIX.rbac.*` of shadow rules."""
    return layout_of(wire.RbacShadowStat.items(), "RBAC_SHADOW_")


@functools.cache
def opentelemetry_layout() -> Layout:
    """`tracing.opentelemetry.*`."""
    return layout_of(wire.OpenTelemetryStat.items(), "OPENTELEMETRY_")


@functools.cache
def zipkin_layout() -> Layout:
    """`tracing.zipkin.*`."""
    return layout_of(wire.ZipkinStat.items(), "ZIPKIN_")


@functools.cache
def fault_layout() -> Layout:
    """`http.STAT_PREFIX.fault.*`."""
    return layout_of(wire.FaultStat.items(), "FAULT_", gauges=frozenset({"active_faults"}))


@functools.cache
def ext_authz_layout() -> Layout:
    """`http.STAT_PREFIX.ext_authz.*`."""
    return layout_of(wire.ExtAuthzStat.items(), "EXT_AUTHZ_")


@functools.cache
def cors_layout() -> Layout:
    """`http.STAT_PREFIX.cors.*`."""
    return layout_of(wire.CorsStat.items(), "CORS_")


@functools.cache
def composite_layout() -> Layout:
    """`http.STAT_PREFIX.composite.*`."""
    return layout_of(wire.CompositeStat.items(), "COMPOSITE_")


@functools.cache
def csrf_layout() -> Layout:
    """`http.STAT_PREFIX.csrf.*`."""
    return layout_of(wire.CsrfStat.items(), "CSRF_")


@functools.cache
def load_shed_layout() -> Layout:
    """`overload.LOAD_SHED_POINT.*`."""
    return layout_of(wire.LoadShedStat.items(), "LOAD_SHED_")


@functools.cache
def header_to_metadata_layout() -> Layout:
    """`http_filter_name.STAT_PREFIX.*`."""
    return layout_of(wire.HeaderToMetadataStat.items(), "HEADER_TO_METADATA_")


@functools.cache
def set_metadata_layout() -> Layout:
    """`http.STAT_PREFIX.set_metadata.*`."""
    return layout_of(wire.SetMetadataStat.items(), "SET_METADATA_")


@functools.cache
def metadata_exchange_layout() -> Layout:
    """`metadata_exchange.*`."""
    return layout_of(wire.MetadataExchangeStat.items(), "METADATA_EXCHANGE_")


@functools.cache
def istio_layout() -> Layout:
    """`istiocustom.*`: all names come from the workers."""
    return EMPTY_LAYOUT


@functools.cache
def python_layout() -> Layout:
    """`http.STAT_PREFIX.python.*`: all names come from the workers."""
    return EMPTY_LAYOUT


@functools.cache
def http_local_rate_limit_layout() -> Layout:
    """`STAT_PREFIX.http_local_rate_limit.*`."""
    return layout_of(wire.HttpLocalRateLimitStat.items(), "HTTP_LOCAL_RATE_LIMIT_")


@functools.cache
def health_check_filter_layout() -> Layout:
    """`http.STAT_PREFIX.health_check.*`."""
    return layout_of(wire.HealthCheckFilterStat.items(), "HEALTH_CHECK_FILTER_")


@functools.cache
def jwt_authn_layout() -> Layout:
    """`http.STAT_PREFIX.jwt_authn.*`."""
    return layout_of(wire.JwtAuthnStat.items(), "JWT_AUTHN_")


@functools.cache
def dns_cache_layout() -> Layout:
    """`dns_cache.NAME.*`."""
    return layout_of(wire.DnsCacheStat.items(), "DNS_CACHE_", gauges=_DNS_CACHE_GAUGES)


@functools.cache
def log_service_layout() -> Layout:
    """`access_logs.grpc_access_log.*` and `access_logs.open_telemetry_access_log.*`."""
    return layout_of(wire.LogServiceStat.items(), "LOG_SERVICE_")
