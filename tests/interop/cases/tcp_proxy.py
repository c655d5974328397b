"""tcp_proxy: who ends a connection and how, attempts, limits, timeouts, logs and stats."""

from __future__ import annotations

from collections.abc import Mapping

from tests.interop.config import FILE_LOG
from tests.interop.model import Case, Drop, End, HalfClose, Read, Receive, Step, Wait, Write
from tests.support.client import get
from tests.support.upstream import Close, Echo, Reset, Script, Sleep, Take, tcp
from tests.support.upstream import HalfClose as Fin

TCP_PROXY = "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy"
LOG = (
    "%ACCESS_LOG_TYPE% %RESPONSE_CODE% flags=%RESPONSE_FLAGS%/%RESPONSE_FLAGS_LONG%"
    " details=%RESPONSE_CODE_DETAILS% rx=%BYTES_RECEIVED% tx=%BYTES_SENT%"
    " wire=%DOWNSTREAM_WIRE_BYTES_RECEIVED%,%DOWNSTREAM_WIRE_BYTES_SENT%,"
    "%UPSTREAM_WIRE_BYTES_RECEIVED%,%UPSTREAM_WIRE_BYTES_SENT%"
    " host=%UPSTREAM_HOST% cluster=%UPSTREAM_CLUSTER% local=%UPSTREAM_LOCAL_ADDRESS%"
    " fail=%UPSTREAM_TRANSPORT_FAILURE_REASON% attempts=%UPSTREAM_REQUEST_ATTEMPT_COUNT%"
    " hosts=%UPSTREAM_HOSTS_ATTEMPTED% close=%DOWNSTREAM_LOCAL_CLOSE_REASON%"
    " ends=%DOWNSTREAM_DETECTED_CLOSE_TYPE%,%UPSTREAM_DETECTED_CLOSE_TYPE%"
    " protocol=%PROTOCOL%,%UPSTREAM_PROTOCOL% chain=%FILTER_CHAIN_NAME% listener=%LISTENER_NAME%"
    " from=%DOWNSTREAM_REMOTE_ADDRESS% to=%DOWNSTREAM_LOCAL_ADDRESS%\\n"
)
STATS = r"^(tcp|cluster|listener)\."


def file_log(log_format: str = LOG, more: str = "") -> str:
    """A file access log as a YAML flow mapping."""
    text = f'{{text_format_source: {{inline_string: "{log_format}"}}}}'
    config = f'{{"@type": {FILE_LOG}, path: $dir/access.log, log_format: {text}}}'
    return f"{{name: file, {more} typed_config: {config}}}"


def tcp_filter(fields: str = "", cluster: str = "cluster: $be", log: str = "") -> str:
    """A tcp_proxy filter as a YAML flow mapping."""
    config = f'{{"@type": {TCP_PROXY}, stat_prefix: $tcp, access_log: [{log or file_log()}]'
    inner = ", ".join(part for part in (config, cluster, fields) if part)
    return f"{{name: envoy.filters.network.tcp_proxy, typed_config: {inner}}}}}"


def proxied(
    name: str,
    *steps: Step,
    up: Script | None = None,
    fields: str = "",
    cluster: str = "cluster: $be",
    clusters: str = "[{name: $be, hosts: [$up]}]",
    log: str = "",
    listener: str = "",
    upstreams: Mapping[str, Script] | None = None,
    bootstrap: str = "",
    isolated: bool = False,
    ignore_stats: str = "",
) -> Case:
    """A listener with nothing but a tcp_proxy."""
    filters = tcp_filter(fields, cluster, log)
    return Case(
        name, steps, stats=STATS, clusters=clusters, upstreams=upstreams or {"up": up or ECHO},
        listener=f"filter_chains: [{{name: only, filters: [{filters}]}}]\n{listener}",
        bootstrap=bootstrap, isolated=isolated, ignore_stats=ignore_stats,
    )  # fmt: skip


ECHO = tcp(Echo())
SAID = (Write(b"hello"), Receive(5))
DEAD = "[{name: $be, hosts: [$dead]}]"


def breakers(limits: str) -> str:
    """A cluster with circuit breakers."""
    return f"[{{name: $be, hosts: [$up], circuit_breakers: {{thresholds: [{{{limits}}}]}}}}]"


LIMITED = """
layered_runtime:
  layers:
  - name: s
    static_layer: {"envoy.resource_limits.listener.$listener_name.connection_limit": 1}
"""

