"""Outlier detection of a cluster.

Source: envoy/config/cluster/v3/outlier_detection.proto; defaults as in Envoy 1.40.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.config.support import Fields
from lateen.protos import worker_pb2
from lateen.proxy.compile.values import milliseconds

if TYPE_CHECKING:
    from envoy.config.cluster.v3 import outlier_detection_pb2 as envoy

_MESSAGE = "envoy.config.cluster.v3.OutlierDetection"
_INTERVAL_MS = 10_000
_BASE_EJECTION_MS = 30_000
_MAX_EJECTION_MS = 300_000
# Numbers that are taken as they are, with what stands for those that are not given.
_NUMBERS = {
    "max_ejection_percent": 10,
    "consecutive_5xx": 5,
    "enforcing_consecutive_5xx": 100,
    "consecutive_gateway_failure": 5,
    "enforcing_consecutive_gateway_failure": 0,
    "consecutive_local_origin_failure": 5,
    "enforcing_consecutive_local_origin_failure": 100,
    "success_rate_minimum_hosts": 5,
    "success_rate_request_volume": 100,
    "success_rate_stdev_factor": 1900,
    "enforcing_success_rate": 100,
    "enforcing_local_origin_success_rate": 100,
    "failure_percentage_minimum_hosts": 5,
    "failure_percentage_request_volume": 50,
    "failure_percentage_threshold": 85,
    "enforcing_failure_percentage": 0,
    "enforcing_failure_percentage_local_origin": 0,
}

SUPPORT = (
    Fields(
        _MESSAGE,
        implemented=f"""
            {" ".join(_NUMBERS)}
            interval base_ejection_time max_ejection_time max_ejection_time_jitter
            split_external_local_origin_errors always_eject_one_host
            successful_active_health_check_uneject_host
        """,
    ),
)


def compile_outlier_detection(
    source: envoy.OutlierDetection, event_log: str
) -> worker_pb2.OutlierDetection:
    """How hosts that fail are found, and for how long they are ejected.

    Args:
        source: Envoy's message.
        event_log: path of the file that ejections are logged to; empty: they are not.
    """
    found = worker_pb2.OutlierDetection(
        interval_ms=_INTERVAL_MS,
        base_ejection_time_ms=_BASE_EJECTION_MS,
        split_external_local_origin_errors=source.split_external_local_origin_errors,
        always_eject_one_host=source.always_eject_one_host.value,
        event_log_path=event_log,
        successful_active_health_check_uneject_host=(
            source.successful_active_health_check_uneject_host.value
            or not source.HasField("successful_active_health_check_uneject_host")
        ),
    )
    for name, default in _NUMBERS.items():
        given = source.HasField(name)
        setattr(found, name, getattr(source, name).value if given else default)
    if source.HasField("interval"):
        found.interval_ms = milliseconds(source.interval)
    if source.HasField("base_ejection_time"):
        found.base_ejection_time_ms = milliseconds(source.base_ejection_time)
    longest = max(_MAX_EJECTION_MS, found.base_ejection_time_ms)
    if source.HasField("max_ejection_time"):
        longest = milliseconds(source.max_ejection_time)
    found.max_ejection_time_ms = longest
    found.max_ejection_time_jitter_ms = milliseconds(source.max_ejection_time_jitter)
    return found
