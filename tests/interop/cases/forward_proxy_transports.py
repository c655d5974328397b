"""dynamic_forward_proxy over TLS, HTTP/2, CONNECT and TCP."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tests.interop.cases.http2_upstream import OPTIONS
from tests.interop.cases.network_filters import state as network_state
from tests.interop.cases.tcp_proxy import LOG as TCP_LOG
from tests.interop.cases.tcp_proxy import file_log, tcp_filter
from tests.interop.cases.tls_upstream import CA, IGNORED, LOG, socket
from tests.interop.forward_proxy import NAMES, cache, cluster, forward
from tests.interop.model import Case, Differs, Drop, End, Read, Receive, Step, Wait, Write, once
from tests.support.client import get
from tests.support.client_hello import client_hello, server_name
from tests.support.http2_upstream import Script2, reply2
from tests.support.upstream import Echo, TlsServer, tcp

SECURE = f"transport_socket: {socket(CA)}"
FILTER = "type.googleapis.com/envoy.extensions.filters.network.sni_dynamic_forward_proxy.v3"
INSPECTOR = "type.googleapis.com/envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector"
INSPECT = f"listener_filters: [{{name: tls, typed_config: {{'@type': {INSPECTOR}}}}}]"
UPGRADE = "upgrade_configs: [{upgrade_type: CONNECT, connect_config: {}}]"
CONNECT = f"[{{match: {{connect_matcher: {{}}}}, route: {{cluster: $be, {UPGRADE}}}}}]"


def protocol(how: str, names: str = "auto_sni: true, auto_san_validation: true") -> str:
    """How the cluster speaks to its hosts, and what requests decide of TLS."""
    options = (
        f"{{'@type': type.googleapis.com/{OPTIONS},"
        f" upstream_http_protocol_options: {{{names}}}, explicit_http_config: {{{how}: {{}}}}}}"
    )
    return f"typed_extension_protocol_options: {{{OPTIONS}: {options}}}"


def secured(
    name: str,
    *hosts: str,
    fields: str = SECURE,
    in_cluster: str = "",
    names: Mapping[str, Sequence[Sequence[str] | str]] = NAMES,
) -> Case:
    """Hosts that speak TLS."""
    return forward(
        name, *hosts, fields=fields, tls=TlsServer(), log=LOG, in_cluster=in_cluster,
        names=names, ignore=IGNORED,
    )  # fmt: skip


def layer4(
    name: str,
    *steps: Step,
    dns: str = "",
    port: str = "port_value: $up",
    before: str = "",
    with_filter: bool = True,
    listener: str = INSPECT,
    differs: Differs | None = None,
) -> Case:
    """A tcp_proxy whose clients say where they go."""
    source = cache(dns)
    config = f"{{'@type': {FILTER}.FilterConfig, dns_cache_config: {source}, {port}}}"
    waits = f"{{name: sni, typed_config: {config}}}, " if with_filter else ""
    chain = tcp_filter("", "cluster: $be", file_log(TCP_LOG))
    return Case(
        name, steps, names=NAMES, stats=r"^(tcp|cluster|listener|dns_cache)\.",
        clusters=f"[{cluster(dns=source)}]", upstreams={"up": tcp(Echo())}, differs=differs,
        listener=f"filter_chains: [{{name: only, filters: [{before}{waits}{chain}]}}]\n{listener}",
        ignore_stats="match_count|_length_ms|connect_ms|cx_tx_bytes|cx_rx_bytes",
    )  # fmt: skip


def hello_of(name: str) -> bytes:
    """The first bytes of a client that asks for a name."""
    return client_hello(server_name(name))


def asks(name: str) -> tuple[Step, ...]:
    """A client that asks for a name, and what it is told."""
    hello = hello_of(name)
    return (Write(hello), Receive(len(hello)), Drop())


CASES = (
    secured("dfp_tls", "a.test:$up"),
    secured("dfp_tls_wrong_name", "b.test:$up"),
    secured("dfp_tls_default_port", "a.test"),
    secured("dfp_tls_address", "127.0.0.1:$up"),
    secured("dfp_tls_two_names", "a.test:$up", "c.b.test:$up", "a.test:$up",
            names={"a.test": [["127.0.0.1"]], "c.b.test": [["127.0.0.1"]]}),
    secured("dfp_tls_insecure", "b.test:$up", in_cluster="allow_insecure_cluster_options: true",
            fields=f"{SECURE}, {protocol('http_protocol_options', 'auto_sni: true')}"),
    forward("dfp_http2", "a.test:$up", fields=protocol("http2_protocol_options"),
            up=Script2([reply2()]), ignore="http2"),
    forward("dfp_http2_two_names", "a.test:$up", "b.test:$up", "a.test:$up",
            fields=protocol("http2_protocol_options"), up=Script2([reply2()]), ignore="http2"),
    forward("dfp_connect", steps=(
        Write(b"CONNECT a.test:$up HTTP/1.1\r\nHost: a.test:$up\r\n\r\n"), Read("CONNECT"),
        Write(b"hello"), Receive(5), Drop()),
        routes=CONNECT, hcm="\nupgrade_configs: [{upgrade_type: CONNECT}]", up=tcp(Echo())),
    forward("dfp_connect_unknown", steps=(
        Write(b"CONNECT no.test:$up HTTP/1.1\r\nHost: no.test:$up\r\n\r\n"), Read("CONNECT"),
        End()), routes=CONNECT, hcm="\nupgrade_configs: [{upgrade_type: CONNECT}]"),
    forward("dfp_body", steps=once(
        b"POST / HTTP/1.1\r\nHost: a.test:$up\r\nContent-Length: 5\r\n\r\nhello", "POST")),
    forward("dfp_pipelined", steps=(
        Write(get(host="a.test:$up") * 3), Read(), Read(), Read(), End())),
    layer4("sni_dfp", *asks("a.test")),
    layer4("sni_dfp_twice", *asks("a.test"), *asks("a.test")),
    layer4("sni_dfp_unknown", Write(hello_of("no.test")), End(within=1.0)),
    layer4("sni_dfp_without_name", Write(b"hello"), End(within=1.0)),
    layer4("sni_dfp_without_filter", *asks("a.test"), with_filter=False,
           before=network_state("envoy.upstream.dynamic_port", "$up") + ", ",
           differs=Differs("Lateen lets the first client wait until the name is resolved;"
                           " Envoy ends its connection", ())),
    layer4("sni_dfp_unknown_without_filter", Write(hello_of("no.test")), End(within=1.0),
           with_filter=False),
    layer4("sni_dfp_default_port", Write(hello_of("a.test")), End(within=1.0),
           port="port_value: $dead"),
    layer4("sni_dfp_state", Write(b"hello"), Receive(5), Drop(), listener="",
           before=network_state("envoy.upstream.dynamic_host", "a.test") + ", "
           + network_state("envoy.upstream.dynamic_port", "$up") + ", "),
    layer4("sni_dfp_no_pending", Write(hello_of("a.test")), End(within=1.0),
           dns="dns_cache_circuit_breaker: {max_pending_requests: 0}"),
    # Either connection would be logged first, did they end at once.
    layer4("sni_dfp_max_hosts", *asks("a.test"), Wait(0.3), Write(hello_of("b.test")),
           End(within=1.0),
           dns="max_hosts: 1"),
)  # fmt: skip
