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


def test_what_is_asked_does_not_depend_on_the_timeout():
    filter_, found = of_collection(CLUSTERS, {"ads": {}})
    expected = {"source": {"ads": {}}, "resources_locator": CLUSTERS}
    assert filter_.clusters == message(f"{_PACKAGE}.OnDemandCds", expected).SerializeToString()
    assert filter_.timeout_ms == 1000
    assert found == []


def test_a_collection_that_is_none():
    (error,) = of_collection("dir/*", {"ads": {}})[1]
    assert error.startswith("f.odcds.resources_locator: dir/* does not have a xdstp:")
    (error,) = of_collection(CLUSTERS, {"self": {}})[1]
    assert error.startswith("f.odcds.source: no collection can come from here")