CASES = (
    proxied("tcp_client_half_closes", *SAID, HalfClose(), End()),
    proxied("tcp_client_closes", *SAID, Drop()),
    proxied("tcp_client_resets", *SAID, Drop(reset=True)),
    proxied("tcp_client_says_nothing", HalfClose(), End()),
    proxied(
        "tcp_answer_after_half_close", Write(b"abc"), HalfClose(), Receive(3), End(),
        up=tcp(Take(), b"got", Close()),
    ),
    proxied("tcp_upstream_speaks_first", Receive(3), *SAID, Drop(), up=tcp(b"hi!", Echo())),
    proxied("tcp_upstream_closes", Receive(4), HalfClose(), End(), up=tcp(b"bye", Close())),
    proxied(
        "tcp_upstream_half_closes", Receive(4), Write(b"abc"), Wait(0.1), HalfClose(), End(),
        up=tcp(b"bye", Fin(), Take()),
    ),
    proxied("tcp_upstream_resets", Write(b"x"), End(), up=tcp(Take(1), Reset())),
    proxied(
        "tcp_upstream_resets_after_data", Write(b"x"), Receive(3), End(),
        up=tcp(Take(1), b"abc", Sleep(0.1), Reset()),
    ),
    proxied(
        "tcp_client_sends_to_closed_upstream", Receive(4), Write(b"one"), Wait(0.1),
        Write(b"two"), End(), up=tcp(b"bye", Close()), ignore_stats="upstream_flush_total",
    ),
    proxied("tcp_http_inside", Write(get("/x")), Read(), Drop(), up=None,
            upstreams={"up": Case("", ()).upstreams["up"]}),
    proxied("tcp_megabyte", Write(bytes(range(256)) * 4096), Receive(1 << 20), HalfClose(), End()),
    proxied("tcp_two_connections", Write(b"a1", "a"), Receive(2, "a"), Write(b"b12", "b"),
            Receive(3, "b"), Drop("a"), Wait(0.1), Drop("b")),
    proxied("tcp_refused", End(), clusters=DEAD),
    proxied("tcp_refused_thrice", End(), clusters=DEAD, fields="max_connect_attempts: 3"),
    proxied("tcp_no_hosts", End(), clusters="[{name: $be, hosts: []}]"),
    proxied("tcp_no_cluster", End(), cluster="cluster: nowhere"),
    proxied(
        "tcp_weighted_one", *SAID, Drop(),
        cluster="weighted_clusters: {clusters: [{name: $be, weight: 7}]}",
    ),
    proxied(
        "tcp_weighted_many", *SAID, Drop(),
        cluster="weighted_clusters:"
        " {clusters: [{name: $be, weight: 1}, {name: $be, weight: 9}]}",
    ),
    proxied(
        "tcp_max_connections", *SAID, End("b"), Drop(), clusters=breakers("max_connections: 1")
    ),
    proxied("tcp_max_connections_0", End(), clusters=breakers("max_connections: 0")),
    proxied("tcp_max_pending_0", End(), clusters=breakers("max_pending_requests: 0")),
    proxied("tcp_max_requests_0", *SAID, Drop(), clusters=breakers("max_requests: 0")),
    proxied("tcp_idle_timeout", *SAID, End(within=1.5), fields="idle_timeout: 0.3s"),
    proxied(
        "tcp_idle_timeout_restarts", *SAID, Wait(0.3), *SAID, Wait(0.3), *SAID, Drop(),
        fields="idle_timeout: 0.5s",
    ),
    proxied(
        "tcp_idle_timeout_half_closed", Write(b"x"), HalfClose(), End(within=1.5),
        up=tcp(Take(), Sleep(5)), fields="idle_timeout: 0.3s",
    ),
    proxied(
        "tcp_max_duration", *SAID, End(within=1.5),
        fields="max_downstream_connection_duration: 0.3s",
    ),
    proxied(
        "tcp_log_on_connected", *SAID, Drop(),
        fields="access_log_options: {flush_access_log_on_connected: true,"
        " flush_access_log_on_start: true}",
    ),
    proxied(
        "tcp_log_periodically", *SAID, Wait(0.3), Drop(),
        fields="access_log_options: {access_log_flush_interval: 0.2s}",
    ),
    proxied(
        "tcp_log_deprecated_field", *SAID, Drop(), fields="flush_access_log_on_connected: true"
    ),
    proxied(
        "tcp_log_filter", End(), clusters=DEAD,
        log=file_log(more="filter: {response_flag_filter: {flags: [URX]}},"),
    ),
    proxied("tcp_listener_log", *SAID, Drop(), listener=f"access_log: [{file_log()}]"),
    proxied("tcp_listener_limit", *SAID, End("b"), Drop(), bootstrap=LIMITED, isolated=True),
    proxied("tcp_unix_upstream", *SAID, Drop(), clusters="[{name: $be, hosts: [$unix]}]",
            upstreams={"unix": ECHO}),
)  # fmt: skip
