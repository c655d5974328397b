"""Answers of upstreams: unusual ones are forwarded, bad ones become errors."""

from __future__ import annotations

from dataclasses import replace

from tests.interop.model import Case, Differs, End, Read, Wait, Write, once
from tests.support.client import get, post
from tests.support.upstream import Answer, Close, HalfClose, Reset, Script, Sleep, raw, reply

OK = b"HTTP/1.1 200 OK\r\n"


def answered(
    name: str, *answers: Answer, requests: int = 1, method: str = "GET", within: float = 0.15
) -> Case:
    """Requests on one connection, against a script."""
    data = get("/x").replace(b"GET", method.encode())
    steps = (Write(data), Read(method)) * requests
    return Case(name, (*steps, End(within=within)), upstreams={"up": Script(answers)})


def bad(name: str, data: bytes, passed_on: str = "") -> Case:
    """One answer that no client should get as it is; `passed_on` says why Lateen refuses it."""
    case = answered(name, raw(data), within=0.4)
    return replace(case, differs=Differs(passed_on, (502,))) if passed_on else case


NOT_A_STATUS = "Envoy forwards a status code that is not one; Lateen answers 502"
NOT_A_VERSION = "Envoy reads any version as HTTP/1; Lateen answers 502 to another one"
NOT_ASKED = "Envoy forwards a switch of protocols that nobody asked for; Lateen answers 502"


