import pytest

from lateen.protos.worker_pb2 import LbPolicy
from lateen.proxy.compile.cluster import compile_cluster
from tests.support.messages import context, errors, message

_MAGLEV = "type.googleapis.com/envoy.extensions.load_balancing_policies.maglev.v3.Maglev"


def compiled(ctx=None, **given):
    source = message("config.cluster.v3.Cluster", {"name": "c", **given})
    return compile_cluster(ctx or context(), source, "c")


def typed(**given):
    config = {"typed_extension_config": {"name": "p", "typed_config": {"@type": _MAGLEV, **given}}}
    return {"load_balancing_policy": {"policies": [config]}}


def test_a_table():
    cluster = compiled(lb_policy="MAGLEV")
    assert (cluster.lb_policy, cluster.lb.hashing.table_size) == (LbPolicy.MAGLEV, 65537)
    cluster = compiled(lb_policy="MAGLEV", maglev_lb_config={"table_size": 11})
    assert cluster.lb.hashing.table_size == 11
    balanced = {"hash_balance_factor": 120}
    cluster = compiled(**typed(table_size=13, consistent_hashing_lb_config=balanced))
    assert (cluster.lb.hashing.table_size, cluster.lb.hashing.balance_factor) == (13, 120)


@pytest.mark.parametrize("size", [0, 1, 6, 65536])
def test_a_size_that_is_no_prime_is_an_error(size):
    ctx = context()
    compiled(ctx, lb_policy="MAGLEV", maglev_lb_config={"table_size": size})
    reason = "The table size of maglev must be prime number"
    assert errors(ctx) == [f"c.maglev_lb_config.table_size: {reason}"]
    ctx = context()
    compiled(ctx, **typed(table_size=size))
    assert errors(ctx)[0].endswith(f"table_size: {reason}")
