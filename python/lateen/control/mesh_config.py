"""What holds for the whole mesh (istio/api mesh/v1alpha1/config.proto), as far as it is read."""

from __future__ import annotations

from typing import Literal

from lateen.control.resources.destination_rule import (
    ConnectionPool,
    LocalityLoadBalancer,
    OutlierDetection,
    TcpKeepalive,
    ZoneAwareLoadBalancer,
)
from lateen.control.resources.meta import Lenient
from lateen.control.resources.scalars import Duration
from lateen.control.resources.sidecar import OutboundTrafficPolicy


class InboundTrafficPolicy(Lenient, frozen=True):
    """How a sidecar calls its application: as it was called, or at the loopback."""

    mode: Literal["PASSTHROUGH", "LOCALHOST"] = "PASSTHROUGH"


class DefaultTrafficPolicy(Lenient, frozen=True):
    """What destination rules that do not say it have."""

    connection_pool: ConnectionPool | None = None
    outlier_detection: OutlierDetection | None = None


class MeshConfig(Lenient, frozen=True):
    """The fields that are read, with Istio's defaults."""

    trust_domain: str = "cluster.local"
    trust_domain_aliases: tuple[str, ...] = ()
    root_namespace: str = "istio-system"
    proxy_http_port: int = 0
    connect_timeout: Duration = Duration(10)
    dns_refresh_rate: Duration = Duration(60)
    enable_auto_mtls: bool = True
    outbound_traffic_policy: OutboundTrafficPolicy = OutboundTrafficPolicy(mode="ALLOW_ANY")
    inbound_traffic_policy: InboundTrafficPolicy = InboundTrafficPolicy()
    default_traffic_policy: DefaultTrafficPolicy = DefaultTrafficPolicy()
    default_service_export_to: tuple[str, ...] = ("*",)
    default_virtual_service_export_to: tuple[str, ...] = ("*",)
    default_destination_rule_export_to: tuple[str, ...] = ("*",)
    h2_upgrade_policy: Literal["DO_NOT_UPGRADE", "UPGRADE"] = "DO_NOT_UPGRADE"
    tcp_keepalive: TcpKeepalive | None = None
    locality_lb_setting: LocalityLoadBalancer | None = LocalityLoadBalancer(enabled=True)
    zone_aware_lb_setting: ZoneAwareLoadBalancer | None = None
