import pytest

from lateen.proxy.stats.tags import Tag, TagExtractor, TagRule, TagRuleError, default_rules


# Names and tags as Envoy 1.40 printed them in /stats/prometheus.
@pytest.mark.parametrize(
    ("name", "without", "tags"),
    [
        (
            "cluster.be.external.upstream_rq_200",
            "cluster.external.upstream_rq",
            {"response_code": "200", "cluster_name": "be"},
        ),
        (
            "cluster.be.upstream_rq_5xx",
            "cluster.upstream_rq_xx",
            {"response_code_class": "5", "cluster_name": "be"},
        ),
        (
            "listener.127.0.0.1_19100.http.ingress.downstream_rq_2xx",
            "listener.http.downstream_rq_xx",
            {
                "response_code_class": "2",
                "http_conn_manager_prefix": "ingress",
                "listener_address": "127.0.0.1_19100",
            },
        ),
        (
            "listener.127.0.0.1_19100.worker_0.downstream_cx_active",
            "listener.worker.downstream_cx_active",
            {"worker_id": "0", "listener_address": "127.0.0.1_19100"},
        ),
        ("listener.admin.downstream_cx_total", "listener.admin.downstream_cx_total", {}),
        ("server.worker_0.watchdog_miss", "server.worker.watchdog_miss", {"worker_id": "0"}),
        (
            "vhost.vh.vcluster.vc.upstream_rq_200",
            "vhost.vcluster.upstream_rq",
            {"response_code": "200", "virtual_cluster": "vc", "virtual_host": "vh"},
        ),
        (
            "http.web.rbac.en.policy.p 1.allowed",
            "http.rbac.policy.allowed",
            {
                "rbac_policy_name": "p 1",
                "rbac_http_prefix": "en",
                "http_conn_manager_prefix": "web",
            },
        ),
        (
            "http.web.rbac.policy.p.denied",
            "http.rbac.policy.denied",
            {"rbac_policy_name": "p", "http_conn_manager_prefix": "web"},
        ),
        ("http.web.rbac.denied", "http.rbac.denied", {"http_conn_manager_prefix": "web"}),
        (
            "p.http_local_rate_limit.ok",
            "http_local_rate_limit.ok",
            {"local_http_ratelimit_prefix": "p"},
        ),
        ("tcp.p.downstream_cx_total", "tcp.downstream_cx_total", {"tcp_prefix": "p"}),
        ("server.live", "server.live", {}),
    ],
)
def test_default_tags(name, without, tags):
    found = TagExtractor(default_rules()).extract(name)
    assert found.name == without
    assert [(tag.name, tag.value) for tag in found.tags] == [
        (f"envoy.{tag}", value) for tag, value in tags.items()
    ]


def test_own_rules_and_fixed_tags():
    rule = TagRule.of("kind", r"^cluster\.((\w+?)-)")
    found = TagExtractor([rule], [Tag("zone", "z1")]).extract("cluster.blue-be.upstream_rq_total")
    assert found == ("cluster.be.upstream_rq_total", (("zone", "z1"), ("kind", "blue")))


def test_a_tag_is_taken_once():
    rules = [TagRule.of("t", r"(a)"), TagRule.of("t", r"(b)")]
    assert TagExtractor(rules).extract("ab") == ("b", (("t", "a"),))


@pytest.mark.parametrize("regex", ["(", "no group"])
def test_unusable_rules(regex):
    with pytest.raises(TagRuleError, match="tag 't'"):
        TagRule.of("t", regex)
