"""How priorities, weights and health share the traffic, where that is certain."""

from __future__ import annotations

from tests.interop.cases.zone_aware import SCRIPTS, host, typed
from tests.interop.model import Case, Drop, Wait, Write
from tests.support.client import get
from tests.support.upstream import Hold, Script, raw, reply

NO_PANIC = "common_lb_config: {healthy_panic_threshold: {value: 0}}"
PANIC_KEY = "layered_runtime: {{layers: [{{name: s, static_layer: {{{}}}}}]}}"


def group(*names: str, more: str = "") -> str:
    """The hosts of a locality."""
    return f"{{lb_endpoints: [{', '.join(map(host, names))}]{more}}}"


def shared(
    name: str, config: str, *groups: str, policy: str = "", times: int = 8, **given: object
) -> Case:
    """So many requests, whose order does not count."""
    assigned = f"{{cluster_name: x, endpoints: [{', '.join(groups)}], policy: {{{policy}}}}}"
    return Case(
        name,
        tuple([get("/")] * times),
        clusters=f"[{{name: $be, {config}, load_assignment: {assigned}}}]",
        upstreams=SCRIPTS,
        unordered=True,
        **given,  # type: ignore[arg-type]
    )


SPARE = group("two", more=", priority: 1")
WEIGHTED = "common_lb_config: {locality_weighted_lb_config: {}}"
LEAST = "lb_policy: LEAST_REQUEST, least_request_lb_config:"


def zone(name: str, *names: str, weight: int) -> str:
    """A locality with a weight."""
    return group(*names, more=f", locality: {{zone: {name}}}, load_balancing_weight: {weight}")


def of_version(name: str, version: str) -> str:
    """A host of a subset."""
    return (
        f"{{metadata: {{filter_metadata: {{envoy.lb: {{v: {version}}}}}}}, endpoint: {{address:"
        f" {{socket_address: {{address: 127.0.0.1, port_value: ${name}}}}}}}}}"
    )


def least_busy(name: str, config: str) -> Case:
    """Requests to two hosts of which one is busy: a subset says which."""
    hosts = f"{of_version('busy', 'busy')}, {of_version('up', 'idle')}"
    subsets = "{fallback_policy: ANY_ENDPOINT, subset_selectors: [{keys: [v]}]}"
    match = "metadata_match: {filter_metadata: {envoy.lb: {v: busy}}}"
    return Case(
        name,
        (Write(get("/busy"), on="busy"), Wait(0.2), *[get("/")] * 12, Drop("busy")),
        routes=f"[{{match: {{prefix: /busy}}, route: {{cluster: $be, {match}}}}},"
        " {match: {prefix: /}, route: {cluster: $be}}]",
        clusters=f"[{{name: $be, {LEAST} {config}, lb_subset_config: {subsets}, load_assignment:"
        f" {{cluster_name: x, endpoints: [{{lb_endpoints: [{hosts}]}}]}}}}]",
        upstreams={"up": Script([reply()]), "busy": Script([raw(Hold())])},
    )


CASES = (
    # The busy host is chosen by none of so many.
    least_busy("least_request_choice_count", "{choice_count: 50}"),
    shared("overprovisioned", NO_PANIC, group("up", "dead!", "dead!"), SPARE,
           policy="overprovisioning_factor: 300"),
    shared("barely_overprovisioned", NO_PANIC, group("up", "three", "dead!"), SPARE,
           policy="overprovisioning_factor: 150"),
    shared("weighted_priority_health", "lb_policy: RANDOM", group("up*9", "dead!*1"), SPARE,
           policy="weighted_priority_health: true"),
    shared("unweighted_priority_health", "lb_policy: ROUND_ROBIN", group("up", "three", "dead!*9"),
           SPARE, policy="overprovisioning_factor: 200"),
    shared("panic_of_one_priority",
           "common_lb_config: {healthy_panic_threshold: {value: 10}}", group("up!"),
           group("two", "dead!", "dead!", "dead!", more=", priority: 1")),
    shared("panic_of_all", "lb_policy: ROUND_ROBIN", group("up!", "two!", "three"), times=9),
    shared("panic_of_runtime_off", "lb_policy: ROUND_ROBIN", group("up!", "two!", "three"),
           bootstrap=PANIC_KEY.format("upstream.healthy_panic_threshold: 10"), isolated=True),
    shared("panic_of_runtime_on", NO_PANIC, group("up!", "two"),
           bootstrap=PANIC_KEY.format("upstream.healthy_panic_threshold: 60"), isolated=True),
    shared("panic_of_runtime_hashed", "lb_policy: RING_HASH", group("up!", "two!", "three"),
           bootstrap=PANIC_KEY.format("upstream.healthy_panic_threshold: 10"), isolated=True),
    shared("degraded_after_healthy", NO_PANIC, group("up~", "two"),
           policy="overprovisioning_factor: 200"),
    shared("degraded_alone", NO_PANIC, group("up~", "two!")),
    shared("degraded_before_next_priority", NO_PANIC, group("up~", "dead!"), SPARE,
           policy="overprovisioning_factor: 200"),
    shared("least_request_by_weight", f"{LEAST} {{active_request_bias: {{default_value: 1,"
           " runtime_key: x}}", group("up*3", "two*1")),
    shared("least_request_without_bias", f"{LEAST} {{choice_count: 5, active_request_bias:"
           " {default_value: 0, runtime_key: x}}", group("up*1", "two*3")),
    shared("locality_weights_in_any_order", WEIGHTED, zone("c", "up", weight=1),
           zone("a", "two", weight=2), zone("b", "three", weight=1)),
    shared("locality_weights_overprovisioned", WEIGHTED, zone("a", "up", "dead!", weight=1),
           zone("b", "two", weight=3), policy="overprovisioning_factor: 200"),
    shared("locality_weights_of_degraded", WEIGHTED, zone("a", "up~", weight=1),
           zone("b", "two~", weight=3)),
    shared("locality_without_hosts", WEIGHTED, zone("a", "up!", "three!", weight=5),
           zone("b", "two", "four", weight=1)),
    shared("typed_zone_aware_without_local_cluster",
           typed("round_robin.v3.RoundRobin", ", force_local_zone: {}"),
           group("up", "two")),
)  # fmt: skip
