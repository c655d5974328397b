"""/clusters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from lateen.protos import worker_pb2
from lateen.proxy.admin.address import address_json, address_text
from lateen.proxy.admin.context import AdminContext
from lateen.proxy.admin.exchange import JSON, AdminRequest, AdminResponse, bad_request
from lateen.proxy.admin.json_text import JsonValue, document
from lateen.proxy.config_summary import ClusterSummary, Thresholds
from lateen.proxy.stats.regex import RegexError, compile_regex

# Order of /clusters in text: gauges and counters together, by name.
_TEXT_STATS = (
    "cx_active",
    "cx_connect_fail",
    "cx_total",
    "rq_active",
    "rq_error",
    "rq_pending_active",
    "rq_success",
    "rq_timeout",
    "rq_total",
)
_COUNTERS = ("cx_connect_fail", "cx_total", "rq_error", "rq_success", "rq_timeout", "rq_total")
_GAUGES = ("cx_active", "rq_active", "rq_pending_active")

_OUTLIER_TEXT = (
    "success_rate_average",
    "success_rate_ejection_threshold",
    "local_origin_success_rate_average",
    "local_origin_success_rate_ejection_threshold",
)

_Health = worker_pb2.Endpoint.Health
# What the discovery service said of a host, as /clusters flags it.
_EDS_FLAGS = {
    _Health.UNHEALTHY: "failed_eds_health",
    _Health.TIMEOUT: "failed_eds_health",
    _Health.DRAINING: "eds_status_draining",
    _Health.DEGRADED: "degraded_eds_health",
}
# All flags in the order of /clusters in text.
_FLAGS = (
    "failed_active_hc",
    "failed_outlier_check",
    "failed_eds_health",
    "degraded_active_hc",
    "degraded_eds_health",
    "pending_dynamic_removal",
    "pending_active_hc",
    "excluded_via_immediate_hc_fail",
    "active_hc_timeout",
    "eds_status_draining",
)
# The names of those in JSON that come before and after eds_health_status.
_FIRST_JSON_FLAGS = {
    "failed_active_health_check": "failed_active_hc",
    "failed_outlier_check": "failed_outlier_check",
}
_LAST_JSON_FLAGS = {
    "failed_active_degraded_check": "degraded_active_hc",
    "pending_dynamic_removal": "pending_dynamic_removal",
    "pending_active_hc": "pending_active_hc",
    "excluded_via_immediate_hc_fail": "excluded_via_immediate_hc_fail",
    "active_hc_timeout": "active_hc_timeout",
}
_EDS_STATUS = {
    _Health.UNHEALTHY: "UNHEALTHY",
    _Health.TIMEOUT: "UNHEALTHY",
    _Health.DRAINING: "DRAINING",
    _Health.DEGRADED: "DEGRADED",
}


def clusters(context: AdminContext, request: AdminRequest) -> AdminResponse:
    """Clusters and their hosts; `filter` is searched in the names."""
    try:
        test = compile_regex(request.query.get("filter", ""))
    except RegexError:
        return bad_request("Invalid re2 regex")
    statuses = sorted(
        (each for each in context.workers.clusters() if test.search(each.name)),
        key=lambda status: status.name,
    )
    summaries = context.summary.clusters
    if request.query.get("format") == "json":
        entries: list[JsonValue] = [
            _json(each, summaries.get(each.name), via_api=each.name in context.summary.via_api)
            for each in statuses
        ]
        return AdminResponse(
            document({"cluster_statuses": entries} if entries else {}), content_type=JSON
        )
    return AdminResponse(
        _text(each, summaries.get(each.name), via_api=each.name in context.summary.via_api)
        for each in statuses
    )


def _text(
    status: worker_pb2.ClusterStatus, summary: ClusterSummary | None, *, via_api: bool
) -> str:
    return "".join(f"{status.name}::{line}\n" for line in _lines(status, summary, via_api))


def _lines(
    status: worker_pb2.ClusterStatus, summary: ClusterSummary | None, via_api: bool
) -> Iterator[str]:
    summary = summary or ClusterSummary()
    yield f"observability_name::{summary.observability_name or status.name}"
    if status.HasField("outlier"):
        for name in _OUTLIER_TEXT:
            yield f"outlier::{name}::{_rate(getattr(status.outlier, name))}"
    for name, limits in (("default", summary.default), ("high", summary.high)):
        yield f"{name}_priority::max_connections::{limits.max_connections}"
        yield f"{name}_priority::max_pending_requests::{limits.max_pending_requests}"
        yield f"{name}_priority::max_requests::{limits.max_requests}"
        yield f"{name}_priority::max_retries::{limits.max_retries}"
    yield f"added_via_api::{'true' if via_api else 'false'}"
    for host in status.hosts:
        address = address_text(host.address)
        for name in _TEXT_STATS:
            yield f"{address}::{name}::{getattr(host, name)}"
        yield f"{address}::hostname::{host.hostname}"
        yield f"{address}::health_flags::{_flags(host)}"
        yield f"{address}::weight::{host.weight}"
        yield f"{address}::region::{host.region}"
        yield f"{address}::zone::{host.zone}"
        yield f"{address}::sub_zone::{host.sub_zone}"
        yield f"{address}::canary::{'true' if host.canary else 'false'}"
        yield f"{address}::priority::{host.priority}"
        yield f"{address}::success_rate::{_rate(host.success_rate)}"
        yield f"{address}::local_origin_success_rate::{_rate(host.local_origin_success_rate)}"


def _flags(host: worker_pb2.HostStatus) -> str:
    """What keeps a host from being healthy, as /clusters lists it."""
    of_eds = _EDS_FLAGS.get(host.health)
    flags = [name for name in _FLAGS if name == of_eds or getattr(host, name, False)]
    return "".join(f"/{name}" for name in flags) or "healthy"


def _rate(percent: float) -> str:
    """A percentage with six digits, as C++ streams write a double."""
    return f"{percent:g}"


def _json(
    status: worker_pb2.ClusterStatus, summary: ClusterSummary | None, *, via_api: bool
) -> JsonValue:
    summary = summary or ClusterSummary()
    entry: dict[str, JsonValue] = {"name": status.name}
    if via_api:
        entry["added_via_api"] = True
    outlier = status.outlier
    if outlier.success_rate_ejection_threshold >= 0 and status.HasField("outlier"):
        entry["success_rate_ejection_threshold"] = _percent(outlier.success_rate_ejection_threshold)
    hosts: list[JsonValue] = [_host_json(host) for host in status.hosts]
    if hosts:
        entry["host_statuses"] = hosts
    if outlier.local_origin_success_rate_ejection_threshold >= 0 and status.HasField("outlier"):
        threshold = outlier.local_origin_success_rate_ejection_threshold
        entry["local_origin_success_rate_ejection_threshold"] = _percent(threshold)
    entry["circuit_breakers"] = {
        "thresholds": [
            _thresholds_json(summary.default),
            {"priority": "HIGH", **_thresholds_json(summary.high)},
        ]
    }
    entry["observability_name"] = summary.observability_name or status.name
    return entry


def _thresholds_json(limits: Thresholds) -> dict[str, JsonValue]:
    return {
        "max_connections": limits.max_connections,
        "max_pending_requests": limits.max_pending_requests,
        "max_requests": limits.max_requests,
        "max_retries": limits.max_retries,
    }


def _host_json(host: worker_pb2.HostStatus) -> JsonValue:
    stats: list[JsonValue] = []
    for names, kind in ((_COUNTERS, ""), (_GAUGES, "GAUGE")):
        for name in names:
            value = getattr(host, name)
            stat: dict[str, JsonValue] = {"type": kind} if kind else {}
            if value:
                stat["value"] = str(value)
            stats.append({**stat, "name": name})
    entry: dict[str, JsonValue] = {
        "address": address_json(host.address),
        "stats": stats,
        "health_status": _health_json(host),
    }
    if host.success_rate >= 0:
        entry["success_rate"] = _percent(host.success_rate)
    entry["weight"] = host.weight
    if host.hostname:
        entry["hostname"] = host.hostname
    if host.priority:
        entry["priority"] = host.priority
    if host.local_origin_success_rate >= 0:
        entry["local_origin_success_rate"] = _percent(host.local_origin_success_rate)
    locality = {"region": host.region, "zone": host.zone, "sub_zone": host.sub_zone}
    entry["locality"] = {name: value for name, value in locality.items() if value}
    return entry


def _health_json(host: worker_pb2.HostStatus) -> JsonValue:
    def flags(names: Mapping[str, str]) -> dict[str, JsonValue]:
        return {shown: True for shown, name in names.items() if getattr(host, name)}

    return {
        **flags(_FIRST_JSON_FLAGS),
        "eds_health_status": _EDS_STATUS.get(host.health, "HEALTHY"),
        **flags(_LAST_JSON_FLAGS),
    }


def _percent(value: float) -> JsonValue:
    """An envoy.type.v3.Percent, which omits 0."""
    return {"value": value} if value else {}
