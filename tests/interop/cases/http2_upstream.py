"""HTTP/2 to upstreams, from clients of either protocol."""

from __future__ import annotations

from tests.interop.model import Case, Drop, End, End2, Read, Read2, Send2, Wait, Write, asked, once
from tests.support.client import get, post
from tests.support.http2 import (
    CANCEL,
    INITIAL_WINDOW_SIZE,
    INTERNAL_ERROR,
    MAX_CONCURRENT_STREAMS,
    NO_ERROR,
    REFUSED_STREAM,
    Data,
    Frame,
    GoAway,
    Headers,
    ask,
    rst,
)
from tests.support.http2_upstream import Script2, WhenOver, frames, reply2, respond
from tests.support.upstream import Close, Reset, Script, Sleep, reply

OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"


def cluster(options: str = "", common: str = "", extra: str = "", how: str = "") -> str:
    """A cluster whose hosts speak HTTP/2."""
    how = how or f"explicit_http_config: {{http2_protocol_options: {{{options}}}}}"
    common = f", common_http_protocol_options: {{{common}}}" if common else ""
    extra = f", {extra}" if extra else ""
    return (
        f"[{{name: $be, hosts: [$up]{extra}, typed_extension_protocol_options: {{{OPTIONS}:"
        f" {{'@type': type.googleapis.com/{OPTIONS}, {how}{common}}}}}}}]"
    )


def retrying(on: str, extra: str = "") -> str:
    """A route that retries."""
    return (
        "[{match: {prefix: /}, route: {cluster: $be, timeout: 0s,"
        f" retry_policy: {{retry_on: '{on}',"
        f" num_retries: 2, retry_back_off: {{base_interval: 0.01s}}{extra}}}}}}}]"
    )


def case(name: str, *answers: object, steps: tuple = (), **given: object) -> Case:  # type: ignore[type-arg]
    """A case with an upstream of HTTP/2; a GET of each protocol if it names no steps."""
    script = given.pop("script", None) or Script2(list(answers) or [reply2()])  # type: ignore[arg-type]
    given.setdefault("clusters", cluster())
    # How many bytes a header block takes is up to the encoder.
    given["ignore_stats"] = f"cx_tx_bytes|{given.get('ignore_stats', 'never')}"
    return Case(name, steps or asked(ask()), upstreams={"up": script}, **given)  # type: ignore[arg-type]


def both(name: str, *answers: object, **given: object) -> tuple[Case, ...]:
    """The same with a client of either protocol."""
    return (
        case(f"h2_to_h2_{name}", *answers, **given),
        case(f"h1_to_h2_{name}", *answers, steps=once(get(), within=0.3), **given),
    )


BROKEN = [
    ("reset", frames(rst(INTERNAL_ERROR))),
    ("refused", frames(rst(REFUSED_STREAM))),
    ("reset_no_error", frames(rst(NO_ERROR))),
    ("cancel", frames(rst(CANCEL))),
    ("closes", frames(Close())),
    ("connection_reset", frames(Reset())),
    (
        "cut",
        frames(respond(("content-length", "10")), Data(b"abc"), Sleep(0.1), rst(INTERNAL_ERROR)),
    ),
    ("cut_by_close", frames(respond(), Data(b"abc"), Sleep(0.1), Close())),
    ("short", frames(respond(("content-length", "10")), Data(b"abc", end=True))),
    ("long", frames(respond(("content-length", "1")), Data(b"abc", end=True))),
    ("upper_case", frames(Headers([(":status", "200"), ("Upper", "1")], end=True))),
    ("no_status", frames(Headers([("x-a", "1")], end=True))),
    ("status_of_words", frames(Headers([(":status", "abc")], end=True))),
    ("connection_header", frames(respond(("connection", "close"), end=True))),
    ("bad_value", frames(respond(("x-a", "a\nb"), end=True))),
    ("garbage", frames(Frame(0x42, 0, 0, b"x"), Frame(0, 0, 0, b"x"))),
    ("hpack_garbage", frames(Frame(1, 5, 1, b"\xff\xff\xff\xff\xff"))),
    ("many_headers", frames(respond(*((f"x-{i}", "1") for i in range(120)), end=True))),
    ("large_headers", frames(respond(("x-a", "1" * 90_000), end=True))),
    ("switches", frames(respond(status="101", end=False))),
    ("too_much", frames(respond(("content-length", "0")), Data(b"abc", end=True))),
    ("body_of_204", frames(respond(status="204"), Data(b"abc", end=True))),
]

