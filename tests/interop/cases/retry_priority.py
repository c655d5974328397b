"""Priorities of retries: those that were tried are left out (`retry_priority`)."""

from __future__ import annotations

from tests.interop.cases.hedging import ON, SILENT
from tests.interop.cases.retries import FAIL, GOOD, PREVIOUS_HOSTS
from tests.interop.model import Case
from tests.support.client import get
from tests.support.upstream import Answer, Script

_TYPE = (
    "type.googleapis.com/envoy.extensions.retry.priority.previous_priorities.v3"
    ".PreviousPrioritiesConfig"
)
_HOST = (
    "{{endpoint: {{address: {{socket_address: {{address: 127.0.0.1, port_value: {port}}}}}}},"
    " health_status: {health}}}"
)
_AGGREGATE = "type.googleapis.com/envoy.extensions.clusters.aggregate.v3.ClusterConfig"
RING = "lb_policy: RING_HASH"
MAGLEV = "lb_policy: MAGLEV"
TIMES = "retry_on: 5xx, num_retries"
SUBSETS = "lb_subset_config: {fallback_policy: ANY_ENDPOINT, subset_selectors: [{keys: [version]}]}"


def priority(frequency: int) -> str:
    """The `retry_priority` of a policy."""
    config = f"{{'@type': {_TYPE}, update_frequency: {frequency}}}"
    return f"retry_priority: {{name: envoy.retry_priorities.previous_priorities, typed_config: {config}}}"  # noqa: E501


def cluster(*hosts: str, more: str = "", name: str = "$be", extra: str = "") -> str:
    """A cluster with a host in each priority: a port, and perhaps its health after a space."""
    groups = []
    for number, host in enumerate(hosts):
        port, _, health = host.partition(" ")
        endpoint = _HOST.format(port=port, health=health or "UNKNOWN")
        groups.append(f"{{priority: {number}, {extra}lb_endpoints: [{endpoint}]}}")
    more = f"{more}, " if more else ""
    endpoints = ", ".join(groups)
    return f"{{name: {name}, {more}load_assignment: {{cluster_name: x, endpoints: [{endpoints}]}}}}"


def retried(
    name: str,
    *,
    up: Answer = FAIL,
    spare: Answer = GOOD,
    third: Answer = GOOD,
    policy: str = "retry_on: 5xx",
    frequency: int = 1,
    clusters: str = "",
    action: str = "",
    host: str = "",
) -> Case:
    """One request to a cluster with several priorities."""
    policy = f"{{{policy}, {priority(frequency)}}}"
    own = "" if host else f", retry_policy: {policy}"
    fields = f"retry_policy: {policy}, " if host else ""
    routes = f"[{{match: {{prefix: /}}, route: {{cluster: $be, timeout: 0s{own}{action}}}}}]"
    return Case(
        name,
        (get("/x"),),
        virtual_hosts=f"[{{name: vh, domains: ['*'], {fields}routes: {routes}}}]",
        clusters=f"[{clusters or cluster('$up', '$spare')}]",
        upstreams={"up": Script([up]), "spare": Script([spare]), "third": Script([third])},
    )


CASES = (
    retried("retry_priority_next"),
    retried("retry_priority_of_virtual_host", host="yes"),
    retried("retry_priority_after_two", frequency=2, spare=FAIL, policy=f"{TIMES}: 3"),
    retried("retry_priority_after_three", frequency=3, policy=f"{TIMES}: 4"),
    retried("retry_priority_never_yet", frequency=5),
    retried("retry_priority_all_tried", spare=FAIL, policy=f"{TIMES}: 4"),
    retried(
        "retry_priority_third",
        spare=FAIL,
        policy=f"{TIMES}: 2",
        clusters=cluster("$up", "$spare", "$third"),
    ),
    retried(
        "retry_priority_passes_over_unhealthy",
        spare=FAIL,
        clusters=cluster("$up", "$spare UNHEALTHY", "$third"),
    ),
    retried("retry_priority_only_unhealthy_left", clusters=cluster("$up", "$spare UNHEALTHY")),
    retried("retry_priority_degraded", clusters=cluster("$up", "$spare DEGRADED")),
    retried(
        "retry_priority_degraded_after_healthy",
        third=FAIL,
        policy=f"{TIMES}: 2",
        clusters=cluster("$up", "$spare DEGRADED", "$third"),
    ),
    retried("retry_priority_of_one", clusters=cluster("$up")),
    retried(
        "retry_priority_not_connected", policy="retry_on: connect-failure",
        clusters=cluster("$dead", "$spare"),
    ),
    retried("retry_priority_by_hash", clusters=cluster("$up", "$spare", more=RING)),
    retried("retry_priority_of_maglev", clusters=cluster("$up", "$spare", more=MAGLEV)),
    retried("retry_priority_in_subsets", clusters=cluster("$up", "$spare", more=SUBSETS)),
    retried("retry_priority_least_request", clusters=cluster(
        "$up", "$spare", more="lb_policy: LEAST_REQUEST")),
    retried(
        "retry_priority_by_locality",
        clusters=cluster(
            "$up", "$spare", extra="load_balancing_weight: 1, locality: {zone: a}, ",
            more="common_lb_config: {locality_weighted_lb_config: {}}",
        ),
    ),
    retried(
        "retry_priority_of_aggregate",
        clusters=(
            "{name: $be, lb_policy: CLUSTER_PROVIDED, cluster_type: {name: a, typed_config:"
            f" {{'@type': {_AGGREGATE}, clusters: [$one, $two]}}}}}}, "
            + cluster("$up", name="$one") + ", " + cluster("$spare", name="$two")
        ),
    ),
    retried(
        "retry_priority_of_aggregate_all_tried",
        spare=FAIL,
        third=FAIL,
        policy=f"{TIMES}: 4",
        clusters=(
            "{name: $be, lb_policy: CLUSTER_PROVIDED, cluster_type: {name: a, typed_config:"
            f" {{'@type': {_AGGREGATE}, clusters: [$one, $two]}}}}}}, "
            + cluster("$up", "$third", name="$one") + ", " + cluster("$spare", name="$two")
        ),
    ),
    retried(
        "retry_priority_and_previous_hosts",
        policy=(
            "retry_on: 5xx, host_selection_retry_max_attempts: 5, retry_host_predicate:"
            f" [{{name: p, typed_config: {{'@type': {PREVIOUS_HOSTS}}}}}]"
        ),
    ),
    retried(
        "retry_priority_of_hedge", up=SILENT, action=f", {ON}",
        policy="retry_on: 5xx, per_try_timeout: 0.3s",
    ),
)  # fmt: skip
