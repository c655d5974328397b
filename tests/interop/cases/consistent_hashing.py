"""RING_HASH and MAGLEV: where hashes lead, and the gauges.

Ports differ from run to run, so hosts are known by their metadata `hash_key`; placement by address
is compared in test_hash_placement.py.
"""

from __future__ import annotations

from collections.abc import Sequence

from tests.interop.model import Case, End, Read, Step, Wait, Write
from tests.support.client import get
from tests.support.upstream import Script, Send, Sleep, raw, reply

NAMES = ("up", "two", "three")
POLICIES = "type.googleapis.com/envoy.extensions.load_balancing_policies"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"
BY_KEY = "{header: {header_name: x-key}}"


def hosts(*weights: int, more: Sequence[str] = ()) -> str:
    """Hosts up, two and three with these weights, and further fields of each."""
    found = []
    for index, (name, weight) in enumerate(zip(NAMES, weights, strict=False)):
        address = f"{{socket_address: {{address: 127.0.0.1, port_value: ${name}}}}}"
        metadata = f"{{filter_metadata: {{envoy.lb: {{hash_key: {name}-key}}}}}}"
        extra = more[index] if index < len(more) else ""
        found.append(
            f"{{endpoint: {{address: {address}}}, metadata: {metadata},"
            f" load_balancing_weight: {weight}{extra}}}"
        )
    return ", ".join(found)


def of_hosts(*weights: int, more: Sequence[str] = ()) -> str:
    """The same, as lb_endpoints."""
    return f"lb_endpoints: [{hosts(*weights, more=more)}]"


def assigned(*groups: str) -> str:
    """A load assignment of LocalityLbEndpoints."""
    return f"load_assignment: {{cluster_name: $be, endpoints: [{', '.join(groups)}]}}"


EVEN = assigned(f"{{lb_endpoints: [{hosts(1, 1, 1)}]}}")
UNEVEN = assigned(f"{{lb_endpoints: [{hosts(1, 2, 5)}]}}")


def placed(
    name: str,
    cluster: str,
    policy: str = f"hash_policy: [{BY_KEY}]",
    requests: Sequence[bytes] = (),
    hcm: str = "",
    scripts: dict[str, Script] | None = None,
    more: str = "",
    ignore_stats: str = "",
) -> Case:
    """Requests one after another; each answer names its host."""
    asked = requests or [get(f"/{n}?q={n % 7}", headers=f"x-key: k{n}\r\n") for n in range(24)]
    steps: list[Step] = [step for each in asked for step in (Write(each), Read())]
    answers = {each: Script([reply(200, each.encode())]) for each in NAMES}
    return Case(
        name,
        (*steps, End()),
        routes=f"[{{match: {{prefix: /}}, route: {{cluster: $be, {policy}{more}}}}}]",
        clusters=f"[{{name: $be, {cluster}}}]",
        upstreams={**answers, **(scripts or {})},
        hcm=hcm,
        ignore_stats=ignore_stats,
    )


def ejected(name: str, cluster: str, of_up: bytes) -> Case:
    """The first request, which goes to the host up, ejects it; the others go elsewhere."""
    asked: list[Step] = [step for each in with_headers(*KEYS) for step in (Write(each), Read())]
    answers = {each: Script([reply(200, each.encode())]) for each in NAMES}
    return Case(
        name,
        # Time for an ejection to reach Envoy's worker.
        (Write(of_up), Read(), Wait(0.3), *asked, End()),
        routes=f"[{{match: {{prefix: /}}, route: {{cluster: $be, hash_policy: [{BY_KEY}]}}}}]",
        clusters=f"[{{name: $be, outlier_detection: {{consecutive_5xx: 1}}, {cluster}}}]",
        upstreams={**answers, "up": Script([reply(500, b"up")])},
    )


