"""What the control plane says: one listener, its routes, and a cluster for each version."""

from __future__ import annotations

from collections.abc import Mapping

from google.protobuf import json_format
from google.protobuf.message import Message

from lateen.protos import envoy_types

PREFIX = "type.googleapis.com/"
CLUSTERS = PREFIX + "envoy.config.cluster.v3.Cluster"
ENDPOINTS = PREFIX + "envoy.config.endpoint.v3.ClusterLoadAssignment"
LISTENERS = PREFIX + "envoy.config.listener.v3.Listener"
ROUTES = PREFIX + "envoy.config.route.v3.RouteConfiguration"
MANAGER = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
ROUTER = "envoy.extensions.filters.http.router.v3.Router"

ADS = {"ads": {}, "resource_api_version": "V3"}
Fields = Mapping[str, object]


def message(url: str, fields: Fields) -> Message:
    """The message that the fields, as in YAML or JSON, describe."""
    types = envoy_types()
    made = types.message_class(url.removeprefix(PREFIX))()
    json_format.ParseDict(fields, made, descriptor_pool=types.pool)
    return made


def cluster(name: str) -> Message:
    """A cluster whose endpoints come from the control plane as well."""
    source = {"eds_config": ADS}
    return message(CLUSTERS, {"name": name, "type": "EDS", "eds_cluster_config": source})


def endpoints(name: str, port: int) -> Message:
    """One endpoint of a cluster on this machine."""
    hosts = [{"endpoint": {"address": _loopback(port)}}]
    return message(ENDPOINTS, {"cluster_name": name, "endpoints": [{"lb_endpoints": hosts}]})


def listener(port: int) -> Message:
    """A listener whose routes come from the control plane as well."""
    manager = {
        "@type": PREFIX + MANAGER,
        "stat_prefix": "example",
        "rds": {"route_config_name": "canary", "config_source": ADS},
        "http_filters": [
            {"name": "envoy.filters.http.router", "typed_config": {"@type": PREFIX + ROUTER}}
        ],
    }
    filters = [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]
    fields = {"name": "front", "address": _loopback(port), "filter_chains": [{"filters": filters}]}
    return message(LISTENERS, fields)


def routes(canary: int) -> Message:
    """All requests, `canary` per cent of them to v2 and the others to v1."""
    weights = [{"name": "v1", "weight": 100 - canary}, {"name": "v2", "weight": canary}]
    route = {"match": {"prefix": "/"}, "route": {"weighted_clusters": {"clusters": weights}}}
    host = {"name": "everything", "domains": ["*"], "routes": [route]}
    return message(ROUTES, {"name": "canary", "virtual_hosts": [host]})


def _loopback(port: int) -> Fields:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}
