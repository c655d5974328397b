"""Resources for tests of xDS, as messages; keyword arguments replace fields."""

from __future__ import annotations

from google.protobuf import json_format

from lateen.protos import envoy_types
from lateen.xds.subscription import Resource

PREFIX = "type.googleapis.com/"
CDS = PREFIX + "envoy.config.cluster.v3.Cluster"
EDS = PREFIX + "envoy.config.endpoint.v3.ClusterLoadAssignment"
LDS = PREFIX + "envoy.config.listener.v3.Listener"
RDS = PREFIX + "envoy.config.route.v3.RouteConfiguration"
VHDS = PREFIX + "envoy.config.route.v3.VirtualHost"
SRDS = PREFIX + "envoy.config.route.v3.ScopedRouteConfiguration"
HCM = PREFIX + "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
ROUTER = {
    "name": "envoy.filters.http.router",
    "typed_config": {"@type": PREFIX + "envoy.extensions.filters.http.router.v3.Router"},
}
ON_DEMAND = PREFIX + "envoy.extensions.filters.http.on_demand.v3.OnDemand"
ADS = {"ads": {}, "resource_api_version": "V3"}


def message(url, fields):
    types = envoy_types()
    made = types.message_class(url.removeprefix(PREFIX))()
    json_format.ParseDict(fields, made, descriptor_pool=types.pool)
    return made


def cluster(name, **more):
    fields = {
        "name": name,
        "type": "EDS",
        "connect_timeout": "1s",
        "eds_cluster_config": {"eds_config": ADS},
        **more,
    }
    return message(CDS, {key: value for key, value in fields.items() if value is not None})


def static_cluster(name, **more):
    return cluster(name, **{"type": "STATIC", "eds_cluster_config": None, **more})


def assignment(name, *ports, **more):
    hosts = [
        {"endpoint": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": port}}}}
        for port in ports
    ]
    return message(EDS, {"cluster_name": name, "endpoints": [{"lb_endpoints": hosts}], **more})


def listener(name, port, route="r", manager=None, **more):
    manager = manager or {"rds": {"config_source": ADS, "route_config_name": route}}
    typed = {"@type": HCM, "stat_prefix": "in", "http_filters": [ROUTER], **manager}
    address = {"socket_address": {"address": "127.0.0.1", "port_value": port}}
    chains = [{"filters": [{"name": "hcm", "typed_config": typed}]}]
    return message(LDS, {"name": name, "address": address, "filter_chains": chains, **more})


def routes(name, target, **more):
    host = {
        "name": "v",
        "domains": ["*"],
        "routes": [{"match": {"prefix": "/"}, "route": {"cluster": target}}],
    }
    return message(RDS, {"name": name, "virtual_hosts": [host], **more})


def virtual_host(name, domain, target):
    route = {"match": {"prefix": "/"}, "route": {"cluster": target}}
    return message(VHDS, {"name": name, "domains": [domain], "routes": [route]})


def resource(made, version="1"):
    name = getattr(made, "name", "") or getattr(made, "cluster_name", "")
    url = PREFIX + made.DESCRIPTOR.full_name
    return Resource(name, version, url, made.SerializeToString())
