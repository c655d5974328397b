"""Clusters: discovery, balancing, priorities, limits and sockets."""

from __future__ import annotations

from tests.interop.model import Admin, Case, Drop, End, Read, Step, Wait, Write
from tests.support.client import get, post
from tests.support.upstream import Answer, Close, Hold, Script, Sleep, raw, reply

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n"
WHO = "%RESPONSE_CODE% %UPSTREAM_CLUSTER%\n"
DNS_STATS = r"\.update_|max_host_weight"


def host(port: str, more: str = "") -> str:
    """One endpoint, with further fields."""
    address = f"address: {{socket_address: {{address: 127.0.0.1, port_value: {port}}}}}"
    return f"{{endpoint: {{{address}}}{more}}}"


def spread(name: str, cluster: str, count: int, *ports: str) -> Case:
    """`count` requests one after another; what each upstream got is compared as a whole."""
    answers = {port: Script([reply(200, port.encode())]) for port in ports}
    return Case(
        name,
        (*(Write(get("/")), Read()) * count, End()),
        clusters=f"[{{name: $be, {cluster}}}]",
        upstreams=answers,
        unordered=True,
        log_format=WHO,
    )


def localities(*groups: str) -> str:
    """A load assignment of LocalityLbEndpoints."""
    return f"load_assignment: {{cluster_name: $be, endpoints: [{', '.join(groups)}]}}"


def group(*hosts: str, more: str = "") -> str:
    """One LocalityLbEndpoints."""
    return f"{{lb_endpoints: [{', '.join(hosts)}]{more}}}"


def dns(
    name: str, kind: str, address: str = "localhost", more: str = "", requests: int = 2
) -> Case:
    """A cluster whose host is a name."""
    endpoint = (
        f"{{endpoint: {{address: {{socket_address: {{address: {address}, port_value: $up}}}}}}}}"
    )
    return Case(
        name,
        (*(Write(get("/")), Read()) * requests, End()),
        clusters=f"[{{name: $be, type: {kind}, dns_lookup_family: V4_ONLY{more},"
        f" load_assignment: {{cluster_name: $be, endpoints: [{{lb_endpoints: [{endpoint}]}}]}}}}]",
        ignore_stats=DNS_STATS,
    )


def limited(
    name: str, thresholds: str, *steps: Step, answer: Answer | None = None, route: str = ""
) -> Case:
    """Several connections against a circuit breaker; the upstream answers late."""
    late = answer or raw(Sleep(0.6), OK + b"late")
    return Case(
        name,
        steps,
        routes=f"[{{match: {{prefix: /}}, route: {{cluster: $be{route}}}}}]",
        clusters="[{name: $be, hosts: [$up], circuit_breakers: {thresholds: "
        f"[{{{thresholds}}}]}}}}]",
        upstreams={"up": Script([late])},
        unordered=True,
    )


TWO: tuple[Step, ...] = (
    Write(get("/1"), on="a"), Wait(0.2), Write(get("/2"), on="b"), Read(on="b"), Read(on="a"),
    End(on="a"), End(on="b"),
)  # fmt: skip
WEIGHT_3 = ", load_balancing_weight: 3"

