"""Network filters before the last one of a chain, and the last ones besides tcp_proxy and HTTP."""

from __future__ import annotations

from tests.interop.cases.filter_chains import HTTP
from tests.interop.cases.listener_filters import TLS, proxy
from tests.interop.cases.tcp_proxy import file_log as tcp_log
from tests.interop.cases.tcp_proxy import tcp_filter
from tests.interop.model import Case, Drop, End, HalfClose, Open, Read, Receive, Step, Wait, Write
from tests.support.client import get
from tests.support.client_hello import client_hello, proxy_v2, server_name
from tests.support.upstream import Echo, Script, tcp

_PACKAGE = "type.googleapis.com/envoy.extensions.filters.network"
STATS = r"^(tcp|listener|connection_limit|local_rate_limit|http)\.|rbac\."
WEB_LOG = (
    "flags=%RESPONSE_FLAGS% close=%DOWNSTREAM_LOCAL_CLOSE_REASON% key=%FILTER_STATE(key:PLAIN)%\\n"
)
LOG = (
    "flags=%RESPONSE_FLAGS% details=%RESPONSE_CODE_DETAILS%"
    " end=%CONNECTION_TERMINATION_DETAILS% close=%DOWNSTREAM_LOCAL_CLOSE_REASON%"
    " type=%DOWNSTREAM_DETECTED_CLOSE_TYPE%"
    " rx=%BYTES_RECEIVED% tx=%BYTES_SENT% cluster=%UPSTREAM_CLUSTER%"
    " key=%FILTER_STATE(key:PLAIN)% rbac=%DYNAMIC_METADATA(envoy.filters.network.rbac)%"
    " common=%DYNAMIC_METADATA(envoy.common)%\\n"
)


def network(name: str, message: str, fields: str = "") -> str:
    """A network filter."""
    more = f", {fields}" if fields else ""
    return f'{{name: {name}, typed_config: {{"@type": {_PACKAGE}.{message}{more}}}}}'


def most(fields: str) -> str:
    """A connection_limit."""
    return network("limit", "connection_limit.v3.ConnectionLimit", f"stat_prefix: $cl, {fields}")


def rate(bucket: str, fields: str = "") -> str:
    """A local_ratelimit."""
    more = f", {fields}" if fields else ""
    given = f"stat_prefix: $rl, token_bucket: {{{bucket}}}{more}"
    return network("rate", "local_ratelimit.v3.LocalRateLimit", given)


def rbac(fields: str) -> str:
    """A network rbac."""
    return network("rbac", "rbac.v3.RBAC", f"stat_prefix: $rb, {fields}")


def allow(
    permission: str = "any: true", principal: str = "any: true", action: str = "ALLOW"
) -> str:
    """Rules of one policy."""
    policy = f"{{permissions: [{{{permission}}}], principals: [{{{principal}}}]}}"
    return f"rules: {{action: {action}, policies: {{p1: {policy}}}}}"


ECHO = network("echo", "echo.v3.Echo")
PROXY = tcp_filter(cluster="cluster: $be", log=tcp_log(LOG))
WEB = HTTP
NO = "not_rule: {any: true}"
NOBODY = "not_id: {any: true}"
SAID = (Write(b"hello"), Receive(5))


def chained(
    name: str,
    filters: list[str],
    *steps: Step,
    more: str = "",
    up: Script | None = None,
    log: str = LOG,
    clusters: str = "[{name: $be, hosts: [$up]}]",
    ignore_stats: str = r"cx_rx|upstream_flush|_length_ms",
    bootstrap: str = "",
    isolated: bool = False,
) -> Case:
    """A chain of filters."""
    return Case(
        name, steps, stats=STATS, clusters=clusters, upstreams={"up": up or tcp(Echo())},
        listener=f"filter_chains: [{{name: only, filters: [{', '.join(filters)}]}}]\n{more}\n"
        f"access_log: [{tcp_log(log)}]",
        ignore_stats=ignore_stats, bootstrap=bootstrap, isolated=isolated,
    )  # fmt: skip


def judged(
    name: str, fields: str, *steps: Step, last: str = PROXY, more: str = "", log: str = LOG
) -> Case:
    """A connection that an RBAC filter judges."""
    return chained(name, [rbac(fields), last], *(steps or (*SAID, Drop())), more=more, log=log)


DENIED = (Write(b"hello"), End(within=1.0))
ACTION = '{"@type": type.googleapis.com/envoy.config.rbac.v3.Action, name: n1, action: %s}'
INPUT = (
    '{name: in, typed_config: {"@type":'
    " type.googleapis.com/envoy.extensions.matching.common_inputs.network.v3.%s}}"
)


