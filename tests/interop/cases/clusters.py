"""Clusters: discovery, balancing, priorities, limits and sockets."""

from __future__ import annotations

from collections.abc import Sequence

from tests.interop.model import Admin, Case, Drop, End, Read, Step, Wait, Write
from tests.support.client import get, post
from tests.support.upstream import Answer, Close, Hold, Script, Sleep, raw, reply

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n"
WHO = "%RESPONSE_CODE% %UPSTREAM_CLUSTER%\n"
# How often names were resolved by the end depends on how long the run took.
DNS_STATS = r"\.update_|max_host_weight|total_match_count"


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


RESOLVER = (
    "typed_dns_resolver_config: {name: envoy.network.dns_resolver.cares, typed_config: {'@type': "
    "type.googleapis.com/envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig, "
    "resolvers: [{socket_address: {address: 127.0.0.1, port_value: $dns}}], "
    "dns_resolver_options: {no_default_search_domain: true}}}"
)


def named(
    name: str,
    kind: str,
    answers: Sequence[Sequence[str] | str],
    more: str = "",
    *steps: Step,
    family: str = "V4_ONLY",
    ttl: int = 60,
) -> Case:
    """A cluster whose host is `a.test`; a DNS server gives one answer after the other."""
    endpoint = "{endpoint: {address: {socket_address: {address: a.test, port_value: $up}}}}"
    return Case(
        name,
        steps or (Write(get("/")), Read(), End(), Admin("/clusters?filter=$be$", keep=HOST_LINES)),
        clusters=f"[{{name: $be, type: {kind}, dns_lookup_family: {family}, {RESOLVER}{more},"
        f" load_assignment: {{cluster_name: $be, endpoints: [{{lb_endpoints: [{endpoint}]}}]}}}}]",
        names={"a.test": answers},
        name_ttl=ttl,
        ignore_stats=DNS_STATS,
        log_format=WHO,
    )


