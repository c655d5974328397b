"""Listener filters: what they find, what they refuse, and which filter chain follows from it."""

from __future__ import annotations

from tests.interop.cases.filter_chains import HTTP, chain, prefixes
from tests.interop.cases.tcp_proxy import file_log, tcp_filter
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
from tests.support.client_hello import client_hello, protocols, proxy_v2, server_name
from tests.support.upstream import Echo, Script, Take, tcp
from tests.support.upstream import HalfClose as Fin

_PACKAGE = "type.googleapis.com/envoy.extensions.filters.listener"
STATS = r"^(tcp|listener|proxy_proto|listener_local_ratelimit)\."
ALL_STATS = r"^(tcp|listener|proxy_proto|tls_inspector|http_inspector|downstream_cx_proxy)"
LOG = (
    "from=%DOWNSTREAM_REMOTE_ADDRESS% direct=%DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT%"
    " to=%DOWNSTREAM_LOCAL_ADDRESS% direct=%DOWNSTREAM_DIRECT_LOCAL_ADDRESS%"
    " sni=%REQUESTED_SERVER_NAME% ja3=%TLS_JA3_FINGERPRINT% ja4=%TLS_JA4_FINGERPRINT%"
    " chain=%FILTER_CHAIN_NAME% flags=%RESPONSE_FLAGS% details=%RESPONSE_CODE_DETAILS%"
    " close=%DOWNSTREAM_LOCAL_CLOSE_REASON%"
    " rx=%BYTES_RECEIVED% tls=%DYNAMIC_METADATA(envoy.filters.listener.tls_inspector)%"
    " proxy=%DYNAMIC_METADATA(envoy.filters.listener.proxy_protocol)% ns=%DYNAMIC_METADATA(ns)%"
    " tlv=%FILTER_STATE(envoy.network.proxy_protocol.tlv:FIELD:key)%\\n"
)
WITHOUT_BYTES = LOG.replace("%BYTES_RECEIVED%", "")
TLS = f"""{{name: tls, typed_config: {{"@type": {_PACKAGE}.tls_inspector.v3.TlsInspector}}}}"""
WEB = f"""{{name: http, typed_config: {{"@type": {_PACKAGE}.http_inspector.v3.HttpInspector}}}}"""
DESTINATION = f"{{name: dst, typed_config: {{'@type': {_PACKAGE}.original_dst.v3.OriginalDst}}}}"
TCP = "PROXY TCP4 1.2.3.4 5.6.7.8 1000 2000\r\n"


def says(name: str) -> Script:
    """An upstream that says its name and hears out its client."""
    return tcp(name.encode(), Fin(), Take())


def tls(fields: str) -> str:
    """A tls_inspector with options."""
    kind = f"{_PACKAGE}.tls_inspector.v3.TlsInspector"
    return f'{{name: tls, typed_config: {{"@type": {kind}, {fields}}}}}'


def proxy(fields: str = "") -> str:
    """A proxy_protocol filter."""
    kind = f"{_PACKAGE}.proxy_protocol.v3.ProxyProtocol"
    more = f", {fields}" if fields else ""
    return f'{{name: proxy, typed_config: {{"@type": {kind}, stat_prefix: $pp{more}}}}}'


def limit(bucket: str, fields: str = "") -> str:
    """A local rate limit of connections."""
    kind = f"{_PACKAGE}.local_ratelimit.v3.LocalRateLimit"
    more = f", {fields}" if fields else ""
    config = f'{{"@type": {kind}, stat_prefix: $rl, token_bucket: {{{bucket}}}{more}}}'
    return f"{{name: limit, typed_config: {config}}}"


def inspected(
    name: str,
    filters: list[str],
    *steps: Step,
    chains: list[str] | None = None,
    more: str = "",
    log: str = LOG,
    stats: str = STATS,
    isolated: bool = False,
    ignore_stats: str = r"^tcp\..*cx_rx|upstream_flush",
    differs: Differs | None = None,
) -> Case:
    """A connection through listener filters to the chain `a`, or one of these, which echo."""
    logged = [chain("a", filters=tcp_filter(cluster="cluster: $a", log=file_log(LOG)))]
    listener = f"listener_filters: [{', '.join(filters)}]\n"
    listener += f"filter_chains: [{', '.join(chains or logged)}]\n{more}"
    if chains is not None:
        listener += f"\naccess_log: [{file_log(log)}]"
    echoes = {"upa": tcp(Echo())} if chains is None else {f"up{n}": says(n) for n in "abcd"}
    clusters = ", ".join(f"{{name: ${n[2:]}, hosts: [${n}]}}" for n in echoes)
    return Case(
        name, steps, listener=listener, stats=stats, clusters=f"[{clusters}]", upstreams=echoes,
        isolated=isolated, ignore_stats=ignore_stats, differs=differs,
    )  # fmt: skip