CASES = (
    spread("rr_even", "hosts: [$up, $two]", 6, "up", "two"),
    spread("rr_weights", localities(group(host("$up", WEIGHT_3), host("$two"))), 8, "up", "two"),
    spread("rr_three", "hosts: [$up, $two, $three]", 9, "up", "two", "three"),
    spread("least_request_one", "lb_policy: LEAST_REQUEST, hosts: [$up]", 3, "up"),
    spread("random_one", "lb_policy: RANDOM, hosts: [$up]", 3, "up"),
    spread(
        "priority_first",
        localities(group(host("$up")), group(host("$two"), more=", priority: 1")),
        4,
        "up",
        "two",
    ),
    spread(
        "priority_failover",
        localities(
            group(host("$up", ", health_status: UNHEALTHY")),
            group(host("$two"), more=", priority: 1"),
        ),
        4,
        "up",
        "two",
    ),
    spread(
        "priority_overprovisioning",
        localities(
            group(
                host("$up"),
                host("$up"),
                host("$up"),
                host("$dead", ", health_status: UNHEALTHY"),
            ),
            group(host("$two"), more=", priority: 1"),
        ),
        3,
        "up",
        "two",
    ),
    spread(
        "health_unhealthy_skipped",
        localities(group(host("$up"), host("$two"), host("$dead", ", health_status: UNHEALTHY"))),
        4,
        "up",
        "two",
    ),
    spread(
        "health_draining_skipped",
        localities(group(host("$up"), host("$two"), host("$dead", ", health_status: DRAINING"))),
        4,
        "up",
        "two",
    ),
    spread(
        "health_degraded_last",
        localities(
            group(
                host("$up"),
                host("$two"),
                host("$three"),
                host("$dead", ", health_status: DEGRADED"),
            )
        ),
        6,
        "up",
        "two",
        "three",
    ),
    spread(
        "health_degraded_only",
        localities(group(host("$two", ", health_status: DEGRADED"))),
        2,
        "two",
    ),
    spread(
        "panic_all_unhealthy",
        localities(
            group(
                host("$up", ", health_status: UNHEALTHY"),
                host("$two", ", health_status: UNHEALTHY"),
            )
        ),
        4,
        "up",
        "two",
    ),
    spread(
        "panic_off",
        localities(group(host("$up", ", health_status: UNHEALTHY")))
        + ", common_lb_config: {healthy_panic_threshold: {value: 0}}",
        2,
        "up",
    ),
    spread(
        "panic_fail_traffic",
        localities(group(host("$up", ", health_status: UNHEALTHY"))) + ", common_lb_config: "
        "{zone_aware_lb_config: {fail_traffic_on_panic: true}}",
        2,
        "up",
    ),
    spread(
        "locality_weights",
        localities(
            group(host("$up"), more=", locality: {zone: a}, load_balancing_weight: 1"),
            group(host("$two"), more=", locality: {zone: b}, load_balancing_weight: 3"),
        )
        + ", common_lb_config: {locality_weighted_lb_config: {}}",
        8,
        "up",
        "two",
    ),
    spread(
        "locality_weight_zero",
        localities(
            group(host("$up"), more=", locality: {zone: a}"),
            group(host("$two"), more=", locality: {zone: b}, load_balancing_weight: 3"),
        )
        + ", common_lb_config: {locality_weighted_lb_config: {}}",
        4,
        "up",
        "two",
    ),
    spread(
        "typed_round_robin",
        "hosts: [$up, $two], load_balancing_policy: {policies: "
        "[{typed_extension_config: {name: rr, typed_config: {'@type': type.googleapis.com/"
        "envoy.extensions.load_balancing_policies.round_robin.v3.RoundRobin}}}]}",
        4,
        "up",
        "two",
    ),
    dns("dns_strict", "STRICT_DNS"),
    dns("dns_logical", "LOGICAL_DNS"),
    dns("dns_strict_address", "STRICT_DNS", address="127.0.0.1"),
    dns("dns_logical_address", "LOGICAL_DNS", address="127.0.0.1"),
    dns("dns_fails", "STRICT_DNS", address="no-such-name.invalid", requests=1),
    dns("dns_logical_fails", "LOGICAL_DNS", address="no-such-name.invalid", requests=1),
    limited("limit_requests", "max_requests: 1", *TWO),
    limited(
        "limit_pending",
        "max_connections: 1, max_pending_requests: 0",
        Write(get("/1"), on="a"),
        Read(on="a"),
        End(on="a"),
        answer=raw(OK + b"fast"),
    ),
    limited(
        "limit_pending_second",
        "max_connections: 1, max_pending_requests: 1",
        Write(get("/1"), on="a"),
        Wait(0.2),
        Write(get("/2"), on="b"),
        Wait(0.1),
        Write(get("/3"), on="c"),
        Read(on="c"),
        Read(on="a"),
        Read(on="b"),
        End(on="a"),
        End(on="b"),
        End(on="c"),
    ),
    limited("limit_connections_queue", "max_connections: 1", *TWO),
    limited(
        "limit_connections_zero",
        "max_connections: 0",
        Write(get("/1")),
        Read(),
        End(),
        answer=raw(OK + b"fast"),
    ),
    limited(
        "limit_high_priority", "priority: HIGH, max_requests: 1", *TWO, route=", priority: HIGH"
    ),
    limited("limit_high_does_not_count", "priority: HIGH, max_requests: 1", *TWO),
    limited(
        "limit_remaining_tracked",
        "track_remaining: true, max_requests: 5",
        Write(get("/1")),
        Read(),
        End(),
        answer=raw(OK + b"fast"),
    ),
    Case(
        "max_requests_per_upstream_connection",
        (*(Write(get("/")), Read()) * 5, End()),
        clusters="""
- name: $be
  hosts: [$up]
  typed_extension_protocol_options:
    envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
      "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
      common_http_protocol_options: {max_requests_per_connection: 2}
      explicit_http_config: {http_protocol_options: {}}
""",
    ),
    Case(
        "max_requests_per_connection_old_field",
        (*(Write(get("/")), Read()) * 3, End()),
        clusters="[{name: $be, hosts: [$up], max_requests_per_connection: 1}]",
    ),
    Case(
        "upstream_idle_timeout",
        (Write(get("/1")), Read(), Wait(0.6), Write(get("/2")), Read(), End()),
        clusters="""
- name: $be
  hosts: [$up]
  typed_extension_protocol_options:
    envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
      "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
      common_http_protocol_options: {idle_timeout: 0.2s}
      explicit_http_config: {http_protocol_options: {}}
""",
    ),
    Case(
        "upstream_header_case",
        (get("/", headers="x-one: 1\r\n"),),
        clusters="""
- name: $be
  hosts: [$up]
  typed_extension_protocol_options:
    envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
      "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
      explicit_http_config:
        http_protocol_options: {header_key_format: {proper_case_words: {}}}
""",
    ),
    Case(
        "unix_socket",
        (get("/1"), post("/2", b"abc")),
        clusters="[{name: $be, hosts: [$unixup]}]",
        upstreams={"unixup": Script([reply()])},
    ),
    Case(
        "unix_socket_missing",
        (get("/1"),),
        clusters="[{name: $be, hosts: [$dir/nothing]}]",
        upstreams={},
    ),
    Case(
        "alt_stat_name", (get("/1"),), clusters="[{name: $be, alt_stat_name: $alt, hosts: [$up]}]"
    ),
    Case(
        "two_connections_at_once",
        (
            Write(get("/1"), on="a"),
            Wait(0.1),
            Write(get("/2"), on="b"),
            Read(on="a"),
            Read(on="b"),
            End(on="a"),
            End(on="b"),
        ),
        upstreams={"up": Script([raw(Sleep(0.3), OK + b"late")])},
        unordered=True,
    ),
    Case(
        "client_goes_away",
        (Write(get("/1")), Wait(0.2), Drop(), Wait(0.2)),
        upstreams={"up": Script([raw(Hold())])},
    ),
    Case(
        "client_resets",
        (Write(get("/1")), Wait(0.2), Drop(reset=True), Wait(0.2)),
        upstreams={"up": Script([raw(Hold())])},
    ),
    Case(
        "upstream_closes_then_new_connection",
        (get("/1"), Wait(0.2), get("/2")),
        upstreams={"up": Script([raw(OK + b"once", Sleep(0.05), Close())])},
    ),
    Case(
        "newest_connection_first",
        (
            Write(get("/1"), on="a"),
            Wait(0.1),
            Write(get("/2"), on="b"),
            Read(on="a"),
            Read(on="b"),
            Wait(0.1),
            Write(get("/3"), on="a"),
            Read(on="a"),
            End(on="a"),
            End(on="b"),
        ),
        upstreams={
            "up": Script(
                [raw(Sleep(0.3), OK + b"one1"), raw(Sleep(0.5), OK + b"two2"), raw(OK + b"3333")]
            )
        },
    ),
    Case("cluster_admin_text", (get("/1"), Admin("/clusters?filter=$be")), isolated=True, stats=""),
)
