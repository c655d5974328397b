"""Internal listeners: connections that a cluster makes to a listener of the same process."""

from __future__ import annotations

from collections.abc import Mapping

from tests.interop.cases.listener_filters import DESTINATION, TLS
from tests.interop.cases.network_filters import ECHO, network, state
from tests.interop.cases.tcp_proxy import file_log, tcp_filter
from tests.interop.cases.tls_downstream import socket as server_socket
from tests.interop.cases.tls_upstream import CA
from tests.interop.cases.tls_upstream import socket as client_socket
from tests.interop.config import HCM, ROUTER
from tests.interop.model import (
    Admin,
    Case,
    Differs,
    Drop,
    End,
    HalfClose,
    Open,
    Read,
    Receive,
    Step,
    Wait,
    Write,
)
from tests.support.client import get, post
from tests.support.upstream import Close, Echo, Script, Take, reply, tcp

_EXTENSION = "type.googleapis.com/envoy.extensions.bootstrap.internal_listener.v3.InternalListener"
_TRANSPORT = (
    "type.googleapis.com/envoy.extensions.transport_sockets.internal_upstream.v3"
    ".InternalUpstreamTransport"
)
_RAW = (
    '{name: raw, typed_config: {"@type": type.googleapis.com/'
    "envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer}}"
)
STATS = r"^(http|cluster|listener|tcp)\."
# How long a service time is makes a difference to how many bytes there are.
IGNORED = "match_count|flush|_length_ms|connect_ms|accepted_per_socket_event|bytes|_buffered"
SIDES = (
    "from=%DOWNSTREAM_REMOTE_ADDRESS%,%DOWNSTREAM_DIRECT_REMOTE_ADDRESS%"
    ",%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%,%DOWNSTREAM_REMOTE_PORT%"
    " to=%DOWNSTREAM_LOCAL_ADDRESS%,%DOWNSTREAM_DIRECT_LOCAL_ADDRESS%"
    ",%DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT%,%DOWNSTREAM_LOCAL_PORT%"
    ",%DOWNSTREAM_LOCAL_ADDRESS_ENDPOINT_ID%,%DOWNSTREAM_DIRECT_LOCAL_ADDRESS_ENDPOINT_ID%"
)
LOG = (
    "%RESPONSE_CODE% flags=%RESPONSE_FLAGS% details=%RESPONSE_CODE_DETAILS%"
    " up=%UPSTREAM_HOST%,%UPSTREAM_REMOTE_ADDRESS%,%UPSTREAM_LOCAL_ADDRESS%,%UPSTREAM_REMOTE_PORT%"
    ",%UPSTREAM_REMOTE_ADDRESS_ENDPOINT_ID%,%UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%"
    " fail=%UPSTREAM_TRANSPORT_FAILURE_REASON% xff=%REQ(X-FORWARDED-FOR)%"
)
INNER = (
    f"inner {SIDES} code=%RESPONSE_CODE% flags=%RESPONSE_FLAGS% rx=%BYTES_RECEIVED%"
    " tx=%BYTES_SENT% xff=%REQ(X-FORWARDED-FOR)% listener=%LISTENER_NAME%"
    " md=%DYNAMIC_METADATA(ns)%,%DYNAMIC_METADATA(other)%"
    " state=%FILTER_STATE(own:PLAIN)%,%FILTER_STATE(once:PLAIN)%,%FILTER_STATE(ever:PLAIN)%\\n"
)
# Both sides log to the same file; who is first is a matter of luck.
OUTER = "outer %REQ(:PATH)% up=%UPSTREAM_HOST%\\n"
OUTER_TCP = (
    "outer flags=%RESPONSE_FLAGS% up=%UPSTREAM_HOST%,%UPSTREAM_LOCAL_ADDRESS%"
    " fail=%UPSTREAM_TRANSPORT_FAILURE_REASON%\\n"
)


