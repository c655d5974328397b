import pytest

from lateen.protos.worker_pb2 import FilterOverride
from lateen.proxy.compile.http_filters.ext_authz import (
    compile_ext_authz,
    compile_ext_authz_override,
)
from tests.support.messages import OWNER, context, errors, message

_PACKAGE = "extensions.filters.http.ext_authz.v3"
URI = "server_uri: {uri: 'http://a', cluster: c, timeout: 0.3s}"
GRPC = "grpc_service: {envoy_grpc: {cluster_name: c}}"


def compiled(text, ctx=None):
    source = message(f"{_PACKAGE}.ExtAuthz", f"{{{text}}}")
    return compile_ext_authz(ctx or context(), source, OWNER, "f").ext_authz


def of_route(text, ctx=None):
    out = FilterOverride()
    source = message(f"{_PACKAGE}.ExtAuthzPerRoute", f"{{{text}}}")
    compile_ext_authz_override(ctx or context(), source, out, "r")
    return out.ext_authz


def exact(names):
    return [pattern.exact for pattern in names.patterns]


def test_defaults():
    ctx = context()
    authz = compiled(GRPC, ctx)
    client = authz.service.grpc.client
    assert (client.cluster, client.timeout_ms) == ("c", 200)
    assert (authz.status_on_error, authz.cluster_stats) == (403, "ext_authz")
    assert authz.charges_cluster
    assert not authz.ignores_dynamic_metadata
    for field in ("body", "enabled", "enabled_metadata", "allowed_headers", "permissions"):
        assert not authz.HasField(field)
    assert ctx.blocks[authz.stats_block].prefix == "http.web.ext_authz"
    assert errors(ctx) == []


def test_stats_have_a_name_of_their_own():
    ctx = context()
    authz = compiled(f"{GRPC}, stat_prefix: waf", ctx)
    assert authz.cluster_stats == "ext_authz.waf"
    assert ctx.blocks[authz.stats_block].prefix == "http.web.ext_authz.waf"


def test_a_service_that_speaks_http_is_told_what_makes_a_request():
    authz = compiled(f"http_service: {{{URI}}}")
    told = ["authorization", ":method", ":path", ":authority"]
    assert exact(authz.allowed_headers) == told
    listed = "authorization_request: {allowed_headers: {patterns: [{exact: a}]}}"
    assert exact(compiled(f"http_service: {{{URI}, {listed}}}").allowed_headers) == ["a", *told]
    listed = "allowed_headers: {patterns: [{exact: a}]}"
    assert exact(compiled(f"http_service: {{{URI}}}, {listed}").allowed_headers) == ["a", *told]
    assert exact(compiled(f"{GRPC}, {listed}").allowed_headers) == ["a"]


def test_what_answers_of_a_service_may_change():
    response = """authorization_response: {
        allowed_upstream_headers: {patterns: [{exact: a}]},
        allowed_upstream_headers_to_append: {patterns: [{exact: b}]},
        allowed_client_headers: {patterns: [{exact: c}]},
        allowed_client_headers_on_success: {patterns: [{exact: d}]},
        dynamic_metadata_from_headers: {patterns: [{exact: e}]}}"""
    service = compiled(f"http_service: {{{URI}, {response}}}").service.http
    assert exact(service.upstream_headers) == ["a"]
    assert exact(service.upstream_headers_to_append) == ["b"]
    assert exact(service.client_headers) == [
        "c",
        "content-length",
        "www-authenticate",
        "location",
    ]
    assert exact(service.client_headers_on_success) == ["d"]
    assert exact(service.metadata_headers) == ["e"]
    assert not compiled(f"http_service: {{{URI}}}").service.http.HasField("client_headers")


def test_how_a_service_is_asked():
    service = compiled(f"""http_service: {{{URI}, path_prefix: /a, path_override: /b,
        retry_policy: {{num_retries: 2}},
        authorization_request: {{headers_to_add: [{{key: X-A, value: b}}]}}}}""").service.http
    assert (service.path_prefix, service.path_override) == ("/a", "/b")
    assert [header.name for header in service.headers_to_add] == ["x-a"]
    assert (service.client.retry_policy.num_retries, service.client.internal) == (2, True)
    assert list(service.client.retry_policy.retry_on) == []


def test_when_requests_are_asked_about():
    authz = compiled(f"""{GRPC}, filter_enabled: {{default_value: {{numerator: 5}}}},
        filter_enabled_metadata: {{filter: a, path: [{{key: b}}], value: {{bool_match: true}}}},
        deny_at_disable: {{default_value: true, runtime_key: k}},
        with_request_body: {{max_request_bytes: 9, allow_partial_message: true,
                             pack_as_bytes: true}}""")
    assert authz.enabled.numerator == 5
    assert list(authz.enabled_metadata.path) == ["a", "b"]
    assert (authz.deny_at_disable.runtime_key, authz.deny_at_disable.default_value) == ("k", True)
    assert (authz.body.max_bytes, authz.body.allow_partial, authz.body_as_bytes) == (9, True, True)


def test_which_headers_may_be_changed():
    permissions = compiled(f"""{GRPC}, decoder_header_mutation_rules: {{
        allow_all_routing: true, disallow_is_error: true, allow_expression: {{regex: a}},
        disallow_expression: {{regex: b}}}}""").permissions
    assert permissions.allow_all_routing
    assert permissions.disallow_is_error
    assert not permissions.allow_envoy
    assert permissions.allow_expression.regex == "a"
    assert permissions.disallow_expression.regex == "b"


def test_what_a_route_says():
    settings = "check_settings: {context_extensions: {a: b}, with_request_body:"
    route = of_route(f"{settings} {{max_request_bytes: 3}}, {GRPC}}}")
    assert dict(route.context_extensions) == {"a": "b"}
    assert (route.body.max_bytes, route.service.grpc.client.cluster) == (3, "c")
    assert not route.disabled
    route = of_route("disabled: true")
    assert route.disabled
    assert not route.HasField("service")
    assert of_route("check_settings: {disable_request_body_buffering: true}").without_body


@pytest.mark.parametrize(
    ("text", "where", "reason"),
    [
        ("stat_prefix: a", "f:", "a service is needed"),
        (f"{GRPC}, transport_api_version: V2", "f.transport_api_version", "V2 is not implemented"),
        (f"http_service: {{{URI}, path_prefix: a}}", "f.http_service.path_prefix", "should start"),
        (
            f"http_service: {{{URI}, path_override: a}}",
            "f.http_service.path_override",
            "should start",
        ),
        (
            f"http_service: {{{URI}, authorization_request: {{allowed_headers: {{}}}}}},"
            " allowed_headers: {}",
            "f.allowed_headers",
            "Invalid duplicate configuration for allowed_headers.",
        ),
        (
            f"http_service: {{{URI}, authorization_request:"
            " {headers_to_add: [{key: ':a', value: b}]}}",
            "f.http_service.authorization_request.headers_to_add[0].key",
            "may not be modified",
        ),
    ],
)
def test_what_is_refused(text, where, reason):
    ctx = context()
    compiled(text, ctx)
    (report,) = errors(ctx)
    assert report.startswith(where)
    assert reason in report


def test_a_route_cannot_have_a_body_and_none():
    ctx = context()
    settings = "disable_request_body_buffering: true, with_request_body: {max_request_bytes: 3}"
    of_route(f"check_settings: {{{settings}}}", ctx)
    (report,) = errors(ctx)
    assert report.startswith("r.check_settings: Invalid configuration for check_settings.")
