"""CLIENT_SIDE_WEIGHTED_ROUND_ROBIN: what hosts weigh by the load that they report."""

from __future__ import annotations

import base64
from collections.abc import Mapping

from tests.interop.cases.zone_aware import POLICIES, host
from tests.interop.log_services import HTTP2
from tests.interop.model import Admin, Case, Step, Wait
from tests.support.client import get
from tests.support.http2 import Data, Headers
from tests.support.http2_upstream import Answer2, Script2, respond
from tests.support.upstream import Answer, Script, reply

TYPE = f"{POLICIES}.client_side_weighted_round_robin.v3.ClientSideWeightedRoundRobin"
LOCALITY = f"{POLICIES}.wrr_locality.v3.WrrLocality"
QUICK = "blackout_period: 0s, weight_update_period: 0.1s"
# Envoy begins a new schedule with each update: requests between two of them are shared exactly.
SETTLED = "blackout_period: 0s, weight_update_period: 2s"
WEIGHTS = Admin("/clusters", keep=r"^be::.*::weight::")
# rps_fractional: 100, cpu_utilization: 0.5
BINARY = base64.b64encode(bytes.fromhex("09000000000000e03f310000000000005940")).decode()


def policies(*messages: str) -> str:
    """A list of policies."""
    each = (f"{{typed_extension_config: {{name: p, typed_config: {it}}}}}" for it in messages)
    return f"{{policies: [{', '.join(each)}]}}"


def policy(fields: str = QUICK) -> str:
    """The policy."""
    return f"{{'@type': {TYPE}, {fields}}}"


def reports(value: str, name: str = "endpoint-load-metrics") -> Answer:
    """A response with a report."""
    return reply(200, b"ok", f"{name}: {value}\r\n")


def text(value: str) -> Answer:
    """The same as text."""
    return reports(f"TEXT {value}")


def _script(answer: Answer | Answer2 | tuple[Answer, ...]) -> Script | Script2:
    """What a host answers; to the first requests each of several answers."""
    if isinstance(answer, Answer2):
        return Script2([answer])
    return Script(list(answer) if isinstance(answer, tuple) else [answer])


def weighed(
    name: str,
    answers: Mapping[str, Answer | Answer2 | tuple[Answer, ...]],
    fields: str = QUICK,
    *steps: Step | bytes,
    load_balancing: str = "",
    groups: str = "",
    more_of_cluster: str = "",
    **more: object,
) -> Case:
    """Requests to hosts that report, each several times, and what they weigh then."""
    hosts = groups or f"{{lb_endpoints: [{', '.join(map(host, answers))}]}}"
    chosen = load_balancing or policies(policy(fields))
    pause = Wait(0.5 if len(answers) == 1 else 2.4)
    return Case(
        f"reported_{name}",
        (*[get("/")] * (4 * len(answers)), pause, *(steps or (WEIGHTS,))),
        clusters=f"[{{name: $be, load_balancing_policy: {chosen},"
        f" {more_of_cluster}load_assignment: {{cluster_name: x, endpoints: [{hosts}]}}}}]",
        upstreams={each: _script(answer) for each, answer in answers.items()},
        unordered=True,
        stats="",
        **more,  # type: ignore[arg-type]
    )


def one(name: str, answer: Answer, fields: str = QUICK) -> Case:
    """One host, which weighs what its report says."""
    return weighed(name, {"up": answer}, fields)


TEXT = "TEXT rps_fractional:100,"
MANY = [get("/")] * 8
NAMED = f"{QUICK}, metric_names_for_computing_utilization: ['named_metrics.a', named_metrics.b]"
ANY = f"{QUICK}, metric_names_for_computing_utilization: ['named_metrics.*']"
ALL_KINDS = (
    f"{QUICK}, metric_names_for_computing_utilization: ['utilization.*', request_cost.a,"
    " mem_utilization, none]"
)
PENALTY = f"{QUICK}, error_utilization_penalty: 2"
THREE = {
    "up": text("rps_fractional:100,cpu_utilization:0.5"),
    "two": text("rps_fractional:100,cpu_utilization:0.25"),
    "three": reply(200, b"ok"),
}
UNEVEN = {
    "up": text("rps_fractional:100,cpu_utilization:1"),
    "two": text("rps_fractional:300,cpu_utilization:1"),
}
ZONES = (
    "{locality: {zone: a}, load_balancing_weight: 1, lb_endpoints: [%s]},"
    " {locality: {zone: b}, load_balancing_weight: 3, lb_endpoints: [%s]}"
)
IN_LOCALITIES = policies(
    f"{{'@type': {LOCALITY}, endpoint_picking_policy: {policies(policy(SETTLED))}}}"
)

