import pytest

from lateen.protos.worker_pb2 import Discovery
from lateen.proxy.compile.cluster import compile_cluster
from tests.support.messages import context, errors, message

AGGREGATE = "type.googleapis.com/envoy.extensions.clusters.aggregate.v3.ClusterConfig"
POLICIES = "type.googleapis.com/envoy.extensions.load_balancing_policies"
PROVIDED = f"{POLICIES}.cluster_provided.v3.ClusterProvided"
ROUND_ROBIN = f"{POLICIES}.round_robin.v3.RoundRobin"


def aggregate(ctx, **more):
    typed = {"@type": AGGREGATE, "clusters": ["a", "b"]}
    fields = {
        "name": "all",
        "cluster_type": {"name": "envoy.clusters.aggregate", "typed_config": typed},
        **more,
    }
    return compile_cluster(ctx, message("config.cluster.v3.Cluster", fields), "c")


def policy(url):
    typed = {"name": "p", "typed_config": {"@type": url}}
    return {"policies": [{"typed_extension_config": typed}]}


@pytest.mark.parametrize(
    "how", [{"lb_policy": "CLUSTER_PROVIDED"}, {"load_balancing_policy": policy(PROVIDED)}]
)
def test_an_aggregate_has_the_clusters_in_their_order(how):
    ctx = context()
    cluster = aggregate(ctx, **how)
    assert not errors(ctx)
    assert cluster.discovery == Discovery.AGGREGATE
    assert list(cluster.members) == ["a", "b"]


@pytest.mark.parametrize(
    ("how", "where"),
    [
        ({}, "c.lb_policy"),
        ({"lb_policy": "RANDOM"}, "c.lb_policy"),
        ({"load_balancing_policy": policy(ROUND_ROBIN)}, "c.load_balancing_policy.policies[0]"),
    ],
)
def test_an_aggregate_chooses_by_itself(how, where):
    ctx = context()
    aggregate(ctx, **how)
    (report,) = errors(ctx)
    assert report.startswith(where)
    assert "cluster provided LB not specified but cluster 'all' provided one" in report


def test_an_aggregate_has_no_subsets():
    ctx = context()
    aggregate(ctx, lb_policy="CLUSTER_PROVIDED", lb_subset_config={})
    (report,) = errors(ctx)
    assert "CLUSTER_PROVIDED cannot be combined with lb_subset_config" in report


def test_endpoints_of_an_aggregate_have_no_effect():
    ctx = context()
    locality = {"lb_endpoints": [{"endpoint": {"address": {"pipe": {"path": "/p"}}}}]}
    assignment = {"cluster_name": "all", "endpoints": [locality]}
    cluster = aggregate(ctx, lb_policy="CLUSTER_PROVIDED", load_assignment=assignment)
    assert not errors(ctx)
    assert not cluster.HasField("endpoints")
    (warning,) = ctx.diagnostics
    assert warning.path == "c.load_assignment"


def test_other_clusters_provide_nothing():
    ctx = context()
    fields = {"name": "s", "load_balancing_policy": policy(PROVIDED)}
    compile_cluster(ctx, message("config.cluster.v3.Cluster", fields), "c")
    (report,) = errors(ctx)
    assert "cluster provided LB specified but cluster 's' did not provide one" in report
