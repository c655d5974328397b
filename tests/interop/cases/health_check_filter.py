"""The health check filter: who answers, for how long, and what the proxy's own health does."""

from __future__ import annotations

from tests.interop.filters import filtered, grpc_call, typed
from tests.interop.model import Admin, Case, Read, Step, Wait, Write
from tests.support.client import get
from tests.support.upstream import Script, reply

PATH = "headers: [{name: ':path', string_match: {exact: /hc}}]"
OWN = f"pass_through_mode: false, {PATH}"
PASSED = f"pass_through_mode: true, {PATH}"
HC = get("/hc")
ASKED = (HC, HC, get("/x"))
FAIL = (Admin("/healthcheck/fail", "POST"), Wait(0.1))
PASS = (Admin("/healthcheck/ok", "POST"), Wait(0.1))
# Which side ends a connection that is to be closed.
CLOSES = "downstream_cx_(delayed|destroy_)"
# Two hosts of three are well, one of these is degraded.
CLUSTERS = """
    [{name: $be, hosts: [$up]}, {name: $empty}, {name: $three, load_assignment: {cluster_name: x,
      endpoints: [{lb_endpoints: [
        {HOST, health_status: UNHEALTHY}, {HOST, health_status: DEGRADED}, {HOST}]}]}}]
""".replace(
    "HOST", "endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: $dead}}}"
)


def checked(name: str, fields: str, *steps: Step | bytes, **more: object) -> Case:
    """Requests through the filter."""
    config = typed("health_check.v3.HealthCheck", fields)
    return filtered(f"health_filter_{name}", config, *(steps or ASKED), **more)  # type: ignore[arg-type]


def minimum(name: str, cluster: str, percent: float) -> Case:
    """A cluster that has to have so many healthy hosts."""
    fields = f"{OWN}, cluster_min_healthy_percentages: {{{cluster}: {{value: {percent}}}}}"
    return checked(name, fields, clusters=CLUSTERS)


def behind(*answers: object) -> dict[str, object]:
    """What the upstream says."""
    return {"upstreams": {"up": Script(list(answers))}}  # type: ignore[arg-type]


DEGRADED = reply(200, b"", "x-envoy-degraded: x\r\n")
ERROR = reply(500, b"error", reason="Internal Server Error")


def one_by_one(*requests: bytes) -> tuple[Step, ...]:
    """Each on a connection of its own, of which nothing else is noted: while it is failing, Envoy
    keeps connections open that it has said to close.
    """
    names = [f"{len(requests)}{number}" for number in range(len(requests))]
    both = [
        (Write(data, on=name), Read(on=name)) for name, data in zip(names, requests, strict=True)
    ]
    return tuple(step for pair in both for step in pair)


CASES = (
    checked("own", OWN),
    checked("own_without_headers", "pass_through_mode: false"),
    checked("own_grpc", "pass_through_mode: false", *grpc_call("/a.B/C")),
    checked("passed", PASSED),
    checked("passed_and_failing", PASSED, **behind(ERROR)),
    checked("cached", f"{PASSED}, cache_time: 60s"),
    checked("cached_error", f"{PASSED}, cache_time: 60s", **behind(ERROR)),
    checked("cached_degraded", f"{PASSED}, cache_time: 60s", **behind(DEGRADED)),
    minimum("no_cluster", "$nobody", 0),
    minimum("empty_cluster", "$empty", 1),
    minimum("empty_cluster_may_be", "$empty", 0),
    minimum("enough_hosts", "$three", 66),
    minimum("too_few_hosts", "$three", 67),
    minimum("all_hosts", "$three", 100),
    checked(
        "two_clusters",
        f"{OWN}, cluster_min_healthy_percentages: {{$be: {{value: 100}}, $three: {{value: 90}}}}",
        clusters=CLUSTERS,
    ),
    checked(
        "passed_whatever_the_clusters",
        f"{PASSED}, cluster_min_healthy_percentages: {{$nobody: {{value: 1}}}}",
    ),
    checked(
        "failing",
        OWN,
        *FAIL,
        *one_by_one(*ASKED),
        *PASS,
        *ASKED,
        ignore_stats=CLOSES,
        isolated=True,
    ),
    checked(
        "failing_passed",
        PASSED,
        *FAIL,
        *one_by_one(*ASKED),
        *PASS,
        *ASKED,
        ignore_stats=CLOSES,
        isolated=True,
    ),
    checked(
        "failing_cached",
        f"{PASSED}, cache_time: 60s",
        HC,
        *FAIL,
        *one_by_one(HC),
        *PASS,
        HC,
        ignore_stats=CLOSES,
        isolated=True,
    ),
    checked(
        "not_logged",
        OWN,
        hcm="access_log: [{name: a, filter: {not_health_check_filter: {}}, typed_config: {'@type':"
        " type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog,"
        " path: /dev/null}}]",
    ),
    checked("named", OWN, arguments=("--service-cluster", "web"), isolated=True),
)
