from lateen.protos.worker_pb2 import Hashing, LbPolicy
from lateen.proxy.compile.cluster import compile_cluster
from tests.support.messages import context, errors, message, warnings

_RING = "type.googleapis.com/envoy.extensions.load_balancing_policies.ring_hash.v3.RingHash"


def compiled(ctx=None, **given):
    source = message("config.cluster.v3.Cluster", {"name": "c", **given})
    return compile_cluster(ctx or context(), source, "c")


def typed(**given):
    config = {"typed_extension_config": {"name": "p", "typed_config": {"@type": _RING, **given}}}
    return {"load_balancing_policy": {"policies": [config]}}


def test_defaults():
    cluster = compiled(lb_policy="RING_HASH")
    assert cluster.lb_policy == LbPolicy.RING_HASH
    expected = Hashing(minimum_ring_size=1024, maximum_ring_size=8 << 20)
    assert cluster.lb.hashing == expected
    assert compiled(**typed()).lb.hashing == expected


def test_what_a_cluster_says():
    cluster = compiled(
        type="STRICT_DNS",
        lb_policy="RING_HASH",
        ring_hash_lb_config={
            "minimum_ring_size": 3,
            "maximum_ring_size": 9,
            "hash_function": "MURMUR_HASH_2",
        },
        common_lb_config={
            "consistent_hashing_lb_config": {
                "use_hostname_for_hashing": True,
                "hash_balance_factor": 150,
            }
        },
    )
    assert cluster.lb.hashing == Hashing(
        minimum_ring_size=3,
        maximum_ring_size=9,
        murmur_hash_2=True,
        use_hostname=True,
        balance_factor=150,
    )


def test_the_newer_fields_of_the_typed_message_come_first():
    older = {"use_hostname_for_hashing": True, "hash_balance_factor": 120}
    hashing = compiled(**typed(**older)).lb.hashing
    assert (hashing.use_hostname, hashing.balance_factor) == (True, 120)
    newer = {"hash_policy": [{"header": {"header_name": "x"}}]}
    hashing = compiled(**typed(**older, consistent_hashing_lb_config=newer)).lb.hashing
    assert (hashing.use_hostname, hashing.balance_factor) == (False, 0)
    assert [policy.header.name for policy in hashing.hash_policy] == ["x"]


def test_a_minimum_above_the_maximum_is_an_error():
    sizes = {"minimum_ring_size": 20, "maximum_ring_size": 10}
    reason = "ring hash: minimum_ring_size (20) > maximum_ring_size (10)"
    ctx = context()
    compiled(ctx, lb_policy="RING_HASH", ring_hash_lb_config=sizes)
    assert errors(ctx) == [f"c.ring_hash_lb_config: {reason}"]
    ctx = context()
    compiled(ctx, **typed(**sizes))
    assert errors(ctx)[0].endswith(reason)


def test_the_config_of_another_policy_has_no_effect():
    ctx = context()
    compiled(ctx, lb_policy="RING_HASH", maglev_lb_config={"table_size": 6})
    assert errors(ctx) == []
    assert warnings(ctx) == ["c.maglev_lb_config: has no effect: the policy is RING_HASH"]