def allowed(fields: str = "") -> str:
    """The bootstrap extension."""
    more = f", {fields}" if fields else ""
    config = f'{{"@type": {_EXTENSION}{more}}}'
    return f"bootstrap_extensions: [{{name: internal, typed_config: {config}}}]"


def host(name: str = "$inner", more: str = "") -> str:
    """An endpoint: a listener by its name, and what tells endpoints from each other."""
    address = f"{{envoy_internal_address: {{server_listener_name: {name}, endpoint_id: one}}}}"
    return f"{{endpoint: {{address: {address}}}{more}}}"


def to(endpoint: str = "", fields: str = "", name: str = "$be") -> str:
    """A cluster of one endpoint."""
    hosts = f"endpoints: [{{lb_endpoints: [{endpoint or host()}]}}]"
    more = f", {fields}" if fields else ""
    return f"{{name: {name}, load_assignment: {{cluster_name: {name}, {hosts}}}{more}}}"


def along(fields: str = "", inner: str = _RAW) -> str:
    """A transport socket that passes things on."""
    more = f"{fields}, " if fields else ""
    config = f'{{"@type": {_TRANSPORT}, {more}transport_socket: {inner}}}'
    return f"transport_socket: {{name: along, typed_config: {config}}}"


def inside(filters: str, more: str = "", name: str = "$inner", chain: str = "") -> str:
    """An internal listener."""
    one = f"{{name: only, filters: [{filters}]{', ' + chain if chain else ''}}}"
    return f"{{name: {name}, internal_listener: {{}}, filter_chains: [{one}]{more}}}"


def http(fields: str = "", route: str = "route: {cluster: $real}") -> str:
    """A connection manager, as internal listeners have them."""
    hosts = f"[{{name: v, domains: ['*'], routes: [{{match: {{prefix: /}}, {route}}}]}}]"
    router = f'{{name: router, typed_config: {{"@type": {ROUTER}}}}}'
    config = (
        f'{{"@type": {HCM}, stat_prefix: $in, route_config: {{virtual_hosts: {hosts}}},'
        f" http_filters: [{router}], {fields or f'access_log: [{file_log(INNER)}]'}}}"
    )
    return f"{{name: envoy.filters.network.http_connection_manager, typed_config: {config}}}"


def internal(
    name: str,
    *steps: Step | bytes,
    listeners: str,
    clusters: str = f"{to()}, {{name: $real, hosts: [$up]}}",
    bootstrap: str = "",
    up: Script | None = None,
    listener: str = "",
    hcm: str = "",
    routes: str = "[{match: {prefix: /}, route: {cluster: $be}}]",
    upstreams: Mapping[str, Script] | None = None,
    ignore: str = "",
    isolated: bool = False,
    stats: str = STATS,
    differs: Differs | None = None,
) -> Case:
    """A case whose cluster leads to an internal listener."""
    return Case(
        name, steps, stats=stats, clusters=f"[{clusters}]", listeners=f"[{listeners}]",
        listener=listener, hcm=hcm, routes=routes, log_format=f"{LOG}\n", unordered=True,
        bootstrap=bootstrap or allowed(), isolated=isolated or bool(bootstrap),
        upstreams=upstreams if upstreams is not None else {"up": up or Script([reply()])},
        ignore_stats="|".join(part for part in (IGNORED, ignore) if part), differs=differs,
    )  # fmt: skip


def l4(
    name: str,
    *steps: Step,
    listeners: str,
    clusters: str = f"{to()}, {{name: $real, hosts: [$up]}}",
    filters: str = "",
    up: Script | None = None,
    bootstrap: str = "",
    stats: str = STATS,
    differs: Differs | None = None,
    log: str = OUTER_TCP,
) -> Case:
    """The same behind a tcp_proxy."""
    outer = tcp_filter(log=file_log(log))
    before = f"{filters}, " if filters else ""
    return internal(
        name, *steps, listeners=listeners, clusters=clusters, bootstrap=bootstrap, stats=stats,
        listener=f"filter_chains: [{{filters: [{before}{outer}]}}]", up=up or tcp(Echo()),
        ignore="http1_total", differs=differs,
    )  # fmt: skip


