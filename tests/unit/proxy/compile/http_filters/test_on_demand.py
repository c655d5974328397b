from lateen.protos.worker_pb2 import FilterOverride
from lateen.proxy.compile.http_filters.on_demand import (
    compile_on_demand,
    compile_on_demand_override,
)
from tests.support.messages import context, errors, message, unsupported

_PACKAGE = "extensions.filters.http.on_demand.v3"


def test_without_a_source_of_clusters_only_routes_are_asked_for():
    ctx = context()
    compiled = compile_on_demand(ctx, message(f"{_PACKAGE}.OnDemand", {}), "f").on_demand
    assert compiled.clusters == b""
    assert ctx.on_demand == set()


def test_clusters_are_waited_for_five_seconds_unless_said():
    ctx = context()
    source = {"odcds": {"source": {"ads": {}}}}
    compiled = compile_on_demand(ctx, message(f"{_PACKAGE}.OnDemand", source), "f").on_demand
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
    compile_on_demand(ctx, message(f"{_PACKAGE}.OnDemand", {"odcds": {"source": {}}}), "f")
    (error,) = errors(ctx)
    assert error.startswith("f.odcds.source: Missing config source specifier")


def test_collections_of_clusters_are_not_implemented():
    source = {"odcds": {"source": {"ads": {}}, "resources_locator": "xdstp://a/b"}}
    (found,) = unsupported(message(f"{_PACKAGE}.OnDemand", source))
    assert "resources_locator is not implemented" in found
