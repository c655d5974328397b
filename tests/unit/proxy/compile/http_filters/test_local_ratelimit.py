import textwrap

from lateen.protos.worker_pb2 import FilterOverride, HttpLocalRateLimit
from lateen.proxy.compile.http_filters.local_ratelimit import (
    compile_local_ratelimit,
    compile_local_ratelimit_override,
)
from tests.support.messages import OWNER, context, errors, message, unsupported

_TYPE = "extensions.filters.http.local_ratelimit.v3.LocalRateLimit"
BUCKET = "{max_tokens: 5, tokens_per_fill: 2, fill_interval: 1s}"
DESCRIPTOR = "{entries: [{key: k, value: v}], token_bucket: %s}"


def compiled(text, ctx=None):
    source = message(_TYPE, f"stat_prefix: p\n{textwrap.dedent(text)}")
    return compile_local_ratelimit(ctx or context(), source, OWNER, "f").local_ratelimit


def test_defaults():
    ctx = context()
    limit = compiled("", ctx)
    assert (limit.status, limit.max_dynamic_descriptors) == (429, 20)
    assert not limit.HasField("bucket")
    assert not limit.HasField("enabled")
    assert not limit.spares_default_bucket
    assert ctx.blocks[limit.stats_block].prefix == "p.http_local_rate_limit"
    assert errors(ctx) == []


def test_everything():
    limit = compiled(f"""
        status: {{code: 503}}
        token_bucket: {BUCKET}
        filter_enabled: {{runtime_key: key, default_value: {{numerator: 5}}}}
        filter_enforced: {{default_value: {{numerator: 7, denominator: MILLION}}}}
        response_headers_to_add: [{{header: {{key: x-a, value: b}}}}]
        request_headers_to_add_when_not_enforced: [{{header: {{key: x-c, value: d}}}}]
        descriptors: [{DESCRIPTOR % BUCKET}]
        stage: 3
        local_rate_limit_per_downstream_connection: true
        enable_x_ratelimit_headers: DRAFT_VERSION_03
        vh_rate_limits: INCLUDE
        always_consume_default_token_bucket: false
        rate_limited_as_resource_exhausted: true
        rate_limits: [{{actions: [{{remote_address: {{}}}}]}}]
        enable_retry_after_header: true
        max_dynamic_descriptors: 7
    """)
    assert (limit.status, limit.stage, limit.max_dynamic_descriptors) == (503, 3, 7)
    assert (limit.bucket.max_tokens, limit.bucket.tokens_per_fill) == (5, 2)
    assert (limit.enabled.runtime_key, limit.enabled.numerator) == ("key", 5)
    assert limit.enforced.denominator == 1_000_000
    assert limit.response_headers[0].name == "x-a"
    assert limit.request_headers[0].name == "x-c"
    assert limit.descriptors[0].entries[0].value == "v"
    assert limit.virtual_host_limits == HttpLocalRateLimit.INCLUDE
    assert limit.spares_default_bucket
    assert limit.per_connection
    assert limit.x_ratelimit_headers
    assert limit.retry_after_header
    assert limit.resource_exhausted


def test_errors_are_envoys():
    ctx = context()
    compiled("token_bucket: {max_tokens: 1, fill_interval: 0.01s}", ctx)
    fast = "{max_tokens: 1, fill_interval: 0.01s}"
    compiled(f"descriptors: [{DESCRIPTOR % fast}]", ctx)
    compiled(f"descriptors: [{DESCRIPTOR % BUCKET}, {DESCRIPTOR % BUCKET}]", ctx)
    compiled("rate_limits: [{stage: 1, actions: [{remote_address: {}}]}]", ctx)
    found = errors(ctx)
    assert [error.partition(": ")[0] for error in found] == [
        "f.token_bucket.fill_interval",
        "f.descriptors[0].token_bucket.fill_interval",
        "f.descriptors[1].entries",
        "f.rate_limits[0]",
    ]
    assert "must be >= 50ms" in found[0]
    assert "duplicate descriptor" in found[2]


def test_an_override_has_a_bucket():
    ctx = context()
    out = FilterOverride(filter="f")
    source = message(_TYPE, "stat_prefix: p")
    compile_local_ratelimit_override(ctx, source, out, "o")
    assert errors(ctx) == [
        "o.token_bucket: local rate limit token bucket must be set for per filter configs"
    ]
    compile_local_ratelimit_override(
        context(), message(_TYPE, f"stat_prefix: p\ntoken_bucket: {BUCKET}"), out, "o"
    )
    assert out.local_ratelimit.bucket.max_tokens == 5


def test_shares_of_a_local_cluster_are_refused():
    source = message(_TYPE, "stat_prefix: p\nlocal_cluster_rate_limit: {}")
    (found,) = unsupported(source)
    assert found.startswith("error x.local_cluster_rate_limit")
