"""Resources and bootstraps for both proxies."""

from google.protobuf import json_format

from lateen.protos import envoy_types

ADS = {"ads": {}, "resource_api_version": "V3"}
_HCM = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
_ROUTER = "envoy.extensions.filters.http.router.v3.Router"
_HTTP = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"


def fill(full_name, fields):
    """A message of Envoy's API from its JSON form."""
    types = envoy_types()
    message = types.message_class(full_name)()
    return json_format.ParseDict(fields, message, descriptor_pool=types.pool)


def typed(name, **fields):
    return {"@type": f"type.googleapis.com/{name}", **fields}


def cluster(name, **fields):
    """A cluster whose endpoints come over ADS."""
    eds = {"type": "EDS", "eds_cluster_config": {"eds_config": ADS}}
    return fill("envoy.config.cluster.v3.Cluster", {"name": name, **eds, **fields})


def endpoints(name, port=1):
    address = {"socket_address": {"address": "127.0.0.1", "port_value": port}}
    hosts = [{"lb_endpoints": [{"endpoint": {"address": address}}]}]
    fields = {"cluster_name": name, "endpoints": hosts}
    return fill("envoy.config.endpoint.v3.ClusterLoadAssignment", fields)


def listener(name, route):
    """A listener on a free port whose routes come over ADS."""
    router = {"name": "envoy.filters.http.router", "typed_config": typed(_ROUTER)}
    manager = typed(
        _HCM,
        stat_prefix="in",
        rds={"route_config_name": route, "config_source": ADS},
        http_filters=[router],
    )
    fields = {
        "name": name,
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}},
        "filter_chains": [{"filters": [{"name": "http", "typed_config": manager}]}],
    }
    return fill("envoy.config.listener.v3.Listener", fields)


def routes(name, cluster_name):
    route = {"match": {"prefix": "/"}, "route": {"cluster": cluster_name}}
    host = {"name": "any", "domains": ["*"], "routes": [route]}
    fields = {"name": name, "virtual_hosts": [host]}
    return fill("envoy.config.route.v3.RouteConfiguration", fields)


def bootstrap(port, kind, **ads):
    """Everything over ADS from a loopback port."""
    address = {"socket_address": {"address": "127.0.0.1", "port_value": port}}
    options = typed(_HTTP, explicit_http_config={"http2_protocol_options": {}})
    control_plane = {
        "name": "xds",
        "type": "STATIC",
        "typed_extension_protocol_options": {_HTTP: options},
        "load_assignment": {
            "cluster_name": "xds",
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address}}]}],
        },
    }
    return {
        "node": {"id": "n1", "cluster": "c1", "metadata": {"k": "v"}, "locality": {"zone": "z"}},
        "dynamic_resources": {
            "ads_config": {
                "api_type": kind,
                "transport_api_version": "V3",
                "grpc_services": [{"envoy_grpc": {"cluster_name": "xds"}}],
                **ads,
            },
            "cds_config": ADS,
            "lds_config": ADS,
        },
        "static_resources": {"clusters": [control_plane]},
    }