CASES = (
    answered("up_plain", reply(201, b"made", "Location: /new\r\nX-Up: Yes\r\n", "Created")),
    answered(
        "up_own_server_and_date",
        reply(200, b"x", "Server: mine\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"),
    ),
    answered("up_no_reason", raw(b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n")),
    answered("up_own_reason", raw(b"HTTP/1.1 200 Fine By Me\r\nContent-Length: 0\r\n\r\n")),
    answered("up_unknown_status", raw(b"HTTP/1.1 299 Odd\r\nContent-Length: 0\r\n\r\n")),
    answered("up_status_999", raw(b"HTTP/1.1 999 Odd\r\nContent-Length: 0\r\n\r\n")),
    answered(
        "up_chunked",
        raw(OK + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"),
    ),
    answered(
        "up_chunked_trailers",
        raw(
            OK
            + b"Transfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n3\r\nabc\r\n0\r\nX-T: 1\r\n\r\n"
        ),
    ),
    answered("up_until_close", raw(OK + b"\r\nuntil the end", Close()), within=1),
    answered("up_http_1_0", raw(b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok"), requests=2),
    answered("up_http_1_0_until_close", raw(b"HTTP/1.0 200 OK\r\n\r\nold", Close()), within=1),
    answered(
        "up_connection_close",
        raw(OK + b"Connection: close\r\nContent-Length: 2\r\n\r\nok", Close()),
        requests=2,
    ),
    answered(
        "up_connection_close_stays_open",
        raw(OK + b"Connection: close\r\nContent-Length: 2\r\n\r\nok"),
        requests=2,
    ),
    answered(
        "up_hop_by_hop",
        reply(
            200,
            b"x",
            "Connection: X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=9\r\n"
            "Proxy-Authenticate: Basic\r\nProxy-Connection: close\r\nTE: x\r\nUpgrade: foo\r\n",
        ),
    ),
    answered(
        "up_header_case_order",
        reply(200, b"x", "X-B: 1\r\nx-a: 2\r\nX-B: 3\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n"),
    ),
    answered("up_header_padding", reply(200, b"x", "X-A:    v  \t\r\nX-Empty:\r\n")),
    answered("up_204", raw(b"HTTP/1.1 204 No Content\r\n\r\n"), requests=2),
    answered("up_304", raw(b'HTTP/1.1 304 Not Modified\r\nETag: "x"\r\n\r\n'), requests=2),
    answered(
        "up_304_with_length",
        raw(b"HTTP/1.1 304 Not Modified\r\nContent-Length: 10\r\n\r\n"),
        requests=2,
    ),
    answered("up_205", raw(b"HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n")),
    answered(
        "up_head_with_length", raw(OK + b"Content-Length: 1234\r\n\r\n"), requests=2, method="HEAD"
    ),
    answered(
        "up_head_chunked",
        raw(OK + b"Transfer-Encoding: chunked\r\n\r\n"),
        requests=2,
        method="HEAD",
    ),
    answered("up_head_bare", raw(OK + b"\r\n"), method="HEAD"),
    answered(
        "up_100_then_200",
        raw(b"HTTP/1.1 100 Continue\r\n\r\n" + OK + b"Content-Length: 2\r\n\r\nok"),
    ),
    answered(
        "up_102_103_then_200",
        raw(
            b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
            + OK
            + b"Content-Length: 2\r\n\r\nok"
        ),
    ),
    answered(
        "up_sent_in_pieces",
        raw(
            b"HTTP/1.1 20",
            Sleep(0.03),
            b"0 OK\r\nContent-Le",
            Sleep(0.03),
            b"ngth: 4\r\n\r",
            Sleep(0.03),
            b"\nab",
            Sleep(0.03),
            b"cd",
        ),
    ),
    answered(
        "up_streamed_chunks",
        raw(
            OK + b"Transfer-Encoding: chunked\r\n\r\n",
            Sleep(0.05),
            b"3\r\nabc\r\n",
            Sleep(0.05),
            b"3\r\ndef\r\n0\r\n\r\n",
        ),
    ),
    answered(
        "up_half_close_after", raw(OK + b"Content-Length: 2\r\n\r\nok", HalfClose()), requests=1
    ),
    answered("up_content_length_zero", raw(OK + b"Content-Length: 0\r\n\r\n"), requests=2),
    answered(
        "up_x_envoy_headers",
        reply(
            200,
            b"x",
            "x-envoy-upstream-service-time: 77\r\nx-envoy-foo: 1\r\n"
            "x-envoy-immediate-health-check-fail: 1\r\n",
        ),
    ),
    answered("up_closes_before_headers", raw(Close())),
    answered("up_resets_before_headers", raw(Reset())),
    answered("up_closes_mid_headers", raw(b"HTTP/1.1 200 OK\r\nX-A: b\r\n", Close())),
    answered(
        "up_closes_mid_body",
        raw(OK + b"Content-Length: 10\r\n\r\nabc", Sleep(0.1), Close()),
        within=2,
    ),
    answered(
        "up_closes_mid_chunk",
        raw(OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nabc", Sleep(0.1), Close()),
        within=2,
    ),
    answered(
        "up_closes_between_chunks",
        raw(OK + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", Sleep(0.1), Close()),
        within=2,
    ),
    Case(
        "up_refuses",
        once(get("/x")),
        routes="[{match: {prefix: /}, route: {cluster: $down}}]",
        clusters="[{name: $down, hosts: [$dead]}]",
    ),
    Case(
        "up_no_hosts",
        once(get("/x")),
        routes="[{match: {prefix: /}, route: {cluster: $none}}]",
        clusters="[{name: $none, hosts: []}]",
    ),
    Case(
        "up_closed_idle_connection",
        (
            Write(get("/1")),
            Read(),
            Wait(0.3),
            Write(get("/2")),
            Read(),
            End(),
        ),
        upstreams={"up": Script([raw(OK + b"Content-Length: 2\r\n\r\nok", Sleep(0.1), Close())])},
    ),
    bad("up_garbage", b"GARBAGE IS NOT HTTP\r\n\r\n"),
    bad("up_duplicate_length", OK + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nok"),
    bad("up_duplicate_equal_length", OK + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\nok"),
    bad(
        "up_length_and_chunked",
        OK + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    ),
    bad("up_bad_length", OK + b"Content-Length: x\r\n\r\nok"),
    bad("up_nul_in_header", OK + b"X-A: a\0b\r\nContent-Length: 2\r\n\r\nok"),
    bad("up_bad_header_name", OK + b"X A: b\r\nContent-Length: 2\r\n\r\nok"),
    bad("up_status_99", b"HTTP/1.1 99 Low\r\nContent-Length: 0\r\n\r\n", NOT_A_STATUS),
    bad("up_status_1000", b"HTTP/1.1 1000 High\r\nContent-Length: 0\r\n\r\n", NOT_A_STATUS),
    bad("up_status_word", b"HTTP/1.1 abc Odd\r\nContent-Length: 0\r\n\r\n"),
    bad("up_too_many_headers", OK + b"a: b\r\n" * 120 + b"Content-Length: 0\r\n\r\n"),
    bad("up_headers_too_big", OK + b"x: " + b"v" * 70000 + b"\r\nContent-Length: 0\r\n\r\n"),
    bad("up_204_with_length", b"HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\nok"),
    bad("up_204_with_zero_length", b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n"),
    bad(
        "up_204_chunked", b"HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    ),
    bad(
        "up_unsolicited_101",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
        NOT_ASKED,
    ),
    bad("up_version_2", b"HTTP/2.0 200 OK\r\nContent-Length: 2\r\n\r\nok", NOT_A_VERSION),
    bad("up_coding_gzip", OK + b"Transfer-Encoding: gzip\r\n\r\nxx"),
    bad("up_chunk_size_bad", OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nok\r\n0\r\n\r\n"),
    bad("up_bytes_after_response", OK + b"Content-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n\r\n"),
    Case(
        "up_bytes_after_then_next",
        (
            Write(get("/1")),
            Read(),
            Wait(0.1),
            Write(get("/2")),
            Read(),
            End(),
        ),
        upstreams={
            "up": Script(
                [
                    raw(OK + b"Content-Length: 2\r\n\r\nokEXTRA"),
                    reply(200, b"second"),
                ]
            )
        },
    ),
    Case(
        "up_answers_post_twice",
        once(post("/x", b"abc")),
        upstreams={
            "up": Script(
                [
                    raw(OK + b"Content-Length: 2\r\n\r\nok" + OK + b"Content-Length: 3\r\n\r\nbad"),
                ]
            )
        },
    ),
)
