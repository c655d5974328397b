from lateen.proxy.compile.http_filters.health_check import compile_health_check_filter
from tests.support.messages import OWNER, context, errors, message

_TYPE = "extensions.filters.http.health_check.v3.HealthCheck"


def compiled(ctx, text):
    return compile_health_check_filter(ctx, message(_TYPE, text), OWNER, "f").health_check


def test_all_fields():
    ctx = context(service_cluster="web")
    found = compiled(
        ctx,
        """
        pass_through_mode: true
        cache_time: 1.5s
        headers: [{name: ":path", string_match: {exact: /hc}}]
        cluster_min_healthy_percentages: {b: {value: 50}, a: {value: 0.5}}
        """,
    )
    assert ctx.blocks[found.stats_block].prefix == "http.web.health_check"
    assert (found.pass_through, found.cache_time_ms, found.cluster) == (True, 1500, "web")
    assert found.headers[0].name == ":path"
    assert [(each.cluster, each.healthy_percent) for each in found.minima] == [
        ("a", 0.5),
        ("b", 50),
    ]
    assert errors(ctx) == []


def test_what_it_answers_itself_is_not_cached():
    ctx = context()
    compiled(ctx, "{pass_through_mode: false, cache_time: 1s}")
    reason = "cache_time_ms must not be set when path_through_mode is disabled"
    assert errors(ctx) == [f"f.cache_time: {reason}"]