def matcher(action: str, key: str = "127.0.0.1") -> str:
    """A matcher of the source address."""
    found = f"{{action: {{name: act, typed_config: {ACTION % action}}}}}"
    entries = f"exact_match_map: {{map: {{'{key}': {found}}}}}"
    return f"matcher: {{matcher_tree: {{input: {INPUT % 'SourceIPInput'}, {entries}}}}}"


def state(key: str, value: str, fields: str = "factory_key: envoy.string") -> str:
    """A set_filter_state on a new connection."""
    text = f"format_string: {{text_format_source: {{inline_string: '{value}'}}}}"
    given = f"on_new_connection: [{{object_key: {key}, {fields}, {text}}}]"
    return network("state", "set_filter_state.v3.Config", given)


CLUSTER = "factory_key: envoy.tcp_proxy.cluster"
RBAC = (
    judged("rbac_allowed", allow()),
    judged("rbac_denied", allow(NO), *DENIED),
    judged("rbac_denied_by_policy", allow(action="DENY"), *DENIED),
    judged("rbac_not_denied", allow(NO, action="DENY")),
    judged("rbac_logs", allow(action="LOG")),
    judged("rbac_logs_nothing", allow(NO, action="LOG")),
    judged("rbac_no_rules", "shadow_rules_stat_prefix: sh_"),
    judged("rbac_no_policies", "rules: {}", *DENIED),
    judged("rbac_shadow", f"shadow_{allow(NO)}"),
    judged("rbac_shadow_allowed", f"shadow_{allow()}, shadow_rules_stat_prefix: sh_"),
    judged("rbac_shadow_and_rules", f"shadow_{allow()}, {allow(NO)}", *DENIED),
    judged("rbac_destination_port", allow("destination_port: $listener")),
    judged("rbac_other_port", allow("destination_port: 1"), *DENIED),
    judged("rbac_port_range", allow("destination_port_range: {start: 1, end: 65535}")),
    judged(
        "rbac_destination_ip",
        allow("destination_ip: {address_prefix: 127.0.0.0, prefix_len: 8}"),
    ),
    judged(
        "rbac_source_ip",
        allow(principal="source_ip: {address_prefix: 127.0.0.2, prefix_len: 32}"),
        Open(source="127.0.0.2"), *SAID, Drop(), Wait(0.2), Write(b"hello", "b"),
        End("b", within=1.0),
    ),
    judged(
        "rbac_remote_ip_of_proxy",
        allow(principal="remote_ip: {address_prefix: 1.2.3.4, prefix_len: 32}"),
        Write(proxy_v2() + b"hello"), Receive(5), Drop(), more=f"listener_filters: [{proxy()}]",
    ),
    judged(
        "rbac_direct_ip_of_proxy",
        allow(principal="direct_remote_ip: {address_prefix: 1.2.3.4, prefix_len: 32}"),
        Write(proxy_v2() + b"hello"), End(within=1.0), more=f"listener_filters: [{proxy()}]",
    ),
    judged(
        "rbac_server_name", allow("requested_server_name: {suffix: .test}"),
        Write(client_hello(server_name("a.test"))), Receive(1), Drop(),
        more=f"listener_filters: [{TLS}]",
    ),
    judged(
        "rbac_metadata",
        allow("metadata: {filter: envoy.filters.listener.tls_inspector, path:"
              " [{key: failure_reason}], value: {string_match: {prefix: Client}}}"),
        more=f"listener_filters: [{TLS}]",
    ),
    judged("rbac_sets", allow("or_rules: {rules: [{not_rule: {any: true}}, {any: true}]}")),
    judged("rbac_all_of", allow("and_rules: {rules: [{any: true}, {not_rule: {any: true}}]}"),
           *DENIED),
    judged("rbac_authenticated", allow(principal="authenticated: {}"), *DENIED),
    judged("rbac_principals", allow(principal="or_ids: {ids: [{any: true}]}")),
    judged("rbac_url_path", allow("url_path: {path: {exact: /}}"), *DENIED),
    judged("rbac_nothing_said", allow(NO), Open(), Wait(0.1), Drop()),
    judged("rbac_ended_without_a_word", allow(NO), HalfClose(), End(within=1.0)),
    judged("rbac_delayed", f"{allow(NO)}, delay_deny: 0.3s", Write(b"hello"), End(within=1.5)),
    judged("rbac_continuous", f"{allow()}, enforcement_type: CONTINUOUS", *SAID, Wait(0.05), *SAID,
           Wait(0.05), Drop()),
    judged("rbac_before_http", allow(), Write(get("/")), Read(), End(), last=WEB, log=WEB_LOG),
    judged("rbac_before_http_denied", allow(NO), Write(get("/")), End(within=1.0), last=WEB),
    judged("rbac_before_echo_denied", allow(NO), *DENIED, last=ECHO),
    judged("rbac_matcher_allows", matcher("ALLOW")),
    judged("rbac_matcher_denies", matcher("DENY"), *DENIED),
    judged("rbac_matcher_finds_nothing", matcher("ALLOW", "1.2.3.4"), *DENIED),
    judged("rbac_matcher_logs", matcher("LOG")),
    chained(
        "rbac_filter_state",
        [state("key", "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%"),
         rbac(allow(principal="filter_state: {key: key, string_match: {exact: 127.0.0.1}}")),
         PROXY],
        *SAID, Drop(),
    ),
    chained(
        "rbac_upstream_speaks_first", [rbac(allow(NO)), PROXY],
        Receive(2), Write(b"x"), End(within=1.0), up=tcp(b"hi", Echo()),
    ),
)  # fmt: skip
CASES = (
    chained("echo", [ECHO], *SAID, HalfClose(), End()),
    chained("echo_client_goes", [ECHO], *SAID, Drop()),
    chained("echo_much", [ECHO], Write(bytes(range(256)) * 1024), Receive(1 << 18), Drop()),
    chained(
        "direct_answer",
        [network("direct", "direct_response.v3.Config", "response: {inline_string: bye}")],
        Receive(3), End(within=1.5),
    ),
    chained(
        "direct_answer_to_bytes",
        [network("direct", "direct_response.v3.Config", "response: {inline_string: bye}")],
        Write(b"hello"), Receive(3), Drop(),
    ),
    chained(
        "direct_nothing", [network("direct", "direct_response.v3.Config")], End(within=1.5)
    ),
    chained("limit_reached", [most("max_connections: 1"), PROXY], *SAID, End("b", within=1.0),
            Wait(0.05), Drop(), Wait(0.1), Write(b"x", "c"), Receive(1, "c"), Drop("c")),
    chained("limit_reached_delayed", [most("max_connections: 1, delay: 0.3s"), PROXY], *SAID,
            Write(b"x", "b"), End("b", within=1.0), Drop()),
    chained("limit_off", [most("max_connections: 1, runtime_enabled: {default_value: false,"
                               " runtime_key: k}"), PROXY],
            *SAID, Write(b"x", "b"), Receive(1, "b"), Drop("b"), Wait(0.2), Drop(),
            # Envoy takes one away that it has not counted.
            ignore_stats=r"cx_rx|upstream_flush|_length_ms|active_connections"),
    chained("rate_reached", [rate("max_tokens: 1, fill_interval: 3600s"), PROXY], *SAID, Drop(),
            Wait(0.05), End("b", within=1.0)),
    chained(
        "rate_shared",
        [rate("max_tokens: 1, fill_interval: 3600s", "share_key: k"),
         rate("max_tokens: 1, fill_interval: 3600s", "share_key: k"), PROXY],
        End(within=1.0),
    ),
    chained("rate_before_http", [rate("max_tokens: 1, fill_interval: 3600s"), WEB],
            Write(get("/")), Read(), End(), Wait(0.3), End("b", within=1.0), log=WEB_LOG),
    chained(
        "sni_cluster", [network("sni", "sni_cluster.v3.SniCluster"),
                        tcp_filter(cluster="cluster: nowhere", log=tcp_log(LOG))],
        Write(client_hello(server_name("sni.test"))), Receive(1), Drop(),
        clusters="[{name: sni.test, hosts: [$up]}]", more=f"listener_filters: [{TLS}]",
    ),
    chained(
        "sni_cluster_without_name", [network("sni", "sni_cluster.v3.SniCluster"), PROXY],
        *SAID, Drop(), more=f"listener_filters: [{TLS}]",
    ),
    chained("state_set", [state("key", "a %DOWNSTREAM_LOCAL_PORT% b"), PROXY], *SAID, Drop()),
    chained("state_cluster", [state("envoy.tcp_proxy.cluster", "$be", CLUSTER),
            tcp_filter(cluster="cluster: nowhere", log=tcp_log(LOG))], *SAID, Drop()),
    chained("state_empty_skipped",
            [state("key", "%DYNAMIC_METADATA(a)%",
                   "factory_key: envoy.string, skip_if_empty: true"),
             PROXY], *SAID, Drop()),
    chained("state_seen_by_http", [state("key", "v"), WEB], Write(get("/")), Read(), End(),
            log=WEB_LOG),
    *RBAC,
)  # fmt: skip
