"""Which policy is used, and what all have in common."""

import pytest

from lateen.protos.worker_pb2 import LbPolicy
from lateen.proxy.compile.cluster import compile_cluster
from tests.support.messages import context, errors, message, warnings

_POLICIES = "type.googleapis.com/envoy.extensions.load_balancing_policies"


def compiled(ctx=None, **given):
    source = message("config.cluster.v3.Cluster", {"name": "c", **given})
    return compile_cluster(ctx or context(), source, "c")


def test_least_request():
    options = {"choice_count": 5, "active_request_bias": {"default_value": 0.5, "runtime_key": "k"}}
    lb = compiled(lb_policy="LEAST_REQUEST", least_request_lb_config=options).lb
    assert (lb.choice_count, lb.active_request_bias) == (5, 0.5)
    ctx = context(runtime={"k": "2"})
    lb = compiled(ctx, lb_policy="LEAST_REQUEST", least_request_lb_config=options).lb
    assert lb.active_request_bias == 2
    ctx = context(runtime={"k": "-1"})
    lb = compiled(ctx, lb_policy="LEAST_REQUEST", least_request_lb_config=options).lb
    assert (lb.active_request_bias, len(warnings(ctx))) == (1, 1)


def test_the_options_of_another_policy_have_no_effect():
    ctx = context()
    assert compiled(ctx, least_request_lb_config={"choice_count": 5}).lb.choice_count == 2
    assert warnings(ctx) == ["c.least_request_lb_config: has no effect: the policy is ROUND_ROBIN"]


def test_common_options():
    lb = compiled(
        common_lb_config={
            "healthy_panic_threshold": {"value": 0},
            "zone_aware_lb_config": {"fail_traffic_on_panic": True},
        }
    ).lb
    assert (lb.panic_threshold_percent, lb.fail_traffic_on_panic) == (0, True)
    assert compiled(common_lb_config={"locality_weighted_lb_config": {}}).lb.locality_weighted


@pytest.mark.parametrize(
    ("policy", "error"),
    [
        ("CLUSTER_PROVIDED", "cluster manager: cluster provided LB specified but cluster 'c' did"),
        ("LOAD_BALANCING_POLICY_CONFIG", "cluster: field load_balancing_policy need to be set"),
    ],
)
def test_policies_that_cannot_be_used(policy, error):
    ctx = context()
    compiled(ctx, lb_policy=policy)
    assert errors(ctx)[0].startswith(f"c.lb_policy: {error}")


def policies(*configs):
    return {
        "policies": [
            {"typed_extension_config": {"name": "p", "typed_config": config}} for config in configs
        ]
    }


def policy(kind, **given):
    return {"@type": f"{_POLICIES}.{kind}", **given}


WEIGHTED = {"locality_weighted_lb_config": {}}


@pytest.mark.parametrize(
    ("config", "expected", "weighted"),
    [
        (policy("round_robin.v3.RoundRobin"), LbPolicy.ROUND_ROBIN, False),
        (
            policy("round_robin.v3.RoundRobin", locality_lb_config=WEIGHTED),
            LbPolicy.ROUND_ROBIN,
            True,
        ),
        (policy("least_request.v3.LeastRequest"), LbPolicy.LEAST_REQUEST, False),
        (policy("random.v3.Random"), LbPolicy.RANDOM, False),
        (policy("ring_hash.v3.RingHash"), LbPolicy.RING_HASH, False),
        (policy("ring_hash.v3.RingHash", **WEIGHTED), LbPolicy.RING_HASH, True),
        (policy("maglev.v3.Maglev", **WEIGHTED), LbPolicy.MAGLEV, True),
    ],
)
def test_typed_policies(config, expected, weighted):
    ctx = context()
    cluster = compiled(ctx, load_balancing_policy=policies(config))
    assert (cluster.lb_policy, cluster.lb.locality_weighted) == (expected, weighted)
    assert errors(ctx) == []


def test_the_first_policy_that_is_implemented_is_used():
    ctx = context()
    source = policies(policy("pick_first.v3.PickFirst"), policy("random.v3.Random"))
    assert compiled(ctx, load_balancing_policy=source).lb_policy == LbPolicy.RANDOM
    first = "c.load_balancing_policy.policies[0].typed_extension_config.typed_config"
    assert list(ctx.excused) == [first]


def test_typed_policies_and_their_older_fields_exclude_each_other():
    ctx = context()
    compiled(
        ctx,
        load_balancing_policy=policies(policy("random.v3.Random")),
        common_lb_config={"locality_weighted_lb_config": {}},
    )
    assert errors(ctx)[0].startswith("c.common_lb_config: cluster: load_balancing_policy cannot be")


def test_without_a_policy_that_is_known_there_is_none():
    ctx = context()
    compiled(ctx, load_balancing_policy={"policies": []})
    assert errors(ctx) == [
        "c.load_balancing_policy: cluster: didn't find a registered load balancer factory"
        " implementation for cluster: 'c' with names from []"
    ]


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ({}, "envoy.cluster.static"),
        ({"type": "LOGICAL_DNS"}, "envoy.cluster.logical_dns"),
        ({"cluster_type": {"name": "envoy.cluster.static"}}, "envoy.cluster.static"),
        ({"type": "STRICT_DNS"}, None),
    ],
)
def test_hosts_are_known_by_name_where_dns_finds_them_all(kind, name):
    ctx = context()
    named = {"consistent_hashing_lb_config": {"use_hostname_for_hashing": True}}
    compiled(ctx, **kind, common_lb_config=named)
    refused = [error for error in errors(ctx) if "Cannot use hostname" in error]
    assert len(refused) == (name is not None)
    assert all(error.endswith(f"for cluster of type: '{name}'") for error in refused)


def zones(**given):
    """The zone_aware settings of a typed policy."""
    locality = {"zone_aware_lb_config": given}
    typed = policies(policy("round_robin.v3.RoundRobin", locality_lb_config=locality))
    return compiled(load_balancing_policy=typed).lb.zone_aware


def test_zone_aware_defaults():
    assert not compiled().lb.HasField("zone_aware")
    found = compiled(common_lb_config={"zone_aware_lb_config": {}}).lb.zone_aware
    assert (found.routing_enabled_percent, found.min_cluster_size) == (100, 6)
    assert not found.HasField("force_local_min_size")
    assert zones() == found


def test_zone_aware_settings():
    found = zones(
        routing_enabled={"value": 12.5},
        min_cluster_size=3,
        force_local_zone={"min_size": 2},
        locality_basis="HEALTHY_HOSTS_WEIGHT",
    )
    assert (found.routing_enabled_percent, found.min_cluster_size) == (13, 3)
    assert (found.force_local_min_size, found.by_weight) == (2, True)
    assert zones(force_local_zone={}).force_local_min_size == 1
    assert zones(force_locality_direct_routing=True).force_local_min_size == 1


def test_a_share_that_is_no_number_is_refused():
    ctx = context()
    config = {"zone_aware_lb_config": {"routing_enabled": {"value": "NaN"}}}
    compiled(ctx, common_lb_config=config)
    (report,) = errors(ctx)
    assert report.startswith("c.common_lb_config.zone_aware_lb_config.routing_enabled: Value not")
