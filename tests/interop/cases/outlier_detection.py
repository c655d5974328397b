"""Outlier detection: what ejects a host, for how long, and what is seen of it."""

from __future__ import annotations

from tests.interop.model import Admin, Case, Drop, Open, Receive, Step, Wait
from tests.support.client import get, post
from tests.support.upstream import Answer, Close, Hold, Script, raw, reply, tcp

GOOD = reply(200, b"good")
ERROR = reply(500, b"error", reason="Internal Server Error")
UNAVAILABLE = reply(503, b"fail", reason="Service Unavailable")
# Time for an ejection to reach Envoy's worker.
SEEN = Wait(0.3)
# The health of hosts and the averages of the cluster.
SHOWN = Admin("/clusters?filter=$be$", keep=r"^.*::(?:outlier|health_flags|\w*success_rate)::.*$")
# Hosts of a second priority serve when that of the first is ejected.
SPARE = """
    [{name: $be, connect_timeout: 1s, outlier_detection: {OUTLIER},
      load_assignment: {cluster_name: x, endpoints: [
        {lb_endpoints: [{endpoint: {address: {socket_address:
          {address: 127.0.0.1, port_value: $FIRST}}}}]},
        {priority: 1, lb_endpoints: [{endpoint: {address: {socket_address:
          {address: 127.0.0.1, port_value: $spare}}}}]}]}}]
"""
GRPC = "Content-Type: application/grpc\r\n"
_TCP = "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy"


def outlier(
    name: str,
    settings: str,
    *answers: Answer,
    steps: tuple[Step | bytes, ...] = (get("/1"), get("/2"), SEEN, get("/3"), SHOWN),
    first: str = "up",
    action: str = "",
    ignore: str = "",
    bootstrap: str = "",
    isolated: bool = False,
) -> Case:
    """Requests to a host that answers in sequence, and to a spare one when it is ejected."""
    settings = f"max_ejection_percent: 50, {settings}"
    return Case(
        name,
        steps,
        routes=f"[{{match: {{prefix: /}}, route: {{cluster: $be{action}}}}}]",
        clusters=SPARE.replace("OUTLIER", settings).replace("FIRST", first),
        upstreams={"up": Script(answers or [ERROR]), "spare": Script([GOOD])},
        ignore_stats=ignore,
        bootstrap=bootstrap,
        isolated=isolated,
    )


TWO = "consecutive_5xx: 2"
GATEWAY = (
    "consecutive_5xx: 9, consecutive_gateway_failure: 2, enforcing_consecutive_gateway_failure: 100"
)
SPLIT = (
    "split_external_local_origin_errors: true, consecutive_5xx: 2,"
    " consecutive_local_origin_failure: 2"
)
SHORT = "consecutive_5xx: 1, interval: 0.5s, base_ejection_time: 2s"
# Long enough for all requests of a case, which begins with its proxies.
RATE = "consecutive_5xx: 0, interval: 5s, base_ejection_time: 60s"
FIVE = (get("/1"), get("/2"), get("/3"), get("/4"))
LATE = ", timeout: 0.2s"

