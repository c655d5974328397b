import pytest

from lateen.proxy.compile.outlier_detection import compile_outlier_detection
from tests.support.messages import context, message, unsupported
from tests.unit.proxy.compile.test_cluster import compiled, http, source_of


def outlier(event_log="", **given):
    source = message("config.cluster.v3.OutlierDetection", given)
    return compile_outlier_detection(source, event_log)


def test_defaults():
    found = outlier()
    assert (found.interval_ms, found.base_ejection_time_ms) == (10_000, 30_000)
    assert (found.max_ejection_time_ms, found.max_ejection_time_jitter_ms) == (300_000, 0)
    assert (found.consecutive_5xx, found.enforcing_consecutive_5xx) == (5, 100)
    assert (found.consecutive_gateway_failure, found.enforcing_consecutive_gateway_failure) == (
        5,
        0,
    )
    assert (found.success_rate_minimum_hosts, found.success_rate_stdev_factor) == (5, 1900)
    assert (found.failure_percentage_threshold, found.enforcing_failure_percentage) == (85, 0)
    assert found.max_ejection_percent == 10
    assert not found.always_eject_one_host
    assert found.event_log_path == ""


def test_what_is_given_counts_even_when_it_is_0():
    found = outlier(
        "/events",
        consecutive_5xx=0,
        enforcing_success_rate=0,
        interval="0.5s",
        max_ejection_time_jitter="2s",
        always_eject_one_host=True,
        split_external_local_origin_errors=True,
    )
    assert found.consecutive_5xx == found.enforcing_success_rate == 0
    assert (found.interval_ms, found.max_ejection_time_jitter_ms) == (500, 2000)
    assert found.always_eject_one_host
    assert found.split_external_local_origin_errors
    assert found.event_log_path == "/events"


def test_no_ejection_is_shorter_than_the_base():
    assert outlier(base_ejection_time="400s").max_ejection_time_ms == 400_000
    assert outlier(max_ejection_time="60s").max_ejection_time_ms == 60_000


def test_a_cluster_has_a_block_of_its_own_for_it():
    ctx = context(outlier_event_log="/events")
    cluster = compiled(ctx, outlier_detection={}, alt_stat_name="shown")
    block = ctx.blocks[cluster.outlier_detection.stats_block]
    assert block.prefix == "cluster.shown.outlier_detection"
    assert block.tags == (("envoy.cluster_name", "shown"),)
    assert cluster.outlier_detection.event_log_path == "/events"
    assert not compiled().HasField("outlier_detection")


@pytest.mark.parametrize(
    "field",
    [
        {"outlier_detection": {"monitors": [{"name": "m"}]}},
        http(outlier_detection={"error_matcher": {"any_match": True}}),
    ],
)
def test_what_is_not_implemented_is_an_error(field):
    assert any(each.startswith("error ") for each in unsupported(source_of(**field)))
