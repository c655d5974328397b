import pytest

from lateen.protos.worker_pb2 import LbPolicy
from lateen.proxy.compile.cluster import compile_cluster
from tests.support.messages import context, errors, message

POLICIES = "type.googleapis.com/envoy.extensions.load_balancing_policies"


def policies(kind, **fields):
    typed = {"@type": f"{POLICIES}.{kind}", **fields}
    return {"policies": [{"typed_extension_config": {"name": "p", "typed_config": typed}}]}


def weighted(**fields):
    return policies("client_side_weighted_round_robin.v3.ClientSideWeightedRoundRobin", **fields)


def in_localities(chosen):
    return policies("wrr_locality.v3.WrrLocality", endpoint_picking_policy=chosen)


def compiled(chosen, ctx=None):
    fields = {"name": "c", "load_balancing_policy": chosen}
    return compile_cluster(ctx or context(), message("config.cluster.v3.Cluster", fields), "c")


def test_defaults():
    cluster = compiled(weighted())
    assert cluster.lb_policy == LbPolicy.CLIENT_SIDE_WEIGHTED_ROUND_ROBIN
    weights = cluster.lb.load_weights
    assert (weights.blackout_ms, weights.expiration_ms, weights.update_ms) == (
        10_000,
        180_000,
        1_000,
    )
    assert not cluster.lb.locality_weighted


def test_settings():
    cluster = compiled(
        weighted(
            blackout_period="1s",
            weight_expiration_period="2s",
            weight_update_period="3s",
            error_utilization_penalty=0.5,
            metric_names_for_computing_utilization=["a", "b"],
            slow_start_config={"slow_start_window": "4s"},
            enable_oob_load_report=False,
        )
    )
    weights = cluster.lb.load_weights
    assert (weights.blackout_ms, weights.expiration_ms, weights.update_ms) == (1000, 2000, 3000)
    assert weights.error_utilization_penalty == 0.5
    assert list(weights.metric_names) == ["a", "b"]
    assert cluster.lb.slow_start.window_ms == 4000


def test_reports_out_of_band_are_refused():
    ctx = context()
    compiled(weighted(enable_oob_load_report=True), ctx)
    (error,) = errors(ctx)
    assert "enable_oob_load_report" in error


def test_localities_by_weight():
    cluster = compiled(in_localities(weighted()))
    assert cluster.lb_policy == LbPolicy.CLIENT_SIDE_WEIGHTED_ROUND_ROBIN
    assert cluster.lb.locality_weighted


@pytest.mark.parametrize(
    ("chosen", "reason"),
    [
        (policies("round_robin.v3.RoundRobin"), "only supports ClientSideWeightedRoundRobin"),
        (in_localities(weighted()), "only supports ClientSideWeightedRoundRobin"),
        ({}, "No supported endpoint picking policy"),
    ],
)
def test_localities_take_no_other_policy(chosen, reason):
    ctx = context()
    compiled(in_localities(chosen), ctx)
    (error,) = errors(ctx)
    assert reason in error