HOST_LINES = r"::(hostname|weight|priority|cx_total)::"
ASK: tuple[Step, ...] = (Write(get("/"), on="a"), Read(on="a"), End(on="a"))
HOSTS = Admin("/clusters?filter=$be$", keep=HOST_LINES)
FAST = (
    ", dns_refresh_rate: 0.2s, dns_failure_refresh_rate: {base_interval: 0.2s, max_interval: 0.2s}"
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
SLOW = "slow_start_config: {slow_start_window: 3600s, min_weight_percent: {value: 50}}"
WEIGHT_2, WEIGHT_3 = ", load_balancing_weight: 2", ", load_balancing_weight: 3"

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
    named("dns_server_strict", "STRICT_DNS", [["127.0.0.1"]]),
    named("dns_server_logical", "LOGICAL_DNS", [["127.0.0.1"]]),
    named("dns_strict_two", "STRICT_DNS", [["127.0.0.1", "127.0.0.2"]], "", HOSTS),
    named("dns_logical_two", "LOGICAL_DNS", [["127.0.0.1", "127.0.0.2"]], "", HOSTS),
    named("dns_strict_repeated", "STRICT_DNS", [["127.0.0.1", "127.0.0.1"]]),
    *(
        named(
            f"dns_{kind.lower()[:-4]}_{change}", kind, answers, FAST, *ASK, Wait(1.0), *ASK, HOSTS
        )
        for kind in ("STRICT_DNS", "LOGICAL_DNS")
        for change, answers in (
            ("moves", [["127.0.0.2"], ["127.0.0.1"]]),
            ("then_servfail", [["127.0.0.1"], "servfail"]),
            ("then_nxdomain", [["127.0.0.1"], "nxdomain"]),
            ("then_empty", [["127.0.0.1"], []]),
            ("first_servfail", ["servfail", "servfail", "servfail", ["127.0.0.1"]]),
            ("first_nxdomain", ["nxdomain", "nxdomain", ["127.0.0.1"]]),
        )
    ),
    named(
        "dns_ttl_respected",
        "STRICT_DNS",
        [["127.0.0.1"], ["127.0.0.2"]],
        ", dns_refresh_rate: 60s, respect_dns_ttl: true",
        Wait(1.8),
        HOSTS,
        ttl=1,
    ),
    named(
        "dns_ttl_ignored",
        "STRICT_DNS",
        [["127.0.0.1"], ["127.0.0.2"]],
        ", dns_refresh_rate: 60s",
        Wait(1.8),
        HOSTS,
        ttl=1,
    ),
    named(
        "dns_ttl_zero",
        "STRICT_DNS",
        [["127.0.0.1"], ["127.0.0.2"]],
        ", dns_refresh_rate: 60s, respect_dns_ttl: true",
        Wait(0.8),
        HOSTS,
        ttl=0,
    ),
    *(
        named(f"dns_family_{family.lower()}", "STRICT_DNS", [answer], "", HOSTS, family=family)
        for family, answer in (
            ("AUTO", ["127.0.0.1", "::1"]),
            ("V4_ONLY", ["127.0.0.1", "::1"]),
            ("V6_ONLY", ["127.0.0.1", "::1"]),
            ("V4_PREFERRED", ["127.0.0.1", "::1"]),
            ("ALL", ["127.0.0.1", "::1"]),
        )
    ),
    named("dns_family_auto_v4", "STRICT_DNS", [["127.0.0.1"]], "", HOSTS, family="AUTO"),
    named("dns_family_preferred_v6", "STRICT_DNS", [["::1"]], "", HOSTS, family="V4_PREFERRED"),
    named("dns_logical_all", "LOGICAL_DNS", [["127.0.0.1", "::1"]], "", HOSTS, family="ALL"),
    *(
        Case(
            f"drop_overload_{kind.lower()}",
            ASK,
            clusters=f"[{{name: $be, type: {kind}, dns_lookup_family: V4_ONLY, load_assignment: "
            "{cluster_name: $be, policy: {drop_overloads: [{category: c, drop_percentage: "
            "{numerator: 100}}]}, endpoints: [{lb_endpoints: [{endpoint: {address: "
            f"{{socket_address: {{address: {address}, port_value: $up}}}}}}}}]}}]}}}}]",
            ignore_stats=DNS_STATS,
        )
        for kind, address in (
            ("STATIC", "127.0.0.1"),
            ("STRICT_DNS", "localhost"),
            ("LOGICAL_DNS", "localhost"),
        )
    ),
    spread(
        "least_request_weights",
        "lb_policy: LEAST_REQUEST, " + localities(group(host("$up", WEIGHT_3), host("$two"))),
        8,
        "up",
        "two",
    ),
    spread(
        "rr_three_weights",
        localities(
            group(host("$up", WEIGHT_3), host("$two"), host("$three", ", load_balancing_weight: 2"))
        ),
        12,
        "up",
        "two",
        "three",
    ),
    spread(
        "priority_third",
        localities(
            group(host("$up", ", health_status: UNHEALTHY")),
            group(host("$two", ", health_status: DRAINING"), more=", priority: 1"),
            group(host("$three"), more=", priority: 2"),
        ),
        3,
        "up",
        "two",
        "three",
    ),
    spread(
        "priority_all_unhealthy",
        localities(
            group(host("$up", ", health_status: UNHEALTHY")),
            group(host("$up", ", health_status: TIMEOUT"), more=", priority: 1"),
        ),
        1,
        "up",
    ),
    spread(
        "priority_all_unhealthy_no_panic",
        localities(
            group(host("$up", ", health_status: UNHEALTHY")),
            group(host("$up", ", health_status: TIMEOUT"), more=", priority: 1"),
        )
        + ", common_lb_config: {healthy_panic_threshold: {value: 0}}",
        3,
        "up",
    ),
    spread(
        "priority_gap",
        localities(group(host("$up"), more=", priority: 1")),
        2,
        "up",
    ),
    spread(
        "locality_unhealthy",
        localities(
            group(
                host("$up", ", health_status: UNHEALTHY"),
                more=", locality: {zone: a}, load_balancing_weight: 5",
            ),
            group(host("$two"), more=", locality: {zone: b}, load_balancing_weight: 1"),
        )
        + ", common_lb_config: {locality_weighted_lb_config: {},"
        " healthy_panic_threshold: {value: 10}}",
        4,
        "up",
        "two",
    ),
    spread(
        "typed_locality_weights",
        localities(
            group(host("$up"), more=", locality: {zone: a}, load_balancing_weight: 3"),
            group(host("$two"), more=", locality: {zone: b}, load_balancing_weight: 1"),
        )
        + ", load_balancing_policy: {policies: [{typed_extension_config: {name: rr, typed_config: "
        "{'@type': type.googleapis.com/envoy.extensions.load_balancing_policies.round_robin.v3."
        "RoundRobin, locality_lb_config: {locality_weighted_lb_config: {}}}}}]}",
        8,
        "up",
        "two",
    ),
    *(
        spread(
            f"slow_start_{name}",
            localities(group(host("$up", weight), host("$two"))) + f", {config}",
            count,
            "up",
            "two",
        )
        for name, weight, count, config in (
            ("rr", "", 8, f"round_robin_lb_config: {{{SLOW}}}"),
            ("rr_weights", WEIGHT_2, 9, f"round_robin_lb_config: {{{SLOW}}}"),
            ("rr_no_window", "", 8, "round_robin_lb_config: {slow_start_config: {}}"),
            (
                "least_request_weights",
                WEIGHT_2,
                9,
                f"lb_policy: LEAST_REQUEST, least_request_lb_config: {{{SLOW}}}",
            ),
        )
    ),
    Case(
        "least_request_full_scan",
        (
            Write(get("/"), on="a"),
            Wait(0.1),
            Write(get("/"), on="b"),
            Wait(0.1),
            Write(get("/"), on="c"),
            Read(on="a"),
            Read(on="b"),
            Read(on="c"),
            End(on="a"),
            End(on="b"),
            End(on="c"),
        ),
        clusters="[{name: $be, hosts: [$up, $two, $three], load_balancing_policy: {policies: "
        "[{typed_extension_config: {name: lr, typed_config: {'@type': type.googleapis.com/"
        "envoy.extensions.load_balancing_policies.least_request.v3.LeastRequest, "
        "selection_method: FULL_SCAN}}}]}}]",
        upstreams={
            name: Script([raw(Sleep(0.6), OK + b"late")]) for name in ("up", "two", "three")
        },
        log_format="%RESPONSE_CODE%\n",
        unordered=True,
        ignore_stats="_bytes_",
    ),
    Case(
        "bind_source",
        ASK,
        clusters="[{name: $be, hosts: [$up], upstream_bind_config:"
        " {source_address: {address: 127.0.0.9, port_value: 0}}}]",
        log_format="%UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT% %RESPONSE_CODE%\n",
    ),
    Case(
        "bind_source_not_here",
        ASK,
        clusters="[{name: $be, hosts: [$up], upstream_bind_config:"
        " {source_address: {address: 192.0.2.1, port_value: 0}}}]",
    ),
    Case(
        "bind_source_for_all",
        ASK,
        bootstrap="cluster_manager: {upstream_bind_config:"
        " {source_address: {address: 127.0.0.8, port_value: 0}}}",
        log_format="%UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT% %RESPONSE_CODE%\n",
        isolated=True,
        stats="",
    ),
    Case(
        "tcp_keepalive",
        ASK,
        clusters="[{name: $be, hosts: [$up], upstream_connection_options:"
        " {tcp_keepalive: {keepalive_probes: 3, keepalive_time: 30, keepalive_interval: 5}}}]",
    ),
    Case(
        "unix_socket_and_port",
        (*(Write(get("/")), Read()) * 4, End()),
        clusters="[{name: $be, hosts: [$unixup, $up]}]",
        upstreams={"unixup": Script([reply()]), "up": Script([reply()])},
        unordered=True,
        log_format=WHO,
    ),
    Case(
        "upstream_max_connection_duration",
        (Write(get("/1")), Read(), Wait(0.7), Write(get("/2")), Read(), End()),
        clusters="""
- name: $be
  hosts: [$up]
  typed_extension_protocol_options:
    envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
      "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
      common_http_protocol_options: {max_connection_duration: 0.3s}
      explicit_http_config: {http_protocol_options: {}}
""",
    ),
    Case(
        "upstream_header_limits",
        (get("/1"),),
        clusters="""
- name: $be
  hosts: [$up]
  typed_extension_protocol_options:
    envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
      "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
      common_http_protocol_options: {max_headers_count: 3}
      explicit_http_config: {http_protocol_options: {}}
""",
        upstreams={"up": Script([reply(200, b"ok", "A: 1\r\nB: 2\r\nC: 3\r\nD: 4\r\n")])},
    ),
    Case(
        "connect_timeout",
        (get("/1"),),
        clusters="[{name: $be, connect_timeout: 0.3s, load_assignment: {cluster_name: $be,"
        " endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: 10.255.255.1,"
        " port_value: 9}}}}]}]}}]",
        upstreams={},
    ),
    Case(
        "no_hosts",
        (get("/1"),),
        clusters="[{name: $be, load_assignment: {cluster_name: $be}}]",
        upstreams={},
    ),
    Case(
        "canary_and_stats",
        (get("/1"),),
        clusters="[{name: $be, track_cluster_stats: {timeout_budgets: true,"
        " request_response_sizes: true}, load_assignment: {cluster_name: $be, endpoints:"
        " [{lb_endpoints: [{endpoint: {address: {socket_address: {address: 127.0.0.1,"
        " port_value: $up}}}, metadata: {filter_metadata: {envoy.lb: {canary: true}}}}]}]}}]",
    ),
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
