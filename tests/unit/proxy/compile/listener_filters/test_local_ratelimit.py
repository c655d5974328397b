from lateen.proxy.compile.listener_filters.local_ratelimit import compile_local_ratelimit
from tests.support.messages import context, errors, message, unsupported

_TYPE = "extensions.filters.listener.local_ratelimit.v3.LocalRateLimit"


def compiled(text, ctx=None):
    source = message(_TYPE, text)
    assert unsupported(source) == []
    return compile_local_ratelimit(ctx or context(), source, "p").local_ratelimit


def test_a_bucket_and_its_switch():
    ctx = context()
    limit = compiled(
        """
        stat_prefix: s
        token_bucket: {max_tokens: 5, fill_interval: 0.5s}
        runtime_enabled: {default_value: false, runtime_key: k}
        """,
        ctx,
    )
    assert (limit.bucket.max_tokens, limit.bucket.tokens_per_fill) == (5, 1)
    assert limit.bucket.fill_interval_ms == 500
    assert (limit.enabled.runtime_key, limit.enabled.default_value) == ("k", False)
    assert ctx.blocks[limit.stats_block].prefix == "listener_local_ratelimit.s"


def test_a_fill_that_is_too_often():
    ctx = context()
    compiled("{stat_prefix: s, token_bucket: {max_tokens: 5, fill_interval: 0.01s}}", ctx)
    assert errors(ctx) == [
        "p.token_bucket.fill_interval: local rate limit token bucket fill timer must be >= 50ms"
    ]
