import pytest

from lateen.protos.worker_pb2 import LbPolicy
from lateen.proxy.compile.cluster import compile_cluster
from tests.support.messages import context, errors, message

POLICIES = "type.googleapis.com/envoy.extensions.load_balancing_policies"
HEADER = {"header": "X-Host"}
METADATA = {"metadata": {"key": "ns", "path": [{"key": "a"}, {"key": "b"}]}}


def policy(kind, **fields):
    typed = {"@type": f"{POLICIES}.{kind}", **fields}
    return {"policies": [{"typed_extension_config": {"name": "p", "typed_config": typed}}]}


RANDOM = policy("random.v3.Random")


def override(ctx, *sources, fallback=RANDOM):
    given = policy(
        "override_host.v3.OverrideHost", override_host_sources=sources, fallback_policy=fallback
    )
    fields = {"name": "c", "load_balancing_policy": given}
    return compile_cluster(ctx, message("config.cluster.v3.Cluster", fields), "c")


def test_sources_keep_their_order():
    ctx = context()
    first, second = override(ctx, HEADER, METADATA).lb.override_host.sources
    assert not errors(ctx)
    assert first.header == "x-host"
    assert (second.header, list(second.metadata_path)) == ("", ["ns", "a", "b"])


def test_another_policy_chooses_the_rest():
    assert override(context(), HEADER).lb_policy == LbPolicy.RANDOM
    subsets = policy(
        "subset.v3.Subset", subset_selectors=[{"keys": ["v"]}], subset_lb_policy=RANDOM
    )
    cluster = override(context(), HEADER, fallback=subsets)
    assert cluster.lb_policy == LbPolicy.RANDOM
    assert [list(each.keys) for each in cluster.subsets.selectors] == [["v"]]


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ({}, "Empty override source"),
        ({**HEADER, **METADATA}, "Only one override source must be set"),
    ],
)
def test_a_source_is_one_of_two(source, reason):
    ctx = context()
    override(ctx, HEADER, source)
    (report,) = errors(ctx)
    assert "override_host_sources[1]" in report
    assert reason in report


def test_a_fallback_is_needed():
    ctx = context()
    override(ctx, HEADER, fallback={"policies": []})
    (report,) = errors(ctx)
    assert "didn't find a registered fallback load balancer factory" in report


def test_one_within_another_is_refused():
    ctx = context()
    inner = policy(
        "override_host.v3.OverrideHost", override_host_sources=[HEADER], fallback_policy=RANDOM
    )
    override(ctx, HEADER, fallback=inner)
    (report,) = errors(ctx)
    assert "an override_host policy within one is not implemented" in report