CASES = (
    outlier("outlier_consecutive_5xx", TWO),
    outlier("outlier_consecutive_5xx_not_yet", "consecutive_5xx: 3"),
    outlier("outlier_default_is_five", "interval: 10s"),
    outlier(
        "outlier_success_ends_the_row",
        TWO,
        ERROR,
        GOOD,
        ERROR,
        steps=(get("/1"), get("/2"), get("/3"), SEEN, get("/4"), SHOWN),
    ),
    outlier("outlier_404_is_no_failure", TWO, reply(404, b"", reason="Not Found")),
    outlier("outlier_5xx_off", "consecutive_5xx: 0"),
    outlier("outlier_gateway_failure", GATEWAY, UNAVAILABLE),
    outlier("outlier_gateway_failure_not_500", GATEWAY),
    outlier("outlier_gateway_failure_detected", "consecutive_gateway_failure: 2", UNAVAILABLE),
    outlier("outlier_not_enforced", f"{TWO}, enforcing_consecutive_5xx: 0"),
    outlier("outlier_no_connection", TWO, first="dead"),
    outlier("outlier_closed_before_answer", TWO, raw(Close())),
    outlier("outlier_timeout", TWO, raw(Hold()), action=LATE, ignore="rq_time"),
    outlier(
        "outlier_per_try_timeout",
        TWO,
        raw(Hold()),
        action=", timeout: 0s, retry_policy: {per_try_timeout: 0.2s}",
    ),
    outlier("outlier_split_no_connection", SPLIT, first="dead"),
    outlier("outlier_split_answers", SPLIT, UNAVAILABLE),
    outlier("outlier_split_closed", SPLIT, raw(Close())),
    outlier("outlier_split_timeout", SPLIT, raw(Hold()), action=LATE, ignore="rq_time"),
    outlier("outlier_retries_count", TWO, action=", retry_policy: {retry_on: 5xx, num_retries: 1}"),
    outlier("outlier_overflow", f"{TWO}, max_ejection_percent: 49"),
    outlier("outlier_always_one", f"{TWO}, max_ejection_percent: 10, always_eject_one_host: true"),
    outlier(
        "outlier_grpc_status",
        TWO,
        reply(200, b"", f"grpc-status: 14\r\n{GRPC}"),
        steps=(*(post(f"/{n}", b"", headers=GRPC) for n in (1, 2)), SEEN, get("/3"), SHOWN),
    ),
    outlier(
        "outlier_grpc_status_of_a_client",
        TWO,
        reply(200, b"", f"grpc-status: 3\r\n{GRPC}"),
        steps=(*(post(f"/{n}", b"", headers=GRPC) for n in (1, 2)), SEEN, get("/3"), SHOWN),
    ),
    outlier(
        "outlier_returns",
        SHORT,
        ERROR,
        GOOD,
        steps=(get("/1"), Wait(0.3), SHOWN, get("/2"), Wait(3.0), SHOWN, get("/3")),
    ),
    outlier(
        "outlier_stays_longer_the_second_time",
        SHORT,
        steps=(get("/1"), Wait(3.2), get("/2"), Wait(3.0), SHOWN, Wait(3.2), SHOWN),
    ),
    outlier(
        "outlier_failure_percentage",
        f"{RATE}, failure_percentage_minimum_hosts: 1, failure_percentage_request_volume: 3,"
        " failure_percentage_threshold: 50, enforcing_failure_percentage: 100",
        ERROR,
        GOOD,
        ERROR,
        GOOD,
        steps=(
            *FIVE,
            Wait(5.2),
            get("/5"),
            SHOWN,
            Admin("/clusters?format=json&filter=$be$", keep="(?i)rate"),
        ),
        isolated=True,
    ),
    outlier(
        "outlier_failure_percentage_below",
        f"{RATE}, failure_percentage_minimum_hosts: 1, failure_percentage_request_volume: 3,"
        " failure_percentage_threshold: 51, enforcing_failure_percentage: 100",
        ERROR,
        GOOD,
        ERROR,
        GOOD,
        steps=(*FIVE, Wait(5.2), get("/5")),
        isolated=True,
    ),
    outlier(
        "outlier_failure_percentage_detected",
        f"{RATE}, failure_percentage_minimum_hosts: 1, failure_percentage_request_volume: 3,"
        " failure_percentage_threshold: 50",
        steps=(*FIVE, Wait(5.2), get("/5")),
        isolated=True,
    ),
    outlier(
        "outlier_failure_percentage_local_origin",
        f"{RATE}, split_external_local_origin_errors: true, consecutive_local_origin_failure: 0,"
        " failure_percentage_minimum_hosts: 1, failure_percentage_request_volume: 3,"
        " failure_percentage_threshold: 50, enforcing_failure_percentage_local_origin: 100",
        steps=(*FIVE, Wait(5.2), get("/5"), SHOWN),
        first="dead",
        isolated=True,
    ),
    outlier(
        "outlier_runtime_override",
        "consecutive_5xx: 9",
        bootstrap="layered_runtime: {layers: [{name: a, static_layer:"
        " {outlier_detection: {consecutive_5xx: 2}}}]}",
    ),
    Case(
        "outlier_success_rate",
        (*(get("/") for _ in range(9)), Wait(5.2), get("/"), get("/"), SHOWN),
        clusters="[{name: $be, outlier_detection: {consecutive_5xx: 0, interval: 5s,"
        " max_ejection_percent: 50, success_rate_minimum_hosts: 3, success_rate_request_volume: 3,"
        " success_rate_stdev_factor: 1000}, hosts: [$up, $spare, $third]}]",
        upstreams={
            "up": Script([ERROR]),
            "spare": Script([GOOD]),
            "third": Script([GOOD]),
        },
        unordered=True,
        isolated=True,
    ),
    Case(
        "outlier_no_host_left",
        (get("/1"), SEEN, get("/2"), SHOWN),
        clusters="[{name: $be, outlier_detection: {consecutive_5xx: 1, max_ejection_percent: 100},"
        " common_lb_config: {healthy_panic_threshold: {value: 0}}, hosts: [$up]}]",
        upstreams={"up": Script([ERROR])},
    ),
    Case(
        "outlier_panic",
        (get("/1"), SEEN, get("/2"), SHOWN),
        clusters="[{name: $be, outlier_detection: {consecutive_5xx: 1, max_ejection_percent: 100},"
        " hosts: [$up]}]",
        upstreams={"up": Script([ERROR])},
    ),
    Case(
        "outlier_tcp",
        (Open(), Receive(1, within=0.3), Drop(), SEEN, Open("b"), Receive(1, "b"), SHOWN),
        listener="filter_chains: [{filters: [{name: tcp, typed_config: {'@type': "
        f"{_TCP}, stat_prefix: $be, cluster: $be}}}}]}}]",
        clusters=SPARE.replace("OUTLIER", "max_ejection_percent: 50, consecutive_5xx: 1").replace(
            "FIRST", "dead"
        ),
        upstreams={"spare": tcp(b"x", Hold())},
    ),
)
