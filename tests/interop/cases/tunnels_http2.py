"""Tunnels of tcp_proxy through upstreams that speak HTTP/2, and what becomes of their answers."""

from __future__ import annotations

from tests.interop.cases.http2_upstream import cluster
from tests.interop.cases.tcp_proxy import LOG, file_log, tcp_filter
from tests.interop.cases.tls_upstream import CA, socket
from tests.interop.cases.upstream_l4 import tunnel
from tests.interop.model import Case, Drop, End, HalfClose, Receive, Step, Wait, Write
from tests.support.http2 import (
    INITIAL_WINDOW_SIZE,
    INTERNAL_ERROR,
    MAX_CONCURRENT_STREAMS,
    NO_ERROR,
    REFUSED_STREAM,
    Data,
    GoAway,
    Headers,
    rst,
)
from tests.support.http2_upstream import (
    Answer2,
    EchoBack,
    Move,
    Script2,
    WhenOver,
    frames,
    respond,
)
from tests.support.upstream import Close, Echo, Reset, Script, Sleep, Take, TlsServer, tcp

STATS = r"^(tcp|cluster|listener)\."
# How many bytes a header block takes is up to the encoder, and so what of it goes at once.
IGNORED = "match_count|flush|_length_ms|connect_ms|cx_tx_bytes|cx_rx_bytes"
# What is tunnelled counts twice on Envoy's wire.
LOG_LINE = LOG.removesuffix("\\n")
TUNNEL_LOG = (
    LOG_LINE.replace("%UPSTREAM_WIRE_BYTES_RECEIVED%,%UPSTREAM_WIRE_BYTES_SENT%", "-")
    + " head=%FILTER_STATE(envoy.tcp_proxy.propagate_response_headers)%"
    " trailers=%FILTER_STATE(envoy.tcp_proxy.propagate_response_trailers)%\\n"
)
# Envoy takes the end of a connection that it closes itself for an error of the protocol.
CLOSED_ITSELF = f"{IGNORED}|cx_protocol_error"
AGREE = frames(respond(), EchoBack(), early=True)
HELLO = (Write(b"hello"), Receive(5))
RETRY = "max_connect_attempts: 3"


def over(
    name: str,
    *steps: Step,
    answers: tuple[Answer2, ...] = (AGREE,),
    script: Script2 | Script | None = None,
    fields: str = "",
    more: str = "",
    clusters: str = "",
    ignore_stats: str = IGNORED,
    log: str = TUNNEL_LOG,
    tls: TlsServer | None = None,
) -> Case:
    """A tcp_proxy whose tunnel goes through a cluster that speaks HTTP/2."""
    inner = ", ".join(part for part in (tunnel(fields), more) if part)
    chain = tcp_filter(inner, "cluster: $be", file_log(log))
    return Case(
        name, steps, stats=STATS, clusters=clusters or cluster(), ignore_stats=ignore_stats,
        upstreams={"up": script or Script2(list(answers))},
        upstream_tls={"up": tls} if tls else {},
        listener=f"filter_chains: [{{name: only, filters: [{chain}]}}]\n",
    )  # fmt: skip


def at_once(*moves: Move) -> tuple[Answer2, ...]:
    """An answer while the request goes on."""
    return (frames(*moves, early=True),)


POST = "use_post: true"
PROPAGATE = "propagate_response_headers: true, propagate_response_trailers: true"
AUTO = cluster(how="auto_config: {}", extra=f"transport_socket: {socket(CA, 'sni: a.test')}")
# Envoy counts a connection of such a cluster twice.
TWICE = f"{IGNORED}|upstream_cx_total"
TLS_LOG = TUNNEL_LOG.removesuffix("\\n") + " tls=%UPSTREAM_TLS_VERSION%\\n"
DOWNSTREAM = "use_downstream_protocol_config"

