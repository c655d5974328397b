import json

import pytest

from lateen.protos.worker_pb2 import LbPolicy, Subsets
from lateen.proxy.compile.cluster import compile_cluster
from tests.support.messages import context, errors, message

_POLICIES = "type.googleapis.com/envoy.extensions.load_balancing_policies"


def compiled(ctx=None, **given):
    source = message("config.cluster.v3.Cluster", {"name": "c", **given})
    return compile_cluster(ctx or context(), source, "c")


def policies(*configs):
    each = [{"typed_extension_config": {"name": "p", "typed_config": c}} for c in configs]
    return {"policies": each}


def policy(kind, **given):
    return {"@type": f"{_POLICIES}.{kind}", **given}


def test_without_selectors_there_are_no_subsets():
    config = {"fallback_policy": "DEFAULT_SUBSET"}
    assert not compiled(lb_subset_config=config).HasField("subsets")


def test_every_option():
    config = {
        "fallback_policy": "DEFAULT_SUBSET",
        "default_subset": {"v": "1", "n": 2},
        "subset_selectors": [
            {"keys": ["b", "a", "b"], "single_host_per_subset": True},
            {
                "keys": ["x", "y"],
                "fallback_policy": "KEYS_SUBSET",
                "fallback_keys_subset": ["x"],
            },
        ],
        "locality_weight_aware": True,
        "scale_locality_weight": True,
        "panic_mode_any": True,
        "list_as_any": True,
        "metadata_fallback_policy": "FALLBACK_LIST",
    }
    cluster = compiled(lb_policy="RANDOM", lb_subset_config=config)
    assert cluster.lb_policy == LbPolicy.RANDOM
    subsets = cluster.subsets
    assert json.loads(subsets.default_subset_json) == {"v": "1", "n": 2}
    assert subsets.fallback == Subsets.DEFAULT_SUBSET
    assert list(subsets.selectors) == [
        Subsets.Selector(keys=["a", "b"], single_host=True),
        Subsets.Selector(
            keys=["x", "y"], fallback=Subsets.Selector.KEYS_SUBSET, fallback_keys=["x"]
        ),
    ]
    assert subsets.locality_weight_aware
    assert subsets.scale_locality_weight
    assert subsets.panic_mode_any
    assert subsets.list_as_any
    assert subsets.metadata_fallback_list
    assert not subsets.allow_redundant_keys


def test_a_typed_policy_has_another_in_it():
    config = policy(
        "subset.v3.Subset",
        subset_selectors=[{"keys": ["a"]}, {"keys": ["b", "c"]}, {"keys": ["d"]}],
        allow_redundant_keys=True,
        subset_lb_policy=policies(policy("maglev.v3.Maglev", table_size=7)),
    )
    ctx = context()
    cluster = compiled(ctx, load_balancing_policy=policies(config))
    assert errors(ctx) == []
    assert (cluster.lb_policy, cluster.lb.hashing.table_size) == (LbPolicy.MAGLEV, 7)
    # Those of more names come first: fewer of them are left out.
    found = [list(selector.keys) for selector in cluster.subsets.selectors]
    assert found == [["b", "c"], ["a"], ["d"]]


@pytest.mark.parametrize(
    ("selector", "reason"),
    [
        ({"fallback_policy": "KEYS_SUBSET"}, "fallback_keys_subset cannot be empty"),
        (
            {"fallback_policy": "KEYS_SUBSET", "fallback_keys_subset": ["z"]},
            "fallback_keys_subset must be a subset of selector keys",
        ),
        (
            {"fallback_policy": "KEYS_SUBSET", "fallback_keys_subset": ["a"]},
            "fallback_keys_subset cannot be equal to keys",
        ),
        (
            {"fallback_policy": "ANY_ENDPOINT", "fallback_keys_subset": ["a"]},
            "fallback_keys_subset can be set only for KEYS_SUBSET fallback_policy",
        ),
    ],
)
def test_fallback_keys_that_cannot_be(selector, reason):
    ctx = context()
    compiled(ctx, lb_subset_config={"subset_selectors": [{"keys": ["a"], **selector}]})
    at = "c.lb_subset_config.subset_selectors[0].fallback_keys_subset"
    assert errors(ctx) == [f"{at}: {reason}"]


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (
            {"load_balancing_policy": policies(policy("random.v3.Random"))},
            "cluster: load_balancing_policy cannot be combined with lb_subset_config",
        ),
        (
            {"lb_policy": "CLUSTER_PROVIDED"},
            "cluster: LB policy CLUSTER_PROVIDED cannot be combined with lb_subset_config",
        ),
    ],
)
def test_what_cannot_be_combined(given, reason):
    ctx = context()
    compiled(ctx, lb_subset_config={"subset_selectors": [{"keys": ["a"]}]}, **given)
    assert errors(ctx)[0].endswith(reason)


def test_a_typed_policy_needs_another_in_it():
    ctx = context()
    compiled(ctx, load_balancing_policy=policies(policy("subset.v3.Subset")))
    assert errors(ctx)[0].endswith(
        "subset_lb_policy: cluster: didn't find a registered load balancer factory implementation"
        " for subset lb with names from []"
    )
    ctx = context()
    within = policy("subset.v3.Subset", subset_lb_policy=policies(policy("subset.v3.Subset")))
    compiled(ctx, load_balancing_policy=policies(within))
    assert "a subset policy within one is not implemented" in errors(ctx)[0]
