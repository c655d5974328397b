import pytest

from lateen.protos.worker_pb2 import SlowStart
from lateen.proxy.compile.cluster import compile_cluster
from tests.support.messages import context, errors, message, warnings

_POLICIES = "type.googleapis.com/envoy.extensions.load_balancing_policies"
_GIVEN = {
    "slow_start_window": "10s",
    "aggression": {"default_value": 2, "runtime_key": "a"},
    "min_weight_percent": {"value": 20},
}


def compiled(ctx=None, **given):
    source = message("config.cluster.v3.Cluster", {"name": "c", **given})
    return compile_cluster(ctx or context(), source, "c")


def typed(kind, **given):
    config = {"@type": f"{_POLICIES}.{kind}", **given}
    each = {"typed_extension_config": {"name": "p", "typed_config": config}}
    return {"load_balancing_policy": {"policies": [each]}}


@pytest.mark.parametrize(
    "given",
    [
        {"round_robin_lb_config": {"slow_start_config": _GIVEN}},
        {"lb_policy": "LEAST_REQUEST", "least_request_lb_config": {"slow_start_config": _GIVEN}},
        typed("round_robin.v3.RoundRobin", slow_start_config=_GIVEN),
        typed("least_request.v3.LeastRequest", slow_start_config=_GIVEN),
    ],
)
def test_every_place(given):
    expected = SlowStart(window_ms=10_000, aggression=2, min_weight_percent=20)
    assert compiled(**given).lb.slow_start == expected


def test_defaults():
    cluster = compiled(round_robin_lb_config={"slow_start_config": {"slow_start_window": "1s"}})
    expected = SlowStart(window_ms=1000, aggression=1, min_weight_percent=10)
    assert cluster.lb.slow_start == expected
    assert not compiled().lb.HasField("slow_start")


@pytest.mark.parametrize(
    ("override", "aggression", "reports"), [("3", 3, 0), ("x", 2, 1), ("-1", 1, 1), ("nan", 1, 1)]
)
def test_the_runtime_may_say_how_fast(override, aggression, reports):
    ctx = context(runtime={"a": override})
    cluster = compiled(ctx, round_robin_lb_config={"slow_start_config": _GIVEN})
    assert cluster.lb.slow_start.aggression == aggression
    assert (len(warnings(ctx)), errors(ctx)) == (reports, [])


def test_a_full_scan_of_hosts():
    kind = "least_request.v3.LeastRequest"
    assert compiled(**typed(kind, selection_method="FULL_SCAN")).lb.full_scan
    assert not compiled(**typed(kind, enable_full_scan=True)).lb.full_scan