def two_clients(name: str, factory: str, differs: Differs | None = None) -> Case:
    """Two clients from different addresses, which they share as filter state."""
    given = state("once", "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%",
                  f"factory_key: {factory}, shared_with_upstream: ONCE")  # fmt: skip
    outer = http(f"access_log: [{file_log(OUTER)}]", "route: {cluster: $be}")
    return internal(
        name, Open("a"), Write(get("/a")), Read(), Open("b", source="127.0.0.2"),
        Write(get("/b"), "b"), Read(on="b"), Write(get("/c")), Read(), Drop(), Drop("b"),
        listener=f"filter_chains: [{{filters: [{given}, {outer}]}}]",
        clusters=f"{to(fields=along())}, {{name: $real, hosts: [$up]}}",
        listeners=inside(http()), differs=differs,
    )  # fmt: skip


def shared(*values: tuple[str, str]) -> str:
    """Filter state by its key, with how far it goes."""
    given = ", ".join(
        f"{{object_key: {key}, factory_key: envoy.string, shared_with_upstream: {sharing},"
        f" format_string: {{text_format_source: {{inline_string: 'is {key}'}}}}}}"
        for key, sharing in values
    )
    config = (
        '{"@type": type.googleapis.com/envoy.extensions.filters.network.set_filter_state.v3'
        f".Config, on_new_connection: [{given}]}}"
    )
    return f"{{name: state, typed_config: {config}}}"


PROXY = tcp_filter(cluster="cluster: $real", log=file_log(INNER)).replace("$tcp", "$in")
MUCH = bytes(range(256)) * 1024
SHARED = shared(("own", "NONE"), ("once", "ONCE"), ("ever", "TRANSITIVE"))
CONNECT = "upgrade_configs: [{upgrade_type: CONNECT, connect_config: {}}]"
ENDPOINT_METADATA = ", metadata: {filter_metadata: {%s}}"
PASSES = "passthrough_metadata: [{name: ns, kind: {host: {}}}, {name: other, kind: {cluster: {}}}]"
ORIGINAL = "{name: $real, type: ORIGINAL_DST, lb_policy: CLUSTER_PROVIDED}"
DST = f", listener_filters: [{DESTINATION}]"
LOCAL_IP = "envoy.filters.listener.original_dst.local_ip"
REMOTE_IP = "envoy.filters.listener.original_dst.remote_ip"
TUNNELLED = tcp_filter(
    "tunneling_config: {hostname: 'target.test:443'}", "cluster: $real", file_log(INNER)
).replace("$tcp", "$in")
DEAF = "{name: $real, hosts: [$dead]}"

SHOWN = r"^\s*\"(?:internal_l|envoy_internal_a|server_l|endpoint_id|buffer_s)"

