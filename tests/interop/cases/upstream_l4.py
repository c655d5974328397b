"""Upstream PROXY headers, ORIGINAL_DST clusters, tunnels and connect modes of tcp_proxy."""

from __future__ import annotations

from collections.abc import Mapping

from tests.interop.cases.listener_filters import proxy
from tests.interop.cases.network_filters import CLUSTER, state
from tests.interop.cases.tcp_proxy import LOG, file_log, tcp_filter
from tests.interop.model import (
    Case,
    Differs,
    Drop,
    End,
    HalfClose,
    Read,
    Receive,
    Step,
    Wait,
    Write,
)
from tests.support.client import get
from tests.support.client_hello import proxy_v2
from tests.support.upstream import Close, Echo, Script, Take, reply, tcp
from tests.support.upstream import HalfClose as Fin

STATS = r"^(tcp|cluster|listener)\."
COUNTED = "match_count|flush|_length_ms|connect_ms"
IGNORED = f"{COUNTED}|cx_tx_bytes|cx_rx_bytes"
PROXY_TRANSPORT = (
    "type.googleapis.com/envoy.extensions.transport_sockets.proxy_protocol.v3"
    ".ProxyProtocolUpstreamTransport"
)
RAW = "type.googleapis.com/envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer"
BE = "[{name: $be, hosts: [$up]}]"


def headed(config: str) -> str:
    """A cluster whose connections begin with a PROXY header."""
    inner = f'transport_socket: {{name: raw, typed_config: {{"@type": {RAW}}}}}'
    socket = f'{{"@type": {PROXY_TRANSPORT}, config: {{{config}}}, {inner}}}'
    return f"[{{name: $be, hosts: [$up], transport_socket: {{name: pp, typed_config: {socket}}}}}]"


def original(fields: str = "") -> str:
    """An ORIGINAL_DST cluster."""
    more = f", {fields}" if fields else ""
    return f"[{{name: $be, type: ORIGINAL_DST, lb_policy: CLUSTER_PROVIDED{more}}}]"


def l4(
    name: str,
    *steps: Step,
    clusters: str = BE,
    fields: str = "",
    filters: str = "",
    listener: str = "",
    up: Script | None = None,
    upstreams: Mapping[str, Script] | None = None,
    ignore_stats: str = IGNORED,
    log: str = LOG,
    differs: Differs | None = None,
) -> Case:
    """A listener with a tcp_proxy."""
    chain = tcp_filter(fields, "cluster: $be", file_log(log))
    before = f"{filters}, " if filters else ""
    return Case(
        name, steps, stats=STATS, clusters=clusters,
        upstreams=upstreams or {"up": up or tcp(Echo())},
        listener=f"filter_chains: [{{name: only, filters: [{before}{chain}]}}]\n{listener}",
        ignore_stats=ignore_stats, differs=differs,
    )  # fmt: skip


TARGET = b"PROXY TCP4 1.2.3.4 127.0.0.1 1000 $up\r\nhello"
TUNNEL = "tunneling_config: {hostname: 'target.test:443'%s}"


def tunnel(fields: str = "") -> str:
    """A tunnel to target.test."""
    return TUNNEL % (f", {fields}" if fields else "")


# Envoy counts what is tunnelled twice on the wire.
TUNNEL_LOG = LOG.replace("%UPSTREAM_WIRE_BYTES_RECEIVED%,%UPSTREAM_WIRE_BYTES_SENT%", "-")
OK = b"HTTP/1.1 200 OK\r\n\r\n"


def requests(*cases: bytes) -> tuple[Step, ...]:
    """Requests, each on a connection of its own."""
    return tuple(step for each in cases for step in (Write(each), Read(), End()))


