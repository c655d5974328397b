from pathlib import Path

import pytest
import yaml

from lateen.protos.worker_pb2 import Discovery
from lateen.proxy.compile import compile_bootstrap
from lateen.proxy.compile.supported import support_table
from tests.support.messages import message

HELLO = Path(__file__).parents[4] / "examples/hello/envoy.yaml"


def no_files(path):
    raise FileNotFoundError(2, "No such file or directory", path)


def compiled(source, **given):
    bootstrap = message("config.bootstrap.v3.Bootstrap", source)
    return compile_bootstrap(bootstrap, read_file=no_files, **given)


def found(result):
    return [f"{d.severity} {d.path}: {d.message}" for d in result.diagnostics]


@pytest.fixture
def hello():
    return yaml.safe_load(HELLO.read_text())


def test_the_hello_example_compiles_without_a_diagnostic(hello):
    result = compiled(hello)
    assert result.diagnostics == []
    (cluster,) = result.update.clusters
    (listener,) = result.update.listeners
    (table,) = result.update.route_tables
    assert cluster.name == "some_service"
    assert cluster.discovery == Discovery.LOGICAL_DNS
    assert cluster.connect_timeout_ms == 250
    assert listener.addresses[0].socket.port == 10000
    manager = listener.filter_chains[0].filters[0].http_connection_manager
    assert manager.route_table == table.name
    assert manager.http_filters[0].WhichOneof("kind") == "router"
    assert table.config_name == "local_route"
    assert table.virtual_hosts[0].routes[0].route.cluster == "some_service"


def test_every_block_that_a_resource_names_was_allotted(hello):
    result = compiled(hello)
    manager = result.update.listeners[0].filter_chains[0].filters[0].http_connection_manager
    numbers = {
        "cluster.some_service": result.update.clusters[0].stats_block,
        "listener.0.0.0.0_10000": result.update.listeners[0].stats_block,
        "http.ingress_http": manager.stats_block,
        "listener.0.0.0.0_10000.http.ingress_http": manager.listener_stats_block,
    }
    assert {result.blocks[number].prefix: number for number in numbers.values()} == numbers


def test_the_same_configuration_gives_the_same_bytes(hello):
    first, second = (compiled(hello).update.SerializeToString(deterministic=True) for _ in range(2))
    assert first == second


def test_the_support_table_names_only_fields_of_the_api():
    assert support_table().problems() == []


def test_a_second_cluster_of_one_name_is_an_error(hello):
    hello["static_resources"]["clusters"] *= 2
    assert found(compiled(hello)) == [
        "error static_resources.clusters[1].name: cluster manager: duplicate cluster 'some_service'"
    ]


def test_a_second_listener_of_one_name_is_left_out(hello):
    hello["static_resources"]["listeners"] *= 2
    result = compiled(hello)
    assert len(result.update.listeners) == len(result.update.route_tables) == 1


def test_a_route_to_an_unknown_cluster_is_an_error(hello):
    hello["static_resources"]["clusters"][0]["name"] = "other"
    assert found(compiled(hello)) == [
        "error static_resources.listeners[0].filter_chains[0].filters[0].typed_config.route_config"
        ".virtual_hosts[0].routes[0].route.cluster: route: unknown cluster 'some_service'"
    ]


def test_what_is_not_implemented_is_reported_with_its_path(hello):
    hello["hds_config"] = {}
    hello["static_resources"]["clusters"][0]["connection_pool_per_downstream_connection"] = True
    assert found(compiled(hello)) == [
        "error static_resources.clusters[0].connection_pool_per_downstream_connection:"
        " connection_pool_per_downstream_connection is not implemented",
        "error hds_config: hds_config is not implemented",
    ]


def test_an_optional_filter_that_is_not_implemented_is_left_out(hello):
    manager = hello["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]
    gzip = {
        "name": "lua",
        "is_optional": True,
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua",
            "inline_code": "-- nothing",
        },
    }
    manager["typed_config"]["http_filters"].insert(0, gzip)
    result = compiled(hello)
    assert [d.severity for d in result.diagnostics] == ["warning"]
    gzip["is_optional"] = False
    (problem,) = compiled(hello).diagnostics
    assert problem.severity == "error"
    assert problem.path.endswith("http_filters[0].typed_config")


def test_node_and_flags_reach_the_connection_manager(hello):
    hello["node"] = {"id": "n", "cluster": "c"}

    def manager(**given):
        update = compiled(hello, **given).update
        return update.listeners[0].filter_chains[0].filters[0].http_connection_manager

    assert (manager().service_node, manager().service_cluster) == ("n", "c")
    assert manager(service_cluster="flag").service_cluster == "flag"


def test_the_bootstraps_resolver_serves_clusters_that_name_none(hello):
    hello["typed_dns_resolver_config"] = {
        "name": "cares",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.network.dns_resolver.cares.v3"
            ".CaresDnsResolverConfig",
            "resolvers": [{"socket_address": {"address": "127.0.0.1", "port_value": 53}}],
            "dns_resolver_options": {"use_tcp_for_dns_lookups": True},
        },
    }
    result = compiled(hello)
    assert result.diagnostics == []
    dns = result.update.clusters[0].dns
    assert (dns.resolvers[0].host, dns.resolvers[0].port, dns.use_tcp) == ("127.0.0.1", 53, True)


def test_the_local_cluster_and_the_order_of_clusters_with_it():
    clusters = [{"name": name, "type": "STATIC"} for name in ("z", "local", "a")]
    source = {
        "node": {"locality": {"zone": "east"}},
        "cluster_manager": {"local_cluster_name": "local"},
        "static_resources": {"clusters": clusters},
    }
    update = compiled(source).update
    assert (update.node.local_cluster, update.node.locality.zone) == ("local", "east")
    assert [cluster.name for cluster in update.clusters] == ["a", "local", "z"]
    assert not compiled({}).update.node.HasField("locality")
