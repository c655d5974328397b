"""Aggregate clusters: the priorities of their clusters one after the other."""

from __future__ import annotations

from collections.abc import Mapping

from tests.interop.cases.tcp_proxy import proxied
from tests.interop.model import Admin, Case, End, Read, Receive, Step, Write
from tests.support.client import get
from tests.support.http2_upstream import Script2, reply2
from tests.support.upstream import Answer, Close, Echo, Hold, Script, raw, reply, tcp

LOG = (
    "%RESPONSE_CODE% %RESPONSE_CODE_DETAILS% flags=%RESPONSE_FLAGS% host=%UPSTREAM_HOST%"
    " cluster=%UPSTREAM_CLUSTER% attempts=%UPSTREAM_REQUEST_ATTEMPT_COUNT%"
    " protocol=%UPSTREAM_PROTOCOL% meta=%CLUSTER_METADATA(x:y)%\n"
)
OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
TYPE = "type.googleapis.com/envoy.extensions.clusters.aggregate.v3.ClusterConfig"
DOWN = "health_status: UNHEALTHY"


def aggregate(*members: str, name: str = "$be", more: str = "") -> str:
    """An aggregate cluster."""
    return (
        f"{{name: {name}, lb_policy: CLUSTER_PROVIDED, cluster_type: {{name:"
        f" envoy.clusters.aggregate, typed_config: {{'@type': {TYPE},"
        f" clusters: [{', '.join(members)}]}}}}{more}}}"
    )


def host(port: str, more: str = "") -> str:
    """An endpoint."""
    address = f"{{socket_address: {{address: 127.0.0.1, port_value: {port}}}}}"
    return f"{{endpoint: {{address: {address}}}, {more or 'health_status: UNKNOWN'}}}"


def cluster(name: str, *priorities: tuple[str, ...], more: str = "", policy: str = "") -> str:
    """A static cluster with the endpoints of each priority."""
    endpoints = ", ".join(
        f"{{priority: {number}, lb_endpoints: [{', '.join(hosts)}]}}"
        for number, hosts in enumerate(priorities)
    )
    return (
        f"{{name: {name}, type: STATIC, load_assignment: {{cluster_name: {name},"
        f" endpoints: [{endpoints}]{policy}}}{more}}}"
    )


def aggregated(
    name: str,
    *clusters: str,
    members: tuple[str, ...] = ("$first", "$second"),
    requests: int = 1,
    more: str = "",
    action: str = "",
    answers: Mapping[str, list[Answer]] | None = None,
    ignore: str = "",
    steps: tuple[Step, ...] = (),
    listener: str = "",
    log: str = LOG,
    unordered: bool = False,
    upstreams: Mapping[str, Script | Script2] | None = None,
) -> Case:
    """Requests to an aggregate cluster of other clusters."""
    scripts: dict[str, Script | Script2] = {
        up: Script([reply(200, up.encode())]) for up in ("one", "two", "three")
    }
    scripts |= {up: Script(script) for up, script in (answers or {}).items()}
    scripts |= upstreams or {}
    steps = steps or (*((Write(get("/x")), Read()) * requests), End())
    return Case(
        name,
        steps,
        routes=f"[{{match: {{prefix: /}}, route: {{cluster: $be{action}}}}}]",
        clusters=f"[{', '.join(clusters)}, {aggregate(*members, more=more)}]",
        upstreams=scripts,
        log_format=log,
        ignore_stats=ignore,
        listener=listener,
        unordered=unordered,
    )


def tunnelled(name: str, *clusters: str, more: str = "", said: bytes = b"") -> Case:
    """A TCP client of an aggregate cluster."""
    return proxied(
        name,
        Write(said),
        Receive(5),
        End(),
        clusters=f"[{', '.join(clusters)}, {aggregate('$first', '$second', more=more)}]",
        upstreams={"one": tcp(Echo()), "two": tcp(Echo())},
    )


def protocol_options(text: str) -> str:
    """The HttpProtocolOptions of a cluster."""
    return (
        f", typed_extension_protocol_options: {{{OPTIONS}:"
        f" {{'@type': type.googleapis.com/{OPTIONS}, {text}}}}}"
    )


