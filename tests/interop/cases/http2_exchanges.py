"""Requests over HTTP/2 to an HTTP/1 upstream: what both sides see of an exchange."""

from __future__ import annotations

from tests.interop.model import (
    Admin,
    Case,
    Differs,
    Drop,
    End,
    End2,
    Open2,
    Read,
    Read2,
    Send2,
    Wait,
    Write,
    asked,
)
from tests.support.client import get
from tests.support.http2 import (
    CANCEL,
    DATA,
    INITIAL_WINDOW_SIZE,
    MAX_CONCURRENT_STREAMS,
    PING,
    Data,
    Frame,
    GoAway,
    Headers,
    ask,
    rst,
)
from tests.support.upstream import Close, Hold, ReadBody, Script, Sleep, raw, reply

DIRECT = "[{match: {prefix: /}, direct_response: {status: 200, body: {inline_string: hello}}}]"
TRAILERS = "http_protocol_options: {enable_trailers: true}"
H1_TRAILERS = (
    "[{name: $be, hosts: [$up], typed_extension_protocol_options:"
    " {envoy.extensions.upstreams.http.v3.HttpProtocolOptions: {'@type':"
    " type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions,"
    " explicit_http_config: {http_protocol_options: {enable_trailers: true}}}}}]"
)
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def up(*answers: object) -> dict[str, Script]:
    """The upstream of a case."""
    return {"up": Script(list(answers))}  # type: ignore[arg-type]


