import pytest

from lateen.protos.worker_pb2 import FilterOverride
from lateen.proxy.compile.http_filters.on_demand import (
    compile_on_demand,
    compile_on_demand_override,
)
from tests.support.messages import OWNER, context, errors, message

_PACKAGE = "extensions.filters.http.on_demand.v3"


def test_without_a_source_of_clusters_only_routes_are_asked_for():
    ctx = context()
    compiled = compile_on_demand(ctx, message(f"{_PACKAGE}.OnDemand", {}), OWNER, "f").on_demand
    assert compiled.clusters == b""
    assert ctx.on_demand == set()


def test_clusters_are_waited_for_five_seconds_unless_said():
    ctx = context()
    source = {"odcds": {"source": {"ads": {}}}}
    compiled = compile_on_demand(ctx, message(f"{_PACKAGE}.OnDemand", source), OWNER, "f").on_demand
    assert compiled.clusters != b""
    assert compiled.timeout_ms == 5000
    assert ctx.on_demand == {"f"}
    out = FilterOverride(filter="f")
    source["odcds"]["timeout"] = "0.25s"
    compile_on_demand_override(ctx, message(f"{_PACKAGE}.PerRouteConfig", source), out, "o")
    assert out.on_demand.timeout_ms == 250
    assert errors(ctx) == []


def test_a_source_that_is_none():
    ctx = context()
    compile_on_demand(ctx, message(f"{_PACKAGE}.OnDemand", {"odcds": {"source": {}}}), OWNER, "f")
    (error,) = errors(ctx)
    assert error.startswith("f.odcds.source: Missing config source specifier")


CLUSTERS = "xdstp://authority/envoy.config.cluster.v3.Cluster/*"


def of_collection(locator, source):
    ctx = context()
    config = {"odcds": {"source": source, "resources_locator": locator, "timeout": "1s"}}
    filter_ = compile_on_demand(ctx, message(f"{_PACKAGE}.OnDemand", config), OWNER, "f").on_demand
    return filter_, errors(ctx)


@pytest.mark.parametrize("kind", ["DELTA_GRPC", "AGGREGATED_DELTA_GRPC"])
def test_a_collection_over_a_stream(kind):
    services = [{"envoy_grpc": {"cluster_name": "xds"}}]
    api = {"api_type": kind, "transport_api_version": "V3", "grpc_services": services}
    _, found = of_collection(CLUSTERS, {"api_config_source": api})
    assert found == []


def test_what_is_asked_does_not_depend_on_the_timeout():
    filter_, found = of_collection(CLUSTERS, {"ads": {}})
    expected = {"source": {"ads": {}}, "resources_locator": CLUSTERS}
    assert filter_.clusters == message(f"{_PACKAGE}.OnDemandCds", expected).SerializeToString()
    assert filter_.timeout_ms == 1000
    assert found == []


@pytest.mark.parametrize(
    ("locator", "reason"),
    [
        ("dir/*", "dir/* does not have a xdstp:, http: or file: scheme"),
        ("xdstp://authority", "Resource type missing from /"),
        (
            "xdstp://a/envoy.config.listener.v3.Listener/*",
            "xdstp:// type does not match envoy.config.cluster.v3.Cluster in"
            " xdstp://a/envoy.config.listener.v3.Listener/*",
        ),
        (f"{CLUSTERS}#entry=b", "directives of a locator are not implemented"),
        ("file:///etc/clusters", "collections of clusters do not come from file:///etc/clusters"),
    ],
)
def test_a_locator_that_is_none(locator, reason):
    (error,) = of_collection(locator, {"ads": {}})[1]
    assert error.startswith(f"f.odcds.resources_locator: {reason}")


@pytest.mark.parametrize(
    "source",
    [
        {"self": {}},
        {"path_config_source": {"path": "/etc/clusters"}},
        {"api_config_source": {"api_type": "GRPC"}},
    ],
)
def test_a_source_that_brings_no_collections(source):
    (error,) = of_collection(CLUSTERS, source)[1]
    assert error.startswith("f.odcds.source: a collection of clusters cannot come from here")