CASES = (
    over("tunnel2_opens", *HELLO, Drop()),
    over("tunnel2_client_half_closes", *HELLO, HalfClose(), End(within=1.0)),
    over("tunnel2_client_resets", *HELLO, Drop(reset=True), Wait(0.2)),
    over("tunnel2_post", *HELLO, HalfClose(), End(within=1.0), fields=POST),
    over("tunnel2_post_path", *HELLO, Drop(), fields=f"{POST}, post_path: /into"),
    over(
        "tunnel2_headers",
        *HELLO,
        Drop(),
        fields="headers_to_add: [{header: {key: X-Two, value: b}}, {header: {key: x-from,"
        " value: '%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%'}}]",
    ),
    over(
        "tunnel2_megabyte",
        Write(bytes(range(256)) * 4096),
        Receive(1 << 20),
        HalfClose(),
        End(within=1.0),
    ),
    over(
        "tunnel2_small_windows",
        Write(bytes(range(256)) * 1024),
        Receive(1 << 18),
        HalfClose(),
        End(within=1.0),
        script=Script2([AGREE], values={INITIAL_WINDOW_SIZE: 20_000}),
    ),
    over(
        "tunnel2_two_on_one_connection",
        Write(b"a1", "a"),
        Receive(2, "a"),
        Write(b"b12", "b"),
        Receive(3, "b"),
        Drop("a"),
        Wait(0.1),
        Write(b"more", "b"),
        Receive(4, "b"),
        Drop("b"),
    ),
    over(
        "tunnel2_two_connections",
        Write(b"a1", "a"),
        Receive(2, "a"),
        Write(b"b12", "b"),
        Receive(3, "b"),
        Drop("a"),
        Wait(0.1),
        Drop("b"),
        script=Script2([AGREE], values={MAX_CONCURRENT_STREAMS: 1}),
    ),
    over(
        "tunnel2_max_connections",
        *HELLO,
        End("b", within=1.0),
        Drop(),
        clusters=cluster(extra="circuit_breakers: {thresholds: [{max_connections: 1}]}"),
    ),
    over(
        "tunnel2_max_requests_0",
        End(within=1.0),
        clusters=cluster(extra="circuit_breakers: {thresholds: [{max_requests: 0}]}"),
    ),
    over(
        "tunnel2_max_pending_0",
        End(within=1.0),
        clusters=cluster(extra="circuit_breakers: {thresholds: [{max_pending_requests: 0}]}"),
    ),
    over(
        "tunnel2_upstream_speaks_first",
        Receive(3),
        *HELLO,
        Drop(),
        answers=at_once(respond(), Data(b"hi!"), EchoBack()),
    ),
    over(
        "tunnel2_upstream_ends",
        Receive(3),
        Wait(0.1),
        Write(b"more"),
        Wait(0.1),
        HalfClose(),
        End(within=1.0),
        answers=at_once(respond(), Data(b"bye", end=True), WhenOver()),
    ),
    over(
        "tunnel2_upstream_ends_first",
        Receive(3),
        End(within=1.0),
        answers=at_once(respond(), Data(b"bye", end=True)),
    ),
    over(
        "tunnel2_trailers",
        Receive(3),
        Wait(0.1),
        HalfClose(),
        End(within=1.0),
        fields=PROPAGATE,
        answers=at_once(
            respond(("x-up", "1")),
            Data(b"bye"),
            Headers([("x-t", "1"), ("x-u", "2")], end=True),
            WhenOver(),
        ),
    ),
    over(
        "tunnel2_trailers_not_wanted",
        Receive(3),
        Wait(0.1),
        HalfClose(),
        End(within=1.0),
        answers=at_once(
            respond(("x-up", "1")), Data(b"bye"), Headers([("x-t", "1")], end=True), WhenOver()
        ),
    ),
    over(
        "tunnel2_response_headers",
        *HELLO,
        Drop(),
        fields=PROPAGATE,
        answers=at_once(respond(("x-up", "1"), ("x-up", "2")), EchoBack()),
    ),
    over(
        "tunnel2_informed",
        *HELLO,
        Drop(),
        fields=PROPAGATE,
        answers=at_once(respond(status="103"), respond(), EchoBack()),
    ),
    over(
        "tunnel2_refused",
        End(within=1.0),
        fields=PROPAGATE,
        answers=at_once(respond(status="403", end=True)),
    ),
    over(
        "tunnel2_refused_with_body",
        End(within=1.0),
        answers=at_once(respond(("content-length", "2"), status="503"), Data(b"no", end=True)),
    ),
    over(
        "tunnel2_refused_thrice",
        End(within=1.0),
        more=RETRY,
        answers=at_once(respond(status="403", end=True)),
    ),
    over(
        "tunnel2_refused_once",
        *HELLO,
        Drop(),
        more=RETRY,
        answers=(frames(respond(status="503", end=True), early=True), AGREE),
    ),
    over("tunnel2_204", End(within=1.0), answers=at_once(respond(status="204", end=True))),
    over("tunnel2_201", End(within=1.0), answers=at_once(respond(status="201"), EchoBack())),
    over("tunnel2_200_ended", End(within=1.0), answers=at_once(respond(end=True))),
    over("tunnel2_reset_before", End(within=1.0), answers=at_once(rst(INTERNAL_ERROR))),
    over("tunnel2_stream_refused", End(within=1.0), answers=at_once(rst(REFUSED_STREAM))),
    over(
        "tunnel2_reset_once",
        *HELLO,
        Drop(),
        more=RETRY,
        answers=(frames(rst(INTERNAL_ERROR), early=True), AGREE),
    ),
    over("tunnel2_upstream_closes_before", End(within=1.0), answers=at_once(Close())),
    over(
        "tunnel2_upstream_closes_once",
        *HELLO,
        Drop(),
        more=RETRY,
        answers=(frames(Close(), early=True), AGREE),
    ),
    over("tunnel2_malformed", End(within=1.0), answers=at_once(Headers([("x-a", "1")]))),
    over("tunnel2_no_http2", End(within=1.0), script=tcp(Take(20), b"garbage\r\n\r\n" * 4)),
    over(
        "tunnel2_upstream_resets",
        Receive(3),
        End(within=1.0),
        answers=at_once(respond(), Data(b"bye"), Sleep(0.1), rst(INTERNAL_ERROR)),
    ),
    over(
        "tunnel2_upstream_resets_with_no_error",
        Receive(3),
        End(within=1.0),
        answers=at_once(respond(), Data(b"bye"), Sleep(0.1), rst(NO_ERROR)),
    ),
    over(
        "tunnel2_upstream_closes",
        Receive(3),
        End(within=1.0),
        answers=at_once(respond(), Data(b"bye"), Sleep(0.1), Close()),
    ),
    over(
        "tunnel2_connection_reset",
        Receive(3),
        End(within=1.0),
        answers=at_once(respond(), Data(b"bye"), Sleep(0.1), Reset()),
    ),
    over(
        "tunnel2_goaway",
        Write(b"a1", "a"),
        Receive(4, "a"),
        Wait(0.2),
        Write(b"b1", "b"),
        Receive(2, "b"),
        Write(b"more", "a"),
        Receive(4, "a"),
        Drop("a"),
        Wait(0.1),
        Drop("b"),
        answers=(frames(respond(), Data(b"hi"), GoAway(1), EchoBack(), early=True), AGREE),
        ignore_stats=CLOSED_ITSELF,
    ),
    over("tunnel2_nobody", End(within=1.0), clusters=cluster().replace("$up", "$dead")),
    over("tunnel2_no_host", End(within=1.0), clusters=cluster().replace("[$up]", "[]")),
    over("tunnel2_idle", *HELLO, End(within=1.5), more="idle_timeout: 0.3s"),
    over(
        "tunnel2_max_duration",
        *HELLO,
        End(within=1.5),
        more="max_downstream_connection_duration: 0.3s",
    ),
    over(
        "tunnel2_max_duration_before",
        End(within=1.5),
        answers=at_once(WhenOver()),
        more="max_downstream_connection_duration: 0.3s",
        log="host=%UPSTREAM_HOST% hosts=%UPSTREAM_HOSTS_ATTEMPTED%\\n",
    ),
    over(
        "tunnel2_connects_on_data",
        Wait(0.1),
        *HELLO,
        HalfClose(),
        End(within=1.0),
        more="upstream_connect_mode: ON_DOWNSTREAM_DATA, max_early_data_bytes: 1024",
    ),
    over(
        "tunnel2_max_requests_per_connection",
        *HELLO,
        Drop(),
        Write(b"b", "b"),
        Receive(1, "b"),
        Drop("b"),
        clusters=cluster(common="max_requests_per_connection: 1"),
        ignore_stats=CLOSED_ITSELF,
    ),
    over(
        "tunnel2_log_on_connected",
        *HELLO,
        Drop(),
        more="access_log_options: {flush_access_log_on_connected: true}",
        fields=PROPAGATE,
    ),
    over(
        "tunnel2_auto",
        *HELLO,
        HalfClose(),
        End(within=1.0),
        clusters=AUTO,
        fields=POST,
        tls=TlsServer(alpn=("h2", "http/1.1")),
        log=TLS_LOG,
        ignore_stats=TWICE,
    ),
    over(
        "tunnel_auto_http1",
        *HELLO,
        Drop(),
        clusters=AUTO,
        tls=TlsServer(alpn=("http/1.1",)),
        script=tcp(Take(59), b"HTTP/1.1 200 OK\r\n\r\n", Echo()),
        log=TLS_LOG,
        ignore_stats=TWICE,
    ),
    over(
        "tunnel_auto_http1_201",
        End(within=1.0),
        clusters=AUTO,
        tls=TlsServer(alpn=("http/1.1",)),
        script=tcp(Take(59), b"HTTP/1.1 201 Created\r\n\r\n", Echo()),
        ignore_stats=TWICE,
    ),
    over(
        "tunnel_of_downstream_protocol",
        *HELLO,
        Drop(),
        clusters=cluster(how=f"{DOWNSTREAM}: {{http2_protocol_options: {{}}}}"),
    ),
    over(
        "tunnel_of_downstream_protocol_1",
        *HELLO,
        Drop(),
        clusters=cluster(how=f"{DOWNSTREAM}: {{http_protocol_options: {{}}}}"),
        script=tcp(Take(59), b"HTTP/1.1 200 OK\r\n\r\n", Echo()),
    ),
    over(
        "tunnel_answer_headers",
        *HELLO,
        Drop(),
        fields=PROPAGATE,
        clusters="[{name: $be, hosts: [$up]}]",
        script=tcp(Take(59), b"HTTP/1.1 200 OK\r\nX-Up: 1\r\nx-up: 2\r\n\r\n", Echo()),
    ),
    over(
        "tunnel_refused_headers",
        End(within=1.0),
        fields=PROPAGATE,
        clusters="[{name: $be, hosts: [$up]}]",
        script=tcp(Take(59), b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n", Close()),
    ),
)
