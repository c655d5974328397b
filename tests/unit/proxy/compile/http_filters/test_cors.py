from lateen.protos.worker_pb2 import FilterOverride
from lateen.proxy.compile.cors_policy import compile_cors_policy
from lateen.proxy.compile.http_filters.cors import compile_cors, compile_cors_override
from tests.support.messages import OWNER, context, errors, message

_PACKAGE = "extensions.filters.http.cors.v3"
POLICY = """
allow_origin_string_match: [{exact: a}, {suffix: b}]
allow_methods: GET
allow_headers: x-a
expose_headers: x-b
max_age: "7"
allow_credentials: false
allow_private_network_access: true
forward_not_matching_preflights: false
filter_enabled: {default_value: {numerator: 5}}
shadow_enabled: {runtime_key: k, default_value: {numerator: 6}}
"""


def test_the_filter_counts():
    ctx = context()
    cors = compile_cors(ctx, message(f"{_PACKAGE}.Cors", ""), OWNER, "f").cors
    assert ctx.blocks[cors.stats_block].prefix == "http.web.cors"


def test_a_policy():
    ctx = context()
    out = FilterOverride(filter="f")
    compile_cors_override(ctx, message(f"{_PACKAGE}.CorsPolicy", POLICY), out, "o")
    policy = out.cors
    assert [origin.WhichOneof("kind") for origin in policy.allow_origins] == ["exact", "suffix"]
    assert (policy.allow_methods, policy.allow_headers) == ("GET", "x-a")
    assert (policy.expose_headers, policy.max_age) == ("x-b", "7")
    assert policy.HasField("allow_credentials")
    assert not policy.allow_credentials
    assert policy.allow_private_network
    assert policy.HasField("forward_not_matching")
    assert (policy.enabled.numerator, policy.shadow.runtime_key) == (5, "k")
    assert errors(ctx) == []


def test_what_is_not_said_stays_open():
    policy = compile_cors_policy(context(), message("config.route.v3.CorsPolicy", ""), "r")
    assert not policy.HasField("allow_credentials")
    assert not policy.HasField("forward_not_matching")
    assert not policy.HasField("enabled")
