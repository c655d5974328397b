"""Listeners: addresses of every kind, limits, and what sockets are told."""

from __future__ import annotations

from tests.interop.cases.network_filters import ECHO
from tests.interop.cases.tcp_proxy import file_log
from tests.interop.model import Admin, Case, Drop, End, Open, Receive, Step, Wait, Write

STATS = r"^listener\."
LOG = (
    "to=%DOWNSTREAM_LOCAL_ADDRESS% direct=%DOWNSTREAM_DIRECT_LOCAL_ADDRESS% rx=%BYTES_RECEIVED%\\n"
)
SAID = (Write(b"hello"), Receive(5), Drop())


def listening(name: str, more: str, *steps: Step, isolated: bool = False, stats: str = STATS,
              bootstrap: str = "") -> Case:  # fmt: skip
    """A listener that echoes."""
    listener = f"filter_chains: [{{filters: [{ECHO}]}}]\n{more}\naccess_log: [{file_log(LOG)}]"
    return Case(
        name, steps or SAID, listener=listener, stats=stats, isolated=isolated,
        bootstrap=bootstrap, upstreams={}, clusters="[]",
    )  # fmt: skip


def at(address: str, fields: str = "") -> str:
    """An address with the listener's port."""
    more = f", {fields}" if fields else ""
    return f"{{socket_address: {{address: '{address}', port_value: $listener{more}}}}}"


GLOBAL = """overload_manager: {resource_monitors: [{
  name: envoy.resource_monitors.global_downstream_max_connections, typed_config: {
    "@type": type.googleapis.com/envoy.extensions.resource_monitors.downstream_connections.v3\
.DownstreamConnectionsConfig, max_active_downstream_connections: 1}}]}"""
LISTED = Admin("/listeners", keep=r"^listener_name::")


def pipe(path: str, fields: str = "") -> str:
    """A unix socket beside the loopback port."""
    more = f", {fields}" if fields else ""
    return f"additional_addresses: [{{address: {{pipe: {{path: '{path}'{more}}}}}}}]"


CASES = (
    listening("listens_everywhere", f"address: {at('0.0.0.0')}", Open(to="127.0.0.7"), *SAID),
    listening("listens_on_ipv6", f"address: {at('::1')}", Open(to="::1"), *SAID),
    listening(
        "listens_on_both", f"address: {at('::', 'ipv4_compat: true')}",
        Open("a", to="127.0.0.1"), Write(b"a"), Receive(1), Drop(),
        Open("b", to="::1"), Write(b"b", "b"), Receive(1, "b"), Drop("b"), LISTED,
    ),
    listening(
        "listens_on_two",
        f"additional_addresses: [{{address: {at('127.0.0.8')}}}, {{address: {at('::1')}}}]",
        Open("a", to="127.0.0.8"), Write(b"a"), Receive(1), Drop(),
        Open("b", to="::1"), Write(b"b", "b"), Receive(1, "b"), Drop("b"), LISTED,
    ),
    listening("listens_on_a_pipe", pipe("$dir/sock", "mode: 0600"), *SAID, LISTED),
    listening("listens_on_an_abstract_pipe", pipe("@$abstract"), *SAID, LISTED),
    listening("listens_freely", "freebind: true", *SAID),
    listening("listens_transparently", "transparent: true", *SAID),
    listening("listens_with_options",
              "socket_options: [{level: 1, name: 9, int_value: 1, state: STATE_PREBIND}]\n"
              "tcp_backlog_size: 7\ntcp_fast_open_queue_length: 3"),
    listening("listens_with_keepalive", "tcp_keepalive: {keepalive_time: 60}"),
    listening("listens_with_multipath_tcp", "enable_mptcp: true"),
    listening("listens_in_balance", "connection_balance_config: {exact_balance: {}}\n"
              + pipe("$dir/sock"), *SAID, LISTED),
    listening("listens_without_sharing", "enable_reuse_port: false"),
    listening("listens_with_small_buffers", "per_connection_buffer_limit_bytes: 1024",
              Write(bytes(range(256)) * 64), Receive(1 << 14), Drop()),
    listening("listens_one_at_a_time", "max_connections_to_accept_per_socket_event: 1",
              Write(b"a"), Receive(1), Write(b"b", "b"), Receive(1, "b"), Drop(), Wait(0.2),
              Drop("b")),
    listening(
        "listens_for_one", "", Write(b"a"), Receive(1), End("b", within=1.0), Drop(),
        bootstrap="layered_runtime: {layers: [{name: s, static_layer: {"
        "'envoy.resource_limits.listener.$listener_name.connection_limit': 1}}]}",
        isolated=True,
    ),
    listening(
        "listens_for_one_in_all", "", Write(b"a"), Receive(1), End("b", within=1.0), Drop(),
        Wait(0.2), Write(b"c", "c"), Receive(1, "c"), Drop("c"),
        bootstrap=GLOBAL, isolated=True,
    ),
    listening(
        "listens_beside_the_limit", "ignore_global_conn_limit: true", Write(b"a"), Receive(1),
        Write(b"b", "b"), Receive(1, "b"), Drop(), Wait(0.2), Drop("b"),
        bootstrap=GLOBAL, isolated=True,
    ),
)  # fmt: skip
