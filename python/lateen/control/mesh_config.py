"""What holds for the whole mesh (istio/api mesh/v1alpha1/config.proto), as far as it is read."""

from __future__ import annotations

from typing import Literal

from lateen.control.providers import BUILT_IN, DefaultProviders, Provider
from lateen.control.resources.destination_rule import (
    ClientTls,
    ConnectionPool,
    LocalityLoadBalancer,
    OutlierDetection,
    TcpKeepalive,
    ZoneAwareLoadBalancer,
)
from lateen.control.resources.meta import Lenient
from lateen.control.resources.scalars import Duration, UInt32
from lateen.control.resources.telemetry import CustomTag


class InboundTrafficPolicy(Lenient, frozen=True):
    """How a sidecar calls its application: as it was called, or at the loopback."""

    mode: Literal["PASSTHROUGH", "LOCALHOST"] = "PASSTHROUGH"


class OutboundTrafficPolicy(Lenient, frozen=True):
    """What happens to calls of services that nobody knows, where no Sidecar says it.

    Attributes:
        tls: of requests whose hosts DNS is asked for.
    """

    mode: Literal["REGISTRY_ONLY", "ALLOW_ANY", "ALLOW_ANY_DYNAMIC_DNS"] = "REGISTRY_ONLY"
    tls: ClientTls | None = None


class DefaultTrafficPolicy(Lenient, frozen=True):
    """What destination rules that do not say it have."""

    connection_pool: ConnectionPool | None = None
    outlier_detection: OutlierDetection | None = None


class MeshTracing(Lenient, frozen=True):
    """How requests are traced where no Telemetry says more."""

    sampling: float = 1.0
    max_path_tag_length: UInt32 = 0
    custom_tags: dict[str, CustomTag] = {}
    enable_istio_tags: bool = True


class GatewayTopology(Lenient, frozen=True):
    """What is in front of gateways, and is trusted to say who calls.

    Attributes:
        num_trusted_proxies: how many proxies.
        forward_client_cert_details: what becomes of what they say of the client's certificate.
        proxy_protocol: set: connections begin with a PROXY header; it has no fields yet.
    """

    num_trusted_proxies: UInt32 = 0
    proxy_protocol: dict[str, object] | None = None
    forward_client_cert_details: Literal[
        "UNDEFINED",
        "SANITIZE",
        "FORWARD_ONLY",
        "APPEND_FORWARD",
        "SANITIZE_SET",
        "ALWAYS_FORWARD_ONLY",
    ] = "UNDEFINED"


class ProxyDefaults(Lenient, frozen=True):
    """How proxies are run (`ProxyConfig` of mesh/v1alpha1/proxy.proto)."""

    concurrency: int | None = None
    tracing: MeshTracing = MeshTracing()
    gateway_topology: GatewayTopology = GatewayTopology()
    proxy_metadata: dict[str, str] = {}


class MeshConfig(Lenient, frozen=True):
    """The fields that are read, with Istio's defaults."""

    trust_domain: str = "cluster.local"
    trust_domain_aliases: tuple[str, ...] = ()
    root_namespace: str = "istio-system"
    proxy_http_port: UInt32 = 0
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
    default_config: ProxyDefaults = ProxyDefaults()
    access_log_file: str = ""
    access_log_format: str = ""
    access_log_encoding: Literal["TEXT", "JSON"] = "TEXT"
    extension_providers: tuple[Provider, ...] = ()
    default_providers: DefaultProviders = DefaultProviders(metrics=("prometheus",))

    def provider(self, name: str) -> Provider | None:
        """A provider by its name, in any case; None: there is none."""
        every = (*self.extension_providers, *BUILT_IN)
        return next((one for one in every if one.name.lower() == name.lower()), None)
