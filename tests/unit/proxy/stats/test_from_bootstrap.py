import pytest

from lateen.config import load_bootstrap
from lateen.proxy.compile import compile_bootstrap
from lateen.proxy.stats.from_bootstrap import compile_stats_config


def compiled(yaml, cli_tags=()):
    loaded = load_bootstrap(None, yaml)
    assert loaded.bootstrap is not None, loaded.diagnostics
    ctx = compile_bootstrap(loaded.bootstrap, read_file=lambda path: b"").context
    return compile_stats_config(ctx, loaded.bootstrap, cli_tags), ctx


def test_defaults():
    config, _ = compiled("node: {id: a, cluster: b}")
    assert config.flush_interval_s == 5
    assert config.accepts("anything")
    assert config.buckets_of("x")[0] == 0.5


def test_everything():
    config, ctx = compiled(
        """
        stats_flush_interval: 0.5s
        stats_config:
          use_all_default_tags: false
          stats_tags:
          - {tag_name: zone, fixed_value: z1}
          - {tag_name: envoy.cluster_name}
          - {tag_name: own, regex: "(_(total))$"}
          stats_matcher:
            exclusion_list: {patterns: [{prefix: http.}, {safe_regex: {regex: ".*x"}}]}
          histogram_bucket_settings:
          - {match: {suffix: _ms}, buckets: [1, 2]}
        """,
        ["az:east"],
    )
    assert not [each for each in ctx.diagnostics if each.severity == "error"]
    assert config.flush_interval_s == 0.5
    assert [config.accepts(name) for name in ("http.a", "abx", "server.live")] == [
        False,
        False,
        True,
    ]
    assert config.buckets_of("length_ms") == (1, 2)
    tagged = config.tags.extract("cluster.be.upstream_rq_total")
    assert tagged.name == "cluster.upstream_rq"
    assert dict(tagged.tags) == {
        "az": "east", "zone": "z1", "envoy.cluster_name": "be", "own": "total",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("matcher", "accepted"),
    [
        ("reject_all: true", []),
        ("reject_all: false", ["a", "b"]),
        ("inclusion_list: {patterns: [{exact: a}]}", ["a"]),
        ("exclusion_list: {patterns: [{exact: A, ignore_case: true}]}", ["b"]),
    ],
)
def test_matchers(matcher, accepted):
    config, _ = compiled(f"stats_config: {{stats_matcher: {{{matcher}}}}}")
    assert [name for name in ("a", "b") if config.accepts(name)] == accepted


def test_a_tag_without_regex_must_be_envoys():
    _, ctx = compiled("stats_config: {stats_tags: [{tag_name: nothing}]}")
    assert "no default regex for name: 'nothing'" in ctx.diagnostics[-1].message