TRAILERS = Answer2(
    (
        respond(),
        Data(b"ok"),
        Headers([("endpoint-load-metrics", "TEXT rps_fractional:100,cpu_utilization:0.5")], True),
    )
)
IN_SUBSETS = policies(
    f"{{'@type': {POLICIES}.subset.v3.Subset, fallback_policy: ANY_ENDPOINT,"
    f" subset_selectors: [{{keys: [v]}}], subset_lb_policy: {IN_LOCALITIES}}}"
)

CASES = (
    weighed("in_trailers", {"up": TRAILERS}, more_of_cluster=f"{HTTP2}, "),
    weighed("in_subsets", {"up": UNEVEN["two"]}, load_balancing=IN_SUBSETS),
    weighed(
        "of_first_attempt",
        {"up": tuple([reply(503, b"", f"endpoint-load-metrics: {each}\r\n", "No") for each in (
            "TEXT rps_fractional:100,cpu_utilization:0.5",
            "TEXT rps_fractional:100,cpu_utilization:0.25")] * 4)},
        routes="[{match: {prefix: /}, route: {cluster: $be, retry_policy: {retry_on: 5xx}}}]",
    ),
    weighed("by_two", THREE, SETTLED),
    weighed("shares", UNEVEN, SETTLED, *MANY, WEIGHTS),
    weighed(
        "shares_in_localities",
        {"up": UNEVEN["two"], "two": UNEVEN["up"]},
        SETTLED,
        *MANY,
        WEIGHTS,
        load_balancing=IN_LOCALITIES,
        groups=ZONES % (host("up"), host("two")),
    ),
    weighed("before_blackout_ends", UNEVEN, "weight_update_period: 2s"),
    weighed("expired", UNEVEN, f"{SETTLED}, weight_expiration_period: 0.2s"),
    one("application", reports(f"{TEXT}application_utilization:0.25,cpu_utilization:0.5")),
    one("cpu", reports(f"{TEXT}cpu_utilization:0.5,mem_utilization:0.1")),
    one("named", reports(f"{TEXT}named_metrics.a:0.4,named_metrics.b:0.8,cpu_utilization:0.1"),
        fields=NAMED),
    one("named_any", reports(f"{TEXT}named_metrics.a:0.4,named_metrics.c:0.9"), fields=ANY),
    one("named_none", reports(f"{TEXT}named_metrics.x:0.4,cpu_utilization:0.1"), fields=NAMED),
    one("errors", reports(f"{TEXT}cpu_utilization:0.5,eps:25"), fields=PENALTY),
    one("errors_alone", reports(f"{TEXT}eps:25"), fields=PENALTY),
    one("without_rate", reports("TEXT cpu_utilization:0.5")),
    one("without_utilization", reports("TEXT rps_fractional:100")),
    one("fraction", reports("TEXT rps_fractional:1,cpu_utilization:0.3")),
    one("nothing_left", reports("TEXT rps_fractional:1,cpu_utilization:5")),
    one("too_much", reports(f"{TEXT}cpu_utilization:0.0000000001")),
    one("spaces", reports("TEXT  rps_fractional: 100 , , cpu_utilization:0.5")),
    one("space_in_name", reports("TEXT rps_fractional :100,cpu_utilization:0.5")),
    one("twice", reports(f"{TEXT}cpu_utilization:0.5,cpu_utilization:0.6")),
    one("unknown", reports(f"{TEXT}cpu_utilization:0.5,none:1")),
    one("no_number", reports(f"{TEXT}cpu_utilization:x")),
    one("infinite", reports(f"{TEXT}cpu_utilization:inf")),
    one("utilization_as_text", reports(f"{TEXT}utilization.a:0.5,cpu_utilization:0.5")),
    one("cost_as_text", reports(f"{TEXT}request_cost.a:0.5,cpu_utilization:0.25")),
    one("without_format", reports("rps_fractional:100,cpu_utilization:0.5")),
    one("other_format", reports("YAML rps_fractional:100,cpu_utilization:0.5")),
    one("json", reports('JSON {"rpsFractional": 100, "cpu_utilization": "0.5"}')),
    one("json_kinds", reports('JSON {"rps_fractional": 100, "utilization": {"a": 0.2},'
        ' "requestCost": {"a": 0.1}, "memUtilization": 0.4, "cpu_utilization": 1}'),
        fields=ALL_KINDS),
    one("json_unknown", reports('JSON {"rps_fractional": 100, "cpu_utilization": 0.5, "no": 1}')),
    one("json_wrong", reports('JSON {"rps_fractional": 100, "cpu_utilization": true}')),
    one("binary", reports(f"BIN {BINARY}")),
    one("binary_header", reports(BINARY, "endpoint-load-metrics-bin")),
    one("binary_unpadded", reports(f"BIN {BINARY.rstrip('=')}")),
    one("binary_wrong", reports("BIN !")),
    one("both_headers", reply(200, b"ok", f"endpoint-load-metrics-bin: {BINARY}\r\n"
        "endpoint-load-metrics: TEXT rps_fractional:1000,cpu_utilization:0.5\r\n")),
)  # fmt: skip