HTTP_CASES = (
    internal(
        "internal_chained", Write(get("/a")), Read(), Write(post("/b", b"body")), Read("POST"),
        End(), get("/c", headers="x-forwarded-for: 1.2.3.4\r\n"), listeners=inside(http()),
    ),
    internal("internal_trusts_nobody", get("/", headers="x-forwarded-for: 1.2.3.4\r\n"),
             listeners=inside(http(f"access_log: [{file_log(INNER)}],"
                                   " use_remote_address: true, append_x_forwarded_port: true,"
                                   " internal_address_config: {unix_sockets: true}"))),
    internal("internal_http2", get("/a"), get("/b"),
             clusters=f"{to(fields='http2_protocol_options: {}')}, {{name: $real, hosts: [$up]}}",
             listeners=inside(http())),
    internal("internal_answers_itself", get("/"), clusters=to(), upstreams={},
             listeners=inside(http(route="direct_response: {status: 418}"))),
    internal("internal_upstream_refuses", get("/"), clusters=f"{to()}, {DEAF}", upstreams={},
             listeners=inside(http())),
    internal("internal_missing", get("/"), clusters=to(host("$nobody")), upstreams={},
             listeners=inside(ECHO)),
    internal("internal_missing_is_retried", get("/"), clusters=to(host("$nobody")), upstreams={},
             listeners=inside(ECHO),
             routes="[{match: {prefix: /}, route: {cluster: $be, retry_policy:"
             " {retry_on: connect-failure, num_retries: 2}}}]"),
    internal("internal_turned_away", get("/"), clusters=to(), upstreams={},
             listeners=inside(ECHO, chain="filter_chain_match: {destination_port: 80}")),
    internal(
        "internal_tunnel", get("/"), listeners=inside(TUNNELLED),
        up=tcp(Take(59), b"HTTP/1.1 200 OK\r\n\r\n", Take(40),
               b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"),
        ignore="http1_total",
    ),
    internal(
        "internal_connect", Write(b"CONNECT a.test:80 HTTP/1.1\r\nhost: a.test:80\r\n\r\n"),
        Read("CONNECT"), Write(b"hello"), Receive(5), Drop(), up=tcp(Echo()),
        hcm="upgrade_configs: [{upgrade_type: CONNECT}]",
        routes=f"[{{match: {{connect_matcher: {{}}}}, route: {{cluster: $be, {CONNECT}}}}}]",
        listeners=inside(PROXY),
    ),
    internal(
        "internal_tls", get("/"), listeners=inside(http(), chain="transport_socket: "
                                                   + server_socket()),
        clusters=f"{to(fields=along(inner=client_socket(CA, 'sni: a.test')))},"
        " {name: $real, hosts: [$up]}",
        ignore=r"ssl\.",
    ),
    two_clients("internal_clients_apart", "envoy.hashable_string"),
    two_clients("internal_clients_together", "envoy.string", Differs(
        "Envoy passes on the state of the client that came first; Lateen each client's own",
        (200, 200, 200))),
    internal("internal_passes_metadata_once", Write(get("/a")), Read(), Write(get("/b")), Read(),
             End(), listeners=inside(http(), f", access_log: [{file_log(INNER)}]"),
             clusters=to(host(more=ENDPOINT_METADATA % "ns: {a: b}"), along(PASSES))
             + ", {name: $real, hosts: [$up]}"),
)  # fmt: skip

TCP_CASES = (
    l4("internal_echo", Write(b"hello"), Receive(5), HalfClose(), End(within=1.0),
       listeners=inside(PROXY)),
    l4("internal_upstream_ends", Receive(3), End(within=1.0), up=tcp(b"bye", Close()),
       listeners=inside(PROXY)),
    l4("internal_half_closes", Write(b"hello"), HalfClose(), Receive(5), End(within=1.0),
       up=tcp(Take(5), b"hello", Close()), listeners=inside(PROXY)),
    l4("internal_much", Write(MUCH), Receive(len(MUCH), within=20.0), Drop(),
       listeners=inside(PROXY)),
    l4("internal_small_buffers", Write(MUCH), Receive(len(MUCH), within=20.0), Drop(),
       listeners=inside(PROXY), bootstrap=allowed("buffer_size_kb: 1")),
    l4("internal_refused", End(within=1.0), listeners=inside(PROXY), clusters=f"{to()}, {DEAF}"),
    l4("internal_nobody", End(within=1.0), clusters=to(host("$nobody")), listeners=inside(ECHO)),
    l4("internal_no_chain", Write(b"x"), End(within=1.0), clusters=to(),
       listeners=inside(ECHO, f", listener_filters: [{TLS}], access_log: [{file_log(INNER)}]",
                        chain="filter_chain_match: {transport_protocol: tls}")),
    l4("internal_chain_by_port", End(within=1.0), clusters=to(),
       listeners=inside(ECHO, chain="filter_chain_match: {destination_port: 80}")),
    l4("internal_from_this_machine", End(within=1.0), clusters=to(),
       listeners=inside(ECHO, chain="filter_chain_match: {source_type: SAME_IP_OR_LOOPBACK}")),
    l4("internal_from_elsewhere", Write(b"x"), Receive(1), Drop(), clusters=to(),
       listeners=inside(ECHO, chain="filter_chain_match: {source_type: EXTERNAL}")),
    l4("internal_says_and_ends", Receive(2), End(within=1.0), clusters=to(), stats="",
       listeners=inside(network("says", "direct_response.v3.Config",
                                "response: {inline_string: hi}")),
       differs=Differs("Envoy drops what an internal listener says before it ends at once;"
                       " Lateen passes it on", ())),
    l4("internal_passes_metadata", Write(b"x"), Receive(1), Drop(), listeners=inside(PROXY),
       clusters=to(host(more=ENDPOINT_METADATA % "ns: {a: b}, other: {}"),
                   along(PASSES) + ", metadata: {filter_metadata: {other: {c: 1}}}")
       + ", {name: $real, hosts: [$up]}"),
    l4("internal_passes_no_metadata", Write(b"x"), Receive(1), Drop(), listeners=inside(PROXY),
       clusters=to(fields=along(PASSES)) + ", {name: $real, hosts: [$up]}"),
    l4("internal_passes_state", Write(b"x"), Receive(1), Drop(), filters=SHARED,
       listeners=inside(PROXY), clusters=to(fields=along()) + ", {name: $real, hosts: [$up]}"),
    l4("internal_passes_state_on", Write(b"x"), Receive(1), Drop(), filters=SHARED,
       listeners=inside(tcp_filter(cluster="cluster: $next", log=file_log(INNER))
                        .replace("$tcp", "$mid"), name="$middle") + ", " + inside(PROXY),
       clusters=", ".join((to(host("$middle"), along()), to(fields=along(), name="$next"),
                           "{name: $real, hosts: [$up]}"))),
    l4("internal_keeps_state", Write(b"x"), Receive(1), Drop(), filters=SHARED,
       listeners=inside(PROXY)),
    l4("internal_original_of_metadata", Write(b"hello"), Receive(5), Drop(),
       listeners=inside(PROXY, DST),
       clusters=to(host(more=ENDPOINT_METADATA
                        % "envoy.filters.listener.original_dst: {local: '127.0.0.1:$up'}"),
                   along("passthrough_metadata: [{name: envoy.filters.listener.original_dst,"
                         " kind: {host: {}}}]")) + f", {ORIGINAL}"),
    l4("internal_original_of_state", Write(b"hello"), Receive(5), Drop(),
       filters=", ".join((
           state(LOCAL_IP, "127.0.0.1:$up", "shared_with_upstream: ONCE"),
           state(REMOTE_IP, "1.2.3.4:567", "shared_with_upstream: ONCE"))),
       listeners=inside(PROXY, DST), clusters=to(fields=along()) + f", {ORIGINAL}"),
    l4("internal_original_unknown", End(within=1.0), listeners=inside(PROXY, DST),
       clusters=to() + f", {ORIGINAL}", log="outer flags=%RESPONSE_FLAGS%\\n"),
)  # fmt: skip

ADMIN_CASES = (
    internal(
        "internal_admin", get("/"), Wait(0.1),
        Admin("/listeners"), Admin("/listeners?format=json"),
        Admin("/clusters", keep="envoy://.*(?:cx_total|rq_total|health|region|weight)"),
        Admin("/clusters?format=json", keep="envoy_internal_address|server_listener|endpoint_id"),
        Admin("/config_dump?include_eds", keep=SHOWN),
        listeners=inside(http()), bootstrap=allowed("buffer_size_kb: 64"),
        stats=r"listener\.envoy_internal|listener_manager|total_connections",
    ),
    internal(
        "internal_stat_prefix", get("/"), listeners=inside(http(), ", stat_prefix: $tag"),
    ),
)  # fmt: skip

CASES = (*HTTP_CASES, *TCP_CASES, *ADMIN_CASES)