STUCK = up(raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", Hold()))


CASES = (
    Case("h2_get", asked(ask("/a?b=c", ("x-one", "1"), ("x-two", "2")))),
    Case("h2_head", asked(ask(method="HEAD"))),
    Case("h2_direct", asked(ask()), routes=DIRECT),
    Case("h2_direct_head", asked(ask(method="HEAD")), routes=DIRECT),
    Case("h2_no_route", asked(ask()), routes="[]"),
    Case(
        "h2_redirect",
        asked(ask("/x")),
        routes="[{match: {prefix: /}, redirect: {host_redirect: other, path_redirect: /y}}]",
    ),
    Case(
        "h2_post_with_length",
        asked(ask("/", ("content-length", "5"), method="POST", end=False), Data(b"hello", 1, True)),
    ),
    Case("h2_post_without_length", asked(ask(method="POST", end=False), Data(b"hello", 1, True))),
    Case("h2_post_empty", asked(ask(method="POST"))),
    Case("h2_post_empty_length", asked(ask("/", ("content-length", "0"), method="POST"))),
    Case("h2_post_ends_with_empty_data", asked(ask(method="POST", end=False), Data(b"", 1, True))),
    Case(
        "h2_get_with_body",
        asked(ask(end=False), Data(b"body", 1, True)),
    ),
    Case(
        "h2_large_body_up",
        asked(ask(method="POST", end=False), Data(b"x" * 300_000, 1, True), within=6.0),
        ignore_stats="_cx_[rt]x_bytes_total",
    ),
    Case(
        "h2_large_body_down",
        asked(ask(), within=6.0),
        upstreams=up(reply(body=b"y" * 300_000)),
        ignore_stats="_cx_[rt]x_bytes_total",
    ),
    Case(
        "h2_small_window_down",
        (Open2(values={INITIAL_WINDOW_SIZE: 100}), *asked(ask(), within=6.0)),
        upstreams=up(reply(body=b"y" * 3000)),
    ),
    Case(
        "h2_small_window_up",
        asked(ask(method="POST", end=False), Data(b"x" * 200_000, 1, True), within=6.0),
        hcm="http2_protocol_options: {initial_stream_window_size: 65535,"
        " initial_connection_window_size: 65535}",
        ignore_stats="_cx_[rt]x_bytes_total",
    ),
    Case("h2_chunked_answer", asked(ask()), upstreams=up(raw(CHUNKED, b"3\r\nabc\r\n0\r\n\r\n"))),
    Case(
        "h2_answer_until_close",
        asked(ask()),
        upstreams=up(raw(b"HTTP/1.1 200 OK\r\n\r\nabc", Close())),
    ),
    Case("h2_answer_204", asked(ask()), upstreams=up(raw(b"HTTP/1.1 204 No\r\n\r\n"))),
    Case(
        "h2_answer_304",
        asked(ask()),
        upstreams=up(raw(b"HTTP/1.1 304 No\r\nContent-Length: 5\r\n\r\n")),
    ),
    Case(
        "h2_answer_hop_headers",
        asked(ask()),
        upstreams=up(
            reply(headers="Connection: close, X-Hop\r\nKeep-Alive: 5\r\nX-Hop: 1\r\nX-Kept: 2\r\n")
        ),
    ),
    Case(
        "h2_answer_cookies",
        asked(ask()),
        upstreams=up(reply(headers="Set-Cookie: a=1\r\nSet-Cookie: b=2\r\n")),
    ),
    Case(
        "h2_cookies_are_joined", asked(ask("/", ("cookie", "a=1"), ("x-a", "1"), ("cookie", "b=2")))
    ),
    Case("h2_repeated_header", asked(ask("/", ("x-a", "1"), ("x-a", "2")))),
    Case("h2_te_trailers", asked(ask("/", ("te", "trailers")))),
    Case(
        "h2_100",
        asked(ask("/", ("expect", "100-continue"), method="POST", end=False), Data(b"x", 1, True)),
    ),
    Case(
        "h2_100_from_upstream",
        asked(ask("/", ("expect", "100-continue"), method="POST", end=False), Data(b"x", 1, True)),
        hcm="proxy_100_continue: true",
        upstreams=up(
            raw(
                b"HTTP/1.1 100 Continue\r\n\r\n",
                ReadBody(),
                b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
                early=True,
            )
        ),
    ),
    Case(
        "h2_103",
        asked(ask()),
        upstreams=up(
            raw(
                b"HTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
            )
        ),
    ),
    Case(
        "h2_trailers_up_are_dropped",
        asked(ask(method="POST", end=False), Data(b"x", 1), Headers([("x-t", "1")], 1, True)),
    ),
    Case(
        "h2_trailers_up",
        asked(ask(method="POST", end=False), Data(b"x", 1), Headers([("x-t", "1")], 1, True)),
        clusters=H1_TRAILERS,
    ),
    Case(
        "h2_trailers_down",
        asked(ask()),
        clusters=H1_TRAILERS,
        upstreams=up(raw(CHUNKED, b"3\r\nabc\r\n0\r\nX-T: 1\r\n\r\n")),
    ),
    Case(
        "h2_trailers_alone",
        asked(ask(method="POST", end=False), Headers([("x-t", "1")], 1, True)),
        clusters=H1_TRAILERS,
    ),
    Case(
        "h2_host_alone",
        asked(
            Headers(
                [(":method", "GET"), (":scheme", "http"), (":path", "/"), ("host", "b")], 1, True
            )
        ),
    ),
    Case("h2_host_and_authority", asked(ask("/", ("host", "b")))),
    Case(
        "h2_no_authority",
        asked(Headers([(":method", "GET"), (":scheme", "http"), (":path", "/")], 1, True)),
    ),
    Case(
        "h2_authority_with_port",
        asked(ask(authority="example.com:8080")),
        hcm="strip_any_host_port: true",
    ),
    Case(
        "h2_scheme_https",
        asked(
            Headers(
                [(":method", "GET"), (":scheme", "https"), (":authority", "a"), (":path", "/")],
                1,
                True,
            )
        ),
    ),
    Case(
        "h2_scheme_other",
        asked(
            Headers(
                [(":method", "GET"), (":scheme", "foo"), (":authority", "a"), (":path", "/")],
                1,
                True,
            )
        ),
    ),
    Case(
        "h2_scheme_upper",
        asked(
            Headers(
                [(":method", "GET"), (":scheme", "HTTP"), (":authority", "a"), (":path", "/")],
                1,
                True,
            )
        ),
    ),
    Case("h2_options_star", asked(ask("*", method="OPTIONS"))),
    Case("h2_fragment", asked(ask("/a#b"))),
    Case("h2_own_method", asked(ask(method="PURGE"))),
    Case(
        "h2_path_normalized",
        asked(ask("/a/../b//c")),
        hcm="{normalize_path: true, merge_slashes: true}",
    ),
    Case("h2_xff", asked(ask("/", ("x-forwarded-for", "1.2.3.4"))), hcm="use_remote_address: true"),
    Case("h2_underscores_kept", asked(ask("/", ("x_a", "1")))),
    Case(
        "h2_underscores_dropped",
        asked(ask("/", ("x_a", "1"), ("x-b", "2"))),
        hcm="common_http_protocol_options: {headers_with_underscores_action: DROP_HEADER}",
        isolated=True,
        stats=r"^(http2|http|cluster)\..*",
        ignore_stats=r"^http\.admin|_streams_active|cluster_manager|tx_bytes",
    ),
    Case(
        "h2_underscores_refused",
        asked(ask("/", ("x_a", "1"), ("x-b", "2")), end=0.5),
        hcm="common_http_protocol_options: {headers_with_underscores_action: REJECT_REQUEST}",
        isolated=True,
        stats=r"^(http2|http|cluster)\..*",
        ignore_stats=r"^http\.admin|_streams_active|cluster_manager|tx_bytes",
    ),
    Case(
        "h2_three_streams",
        (
            Send2((ask("/1"), ask("/2", on=3), ask("/3", on=5))),
            Read2((1, 3, 5)),
            End2(),
        ),
        unordered=True,
    ),
    Case(
        "h2_answers_out_of_order",
        (
            Send2((ask("/slow"),)),
            Send2((ask("/fast", on=3),)),
            Read2((3,)),
            Read2((1,)),
            End2(),
        ),
        unordered=True,
        upstreams={
            "up": Script(
                [reply()],
                paths={"/slow": [raw(Sleep(0.5), b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")]},
            )
        },
    ),
    Case(
        "h2_client_resets",
        (
            Send2((ask(),)),
            Wait(0.2),
            Send2((rst(CANCEL, 1),)),
            Wait(0.2),
            Send2((ask("/", on=3),)),
            Read2((3,)),
            End2(),
        ),
        upstreams=up(raw(Hold()), reply()),
    ),
    Case(
        "h2_client_goes", (Send2((ask(),)), Wait(0.2), Drop(), Wait(0.2)), upstreams=up(raw(Hold()))
    ),
    Case(
        "h2_client_goaway",
        (Send2((ask(), GoAway(0))), Read2(), End2(within=0.4)),
        upstreams=up(raw(Sleep(0.2), b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")),
    ),
    Case("h2_early_answer", asked(ask(method="POST", end=False), end=0.4), routes=DIRECT),
    Case(
        "h2_early_answer_of_upstream",
        asked(ask(method="POST", end=False), Data(b"abc", 1), end=0.4),
        upstreams=up(
            raw(Sleep(0.2), b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", early=True)
        ),
    ),
    Case("h2_upstream_refuses", asked(ask()), clusters="[{name: $be, hosts: [$dead]}]"),
    Case("h2_upstream_closes", asked(ask()), upstreams=up(raw(Close()))),
    Case("h2_upstream_garbage", asked(ask()), upstreams=up(raw(b"garbage\r\n\r\n"))),
    Case(
        "h2_upstream_cut_short",
        asked(ask()),
        upstreams=up(raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", Sleep(0.1), Close())),
    ),
    Case(
        "h2_route_timeout",
        asked(ask()),
        upstreams=up(raw(Hold())),
        routes="[{match: {prefix: /}, route: {cluster: $be, timeout: 0.3s}}]",
    ),
    Case(
        "h2_stream_idle_request",
        asked(ask(method="POST", end=False)),
        hcm="stream_idle_timeout: 0.3s",
    ),
    Case(
        "h2_stream_idle_response",
        asked(ask()),
        hcm="stream_idle_timeout: 0.3s",
        upstreams=up(raw(Hold())),
    ),
    Case(
        "h2_stream_idle_body",
        asked(ask()),
        hcm="stream_idle_timeout: 0.3s",
        upstreams=STUCK,
    ),
    Case("h2_request_timeout", asked(ask(method="POST", end=False)), hcm="request_timeout: 0.3s"),
    Case(
        "h2_max_stream_duration",
        asked(ask()),
        hcm="common_http_protocol_options: {max_stream_duration: 0.3s}",
        upstreams=up(raw(Hold())),
    ),
    Case(
        "h2_max_stream_duration_in_body",
        asked(ask()),
        hcm="common_http_protocol_options: {max_stream_duration: 0.3s}",
        upstreams=STUCK,
    ),
    Case(
        "h2_idle_connection",
        asked(ask(), end=1.5),
        hcm="common_http_protocol_options: {idle_timeout: 0.3s}\ndrain_timeout: 0.2s",
    ),
    Case(
        "h2_idle_connection_without_request",
        (Open2(), End2(within=1.5)),
        hcm="common_http_protocol_options: {idle_timeout: 0.3s}\ndrain_timeout: 0.2s",
    ),
    Case(
        "h2_max_connection_duration",
        asked(ask(), end=1.5),
        hcm="common_http_protocol_options: {max_connection_duration: 0.4s}\ndrain_timeout: 0.2s",
    ),
    Case(
        "h2_max_requests_per_connection",
        (Send2((ask(),)), Read2(), Send2((ask(on=3),)), Read2((3,)), End2(within=1.0)),
        hcm="common_http_protocol_options: {max_requests_per_connection: 2}\ndrain_timeout: 0.2s",
    ),
    Case(
        "h2_keepalive_unanswered",
        (Open2(answers=False), End2(within=1.5, shown=True)),
        hcm="http2_protocol_options: {connection_keepalive:"
        " {interval: 0.4s, timeout: 0.3s, interval_jitter: {value: 0}}}",
    ),
    Case(
        "h2_keepalive_answered",
        (Send2((ask(),)), Read2(), End2(within=0.7, shown=True)),
        hcm="http2_protocol_options: {connection_keepalive:"
        " {interval: 0.5s, timeout: 0.3s, interval_jitter: {value: 0}}}",
    ),
    Case("h2_ping", (Send2((Frame(PING, 0, 0, b"abcdefgh"), ask())), Read2(), End2(shown=True))),
    Case(
        "h2_custom_settings",
        (Send2((ask(),)), Read2(), End2(shown=True)),
        hcm="http2_protocol_options: {hpack_table_size: 1024, max_concurrent_streams: 7,"
        " initial_stream_window_size: 70000, allow_connect: true, custom_settings_parameters:"
        " [{identifier: 4660, value: 42}]}",
    ),
    Case(
        "h2_http1_only",
        (Send2((ask(),)), Read2(within=0.5), End2(within=0.5)),
        ignore_stats="cx_rx_bytes",
        hcm="codec_type: HTTP1",
    ),
    Case(
        "h2_http2_only",
        (Write(get()), End(within=0.5)),
        hcm="codec_type: HTTP2",
        differs=Differs("a client that speaks no HTTP/2 is told so by GOAWAY", ()),
    ),
    Case("h2_http2_only_speaks_http2", asked(ask()), hcm="codec_type: HTTP2"),
    Case("h2_client_takes_no_streams", (Open2(values={MAX_CONCURRENT_STREAMS: 0}), *asked(ask()))),
    Case(
        "h2_padded_data",
        asked(ask(method="POST", end=False), Frame(DATA, 9, 1, b"\x03abc\0\0\0")),
    ),
    Case(
        "h2_retry",
        asked(ask()),
        routes="[{match: {prefix: /}, route: {cluster: $be, retry_policy:"
        " {retry_on: 5xx, num_retries: 2}}}]",
        upstreams=up(raw(Close()), reply(503), reply()),
    ),
    Case(
        "h2_limit_of_requests",
        (Send2((ask(),)), Wait(0.3), Send2((ask(on=3),)), Read2((3,)), Read2((1,)), End2()),
        clusters="[{name: $be, hosts: [$up], circuit_breakers: {thresholds: [{max_requests: 1}]}}]",
        upstreams=up(raw(Sleep(0.8), b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")),
    ),
    Case(
        "h2_stats_of_the_codec",
        (
            Write(get()),
            Read(),
            End(),
            *asked(ask()),
            Admin(
                "/stats?filter=^http2",
                keep=r"^(http2\.(?!.*([no]ghttp2|continuation_flood|cookie_|header_(count|list_size))).*)",
            ),
        ),
        isolated=True,
        stats=r"^http2\.",
    ),
    Case(
        "h2_stats_of_trailers",
        asked(ask(method="POST", end=False), Data(b"x", 1), Headers([("x-t", "1")], 1, True)),
        isolated=True,
        stats=r"^http2\.",
    ),
    *(
        Case(
            f"h2_stats_of_{name}",
            steps,
            hcm=hcm,
            isolated=True,
            stats=r"^http2\.",
            upstreams=up(raw(Hold()), reply()),
        )
        for name, hcm, steps in (
            (
                "drain",
                "common_http_protocol_options: {max_connection_duration: 0.4s}\n"
                "drain_timeout: 0.2s",
                (Open2(), End2(within=1.5)),
            ),
            (
                "reset",
                "",
                (Send2((ask(),)), Wait(0.2), Send2((rst(CANCEL, 1),)), Wait(0.2), End2()),
            ),
            (
                "active",
                "",
                (
                    Send2((ask(),)),
                    Wait(0.2),
                    Admin("/stats?filter=streams_active", keep="^http2"),
                    End2(),
                ),
            ),
            (
                "ping",
                "http2_protocol_options: {connection_keepalive: {interval: 0.4s, timeout: 0.3s}}",
                (Open2(answers=False), End2(within=1.5)),
            ),
        )
    ),
    Case(
        "h2_no_stats_of_the_codec_before_it",
        (
            Write(get()),
            Read(),
            End(),
            Admin(
                "/stats?filter=^http2",
                keep=r"^(http2\.(?!.*([no]ghttp2|continuation_flood|cookie_|header_(count|list_size))).*)",
            ),
        ),
        isolated=True,
    ),
)
