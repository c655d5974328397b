"""DestinationRule: how a host's endpoints are called.

Source: istio/api networking/v1alpha3/destination_rule.proto.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from lateen.control.resources.meta import Strict
from lateen.control.resources.scalars import Duration, Percentage, UInt32, UInt64
from lateen.control.resources.selectors import LabelSelector
from lateen.control.resources.traffic import PortSelector


class CookieAttribute(Strict, frozen=True):
    """An attribute of a generated cookie."""

    name: str
    value: str = ""


class HttpCookie(Strict, frozen=True):
    """The cookie that is hashed, made when a request has none."""

    name: str
    path: str = ""
    ttl: Duration | None = None
    attributes: tuple[CookieAttribute, ...] = ()


class RingHash(Strict, frozen=True):
    """A ring's least size."""

    minimum_ring_size: UInt64 = 0


class Maglev(Strict, frozen=True):
    """A Maglev table's size."""

    table_size: UInt64 = 0


class ConsistentHash(Strict, frozen=True):
    """What of a request decides the endpoint."""

    http_header_name: str | None = None
    http_cookie: HttpCookie | None = None
    use_source_ip: bool | None = None
    http_query_parameter_name: str | None = None
    minimum_ring_size: UInt64 = 0
    ring_hash: RingHash | None = None
    maglev: Maglev | None = None


class Distribute(Strict, frozen=True):
    """Where traffic of a locality goes: percent by locality."""

    from_: str = ""
    to: dict[str, UInt32] = {}


class Failover(Strict, frozen=True):
    """The region that takes over from another."""

    from_: str = ""
    to: str = ""


class LocalityLoadBalancer(Strict, frozen=True):
    """How localities are preferred."""

    distribute: tuple[Distribute, ...] = ()
    failover: tuple[Failover, ...] = ()
    failover_priority: tuple[str, ...] = ()
    enabled: bool | None = None


class ZoneAwareLoadBalancer(Strict, frozen=True):
    """How the proxy's own zone is preferred, from so many endpoints on."""

    enabled: bool | None = None
    failover: tuple[Failover, ...] = ()
    failover_priority: tuple[str, ...] = ()
    min_cluster_size: Annotated[int, msgspec.Meta(ge=1)] | None = None


class Warmup(Strict, frozen=True):
    """How slowly a new endpoint gets its share."""

    duration: Duration
    minimum_percent: Percentage | None = None
    aggression: Annotated[float, msgspec.Meta(ge=0)] | None = None


class LoadBalancer(Strict, frozen=True):
    """How an endpoint is chosen."""

    simple: (
        Literal[
            "UNSPECIFIED", "LEAST_CONN", "RANDOM", "PASSTHROUGH", "ROUND_ROBIN", "LEAST_REQUEST"
        ]
        | None
    ) = None
    consistent_hash: ConsistentHash | None = None
    locality_lb_setting: LocalityLoadBalancer | None = None
    zone_aware_lb_setting: ZoneAwareLoadBalancer | None = None
    warmup_duration_secs: Duration | None = None
    warmup: Warmup | None = None


class TcpKeepalive(Strict, frozen=True):
    """Probes on idle connections."""

    probes: UInt32 = 0
    time: Duration | None = None
    interval: Duration | None = None


class TcpPool(Strict, frozen=True):
    """Limits of connections."""

    max_connections: int = 0
    connect_timeout: Duration | None = None
    tcp_keepalive: TcpKeepalive | None = None
    max_connection_duration: Duration | None = None
    idle_timeout: Duration | None = None


class Http2KeepAlive(Strict, frozen=True):
    """PING frames on idle connections, and how long their answer may take."""

    interval: Duration | None = None
    timeout: Duration | None = None


class HttpPool(Strict, frozen=True):
    """Limits of requests."""

    http1_max_pending_requests: int = 0
    http2_max_requests: int = 0
    max_requests_per_connection: int = 0
    max_retries: int = 0
    idle_timeout: Duration | None = None
    h2_upgrade_policy: Literal["DEFAULT", "DO_NOT_UPGRADE", "UPGRADE"] = "DEFAULT"
    use_client_protocol: bool = False
    max_concurrent_streams: int = 0
    http2_keep_alive: Http2KeepAlive | None = msgspec.field(default=None, name="http2KeepAlive")


class ConnectionPool(Strict, frozen=True):
    """Limits of what goes to a host."""

    tcp: TcpPool | None = None
    http: HttpPool | None = None


class OutlierDetection(Strict, frozen=True):
    """Which endpoints get no traffic for a while."""

    consecutive_errors: int = 0
    split_external_local_origin_errors: bool = False
    consecutive_local_origin_failures: UInt32 | None = None
    consecutive_gateway_errors: UInt32 | None = None
    consecutive_5xx_errors: UInt32 | None = msgspec.field(default=None, name="consecutive5xxErrors")
    interval: Duration | None = None
    base_ejection_time: Duration | None = None
    max_ejection_percent: int = 0
    min_health_percent: int = 0
    outlier_detection_http_error_codes: tuple[
        Annotated[int, msgspec.Meta(ge=100, le=599)], ...
    ] = ()


class ClientTls(Strict, frozen=True):
    """How connections to a host speak TLS."""

    mode: Literal["DISABLE", "SIMPLE", "MUTUAL", "ISTIO_MUTUAL"] = "DISABLE"
    client_certificate: str = ""
    private_key: str = ""
    ca_certificates: str = ""
    credential_name: str = ""
    subject_alt_names: tuple[str, ...] = ()
    sni: str = ""
    insecure_skip_verify: bool | None = None
    ca_crl: str = ""


class PortTrafficPolicy(Strict, frozen=True):
    """What holds for one port, in place of what holds for all."""

    port: PortSelector | None = None
    load_balancer: LoadBalancer | None = None
    connection_pool: ConnectionPool | None = None
    outlier_detection: OutlierDetection | None = None
    tls: ClientTls | None = None


class Tunnel(Strict, frozen=True):
    """Connections go through a CONNECT proxy."""

    target_host: str
    target_port: UInt32
    protocol: str = ""


class ProxyProtocol(Strict, frozen=True):
    """The PROXY header that begins connections."""

    version: Literal["V1", "V2"] = "V1"


class RetryBudget(Strict, frozen=True):
    """How many retries there may be beside the requests."""

    percent: Percentage | None = None
    min_retry_concurrency: UInt32 = 0
    budget_interval: Duration | None = None


class TrafficPolicy(Strict, frozen=True):
    """How endpoints are called."""

    load_balancer: LoadBalancer | None = None
    connection_pool: ConnectionPool | None = None
    outlier_detection: OutlierDetection | None = None
    tls: ClientTls | None = None
    port_level_settings: tuple[PortTrafficPolicy, ...] = ()
    tunnel: Tunnel | None = None
    proxy_protocol: ProxyProtocol | None = None
    retry_budget: RetryBudget | None = None


class Subset(Strict, frozen=True):
    """Endpoints by labels, under a name."""

    name: str
    labels: dict[str, str] = {}
    traffic_policy: TrafficPolicy | None = None


class DestinationRule(Strict, frozen=True):
    """What `spec` holds."""

    host: str
    traffic_policy: TrafficPolicy | None = None
    subsets: tuple[Subset, ...] = ()
    export_to: tuple[str, ...] = ()
    workload_selector: LabelSelector | None = None
