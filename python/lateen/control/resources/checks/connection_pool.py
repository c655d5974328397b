"""Limits of connections and requests.

Source: Istio pkg/config/validation/validation.go validateConnectionPool.
"""

from __future__ import annotations

from lateen.control.resources.checks.values import check_duration
from lateen.control.resources.destination_rule import ConnectionPool, HttpPool, TcpPool
from lateen.control.resources.field import Field


def check_connection_pool(at: Field, pool: ConnectionPool | None) -> None:
    """Note limits below 0 and durations that are none; None: it is not set."""
    if pool is None:
        return
    if pool.http is None and pool.tcp is None:
        at.error("the pool says nothing", "set tcp or http")
    if pool.http is not None:
        _check_http(at / "http", pool.http)
    if pool.tcp is not None:
        _check_tcp(at / "tcp", pool.tcp)


def _check_http(at: Field, pool: HttpPool) -> None:
    _check_limits(
        at,
        http1MaxPendingRequests=pool.http1_max_pending_requests,
        http2MaxRequests=pool.http2_max_requests,
        maxRequestsPerConnection=pool.max_requests_per_connection,
        maxRetries=pool.max_retries,
        maxConcurrentStreams=pool.max_concurrent_streams,
    )
    check_duration(at / "idleTimeout", pool.idle_timeout)
    if pool.h2_upgrade_policy == "UPGRADE" and pool.use_client_protocol:
        (at / "useClientProtocol").error(
            "with h2UpgradePolicy UPGRADE all is HTTP/2, whatever the client speaks",
            "keep one of them",
        )
    if pool.http2_keep_alive is not None:
        place = at / "http2KeepAlive"
        for name, value in (
            ("interval", pool.http2_keep_alive.interval),
            ("timeout", pool.http2_keep_alive.timeout),
        ):
            if value is None:
                (place / name).error(f"{name} is not set", "as 10s")
            check_duration(place / name, value)


def _check_tcp(at: Field, pool: TcpPool) -> None:
    _check_limits(at, maxConnections=pool.max_connections)
    check_duration(at / "connectTimeout", pool.connect_timeout)
    check_duration(at / "maxConnectionDuration", pool.max_connection_duration)
    # 0 turns it off.
    if pool.idle_timeout is not None and not 0 <= pool.idle_timeout < 0.001:
        check_duration(at / "idleTimeout", pool.idle_timeout)
    if pool.tcp_keepalive is not None:
        check_duration(at / "tcpKeepalive" / "time", pool.tcp_keepalive.time)
        check_duration(at / "tcpKeepalive" / "interval", pool.tcp_keepalive.interval)


def _check_limits(at: Field, **limits: int) -> None:
    for name, limit in limits.items():
        if limit < 0:
            (at / name).error(f"a limit of {limit} is below 0", "0 or more")
