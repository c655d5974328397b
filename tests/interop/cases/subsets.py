"""Subsets of a cluster's hosts: selectors, fallbacks, metadata_match, stats."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from tests.interop.cases.tcp_proxy import STATS, tcp_filter
from tests.interop.model import Case, End, Open, Read, Receive, Step, Wait, Write
from tests.support.client import get
from tests.support.upstream import Close, Script, reply, tcp

Json = Mapping[str, object]

POLICIES = "type.googleapis.com/envoy.extensions.load_balancing_policies"
NAMES = ("up", "two", "three", "four")
# What the hosts are called.
HOSTS: Sequence[Json] = (
    {"v": "1", "s": "a"},
    {"v": "1", "s": "b"},
    {"v": 2, "s": "a"},
    {"v": ["1", "3"], "stage": {"name": "x", "n": 1.5}},
)
ASKED: Mapping[str, Json] = {
    "v1": {"v": "1"},
    "v2": {"v": 2},
    "v2_text": {"v": "2"},
    "v3": {"v": "3"},
    "list": {"v": ["1", "3"]},
    "both": {"v": "1", "s": "b"},
    "neither": {"v": 2, "s": "z"},
    "s": {"s": "a"},
    "s_other": {"s": "z"},
    "unknown": {"z": "1"},
    "redundant": {"v": "1", "s": "b", "z": True},
    "struct": {"stage": {"n": 1.5, "name": "x"}},
    "alternatives": {"v": "9", "fallback_list": [{"v": "8"}, {"v": 2}, {"v": "1"}]},
    "no_alternatives": {"v": 2, "fallback_list": []},
    "odd_alternatives": {"v": 2, "fallback_list": "v"},
}
ROUND_ROBIN = (
    "subset_lb_policy: {policies: [{typed_extension_config: {name: p, typed_config: "
    f"{{'@type': {POLICIES}.round_robin.v3.RoundRobin}}}}}}]}}"
)


def lb(criteria: Json) -> str:
    """Metadata that load balancing reads."""
    return f"{{filter_metadata: {{envoy.lb: {json.dumps(criteria)}}}}}"


def host(name: str, criteria: Json, more: str = "") -> str:
    """One LbEndpoint."""
    address = f"{{socket_address: {{address: 127.0.0.1, port_value: ${name}}}}}"
    return f"{{endpoint: {{address: {address}}}, metadata: {lb(criteria)}{more}}}"


def assigned(*groups: str) -> str:
    """A load assignment of LocalityLbEndpoints."""
    return f"load_assignment: {{cluster_name: $be, endpoints: [{', '.join(groups)}]}}"


def group(*hosts: str, more: str = "") -> str:
    """One LocalityLbEndpoints."""
    return f"{{lb_endpoints: [{', '.join(hosts)}]{more}}}"


ALL = assigned(group(*(host(*pair) for pair in zip(NAMES, HOSTS, strict=True))))
SCRIPTS = {name: Script([reply(200, name.encode())]) for name in NAMES}


def divided(
    name: str,
    subsets: str,
    *asked: str,
    hosts: str = ALL,
    cluster: str = "",
    times: int = 4,
    typed: bool = False,
) -> Case:
    """Requests for each of the sets of criteria, by the path; the first is for none."""
    paths = asked or tuple(ASKED)
    routes = [
        f"{{match: {{path: /{path}}}, route: {{cluster: $be, metadata_match: {lb(ASKED[path])}}}}}"
        for path in paths
    ]
    routes.append("{match: {prefix: /}, route: {cluster: $be}}")
    config = f"lb_subset_config: {{{subsets}}}"
    if typed:
        policy = f"{{'@type': {POLICIES}.subset.v3.Subset, {subsets}, {ROUND_ROBIN}}}"
        config = (
            "load_balancing_policy: {policies: [{typed_extension_config: {name: p, typed_config: "
            f"{policy}}}}}]}}"
        )
    wanted = [path for path in (*paths, "nothing") for _ in range(times)]
    steps: list[Step] = [step for path in wanted for step in (Write(get(f"/{path}")), Read())]
    return Case(
        name,
        (*steps, End()),
        routes=f"[{', '.join(routes)}]",
        clusters=f"[{{name: $be, {config}, {hosts}{cluster}}}]",
        upstreams=SCRIPTS,
        unordered=True,
    )


def selectors(*each: str) -> str:
    """subset_selectors, from their fields."""
    return f"subset_selectors: [{', '.join(f'{{{fields}}}' for fields in each)}]"


BY_V, BY_BOTH, BY_S = "keys: [v]", "keys: [v, s]", "keys: [s]"
BAD = ", health_status: UNHEALTHY"
SICK = assigned(
    group(
        host("up", {"v": "1"}, BAD), host("two", {"v": "1"}), host("three", {"v": "1"}),
        host("four", {"v": 2}, BAD),
    )
)  # fmt: skip
PRIORITIES = assigned(
    group(host("up", {"v": "1"}), host("two", {"v": 2})),
    group(host("three", {"v": "1"}), host("four", {"v": "3"}), more=", priority: 1"),
)
WEIGHTED = ", common_lb_config: {locality_weighted_lb_config: {}}"


def zones(*weights: int) -> str:
    """A zone with three hosts, of which one is v1, and one with a host that is."""
    first, second = weights
    return assigned(
        group(
            host("up", {"v": "1"}), host("two", {"v": 2}), host("three", {"v": 2}),
            more=f", locality: {{zone: a}}, load_balancing_weight: {first}",
        ),
        group(
            host("four", {"v": "1"}),
            more=f", locality: {{zone: b}}, load_balancing_weight: {second}",
        ),
    )  # fmt: skip


def weighted(name: str, of_route: Json, *of_clusters: Json) -> Case:
    """A route to the same cluster twice; one of them is always chosen."""
    splits = ", ".join(
        f"{{name: $be, weight: {int(index == 0)}, metadata_match: {lb(criteria)}}}"
        for index, criteria in enumerate(of_clusters)
    )
    action = f"{{weighted_clusters: {{clusters: [{splits}]}}, metadata_match: {lb(of_route)}}}"
    return Case(
        name,
        (*(Write(get("/")), Read()) * 4, End()),
        routes=f"[{{match: {{prefix: /}}, route: {action}}}]",
        clusters=f"[{{name: $be, lb_subset_config: {{{selectors(BY_V, BY_BOTH)}}}, {ALL}}}]",
        upstreams=SCRIPTS,
        unordered=True,
    )


def connected(name: str, match: str, *before: str) -> Case:
    """Connections through a tcp_proxy; each host says which it is."""
    filters = ", ".join((*before, tcp_filter(match)))
    steps = ((Open(each), Receive(2, on=each), End(on=each)) for each in ("a", "b", "c"))
    return Case(
        name,
        tuple(step for some in steps for step in some),
        stats=STATS,
        clusters=f"[{{name: $be, lb_subset_config: {{{selectors(BY_V, BY_BOTH)}}}, {ALL}}}]",
        upstreams={each: tcp(each[:2].encode(), Close()) for each in NAMES},
        listener=f"filter_chains: [{{name: only, filters: [{filters}]}}]",
        unordered=True,
    )


def ejecting(name: str, criteria: str) -> Case:
    """Hosts up and three fail and are ejected: others of their subset, if any, have the rest."""
    asked = (Write(get("/")), Read())
    return Case(
        name,
        # Time for an ejection to reach Envoy's worker.
        (*(step for _ in range(6) for step in (*asked, Wait(0.3))), End()),
        routes="[{match: {prefix: /}, route: {cluster: $be, metadata_match: "
        f"{lb(ASKED[criteria])}}}}}]",
        clusters="[{name: $be, outlier_detection: {consecutive_5xx: 1, max_ejection_percent: 50}, "
        f"lb_subset_config: {{{selectors(BY_V)}}}, {ALL}}}]",
        upstreams={**SCRIPTS, **dict.fromkeys(("up", "three"), Script([reply(500, b"bad")]))},
        unordered=True,
        ignore_stats="_bytes_",
    )


CASES = (
    divided("subset_no_fallback", selectors(BY_V, BY_BOTH)),
    divided("subset_any", "fallback_policy: ANY_ENDPOINT, " + selectors(BY_V, BY_BOTH), times=8),
    divided(
        "subset_default",
        "fallback_policy: DEFAULT_SUBSET, default_subset: {v: 2}, " + selectors(BY_V),
    ),
    divided(
        "subset_default_is_empty",
        "fallback_policy: DEFAULT_SUBSET, " + selectors(BY_V),
        "v1",
        "unknown",
        times=8,
    ),
    divided(
        "subset_default_has_no_host",
        "fallback_policy: DEFAULT_SUBSET, default_subset: {v: none}, " + selectors(BY_V),
    ),
    divided(
        "subset_panic_mode_any",
        "fallback_policy: DEFAULT_SUBSET, default_subset: {v: none}, panic_mode_any: true, "
        + selectors(BY_V),
        times=8,
    ),
    divided("subset_list_as_any", "list_as_any: true, " + selectors(BY_V, BY_BOTH), times=6),
    divided(
        "subset_default_list_as_any",
        "fallback_policy: DEFAULT_SUBSET, default_subset: {v: '3'}, list_as_any: true, "
        + selectors(BY_S),
    ),
    divided("subset_struct", selectors("keys: [stage]"), "struct", "v1"),
    divided("subset_single_host", selectors(BY_V + ", single_host_per_subset: true")),
    divided(
        "subset_single_host_after_another",
        selectors(BY_V, BY_V + ", single_host_per_subset: true"),
    ),
    *(
        divided(
            f"subset_selector_{policy.lower()}",
            f"fallback_policy: {general}, default_subset: {{v: 2}}, "
            + selectors(BY_V, f"{BY_BOTH}, fallback_policy: {policy}"),
            "both",
            "neither",
            "s_other",
            times=8,
        )
        for policy, general in (
            ("NOT_DEFINED", "ANY_ENDPOINT"),
            ("NO_FALLBACK", "ANY_ENDPOINT"),
            ("ANY_ENDPOINT", "NO_FALLBACK"),
            ("DEFAULT_SUBSET", "NO_FALLBACK"),
        )
    ),
    divided(
        "subset_selector_keys_subset",
        selectors(BY_V, f"{BY_BOTH}, fallback_policy: KEYS_SUBSET, fallback_keys_subset: [v]"),
    ),
    divided(
        "subset_selector_keys_subset_falls_back",
        "fallback_policy: ANY_ENDPOINT, "
        + selectors(f"{BY_BOTH}, fallback_policy: KEYS_SUBSET, fallback_keys_subset: [v]"),
        "neither",
        times=8,
    ),
    divided(
        "subset_selector_of_fewer_keys_later",
        selectors(BY_BOTH, f"{BY_S}, fallback_policy: ANY_ENDPOINT"),
    ),
    divided(
        "subset_fallback_list",
        "metadata_fallback_policy: FALLBACK_LIST, " + selectors(BY_V, BY_BOTH),
    ),
    divided("subset_typed", selectors(BY_V, BY_BOTH), typed=True),
    divided(
        "subset_redundant_keys",
        "allow_redundant_keys: true, " + selectors(BY_V, BY_BOTH, BY_S),
        typed=True,
    ),
    divided("subset_without_selectors", "fallback_policy: NO_FALLBACK", "v1", times=8),
    divided("subset_sick", selectors(BY_V), "v1", "v2", hosts=SICK, times=6),
    divided(
        "subset_sick_no_panic",
        selectors(BY_V),
        "v1",
        "v2",
        hosts=SICK,
        cluster=", common_lb_config: {healthy_panic_threshold: {value: 0}}",
    ),
    divided(
        "subset_sick_single_host",
        selectors(f"{BY_V}, single_host_per_subset: true"),
        "v1",
        "v2",
        hosts=SICK,
    ),
    divided("subset_priorities", selectors(BY_V), "v1", "v2", "v3", hosts=PRIORITIES),
    *(
        divided(
            f"subset_localities_{name}",
            f"{options}{selectors(BY_V)}",
            "v1",
            hosts=zones(*weights),
            cluster=WEIGHTED,
            times=12,
        )
        for name, options, weights in (
            ("unaware", "", (1, 3)),
            ("aware", "locality_weight_aware: true, ", (1, 3)),
            ("scaled", "locality_weight_aware: true, scale_locality_weight: true, ", (9, 1)),
        )
    ),
    *(
        divided(f"subset_{kind.lower()}", selectors(BY_V), "v2", cluster=f", lb_policy: {kind}")
        for kind in ("LEAST_REQUEST", "RANDOM", "RING_HASH", "MAGLEV")
    ),
    weighted("subset_weighted_own", {}, {"v": "1", "s": "b"}, {"v": 2}),
    weighted("subset_weighted_with_route", {"v": "1", "s": "a"}, {"s": "b"}, {"v": 2}),
    weighted("subset_weighted_of_route", {"v": 2}, {}, {"v": "1"}),
    connected("tcp_subset", f"metadata_match: {lb({'v': '1', 's': 'b'})}"),
    connected("tcp_subset_none", f"metadata_match: {lb({'v': '9'})}"),
    connected("tcp_subset_no_match", ""),
    ejecting("subset_ejects", "v1"),
    ejecting("subset_ejects_its_last", "v2"),
)