def through(data: bytes, back: int) -> tuple[Step, ...]:
    """Bytes, of which the last `back` come back; then the client leaves."""
    return (Write(data), Receive(back), Drop())


def refused(data: bytes) -> tuple[Step, ...]:
    """Bytes at which the proxy closes."""
    return (Write(data), End(within=1.0))


SNI = client_hello(server_name("A.test"))
WANTED = [
    chain("a", "server_names: [a.test]"),
    chain("b", "server_names: ['*.test']"),
    chain("c", "transport_protocol: tls"),
    chain("d"),
]
PROTOCOLS = [
    chain("a", "application_protocols: [h2]"),
    chain("b", "application_protocols: [http/1.1]"),
    chain("c", "application_protocols: [h2c]"),
    chain("d"),
]
SAID = (Receive(1), End())


def v1(rest: str) -> bytes:
    """A PROXY header of version 1, and five bytes."""
    return f"PROXY {rest}\r\nhello".encode()


TLV = "rules: [{tlv_type: 2, on_tlv_present: {key: key}}]"
INSPECTORS = (
    inspected("tls_name", [TLS], Write(SNI), *SAID, chains=WANTED),
    inspected(
        "tls_name_wild", [TLS], Write(client_hello(server_name("x.y.test"))), *SAID, chains=WANTED
    ),
    inspected("tls_other_name", [TLS], Write(client_hello(server_name("b"))), *SAID, chains=WANTED),
    inspected("tls_no_name", [TLS], Write(client_hello()), *SAID, chains=WANTED),
    inspected("tls_is_plain", [TLS], Write(b"hello"), *SAID, chains=WANTED),
    inspected("tls_in_pieces", [TLS], Write(SNI, piece=9, pause=0.002), *SAID, chains=WANTED),
    inspected(
        "tls_in_records", [TLS], Write(client_hello(server_name("a.test"), record_size=50)), *SAID,
        chains=WANTED,
    ),
    inspected("tls_only_tls_wanted", [TLS], *refused(b"hello"), chains=WANTED[:3]),
    inspected("tls_bytes_pass", [TLS], *through(SNI, len(SNI))),
    inspected("tls_plain_bytes_pass", [TLS], *through(b"hello", 5)),
    inspected("tls_few_bytes_then_end", [TLS], Write(b"\x16\x03"), HalfClose(), End(within=1.0)),
    inspected("tls_nothing_then_end", [TLS], HalfClose(), End(within=1.0)),
    inspected("tls_client_goes", [TLS], Write(b"\x16"), Wait(0.1), Drop()),
    inspected(
        "tls_fingerprints",
        [tls("enable_ja3_fingerprinting: true, enable_ja4_fingerprinting: true")],
        *through(client_hello(server_name("a.test"), protocols("h2", "http/1.1")), 1),
    ),
    inspected(
        "tls_fingerprints_without_name",
        [tls("enable_ja3_fingerprinting: true, enable_ja4_fingerprinting: true")],
        *through(client_hello(protocols("\x01x")), 1),
    ),
    inspected(
        "tls_close_on_error", [tls("close_connection_on_client_hello_parsing_errors: true")],
        *refused(b"hello"),
    ),
    inspected(
        "tls_hello_too_large", [tls("max_client_hello_size: 256")],
        *refused(client_hello(server_name("a" * 200))),
    ),
    inspected("tls_hello_1_0", [TLS], *through(client_hello(version=0x0301), 1)),
    inspected(
        "tls_stats", [TLS, WEB], Write(SNI), Wait(0.1), Drop(), stats=ALL_STATS, isolated=True
    ),
    inspected(
        "tls_stats_plain", [TLS, WEB], Write(get("/")), Wait(0.1), Drop(), stats=ALL_STATS,
        isolated=True,
    ),
    inspected(
        "tls_protocols", [TLS], Write(client_hello(protocols("x", "http/1.1", "h2"))), *SAID,
        chains=PROTOCOLS,
    ),
    inspected("http_1_1", [WEB], Write(get("/")), *SAID, chains=PROTOCOLS),
    inspected("http_1_0", [WEB], Write(b"GET / HTTP/1.0\r\n"), *SAID, chains=PROTOCOLS),
    inspected("http_0_9", [WEB], Write(b"GET /\r\n"), *SAID, chains=PROTOCOLS),
    inspected(
        "http_2_preface", [WEB], Write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", piece=5), *SAID,
        chains=PROTOCOLS,
    ),
    inspected("http_is_none", [WEB], Write(b"hello world\r\n"), *SAID, chains=PROTOCOLS),
    inspected("http_is_binary", [WEB], Write(b"\x16\x03\x01\0"), *SAID, chains=PROTOCOLS),
    inspected("http_custom_method", [WEB], Write(b"FOO / HTTP/1.1\r\n"), *SAID, chains=PROTOCOLS),
    inspected("http_after_tls", [TLS, WEB], Write(SNI), *SAID, chains=PROTOCOLS),
    inspected(
        "http_served", [TLS, WEB], Write(get("/"), piece=7), Read(), End(),
        chains=[chain("a", "application_protocols: [http/1.1]", HTTP), chain("b")],
        log=WITHOUT_BYTES,
    ),
    inspected(
        "inspectors_disabled",
        [f"{TLS[:-1]}, filter_disabled: {{any_match: true}}}}"], *through(b"x", 1),
    ),
    inspected(
        "inspectors_disabled_by_port",
        [
            f"{TLS[:-1]}, filter_disabled: {{not_match: {{destination_port_range:"
            " {start: 1, end: 2}}}}"
        ],
        *through(b"x", 1),
    ),
    inspected(
        "inspectors_time_out", [TLS], Wait(0.5), End(within=0.3),
        more="listener_filters_timeout: 0.2s",
    ),
    inspected(
        "inspectors_time_out_and_go_on", [TLS], Write(b"\x16"), Receive(1), Drop(),
        more="listener_filters_timeout: 0.2s\ncontinue_on_listener_filters_timeout: true",
    ),
)  # fmt: skip
PROXY = (
    inspected("proxy_v1", [proxy()], *through(v1("TCP4 1.2.3.4 5.6.7.8 1000 2000"), 5)),
    inspected("proxy_v1_ipv6", [proxy()], *through(v1("TCP6 ::1 2001:db8::2 1000 2000"), 5)),
    inspected("proxy_v1_unknown", [proxy()], *through(v1("UNKNOWN"), 5)),
    inspected("proxy_v1_unknown_more", [proxy()], *through(v1("UNKNOWN a b c"), 5)),
    inspected(
        "proxy_v1_in_pieces", [proxy()],
        Write(v1("TCP4 1.2.3.4 5.6.7.8 1000 2000"), piece=3, pause=0.002), Receive(5), Drop(),
    ),
    inspected("proxy_v1_bad_port", [proxy()], *refused(v1("TCP4 1.2.3.4 5.6.7.8 1000 99999"))),
    inspected("proxy_v1_bad_family", [proxy()], *refused(v1("TCP4 ::1 ::2 1000 2000"))),
    inspected("proxy_v1_few_words", [proxy()], *refused(v1("TCP4 1.2.3.4 5.6.7.8 1000"))),
    inspected("proxy_v1_broadcast", [proxy()], *refused(v1("TCP4 255.255.255.255 1.1.1.1 1 2"))),
    inspected("proxy_v1_too_long", [proxy()], *refused(v1("TCP4 " + "x" * 200))),
    inspected("proxy_v2", [proxy()], *through(proxy_v2() + b"hello", 5)),
    inspected(
        "proxy_v2_ipv6", [proxy()],
        *through(proxy_v2(("::1", 7), ("2001:db8::1", 8)) + b"hello", 5),
    ),
    inspected("proxy_v2_local", [proxy()], *through(proxy_v2(command=0x20) + b"hello", 5)),
    inspected(
        "proxy_v2_in_pieces", [proxy()],
        Write(proxy_v2() + b"hello", piece=3, pause=0.002), Receive(5), Drop(),
    ),
    inspected("proxy_v2_bad_version", [proxy()], *refused(proxy_v2(command=0x11))),
    inspected("proxy_v2_bad_command", [proxy()], *refused(proxy_v2(command=0x22))),
    inspected("proxy_v2_bad_family", [proxy()], *refused(proxy_v2(family=0x31))),
    inspected("proxy_v2_datagram", [proxy()], *through(proxy_v2(family=0x12) + b"hello", 5)),
    inspected("proxy_v2_wildcard", [proxy()], *refused(proxy_v2(("0.0.0.0", 1)))),
    inspected(
        "proxy_v2_tlvs", [proxy(TLV)],
        *through(proxy_v2(tlvs=[(2, b"a.test"), (3, b"other")]) + b"hello", 5),
    ),
    inspected(
        "proxy_v2_tlv_namespace",
        [proxy(TLV.replace("key: key", "metadata_namespace: ns, key: k"))],
        *through(proxy_v2(tlvs=[(2, b"a\xffb")]) + b"hello", 5),
    ),
    inspected(
        "proxy_v2_tlv_base64",
        [proxy(TLV.replace("key: key", "key: k, value_string_encoding: BASE64"))],
        *through(proxy_v2(tlvs=[(2, b"a\xffb")]) + b"hello", 5),
    ),
    inspected(
        "proxy_v2_tlv_in_filter_state", [proxy(f"{TLV}, tlv_location: FILTER_STATE")],
        *through(proxy_v2(tlvs=[(2, b"text")]) + b"hello", 5),
    ),
    inspected("proxy_v2_broken_tlv", [proxy()], *refused(proxy_v2(tlvs=[(2, b"")])[:-1] + b"\x09")),
    inspected("proxy_absent", [proxy()], *refused(get("/"))),
    inspected(
        "proxy_absent_short", [proxy()], Write(b"hello"), HalfClose(), End(within=1.0),
        differs=Differs("Lateen refuses a client at the first byte that is in no PROXY header;"
                        " Envoy waits for 16 bytes", ()),
    ),
    inspected("proxy_end_before_header", [proxy()], Write(b"PROXY TCP4"), HalfClose(), End()),
    inspected(
        "proxy_absent_allowed", [proxy("allow_requests_without_proxy_protocol: true")],
        *through(b"hello", 5),
    ),
    inspected(
        "proxy_allowed_and_there", [proxy("allow_requests_without_proxy_protocol: true")],
        *through(v1("TCP4 1.2.3.4 5.6.7.8 1000 2000"), 5),
    ),
    inspected(
        "proxy_v1_disallowed", [proxy("disallowed_versions: [V1]")],
        *refused(v1("TCP4 1.2.3.4 5.6.7.8 1000 2000")),
    ),
    inspected(
        "proxy_v2_disallowed", [proxy("disallowed_versions: [V2]")], *refused(proxy_v2() + b"x")
    ),
    inspected(
        "proxy_v2_disallowed_other", [proxy("disallowed_versions: [V1]")],
        *through(proxy_v2() + b"hello", 5),
    ),
    inspected(
        "proxy_disallowed_and_absent_allowed",
        [proxy("disallowed_versions: [V1], allow_requests_without_proxy_protocol: true")],
        *through(v1("TCP4 1.2.3.4 5.6.7.8 1000 2000"), 5),
    ),
    inspected(
        "proxy_source_chooses_chain", [proxy()], Write(v1("TCP4 1.2.3.4 5.6.7.8 1000 2000")), *SAID,
        chains=[
            chain("a", prefixes("direct_source_prefix_ranges", "10.0.0.0/8")),
            chain("b", prefixes("source_prefix_ranges", "1.2.3.0/24")),
            chain("c"),
        ],
    ),
    inspected(
        "proxy_destination_chooses_chain", [proxy()],
        Write(v1("TCP4 1.2.3.4 5.6.7.8 1000 2000")), *SAID,
        chains=[chain("a", prefixes("prefix_ranges", "127.0.0.0/8")),
                chain("b", "destination_port: 2000"), chain("c")],
    ),
    inspected(
        "proxy_then_tls", [proxy(), TLS],
        Write(TCP.encode() + SNI), *SAID, chains=WANTED,
    ),
    inspected("proxy_then_http", [proxy(), WEB], Write(TCP.encode() + get("/")), Read(), End(),
              chains=[chain("a", "application_protocols: [http/1.1]", HTTP), chain("b")],
              log=WITHOUT_BYTES),
    inspected("proxy_stats_of_errors", [proxy()], *refused(get("/")), stats=ALL_STATS,
              isolated=True),
    inspected("original_dst_unchanged", [DESTINATION], *through(b"hello", 5)),
    inspected(
        "limit_of_connections", [limit("max_tokens: 1, fill_interval: 3600s")],
        Write(b"a"), Receive(1), Drop(), End("b", within=1.0), End("c", within=1.0),
    ),
    inspected(
        "limit_disabled",
        [limit("max_tokens: 1, fill_interval: 3600s",
               "runtime_enabled: {default_value: false, runtime_key: k}")],
        Write(b"a"), Receive(1), Drop(), Write(b"b", "b"), Receive(1, "b"), Drop("b"),
    ),
)  # fmt: skip
CASES = (*INSPECTORS, *PROXY)
