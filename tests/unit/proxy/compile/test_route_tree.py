"""Trees that choose routes and clusters."""

from lateen.proxy.compile.route_table import compile_route_table
from tests.support.messages import context, errors, message

_TYPES = "type.googleapis.com"
_ROUTE = {"match": {"prefix": "/"}, "direct_response": {"status": 201}}
_SPECIFIER = f"{_TYPES}/envoy.extensions.router.cluster_specifiers.matcher.v3"


def always(kind, **fields):
    """A tree that always comes to one action."""
    config = {"@type": kind, **fields}
    return {"on_no_match": {"action": {"name": "a", "typed_config": config}}}


def table(ctx, host, **config):
    hosts = [{"name": "v", "domains": ["*"], **host}]
    source = message("config.route.v3.RouteConfiguration", {"virtual_hosts": hosts, **config})
    compiled = compile_route_table(ctx, source, "t", "r", validate_clusters=True)
    return compiled.virtual_hosts[0]


def routes_of(ctx, tree):
    return table(ctx, {"matcher": tree}).matcher.on_no_match.action.routes


def test_an_action_is_a_route_or_several():
    ctx = context(clusters=())
    one = routes_of(ctx, always(f"{_TYPES}/envoy.config.route.v3.Route", **_ROUTE))
    assert [route.direct_response.status for route in one] == [201]
    kind = f"{_TYPES}/envoy.config.route.v3.RouteList"
    two = routes_of(ctx, always(kind, routes=[_ROUTE, _ROUTE]))
    assert len(two) == 2
    assert errors(ctx) == []


def test_its_clusters_need_not_exist():
    ctx = context(clusters=())
    route = {"match": {"prefix": "/"}, "route": {"cluster": "none"}}
    routes_of(ctx, always(f"{_TYPES}/envoy.config.route.v3.Route", **route))
    assert errors(ctx) == []


def test_a_tree_stands_in_place_of_routes():
    ctx = context()
    tree = always(f"{_TYPES}/google.protobuf.StringValue", value="x")
    table(ctx, {"matcher": tree, "routes": [_ROUTE]})
    where = "r.virtual_hosts[0].matcher"
    assert errors(ctx) == [
        f"{where}: cannot set both matcher and routes on virtual host",
        f"{where}.on_no_match.action: action google.protobuf.StringValue is not implemented",
    ]


def plugin(kind="MatcherClusterSpecifier", name="p"):
    tree = always(f"{_SPECIFIER}.ClusterAction", cluster="c")
    config = {"@type": f"{_SPECIFIER}.{kind}", "cluster_matcher": tree}
    return {"extension": {"name": name, "typed_config": config}}


def cluster_of(ctx, action, **config):
    route = {"match": {"prefix": "/"}, "route": action}
    return table(ctx, {"routes": [route]}, **config).routes[0].route.cluster_matcher


def test_a_plugin_names_clusters_by_a_tree():
    ctx = context(clusters=())
    inline = cluster_of(ctx, {"inline_cluster_specifier_plugin": plugin()})
    named = cluster_of(ctx, {"cluster_specifier_plugin": "p"}, cluster_specifier_plugins=[plugin()])
    assert inline == named
    assert named.on_no_match.action.name == "c"
    assert errors(ctx) == []


def test_a_plugin_that_is_not_known():
    ctx = context()
    cluster_of(ctx, {"cluster_specifier_plugin": "p"})
    other = {"name": "lua", "typed_config": {"@type": f"{_SPECIFIER}.ClusterAction"}}
    cluster_of(ctx, {"inline_cluster_specifier_plugin": {"extension": other}})
    where = "r.virtual_hosts[0].routes[0].route"
    assert errors(ctx) == [
        f"{where}.cluster_specifier_plugin: Unknown cluster specifier plugin name: p is used in the"
        " route",
        f"{where}.inline_cluster_specifier_plugin.extension.typed_config: cluster specifier plugin"
        " envoy.extensions.router.cluster_specifiers.matcher.v3.ClusterAction is not implemented",
    ]