HTTP2 = protocol_options("explicit_http_config: {http2_protocol_options: {}}")
DURATION = protocol_options(
    "explicit_http_config: {http_protocol_options: {}},"
    " common_http_protocol_options: {max_stream_duration: 0.2s}"
)
FIRST = cluster("$first", (host("$one"),))
SECOND = cluster("$second", (host("$two"),))
FIRST_DOWN = cluster("$first", (host("$one", DOWN),))
SECOND_DOWN = cluster("$second", (host("$two", DOWN),))
DEGRADED = "health_status: DEGRADED"
FAIL = reply(503, b"fail", reason="Service Unavailable")
NO_PANIC = ", common_lb_config: {healthy_panic_threshold: {value: 0}}"
RETRY = ", retry_policy: {retry_on: 5xx, num_retries: 2}"
PREVIOUS = (
    "type.googleapis.com/envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate"
)

KEYED_ONE = host("$one", "metadata: {filter_metadata: {envoy.lb: {hash_key: one}}}")
KEYED_TWO = host("$two", "metadata: {filter_metadata: {envoy.lb: {hash_key: two}}}")

CASES = (
    aggregated("aggregate_first", FIRST, SECOND, requests=2),
    aggregated("aggregate_falls_over", FIRST_DOWN, SECOND, requests=2),
    aggregated("aggregate_order_is_its_own", FIRST, SECOND, members=("$second", "$first")),
    aggregated("aggregate_all_down", FIRST_DOWN, cluster("$second")),
    aggregated("aggregate_no_panic", FIRST_DOWN, SECOND_DOWN, more=NO_PANIC),
    aggregated(
        "aggregate_members_without_panic",
        cluster("$first", (host("$one", DOWN),), more=NO_PANIC),
        cluster("$second", (host("$two", DOWN),), more=NO_PANIC),
    ),
    aggregated("aggregate_of_nothing", FIRST, members=("$absent",)),
    aggregated("aggregate_absent_member", SECOND, members=("$absent", "$second")),
    aggregated("aggregate_empty_member", cluster("$first"), SECOND),
    aggregated("aggregate_empty_members", cluster("$first"), cluster("$second")),
    aggregated(
        "aggregate_priorities",
        cluster("$first", (host("$one", DOWN),), (host("$two"),)),
        cluster("$second", (host("$three"),)),
        requests=2,
    ),
    aggregated(
        "aggregate_beyond_priorities",
        cluster("$first", (host("$one", DOWN),), (host("$two", DOWN),)),
        cluster("$second", (host("$three"),)),
        requests=2,
    ),
    aggregated(
        "aggregate_priority_without_hosts",
        cluster("$first", (), (host("$one", DOWN),)),
        cluster("$second", (), (host("$two"),)),
    ),
    aggregated(
        "aggregate_degraded",
        cluster("$first", (host("$one", DEGRADED),)),
        cluster("$second", (host("$two"),)),
    ),
    aggregated(
        "aggregate_degraded_alone",
        cluster("$first", (host("$one", DOWN),)),
        cluster("$second", (host("$two", DEGRADED),)),
    ),
    aggregated(
        "aggregate_draining", cluster("$first", (host("$one", "health_status: DRAINING"),)), SECOND
    ),
    aggregated(
        "aggregate_member_panics",
        cluster("$first", (host("$one"), host("$two", DOWN), host("$three", DOWN))),
        cluster("$second"),
        requests=3,
        log="%RESPONSE_CODE%\n",
        unordered=True,
        ignore="upstream_cx|pending_total",
    ),
    aggregated(
        "aggregate_overprovisioned",
        cluster(
            "$first",
            (host("$one"), host("$two", DOWN)),
            policy=", policy: {overprovisioning_factor: 200}",
        ),
        cluster("$second", (host("$three"),)),
        requests=3,
    ),
    aggregated("aggregate_of_one_twice", FIRST, members=("$first", "$first")),
    aggregated(
        "aggregate_of_aggregate",
        FIRST,
        aggregate("$first", name="$second"),
        members=("$second",),
    ),
    aggregated(
        "aggregate_of_aggregate_and_another",
        FIRST,
        aggregate("$first", name="$second"),
        cluster("$third", (host("$two"),)),
        members=("$second", "$third"),
    ),
    aggregated("aggregate_of_itself", FIRST, members=("$be", "$first")),
    aggregated(
        "aggregate_retry", FIRST, SECOND, action=RETRY, answers={"one": [FAIL, FAIL, reply()]}
    ),
    aggregated("aggregate_retries_fail", FIRST, SECOND, action=RETRY, answers={"one": [FAIL]}),
    aggregated("aggregate_close", FIRST, SECOND, answers={"one": [raw(Close())]}),
    aggregated("aggregate_refused", cluster("$first", (host("$dead"),)), SECOND),
    aggregated(
        "aggregate_breaker_of_member",
        cluster(
            "$first",
            (host("$one"),),
            more=", circuit_breakers: {thresholds: [{max_connections: 0,"
            " max_pending_requests: 0}]}",
        ),
        SECOND,
    ),
    aggregated(
        "aggregate_own_breaker",
        FIRST,
        SECOND,
        more=", circuit_breakers: {thresholds: [{max_connections: 0, max_pending_requests: 0,"
        " max_retries: 0}]}",
        action=RETRY,
        answers={"one": [FAIL]},
    ),
    aggregated(
        "aggregate_hashes",
        cluster("$first", (KEYED_ONE, KEYED_TWO), more=", lb_policy: RING_HASH"),
        SECOND,
        action=", hash_policy: [{header: {header_name: x-h}}]",
        steps=(
            *(
                step
                for value in "abcd"
                for step in (Write(get("/x", headers=f"x-h: {value}\r\n")), Read())
            ),
            End(),
        ),
    ),
    aggregated(
        "aggregate_subsets",
        cluster(
            "$first",
            (
                host("$one", "metadata: {filter_metadata: {envoy.lb: {v: '1'}}}"),
                host("$two", "metadata: {filter_metadata: {envoy.lb: {v: '2'}}}"),
            ),
            more=", lb_subset_config: {subset_selectors: [{keys: [v]}]}",
        ),
        SECOND,
        action=", metadata_match: {filter_metadata: {envoy.lb: {v: '2'}}}",
    ),
    aggregated(
        "aggregate_metadata",
        cluster("$first", (host("$one"),), more=", metadata: {filter_metadata: {x: {y: member}}}"),
        SECOND,
        more=", metadata: {filter_metadata: {x: {y: aggregate}}}",
    ),
    aggregated("aggregate_alt_stat_name", FIRST, SECOND, more=", alt_stat_name: $alt"),
    aggregated(
        "aggregate_times_out",
        FIRST,
        SECOND,
        action=", timeout: 0.2s",
        answers={"one": [raw(Hold())]},
    ),
    aggregated(
        "aggregate_tries_time_out",
        FIRST,
        SECOND,
        action=", retry_policy: {retry_on: 5xx, num_retries: 1, per_try_timeout: 0.1s}",
        answers={"one": [raw(Hold())]},
    ),
    aggregated(
        "aggregate_http2_member",
        cluster("$first", (host("$one"),), more=HTTP2),
        SECOND,
        upstreams={"one": Script2([reply2()])},
        ignore="tx_bytes",
    ),
    aggregated(
        "aggregate_said_to_be_http2",
        FIRST,
        SECOND,
        more=HTTP2,
    ),
    aggregated(
        "aggregate_of_duration",
        cluster("$first", (host("$one"),), more=DURATION),
        SECOND,
        answers={"one": [raw(Hold())]},
    ),
    aggregated(
        "aggregate_admin",
        FIRST,
        SECOND,
        steps=(Admin("/clusters", keep="^($be|$first)::.*"),),
        more=", circuit_breakers: {thresholds: [{max_connections: 7}]}",
    ),
    tunnelled("aggregate_tcp", FIRST_DOWN, SECOND, said=b"hello"),
    tunnelled("aggregate_tcp_no_host", cluster("$first"), cluster("$second")),
    tunnelled("aggregate_tcp_refused", cluster("$first", (host("$dead"),)), SECOND),
    tunnelled(
        "aggregate_tcp_own_breaker",
        FIRST,
        SECOND,
        more=", circuit_breakers: {thresholds: [{max_connections: 0}]}",
    ),
)