CASES = (
    *both("get"),
    *both("trailers", frames(respond(), Data(b"abc"), Headers([("x-t", "1")], end=True))),
    *both("trailers_alone", frames(respond(), Headers([("x-t", "1")], end=True))),
    *both("head_alone", frames(respond(("x-a", "1"), end=True))),
    *both("length_0", frames(respond(("content-length", "0"), end=True))),
    *both("without_length", frames(respond(), Data(b"abc", end=True))),
    *both("103", frames(respond(("link", "x"), status="103"), respond(end=True))),
    *both("204", frames(respond(status="204", end=True))),
    *both("304", frames(respond(("content-length", "5"), status="304", end=True))),
    *both("set_cookies", frames(respond(("set-cookie", "a=1"), ("set-cookie", "b=2"), end=True))),
    *both("large", reply2(body=b"y" * 300_000), ignore_stats="downstream_cx_rx_bytes"),
    *both("settings", script=Script2([reply2()], shown=True)),
    *both(
        "own_settings",
        script=Script2([reply2()], shown=True),
        clusters=cluster(
            "hpack_table_size: 1000, initial_stream_window_size: 70000, max_concurrent_streams: 9,"
            " custom_settings_parameters: [{identifier: 99, value: 7}]"
        ),
    ),
    *(each for name, answer in BROKEN for each in both(name, answer)),
    *(
        each
        for name, answer in BROKEN
        if name in ("short", "upper_case", "no_status", "connection_header", "bad_value")
        for each in both(
            f"{name}_tolerated",
            answer,
            clusters=cluster("override_stream_error_on_invalid_http_message: true"),
        )
    ),
    case("h1_to_h2_post", steps=once(post("/", b"hello"))),
    case(
        "h1_to_h2_chunked",
        steps=once(
            b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
        ),
    ),
    case(
        "h1_to_h2_trailers_up",
        steps=once(
            b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"3\r\nabc\r\n0\r\nX-T: 1\r\n\r\n"
        ),
        hcm="http_protocol_options: {enable_trailers: true}",
    ),
    case(
        "h1_to_h2_head",
        frames(respond(("content-length", "5"), end=True)),
        steps=once(get().replace(b"GET", b"HEAD"), "HEAD"),
    ),
    case(
        "h1_to_h2_hop_headers",
        steps=once(
            get(headers="Connection: X-Hop\r\nX-Hop: 1\r\nKeep-Alive: 1\r\nTE: trailers, gzip\r\n")
        ),
    ),
    case("h1_to_h2_cookies", steps=once(get(headers="Cookie: a=1; b=2\r\n"))),
    case(
        "h1_to_h2_host_rewrite",
        steps=once(get()),
        routes="[{match: {prefix: /}, route: {cluster: $be, host_rewrite_literal: other}}]",
    ),
    case("h1_to_h2_keep_alive", steps=(Write(get()), Read(), Write(get()), Read(), End())),
    case(
        "h1_to_h2_one_connection",
        frames(Sleep(0.4), respond(end=True)),
        steps=(
            Write(get(), on="a"),
            Wait(0.2),
            Write(get(), on="b"),
            Read(on="a"),
            Read(on="b"),
            End("a"),
            End("b"),
        ),
        unordered=True,
    ),
    case("h2_to_h2_post", steps=asked(ask(method="POST", end=False), Data(b"hello", 1, True))),
    case(
        "h2_to_h2_trailers_up",
        steps=asked(ask(method="POST", end=False), Data(b"x", 1), Headers([("x-t", "1")], 1, True)),
    ),
    case(
        "h2_to_h2_head",
        frames(respond(("content-length", "5"), end=True)),
        steps=asked(ask(method="HEAD")),
    ),
    case("h2_to_h2_cookies", steps=asked(ask("/", ("cookie", "a=1"), ("cookie", "b=2")))),
    case("h2_to_h2_te", steps=asked(ask("/", ("te", "trailers")))),
    case(
        "h2_to_h2_large_up_small_window",
        steps=asked(ask(method="POST", end=False), Data(b"x" * 100_000, 1, True), within=6.0),
        script=Script2([reply2()], values={INITIAL_WINDOW_SIZE: 1000}),
        # How many window updates the upstream sends depends on how much each of its reads gives.
        ignore_stats="upstream_cx_rx_bytes",
    ),
    case(
        "h2_to_h2_early_answer",
        frames(respond(), Data(b"early", end=True), early=True),
        steps=asked(ask(method="POST", end=False), Data(b"abc", 1), end=0.4),
    ),
    case(
        "h2_to_h2_client_resets",
        frames(Sleep(1.0), respond(end=True)),
        steps=(
            Send2((ask(),)),
            Wait(0.2),
            Send2((rst(CANCEL, 1),)),
            Wait(0.3),
            Send2((ask(on=3),)),
            Read2((3,)),
            End2(),
        ),
        ignore_stats="rx_reset|upstream_cx_rx_bytes|headers_cb_no_stream",
    ),
    case(
        "h2_to_h2_client_goes",
        frames(Sleep(0.6), respond(end=True)),
        steps=(Send2((ask(),)), Wait(0.2), Drop(), Wait(0.5)),
        ignore_stats="upstream_cx_rx_bytes|headers_cb_no_stream",
    ),
    case(
        "h2_to_h2_timeout",
        frames(),
        routes="[{match: {prefix: /}, route: {cluster: $be, timeout: 0.3s}}]",
        ignore_stats="upstream_cx_rx_bytes|headers_cb_no_stream",
    ),
    case(
        "h2_retry_refused", frames(rst(REFUSED_STREAM)), reply2(), routes=retrying("refused-stream")
    ),
    case("h2_retry_reset", frames(rst(INTERNAL_ERROR)), reply2(), routes=retrying("reset")),
    case(
        "h2_retry_reset_not_refused",
        frames(rst(INTERNAL_ERROR)),
        reply2(),
        routes=retrying("refused-stream"),
    ),
    case("h2_retry_5xx", frames(respond(status="503", end=True)), reply2(), routes=retrying("5xx")),
    case("h2_retry_closed", frames(Close()), reply2(), routes=retrying("reset-before-request")),
    case("h2_retry_all_refused", frames(rst(REFUSED_STREAM)), routes=retrying("refused-stream")),
    case(
        "h2_retry_body",
        frames(rst(REFUSED_STREAM)),
        reply2(),
        routes=retrying("refused-stream"),
        steps=asked(ask(method="POST", end=False), Data(b"hello", 1, True)),
    ),
    case(
        "h2_upstream_goaway",
        frames(respond(end=True), GoAway()),
        reply2(),
        steps=(Send2((ask(),)), Read2(), Wait(0.2), Send2((ask(on=3),)), Read2((3,)), End2()),
    ),
    case(
        "h2_upstream_goaway_refuses",
        frames(GoAway(0)),
        reply2(),
        steps=asked(ask()),
        routes=retrying("refused-stream"),
    ),
    case("h2_upstream_goaway_refuses_unretried", frames(GoAway(0)), steps=asked(ask())),
    case(
        "h2_upstream_goaway_error",
        frames(GoAway(0, INTERNAL_ERROR), Sleep(0.1), Close()),
        steps=asked(ask()),
    ),
    case(
        "h2_upstream_goaway_while_in_flight",
        frames(GoAway(2**31 - 1), Sleep(0.2), respond(), Data(b"late", end=True), Sleep(0.2)),
        steps=asked(ask()),
        # Envoy takes it for an error when it closes a connection itself while it reads from it.
        ignore_stats="upstream_cx_protocol_error",
    ),
    case(
        "h2_upstream_takes_one_stream",
        frames(Sleep(0.2), respond(end=True)),
        steps=(
            Send2((ask("/1"),)),
            Read2(),
            Send2((ask("/2", on=3), ask("/3", on=5))),
            Read2((3, 5)),
            End2(),
        ),
        script=Script2([frames(Sleep(0.2), respond(end=True))], values={MAX_CONCURRENT_STREAMS: 1}),
        unordered=True,
    ),
    case(
        "h2_cluster_limits_streams",
        steps=(Send2((ask("/1"), ask("/2", on=3))), Read2((1, 3)), End2()),
        script=Script2([frames(Sleep(0.2), respond(end=True))]),
        clusters=cluster("max_concurrent_streams: 1"),
        unordered=True,
    ),
    case(
        "h2_cluster_max_requests_per_connection",
        steps=(Send2((ask("/1"),)), Read2((1,)), Send2((ask("/2", on=3),)), Read2((3,)), End2()),
        clusters=cluster(common="max_requests_per_connection: 1"),
        # Envoy takes it for an error when it closes a connection itself while it reads from it.
        ignore_stats="upstream_cx_protocol_error",
    ),
    case(
        "h2_cluster_idle",
        steps=(Send2((ask("/1"),)), Read2(), Wait(0.8), End2()),
        clusters=cluster(common="idle_timeout: 0.3s"),
    ),
    case(
        "h2_cluster_max_duration",
        steps=(
            Send2((ask("/1"),)),
            Read2(),
            Wait(0.8),
            Send2((ask("/2", on=3),)),
            Read2((3,)),
            End2(),
        ),
        clusters=cluster(common="max_connection_duration: 0.3s"),
    ),
    case(
        "h2_cluster_keepalive_unanswered",
        steps=(Send2((ask("/1"),)), Read2(), Wait(1.4), End2()),
        script=Script2([reply2()], shown=True, answers_pings=False),
        clusters=cluster(
            "connection_keepalive: {interval: 0.5s, timeout: 0.3s, interval_jitter: {value: 0}}"
        ),
    ),
    case(
        "h2_cluster_keepalive_answered",
        steps=(Send2((ask("/1"),)), Read2(), Wait(0.8), End2()),
        script=Script2([reply2()], shown=True),
        clusters=cluster(
            "connection_keepalive: {interval: 0.5s, timeout: 0.3s, interval_jitter: {value: 0}}"
        ),
        ignore_stats="cx_rx_bytes",
    ),
    case(
        "h2_cluster_max_requests",
        steps=(Send2((ask(),)), Wait(0.3), Send2((ask(on=3),)), Read2((3,)), Read2((1,)), End2()),
        script=Script2([frames(Sleep(0.8), respond(end=True))]),
        clusters=cluster(extra="circuit_breakers: {thresholds: [{max_requests: 1}]}"),
    ),
    Case(
        "h2_downstream_protocol_h1",
        once(get()),
        clusters=cluster(how="use_downstream_protocol_config: {http2_protocol_options: {}}"),
    ),
    case(
        "h2_downstream_protocol_h2",
        clusters=cluster(how="use_downstream_protocol_config: {http2_protocol_options: {}}"),
    ),
    case(
        "h2_protocol_selection_h2",
        clusters="[{name: $be, hosts: [$up], protocol_selection: USE_DOWNSTREAM_PROTOCOL}]",
    ),
    Case(
        "h2_protocol_selection_h1",
        once(get()),
        clusters="[{name: $be, hosts: [$up], protocol_selection: USE_DOWNSTREAM_PROTOCOL}]",
    ),
    case(
        "h2_deprecated_options", clusters="[{name: $be, hosts: [$up], http2_protocol_options: {}}]"
    ),
    Case(
        "h2_upstream_speaks_http1",
        asked(ask()),
        clusters=cluster(),
        upstreams={"up": Script([reply()])},
        ignore_stats="cx_tx_bytes",
    ),
    case("h1_upstream_speaks_http2", clusters="[{name: $be, hosts: [$up]}]"),
    case("h2_upstream_refused", clusters=cluster().replace("$up", "$dead")),
    case(
        "h2_reset_after_whole_answer",
        frames(respond(), Data(b"abc", end=True), rst(NO_ERROR)),
        steps=asked(ask()),
    ),
    case(
        "h2_waits_for_the_end_of_the_request",
        frames(respond(), WhenOver(), Data(b"done", end=True), early=True),
        steps=(
            Send2((ask(method="POST", end=False),)),
            Wait(0.2),
            Send2((Data(b"x", 1, True),)),
            Read2(),
            End2(),
        ),
    ),
)