def bounded(name: str, kind: str, factor: int) -> Case:
    """Requests with one key while those before are still with their hosts."""
    names = [f"c{number}" for number in range(9)]
    request = get("/", headers="x-key: k\r\n")
    asked: list[Step] = [step for each in names for step in (Write(request, on=each), Wait(0.1))]
    asked += [step for each in names for step in (Read(on=each), End(on=each))]
    bounds = f"{{consistent_hashing_lb_config: {{hash_balance_factor: {factor}}}}}"
    cluster = f"lb_policy: {kind}, common_lb_config: {bounds}, {UNEVEN}"
    late = {each: Script([raw(Sleep(1.5), Send(OK + each[:2].encode()))]) for each in NAMES}
    return Case(
        name,
        tuple(asked),
        routes=f"[{{match: {{prefix: /}}, route: {{cluster: $be, hash_policy: [{BY_KEY}]}}}}]",
        clusters=f"[{{name: $be, {cluster}}}]",
        upstreams=late,
        unordered=True,
        log_format="%RESPONSE_CODE% %UPSTREAM_HOST%\n",
        ignore_stats="_bytes_",
    )


def typed(kind: str, more: str = "", cluster: str = EVEN) -> str:
    """A cluster with a typed policy."""
    config = f"{{'@type': {POLICIES}.{kind}{more}}}"
    policy = f"{{typed_extension_config: {{name: p, typed_config: {config}}}}}"
    return f"load_balancing_policy: {{policies: [{policy}]}}, {cluster}"


def ring(options: str = "", cluster: str = UNEVEN) -> str:
    """A RING_HASH cluster with these ring_hash_lb_config fields."""
    return f"lb_policy: RING_HASH, ring_hash_lb_config: {{{options}}}, {cluster}"


def maglev(options: str = "", cluster: str = UNEVEN) -> str:
    """A MAGLEV cluster with these maglev_lb_config fields."""
    return f"lb_policy: MAGLEV, maglev_lb_config: {{{options}}}, {cluster}"


def with_headers(*groups: str) -> list[bytes]:
    """One request with each group of header lines."""
    return [get("/", headers=group) for group in groups]


KEYS = [f"x-key: v{n}\r\n" for n in range(10)]
HTTP_OPTIONS = (
    "typed_extension_protocol_options: {envoy.extensions.upstreams.http.v3.HttpProtocolOptions: "
    "{'@type': type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions, "
    "explicit_http_config: {http_protocol_options: {}}, "
    "hash_policy: [{header: {header_name: x-other}}]}}, "
)
BOTH = [get("/", headers=f"x-key: a{n}\r\nx-other: b{n % 3}\r\n") for n in range(12)]

AVOIDING = (
    ", timeout: 0s, retry_policy: {retry_on: 5xx, num_retries: 3,"
    " host_selection_retry_max_attempts: 5, retry_back_off: {base_interval: 0.001s},"
    " retry_host_predicate: [{name: envoy.retry_host_predicates.previous_hosts, typed_config: "
    "{'@type': type.googleapis.com/envoy.extensions.retry.host.previous_hosts.v3."
    "PreviousHostsPredicate}}]}"
)

