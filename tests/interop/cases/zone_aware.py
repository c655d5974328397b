"""Zone-aware routing: what keeps requests in their zone, and what is counted of it.

The choice is certain in each case; shares are compared by test_zone_aware.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tests.interop.cases.clusters import DNS_STATS, RESOLVER
from tests.interop.model import Case, Step
from tests.support.client import get
from tests.support.upstream import Script, reply

POLICIES = "type.googleapis.com/envoy.extensions.load_balancing_policies"
NAMES = ("up", "two", "three", "four")
SCRIPTS = {name: Script([reply(200, name.encode())]) for name in NAMES}
SMALL = "common_lb_config: {zone_aware_lb_config: {min_cluster_size: 1}}"
Zones = Mapping[str, Sequence[str]]
EVEN: Zones = {"a": ("up",), "b": ("two",)}
PROXIES: Zones = {"a": ("dead",), "b": ("dead",)}


def host(name: str) -> str:
    """An endpoint; `name!` is unhealthy, `name~` degraded, `name*3` has a weight."""
    name, _, weight = name.partition("*")
    health = {"!": "UNHEALTHY", "~": "DEGRADED"}.get(name[-1:], "HEALTHY")
    address = f"{{socket_address: {{address: 127.0.0.1, port_value: ${name.rstrip('!~')}}}}}"
    return (
        f"{{endpoint: {{address: {address}}}, health_status: {health},"
        f" load_balancing_weight: {weight or 1},"
        ' metadata: {filter_metadata: {envoy.lb: {v: "1"}}}}'
    )


def assigned(zones: Zones, more: Zones | None = None) -> str:
    """A load assignment: hosts by zone, of the first priority and of the second."""
    groups = [
        f"{{locality: {{region: r, zone: {zone}}}, priority: {priority},"
        f" lb_endpoints: [{', '.join(map(host, names))}]}}"
        for priority, part in enumerate((zones, more or {}))
        for zone, names in part.items()
    ]
    return f"load_assignment: {{cluster_name: x, endpoints: [{', '.join(groups)}]}}"


def zoned(
    name: str,
    hosts: Zones = EVEN,
    proxies: Zones = PROXIES,
    *,
    config: str = SMALL,
    node: str = "locality: {region: r, zone: a}",
    more: str = "",
    local: str = "",
    spare: Zones | None = None,
    times: int = 4,
    bootstrap: str = "",
    be: str = "$be",
    action: str = "",
    **given: object,
) -> Case:
    """Requests of a proxy in zone a of region r."""
    steps: list[Step | bytes] = [get("/")] * times
    own = local or f"{{name: $local, {assigned(proxies)}}}"
    cluster = f"{{name: {be}, {config}, {assigned(hosts, spare)}{more}}}"
    return Case(
        name,
        tuple(steps),
        routes=f"[{{match: {{prefix: /}}, route: {{cluster: {be}{action}}}}}]",
        clusters=f"[{cluster}, {own}]",
        bootstrap="{cluster_manager: {local_cluster_name: $local}, node: {id: n, cluster: c, "
        f"{node}}}{', ' + bootstrap if bootstrap else ''}}}",
        upstreams=SCRIPTS,
        isolated=True,
        unordered=True,
        **given,  # type: ignore[arg-type]
    )


def typed(policy: str, zone_aware: str, more: str = "") -> str:
    """A policy with the settings of its own."""
    locality = f"locality_lb_config: {{zone_aware_lb_config: {{min_cluster_size: 1{zone_aware}}}}}"
    kind = f"{POLICIES}.{policy}"
    return (
        "load_balancing_policy: {policies: [{typed_extension_config: {name: p, typed_config: "
        f"{{'@type': {kind}, {locality}{more}}}}}}}]}}"
    )


ROUND_ROBIN = "round_robin.v3.RoundRobin"
RUNTIME = "layered_runtime: {{layers: [{{name: s, static_layer: {{{}}}}}]}}"
ONE: Zones = {"a": ("dead",)}
SUBSETS = f"{SMALL}, lb_subset_config: {{subset_selectors: [{{keys: [v]}}], fallback_policy: "
ASKED = ", metadata_match: {filter_metadata: {envoy.lb: {v: '1'}}}"
BY_NAME = (
    "{name: $local, type: STRICT_DNS, dns_lookup_family: V4_ONLY, "
    f"{RESOLVER}, load_assignment: {{cluster_name: x, endpoints: ["
    + ", ".join(
        f"{{locality: {{region: r, zone: {zone}}}, lb_endpoints: [{{endpoint: {{address:"
        f" {{socket_address: {{address: {zone}.test, port_value: 1}}}}}}}}]}}"
        for zone in ("a", "b")
    )
    + "]}}"
)

CASES = (
    zoned("zone_direct"),
    zoned("zone_direct_by_name", be="$zbe"),
    zoned("zone_more_here", {"a": ("up",), "b": ("two",)}, {"a": ("dead",), "b": ("dead",) * 3}),
    zoned("zone_too_small", config="lb_policy: ROUND_ROBIN"),
    zoned("zone_too_small_by_name", config="lb_policy: ROUND_ROBIN", be="$zbe"),
    zoned("zone_not_in_local_cluster", proxies={"b": ("dead",), "c": ("dead",)}),
    zoned("zone_not_in_local_cluster_by_name", proxies={"b": ("dead",), "c": ("dead",)}, be="$zbe"),
    zoned("zone_one_upstream_locality", {"a": ("up", "two")}),
    zoned("zone_one_local_locality", proxies=ONE),
    zoned("zone_no_node_locality", node="metadata: {}"),
    zoned("zone_other_region", node="locality: {region: s, zone: a}"),
    zoned("zone_of_flag", node="metadata: {}", arguments=("--service-zone", "a"),
          hosts={"a": ("up",), "b": ("two",)}),
    zoned("zone_cross", {"b": ("two",), "c": ("three",)}, {"a": ("dead",), "b": ("dead",)}),
    zoned("zone_no_healthy_here", {"a": ("up!",), "b": ("two",), "c": ("three",)},
          {"a": ("dead",), "b": ("dead",)}),
    zoned("zone_routing_off",
          config="common_lb_config: {zone_aware_lb_config: {min_cluster_size: 1,"
          " routing_enabled: {value: 0}}}"),
    zoned("zone_runtime_off", bootstrap=RUNTIME.format("upstream.zone_routing.enabled: 0")),
    zoned("zone_runtime_on",
          config="common_lb_config: {zone_aware_lb_config: {min_cluster_size: 1,"
          " routing_enabled: {value: 0}}}",
          bootstrap=RUNTIME.format("upstream.zone_routing.enabled: 100")),
    zoned("zone_runtime_min_cluster_size",
          bootstrap=RUNTIME.format("upstream.zone_routing.min_cluster_size: 3")),
    zoned("zone_runtime_force_local", proxies=ONE,
          bootstrap=RUNTIME.format("upstream.zone_routing.force_local_zone.min_size: 1")),
    zoned("zone_local_panic", proxies={"a": ("dead", "dead!", "dead!"), "b": ("dead!",)}),
    zoned("zone_local_panic_fails", proxies={"a": ("dead", "dead!", "dead!"), "b": ("dead!",)},
          config="common_lb_config: {zone_aware_lb_config: {min_cluster_size: 1,"
          " fail_traffic_on_panic: true}}"),
    zoned("zone_panic", {"a": ("up", "two!"), "b": ("three!", "four!")}),
    zoned("zone_second_priority", {"a": ("up!",), "b": ("two!",)},
          spare={"a": ("three",), "b": ("four",)}),
    zoned("zone_two_priorities", spare={"a": ("three",), "b": ("four",)}),
    zoned("zone_typed_round_robin", config=typed(ROUND_ROBIN, "")),
    zoned("zone_typed_least_request", config=typed("least_request.v3.LeastRequest", "")),
    zoned("zone_typed_random", config=typed("random.v3.Random", "")),
    zoned("zone_typed_force_local", proxies=ONE,
          config=typed(ROUND_ROBIN, ", force_local_zone: {}")),
    zoned("zone_typed_force_direct", proxies=ONE,
          config=typed(ROUND_ROBIN, ", force_locality_direct_routing: true")),
    zoned("zone_typed_force_local_unmet", {"a": ("up!",), "b": ("two",)}, ONE,
          config=typed(ROUND_ROBIN, ", force_local_zone: {min_size: 2}")),
    zoned("zone_typed_by_weight", {"a": ("up*3",), "b": ("two*1",)},
          {"a": ("dead*3",), "b": ("dead*1",)},
          config=typed(ROUND_ROBIN, ", locality_basis: HEALTHY_HOSTS_WEIGHT")),
    zoned("zone_weighted", config="common_lb_config: {locality_weighted_lb_config: {}}"),
    zoned("zone_of_local_cluster", be="$local", local="{name: $other, " + assigned(PROXIES) + "}"),
    zoned("zone_subset", config=f"{SUBSETS}NO_FALLBACK}}", action=ASKED),
    zoned("zone_subset_fallback", config=f"{SUBSETS}ANY_ENDPOINT}}"),
    # The two names of the local cluster are resolved together, or one after the other.
    zoned("zone_local_by_name", local=BY_NAME,
          ignore_stats=f"{DNS_STATS}|lb_recalculate_zone_structures",
          names={"a.test": [["127.0.0.1"]], "b.test": [["127.0.0.2"]]}),
    zoned("zone_fails", {"a": ("dead",), "b": ("two",)}),
    zoned("zone_ejected", config=SMALL + ", outlier_detection: {consecutive_5xx: 1,"
          " max_ejection_percent: 100, base_ejection_time: 60s}"),
)  # fmt: skip
