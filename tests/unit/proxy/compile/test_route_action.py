import pytest

from lateen.protos.worker_pb2 import RouteMatch
from lateen.proxy.compile.route_action import compile_route_action
from lateen.proxy.compile.table_scope import TableScope
from tests.support.messages import context, errors, message, unsupported

_REWRITE = (
    "type.googleapis.com/envoy.extensions.path.rewrite.uri_template.v3.UriTemplateRewriteConfig"
)


def compiled(text, ctx=None, match=None):
    source = message("config.route.v3.RouteAction", text)
    scope = TableScope(body_limit=0, plugins={}, key=b"")
    return compile_route_action(ctx or context(), source, match or RouteMatch(), scope, "a")


def test_a_cluster_and_nothing_else():
    action = compiled("cluster: c")
    assert action.cluster == "c"
    assert action.cluster_not_found_status == 503
    assert not action.HasField("timeout_ms")
    assert not action.HasField("retry_policy")
    assert action.WhichOneof("host_rewrite") is None


def test_a_cluster_from_a_header():
    action = compiled("{cluster_header: X-C, cluster_not_found_response_code: NOT_FOUND}")
    assert (action.cluster_header, action.cluster_not_found_status) == ("x-c", 404)


@pytest.mark.parametrize(
    ("text", "field", "value"),
    [
        ("timeout: 0s", "timeout_ms", 0),
        ("timeout: 1.5s", "timeout_ms", 1500),
        ("idle_timeout: 0s", "idle_timeout_ms", 0),
        ("priority: HIGH", "high_priority", True),
        ("prefix_rewrite: /x", "prefix_rewrite", "/x"),
        ("host_rewrite_literal: h", "host_literal", "h"),
        ("host_rewrite_header: X-H", "host_header", "x-h"),
        ("auto_host_rewrite: true", "auto_host", True),
        ("append_x_forwarded_host: true", "append_x_forwarded_host", True),
        (
            "max_stream_duration: {max_stream_duration: 3s}",
            "max_stream_duration_ms",
            3000,
        ),
        (
            "max_stream_duration: {grpc_timeout_header_max: 0s}",
            "grpc_timeout_header_max_ms",
            0,
        ),
        ("max_grpc_timeout: 0s", "max_grpc_timeout_ms", 0),
        ("{max_grpc_timeout: 1s, grpc_timeout_offset: 0.2s}", "grpc_timeout_offset_ms", 200),
        ("grpc_timeout_offset: 0.2s", "grpc_timeout_offset_ms", 0),
        (
            "hedge_policy: {hedge_on_per_try_timeout: true}",
            "hedge_on_per_try_timeout",
            True,
        ),
        ("hedge_policy: {}", "hedge_on_per_try_timeout", False),
    ],
)
def test_one_field_at_a_time(text, field, value):
    action = compiled(text)
    assert getattr(action, field) == value
    descriptor = action.DESCRIPTOR.fields_by_name[field]
    assert not descriptor.has_presence or action.HasField(field)


def test_the_newer_limit_takes_the_place_of_the_older():
    action = compiled("{max_grpc_timeout: 1s, max_stream_duration: {}}")
    assert not action.HasField("max_grpc_timeout_ms")


def test_hedging_is_the_virtual_hosts_unless_the_route_says_so():
    assert not compiled("timeout: 1s").HasField("hedge_on_per_try_timeout")


def test_auto_host_rewrite_can_be_false():
    assert compiled("auto_host_rewrite: false").WhichOneof("host_rewrite") is None


def test_rewrites_with_formats_and_patterns():
    action = compiled("{path_rewrite: '/x%REQ(a)%', host_rewrite: '%REQ(h)%'}")
    assert action.path_rewrite.pieces[1].command.argument == "a"
    assert action.host_format.pieces[0].command.argument == "h"
    action = compiled("regex_rewrite: {pattern: {regex: a}, substitution: b}")
    assert (action.regex_rewrite.pattern, action.regex_rewrite.substitution) == ("a", "b")


def test_only_one_path_rewrite():
    ctx = context()
    compiled("{cluster: c, prefix_rewrite: /a, path_rewrite: /b}", ctx)
    assert errors(ctx) == [
        "a: Specify only one of prefix_rewrite, regex_rewrite or path_rewrite_policy"
    ]


def template(text):
    config = {"@type": _REWRITE, "path_template_rewrite": text}
    return {"path_rewrite_policy": {"name": "t", "typed_config": config}}


def test_a_template_rewrite_uses_the_variables_of_its_match():
    match = RouteMatch(uri_template="/{a}/{b=**}")
    ctx = context()
    assert compiled(template("/{b}/{a}"), ctx, match).path_template_rewrite == "/{b}/{a}"
    assert errors(ctx) == []
    compiled(template("/{c}"), ctx, match)
    assert errors(ctx) == [
        "a.path_rewrite_policy: mismatch between variables in path_match_policy /{a}/{b=**} and"
        " path_rewrite_policy /{c}"
    ]


def test_a_template_rewrite_needs_a_template_match():
    ctx = context()
    compiled(template("/{a}"), ctx)
    assert "unable to use envoy.path.rewrite.uri_template" in errors(ctx)[0]


def test_upgrades_are_let_through_or_not():
    upgrades = "[{upgrade_type: WebSocket}, {upgrade_type: CONNECT, enabled: false}]"
    action = compiled(f"upgrade_configs: {upgrades}")
    assert [(each.type, each.enabled) for each in action.upgrades] == [
        ("websocket", True),
        ("connect", False),
    ]
    assert not action.HasField("connect")


@pytest.mark.parametrize(
    ("config", "post"),
    [("{}", False), ("{allow_post: true}", True), ("{allow_post: false}", False)],
)
def test_connect_may_end_here(config, post):
    action = compiled(f"upgrade_configs: [{{upgrade_type: CONNECT, connect_config: {config}}}]")
    assert action.HasField("connect")
    assert action.connect.allow_post is post


@pytest.mark.parametrize("kind", ["CONNECT-UDP", "connect-ip"])
def test_datagrams_are_refused(kind):
    ctx = context()
    compiled(f"upgrade_configs: [{{upgrade_type: {kind}}}]", ctx)
    wanted = f"a.upgrade_configs[0].upgrade_type: an upgrade to {kind} is not implemented"
    assert [wanted in error for error in errors(ctx)] == [True]
    forbidden = context()
    compiled(f"upgrade_configs: [{{upgrade_type: {kind}, enabled: false}}]", forbidden)
    assert not errors(forbidden)


def test_an_unknown_cluster_is_an_error_where_clusters_are_known():
    ctx = context(clusters={"known"})
    compiled("cluster: known", ctx)
    compiled("cluster: other", ctx)
    assert errors(ctx) == ["a.cluster: route: unknown cluster 'other'"]


def test_what_is_not_implemented():
    text = "retry_policy: {refresh_cluster_on_retry: true}"
    (report,) = unsupported(message("config.route.v3.RouteAction", text))
    assert report.startswith("error x.retry_policy.refresh_cluster_on_retry")