CASES = (
    placed("ring_even", ring(cluster=EVEN)),
    placed("ring_weights", ring()),
    placed("ring_murmur", ring("hash_function: MURMUR_HASH_2")),
    placed("ring_small", ring("minimum_ring_size: 10, maximum_ring_size: 10")),
    placed("ring_large_minimum", ring("minimum_ring_size: 100000")),
    placed("ring_maximum_below_hosts", ring("minimum_ring_size: 1, maximum_ring_size: 2")),
    placed("maglev_even", maglev(cluster=EVEN)),
    placed("maglev_weights", maglev()),
    placed("maglev_small", maglev("table_size: 7")),
    placed("maglev_two_places", maglev("table_size: 2")),
    placed("typed_ring", typed("ring_hash.v3.RingHash", ", minimum_ring_size: 50")),
    placed("typed_ring_murmur", typed("ring_hash.v3.RingHash", ", hash_function: MURMUR_HASH_2")),
    placed("typed_maglev", typed("maglev.v3.Maglev", ", table_size: 101")),
    placed(
        "typed_ring_hash_policy",
        typed(
            "ring_hash.v3.RingHash",
            ", consistent_hashing_lb_config: {hash_policy: [{header: {header_name: x-other}}]}",
        ),
        requests=BOTH,
    ),
    placed(
        "typed_maglev_hash_policy",
        typed(
            "maglev.v3.Maglev",
            ", consistent_hashing_lb_config: {hash_policy: [{header: {header_name: x-other}}]}",
        ),
        requests=BOTH,
    ),
    placed("protocol_hash_policy", HTTP_OPTIONS + ring(), requests=BOTH),
    *(
        placed(
            f"{kind.lower()}_{case}",
            f"lb_policy: {kind}, {assigned(group)}{more}",
        )
        for kind in ("RING_HASH", "MAGLEV")
        for case, group, more in (
            (
                "one_unhealthy",
                f"{{lb_endpoints: [{hosts(1, 1, 1, more=(', health_status: UNHEALTHY',))}]}}",
                "",
            ),
            (
                "panics",
                "{lb_endpoints: ["
                + hosts(1, 1, 1, more=(", health_status: UNHEALTHY",) * 2)
                + "]}",
                "",
            ),
            (
                "fail_on_panic_has_no_effect",
                "{lb_endpoints: ["
                + hosts(1, 1, 1, more=(", health_status: UNHEALTHY",) * 2)
                + "]}",
                ", common_lb_config: {zone_aware_lb_config: {fail_traffic_on_panic: true}}",
            ),
            (
                "degraded_alone",
                f"{{lb_endpoints: [{hosts(1, more=(', health_status: DEGRADED',))}]}}",
                "",
            ),
        )
    ),
    placed(
        "ring_priorities",
        "lb_policy: RING_HASH, "
        + assigned(
            "{lb_endpoints: [" + hosts(1, 1, more=(", health_status: UNHEALTHY",)) + "]}",
            "{priority: 1, lb_endpoints: [{endpoint: {address: {socket_address: "
            "{address: 127.0.0.1, port_value: $three}}}}]}",
        ),
    ),
    *(
        placed(
            f"{kind.lower()}_locality_weights",
            f"lb_policy: {kind}, common_lb_config: {{locality_weighted_lb_config: {{}}}}, "
            + assigned(
                f"{{locality: {{zone: a}}, load_balancing_weight: 1, {of_hosts(1, 2)}}}",
                "{locality: {zone: b}, load_balancing_weight: 3, lb_endpoints: [{endpoint: "
                "{address: {socket_address: {address: 127.0.0.1, port_value: $three}}}, metadata: "
                "{filter_metadata: {envoy.lb: {hash_key: three-key}}}}]}",
            ),
        )
        for kind in ("RING_HASH", "MAGLEV")
    ),
    placed(
        "ring_locality_no_weights",
        "lb_policy: RING_HASH, common_lb_config: {locality_weighted_lb_config: {}}, "
        + assigned(f"{{locality: {{zone: a}}, lb_endpoints: [{hosts(1, 2)}]}}"),
        requests=with_headers("x-key: a\r\n"),
    ),
    placed(
        "ring_balance_factor",
        ring(cluster=EVEN)
        + ", common_lb_config: {consistent_hashing_lb_config: {hash_balance_factor: 120}}",
    ),
    placed(
        "ring_retry_goes_on",
        ring(cluster=EVEN),
        requests=with_headers(*KEYS),
        scripts={"up": Script([reply(503, b"no")])},
        more=AVOIDING,
    ),
    placed(
        "maglev_retry_goes_on",
        maglev(cluster=EVEN),
        requests=with_headers(*KEYS),
        scripts={"up": Script([reply(503, b"no")])},
        more=AVOIDING,
    ),
    *(
        ejected(
            f"{kind.lower()}_ejects",
            f"lb_policy: {kind}, {EVEN}",
            get("/", headers=f"x-key: {key}\r\n"),
        )
        for kind, key in (("RING_HASH", "v2"), ("MAGLEV", "v0"))
    ),
    *(
        bounded(f"{kind.lower()}_bounded_{factor}", kind, factor)
        for kind in ("RING_HASH", "MAGLEV")
        for factor in (100, 150)
    ),
)
