"""The resources of the bench, as the bytes that the control plane sends."""

from __future__ import annotations

from dataclasses import dataclass

from envoy.config.cluster.v3.cluster_pb2 import Cluster
from envoy.config.core.v3.config_source_pb2 import ApiVersion
from envoy.config.endpoint.v3.endpoint_components_pb2 import LocalityLbEndpoints
from envoy.config.endpoint.v3.endpoint_pb2 import ClusterLoadAssignment
from envoy.config.listener.v3.listener_pb2 import Listener
from envoy.config.route.v3.route_components_pb2 import VirtualHost
from envoy.config.route.v3.route_pb2 import RouteConfiguration
from envoy.extensions.filters.http.router.v3.router_pb2 import Router
from envoy.extensions.filters.network.http_connection_manager.v3 import (
    http_connection_manager_pb2 as hcm,
)
from google.protobuf.message import Message

PREFIX = "type.googleapis.com/"
CDS = PREFIX + "envoy.config.cluster.v3.Cluster"
EDS = PREFIX + "envoy.config.endpoint.v3.ClusterLoadAssignment"
LDS = PREFIX + "envoy.config.listener.v3.Listener"
RDS = PREFIX + "envoy.config.route.v3.RouteConfiguration"

ENDPOINTS = 10
#: A cluster with one endpoint, and the host whose requests go there.
MOVING = "moving"
#: The host that the proxy answers itself.
STILL = "still"
ROUTES = "table"
#: The response header that says which table of routes answered.
TABLE_HEADER = "x-table"


@dataclass(frozen=True)
class Shape:
    """How much there is, and where it leads.

    Attributes:
        clusters: how many, the moving one included.
        hosts: virtual hosts, those of the probes included.
        front: the port of the listener.
        upstream: the port that the endpoints of all clusters but the moving one have, on
            127.0.0.1 and the addresses after it.
    """

    clusters: int
    hosts: int
    front: int
    upstream: int


def service(number: int) -> str:
    """The name of a cluster."""
    return f"service-{number}"


def cluster(name: str, timeout_s: int = 1) -> Cluster:
    """A cluster whose endpoints come over ADS."""
    made = Cluster(name=name, type=Cluster.EDS)
    made.connect_timeout.FromSeconds(timeout_s)
    made.eds_cluster_config.eds_config.ads.SetInParent()
    made.eds_cluster_config.eds_config.resource_api_version = ApiVersion.V3
    return made


def endpoints(name: str, port: int, count: int = ENDPOINTS) -> ClusterLoadAssignment:
    """Endpoints of a cluster, one an address."""
    made = ClusterLoadAssignment(cluster_name=name)
    locality: LocalityLbEndpoints = made.endpoints.add()
    for number in range(count):
        address = locality.lb_endpoints.add().endpoint.address.socket_address
        address.address = f"127.0.0.{number + 1}"
        address.port_value = port
    return made


def listener(port: int) -> Listener:
    """A listener whose routes come over ADS."""
    manager = hcm.HttpConnectionManager(stat_prefix="front")
    manager.rds.route_config_name = ROUTES
    manager.rds.config_source.ads.SetInParent()
    manager.rds.config_source.resource_api_version = ApiVersion.V3
    router = manager.http_filters.add(name="envoy.filters.http.router")
    router.typed_config.Pack(Router())
    made = Listener(name="front")
    made.address.socket_address.address = "127.0.0.1"
    made.address.socket_address.port_value = port
    chain = made.filter_chains.add().filters.add()
    chain.name = "envoy.filters.network.http_connection_manager"
    chain.typed_config.Pack(manager)
    return made


def routes(hosts: int, table: int) -> RouteConfiguration:
    """A virtual host for each of the first services, every one of them new in each table."""
    made = RouteConfiguration(name=ROUTES)
    for number in range(hosts - 2):
        _host(made, f"host-{number}", table).routes[0].route.cluster = service(number)
    _host(made, MOVING, table).routes[0].route.cluster = MOVING
    _host(made, STILL, table).routes[0].direct_response.status = 200
    return made


def _host(table: RouteConfiguration, name: str, number: int) -> VirtualHost:
    host = table.virtual_hosts.add(name=name, domains=[name])
    header = host.response_headers_to_add.add().header
    header.key, header.value = TABLE_HEADER, str(number)
    host.routes.add().match.prefix = "/"
    return host


def everything(shape: Shape, moving_to: int) -> dict[str, list[Message]]:
    """All resources by type."""
    names = [service(number) for number in range(shape.clusters - 1)]
    moving = endpoints(MOVING, moving_to, 1)
    return {
        CDS: [cluster(name) for name in (*names, MOVING)],
        EDS: [*(endpoints(name, shape.upstream) for name in names), moving],
        LDS: [listener(shape.front)],
        RDS: [routes(shape.hosts, 0)],
    }


def name_of(resource: Message) -> str:
    """The name by which a proxy asks for a resource."""
    if isinstance(resource, ClusterLoadAssignment):
        return resource.cluster_name
    assert isinstance(resource, Cluster | Listener | RouteConfiguration)
    return resource.name