CASES = (
    l4("header_v1_of_proxy", Write(b"PROXY TCP4 1.2.3.4 5.6.7.8 1000 2000\r\nhi"), Receive(40),
       Drop(), clusters=headed("version: V1"), listener=f"listener_filters: [{proxy()}]"),
    l4("header_v1_ipv6", Write(b"PROXY TCP6 ::1 2001:db8::1 1000 2000\r\nhi"), Receive(42),
       Drop(), clusters=headed("version: V1"), listener=f"listener_filters: [{proxy()}]"),
    l4("header_v2_of_proxy", Write(proxy_v2() + b"hi"), Receive(30), Drop(),
       clusters=headed("version: V2"), listener=f"listener_filters: [{proxy()}]"),
    l4("header_v2_passes_tlvs", Write(proxy_v2(tlvs=[(2, b"a.test"), (5, b"id")]) + b"hi"),
       Receive(44), Drop(),
       clusters=headed("version: V2, pass_through_tlvs: {match_type: INCLUDE_ALL}"),
       listener="listener_filters: ["
       + proxy("pass_through_tlvs: {match_type: INCLUDE_ALL}") + "]"),
    l4("header_v2_passes_some_tlvs", Write(proxy_v2(tlvs=[(2, b"a.test"), (5, b"id")]) + b"hi"),
       Receive(35), Drop(),
       clusters=headed("version: V2, pass_through_tlvs: {match_type: INCLUDE, tlv_type: [5]}"),
       listener="listener_filters: ["
       + proxy("pass_through_tlvs: {match_type: INCLUDE_ALL}") + "]"),
    l4("header_v2_adds_tlvs", Write(proxy_v2() + b"hi"), Receive(35), Drop(),
       clusters=headed("version: V2, added_tlvs: [{type: 240, value: 'aGk='}]"),
       listener=f"listener_filters: [{proxy()}]"),
    l4("header_v2_of_tcp_proxy", Write(proxy_v2() + b"hi"), Receive(35), Drop(),
       clusters=headed("version: V2"), fields="proxy_protocol_tlvs: [{type: 241, value: 'aGk='}]",
       listener=f"listener_filters: [{proxy()}]"),
    l4("original_of_proxy", Write(TARGET), Receive(5), Drop(), clusters=original(),
       listener=f"listener_filters: [{proxy()}]"),
    l4("original_port_override", Write(b"PROXY TCP4 1.2.3.4 127.0.0.1 1000 1\r\nhello"),
       Receive(5), Drop(),
       clusters=original("original_dst_lb_config: {upstream_port_override: $up}"),
       listener=f"listener_filters: [{proxy()}]"),
    l4("original_nobody", Write(b"PROXY TCP4 1.2.3.4 127.0.0.1 1000 $dead\r\nhello"),
       End(within=1.0), clusters=original(), listener=f"listener_filters: [{proxy()}]"),
    l4("original_unknown", End(within=1.0), clusters=original()),
    l4("original_in_filter_state", Write(b"hello"), Receive(5), Drop(), clusters=original(),
       filters=state("envoy.network.transport_socket.original_dst_address", "127.0.0.1:$up",
                     "skip_if_empty: true")),
    l4("original_metadata", Write(proxy_v2(tlvs=[(240, b"127.0.0.1:1")]) + b"hello"),
       Receive(5), Drop(),
       clusters=original("original_dst_lb_config: {upstream_port_override: $up,"
                         " metadata_key: {key: ns, path: [{key: to}]}}"),
       listener="listener_filters: [" + proxy(
           "rules: [{tlv_type: 240, on_tlv_present: {metadata_namespace: ns, key: to}}]") + "]"),
    l4("cluster_of_filter_state", Write(b"hello"), Receive(5), Drop(),
       clusters="[{name: $other, hosts: [$up]}]",
       filters=state("envoy.tcp_proxy.cluster", "$other", CLUSTER)),
    l4("connects_on_data", Wait(0.1), Write(b"hello"), Receive(5), HalfClose(), End(),
       fields="upstream_connect_mode: ON_DOWNSTREAM_DATA, max_early_data_bytes: 1024"),
    l4("connects_on_much_data", Write(bytes(range(256)) * 256), Receive(1 << 16), Drop(),
       fields="upstream_connect_mode: ON_DOWNSTREAM_DATA, max_early_data_bytes: 1024"),
    l4("connects_on_no_data", HalfClose(), End(within=1.0), log="flags=%RESPONSE_FLAGS%\\n",
       fields="upstream_connect_mode: ON_DOWNSTREAM_DATA, max_early_data_bytes: 1024",
       differs=Differs("Envoy keeps the connection of a client that ends without a byte;"
                       " Lateen closes it", ())),
    l4("connects_on_data_refused", Write(b"x"), End(within=1.0),
       clusters="[{name: $be, hosts: [$dead]}]",
       fields="upstream_connect_mode: ON_DOWNSTREAM_DATA, max_early_data_bytes: 1024"),
    l4("backs_off", End(within=2.0), clusters="[{name: $be, hosts: [$dead]}]",
       fields="max_connect_attempts: 3, backoff_options: {base_interval: 0.05s}"),
    l4("lasts_no_longer", Write(b"x"), Receive(1), End(within=1.5),
       fields="max_downstream_connection_duration: 0.3s,"
       " max_downstream_connection_duration_jitter_percentage: {value: 10}"),
    l4("tunnel_opens", Write(b"hello"), Receive(5), Drop(), fields=tunnel(), log=TUNNEL_LOG,
       ignore_stats=COUNTED, up=tcp(Take(59), OK, Echo())),
    l4("tunnel_is_refused", End(within=1.0), fields=tunnel(), log=TUNNEL_LOG,
       ignore_stats=COUNTED,
       up=tcp(Take(59), b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n", Close())),
    l4("tunnel_answers_at_once", Receive(5), Drop(), fields=tunnel(), log=TUNNEL_LOG,
       ignore_stats=COUNTED, up=tcp(Take(59), OK + b"hello", Echo())),
    l4("tunnel_broken", End(within=1.0), fields=tunnel(), log=TUNNEL_LOG,
       up=tcp(Take(59), b"garbage\r\n\r\n")),
    l4("tunnel_upstream_ends", Receive(3), End(within=1.0), fields=tunnel(), log=TUNNEL_LOG,
       ignore_stats=COUNTED, up=tcp(Take(59), OK + b"bye", Fin(), Take())),
    Case(
        "original_of_header",
        requests(get("/", headers="x-envoy-original-dst-host: 127.0.0.1:$up\r\n"), get("/"),
                 get("/", headers="x-envoy-original-dst-host: no\r\n")),
        clusters=original("original_dst_lb_config: {use_http_header: true}"), stats=STATS,
        ignore_stats="match_count",
    ),
    Case(
        "original_of_other_header", requests(get("/", headers="x-to: 127.0.0.1:$up\r\n")),
        clusters=original("original_dst_lb_config: {use_http_header: true,"
                          " http_header_name: x-to}"), stats=STATS, ignore_stats="match_count",
    ),
    Case(
        "original_twice", (
            Write(get("/", headers="x-envoy-original-dst-host: 127.0.0.1:$up\r\n")), Read(),
            Write(get("/", headers="x-envoy-original-dst-host: 127.0.0.1:$up\r\n")), Read(), End(),
        ),
        clusters=original("original_dst_lb_config: {use_http_header: true}"), stats=STATS,
        ignore_stats="match_count",
        upstreams={"up": Script([reply()])},
    ),
)  # fmt: skip
