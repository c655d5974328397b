"""The resource types of xDS: what they are called, and which service brings them.

Source: https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol (resource types) and the
services in envoy/service/*/v3/*.proto.
"""

from __future__ import annotations

from dataclasses import dataclass

TYPE_URL_PREFIX = "type.googleapis.com/"


@dataclass(frozen=True)
class ResourceType:
    """One type of resource.

    Attributes:
        short: such as `cds`.
        message: the full name of its message.
        service: of the gRPC service that brings only this type.
        method: the end of that service's methods: `Stream` or `Delta` goes before it.
        rest: the path of its REST endpoint; "" for a type without one.
        whole: what a state-of-the-world answer lacks is gone (clusters and listeners).
        sotw: whether there is a state-of-the-world method.
    """

    short: str
    message: str
    service: str
    method: str
    rest: str
    whole: bool = False
    sotw: bool = True

    @property
    def type_url(self) -> str:
        """`type.googleapis.com/` and the message's name."""
        return TYPE_URL_PREFIX + self.message

    def path(self, *, delta: bool) -> str:
        """The gRPC method path of a stream for this type alone."""
        return f"/{self.service}/{'Delta' if delta else 'Stream'}{self.method}"


CDS = ResourceType(
    "cds",
    "envoy.config.cluster.v3.Cluster",
    "envoy.service.cluster.v3.ClusterDiscoveryService",
    "Clusters",
    "/v3/discovery:clusters",
    whole=True,
)
EDS = ResourceType(
    "eds",
    "envoy.config.endpoint.v3.ClusterLoadAssignment",
    "envoy.service.endpoint.v3.EndpointDiscoveryService",
    "Endpoints",
    "/v3/discovery:endpoints",
)
LDS = ResourceType(
    "lds",
    "envoy.config.listener.v3.Listener",
    "envoy.service.listener.v3.ListenerDiscoveryService",
    "Listeners",
    "/v3/discovery:listeners",
    whole=True,
)
SRDS = ResourceType(
    "srds",
    "envoy.config.route.v3.ScopedRouteConfiguration",
    "envoy.service.route.v3.ScopedRoutesDiscoveryService",
    "ScopedRoutes",
    "/v3/discovery:scoped-routes",
)
RDS = ResourceType(
    "rds",
    "envoy.config.route.v3.RouteConfiguration",
    "envoy.service.route.v3.RouteDiscoveryService",
    "Routes",
    "/v3/discovery:routes",
)
VHDS = ResourceType(
    "vhds",
    "envoy.config.route.v3.VirtualHost",
    "envoy.service.route.v3.VirtualHostDiscoveryService",
    "VirtualHosts",
    "",
    sotw=False,
)
SDS = ResourceType(
    "sds",
    "envoy.extensions.transport_sockets.tls.v3.Secret",
    "envoy.service.secret.v3.SecretDiscoveryService",
    "Secrets",
    "/v3/discovery:secrets",
)
ECDS = ResourceType(
    "ecds",
    "envoy.config.core.v3.TypedExtensionConfig",
    "envoy.service.extension.v3.ExtensionConfigDiscoveryService",
    "ExtensionConfigs",
    "/v3/discovery:extension_configs",
)
RTDS = ResourceType(
    "rtds",
    "envoy.service.runtime.v3.Runtime",
    "envoy.service.runtime.v3.RuntimeDiscoveryService",
    "Runtime",
    "/v3/discovery:runtime",
)

NDS_TYPE_URL = f"{TYPE_URL_PREFIX}istio.networking.nds.v1.NameTable"
"""The names of the mesh, which agents ask for: over the aggregated stream alone."""

# What others depend on comes first: an answer is sent, and a change is made, in this order.
RESOURCE_TYPES = (CDS, EDS, LDS, SRDS, RDS, VHDS, SDS, ECDS, RTDS)
ADS_SERVICE = "envoy.service.discovery.v3.AggregatedDiscoveryService"
_BY_URL = {each.type_url: each for each in RESOURCE_TYPES}


def ads_path(*, delta: bool) -> str:
    """The gRPC method path of the aggregated stream."""
    return f"/{ADS_SERVICE}/{'Delta' if delta else 'Stream'}AggregatedResources"


def resource_type(type_url: str) -> ResourceType | None:
    """The type with this URL; None when it is none of xDS."""
    return _BY_URL.get(type_url)
