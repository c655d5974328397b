"""HTTP/1.1 requests that are served, and how they are forwarded."""

from __future__ import annotations

from tests.interop.model import Case, Differs, End, HalfClose, Read, Wait, Write, once
from tests.support.client import get, post
from tests.support.upstream import ReadBody, Script, Sleep, raw, reply

CHUNKED = b"POST /p HTTP/1.1\r\nHost: example.com\r\nTransfer-Encoding: chunked\r\n\r\n"
# A proxy may join or split chunks (RFC 9112, section 7.1).
HOW_CHUNKS_ARE_CUT = r"upstream_cx_tx_bytes_total"
STRICTER = "Lateen refuses what nginx and HAProxy refuse too: it is a way to smuggle requests"


def stricter(*statuses: int) -> Differs:
    """A request that Envoy serves and Lateen refuses."""
    return Differs(STRICTER, statuses or (400,))


CASES = (
    Case("get", (get("/x?q=1"),)),
    Case("head", once(b"HEAD /x HTTP/1.1\r\nHost: example.com\r\n\r\n", "HEAD")),
    Case("options_star", once(b"OPTIONS * HTTP/1.1\r\nHost: example.com\r\n\r\n")),
    Case("post_length", once(post("/p", b"abc"))),
    Case("post_empty", once(post("/p", b""))),
    Case("post_no_framing", once(b"POST /p HTTP/1.1\r\nHost: example.com\r\n\r\n")),
    Case("get_with_body", once(get("/p", headers="Content-Length: 3\r\n") + b"abc")),
    Case(
        "put_delete_patch",
        tuple(
            f"{m} /p HTTP/1.1\r\nHost: example.com\r\n\r\n".encode()
            for m in ("PUT", "DELETE", "PATCH", "OPTIONS", "TRACE")
        ),
    ),
    Case(
        "webdav_methods",
        tuple(
            f"{m} /p HTTP/1.1\r\nHost: example.com\r\n\r\n".encode()
            for m in ("PROPFIND", "MKCOL", "REPORT", "PURGE", "LOCK", "M-SEARCH", "QUERY", "SOURCE")
        ),
    ),
    Case("chunked", once(CHUNKED + b"3\r\nabc\r\n0\r\n\r\n")),
    Case(
        "chunked_upper_case",
        once(CHUNKED.replace(b"chunked", b"CHUNKED") + b"3\r\nabc\r\n0\r\n\r\n"),
    ),
    Case("chunked_extension", once(CHUNKED + b"3;a=b\r\nabc\r\n0;c\r\n\r\n")),
    Case("chunked_trailers", once(CHUNKED + b"3\r\nabc\r\n0\r\nX-T: 1\r\nY: 2\r\n\r\n")),
    Case(
        "chunked_hex_case",
        once(CHUNKED + b"A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n"),
        ignore_stats=HOW_CHUNKS_ARE_CUT,
    ),
    Case("chunked_leading_zeros", once(CHUNKED + b"0003\r\nabc\r\n000\r\n\r\n")),
    Case(
        "chunked_sent_slowly",
        (
            Write(CHUNKED + b"3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n", piece=7, pause=0.01),
            Read(),
            End(),
        ),
    ),
    Case("leading_crlf", once(b"\r\n\r\n" + get("/x"))),
    Case(
        "pipelined_three",
        (
            Write(get("/1") + get("/2") + get("/3")),
            Read(),
            Read(),
            Read(),
            End(),
        ),
    ),
    Case(
        "pipelined_posts",
        (
            Write(post("/1", b"one") + post("/2", b"two") + get("/3")),
            Read(),
            Read(),
            Read(),
            End(),
        ),
    ),
    Case(
        "keep_alive_sequence",
        (
            Write(get("/1")),
            Read(),
            Write(post("/2", b"xyz")),
            Read(),
            Write(get("/3")),
            Read(),
            End(),
        ),
    ),
    Case("byte_by_byte", (Write(post("/slow", b"abc"), piece=1, pause=0.0005), Read(), End())),
    Case("absolute_form", once(b"GET http://b.test/q?x=1 HTTP/1.1\r\nHost: example.com\r\n\r\n")),
    Case("absolute_form_no_path", once(b"GET http://b.test HTTP/1.1\r\nHost: a.test\r\n\r\n")),
    Case(
        "absolute_form_port",
        once(b"GET http://b.test:8080/q HTTP/1.1\r\nHost: example.com\r\n\r\n"),
    ),
    Case("absolute_form_https", once(b"GET https://b.test/q HTTP/1.1\r\nHost: b.test\r\n\r\n")),
    Case("connection_close", once(get("/x", headers="Connection: close\r\n"), within=3)),
    Case(
        "connection_names_header",
        once(
            get("/x", headers="Connection: close, X-Auth\r\nX-Auth: secret\r\nX-Keep: 1\r\n"),
            within=3,
        ),
    ),
    Case(
        "connection_keep_alive",
        once(get("/x", headers="Connection: keep-alive\r\nKeep-Alive: timeout=5\r\n")),
    ),
    Case(
        "hop_by_hop_headers",
        once(
            get(
                "/x",
                headers="Proxy-Connection: keep-alive\r\nTE: trailers\r\nTrailer: X-T\r\n"
                "Proxy-Authorization: Basic eA==\r\nX-Other: kept\r\n",
            )
        ),
    ),
    Case("te_other", once(get("/x", headers="TE: gzip, trailers\r\n"))),
    Case(
        "upgrade_without_route_support",
        once(get("/x", headers="Connection: Upgrade\r\nUpgrade: websocket\r\n"), within=3),
    ),
    Case(
        "upgrade_h2c",
        once(
            get(
                "/x",
                headers="Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
                "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n",
            ),
            within=3,
        ),
    ),
    Case(
        "header_case_and_order",
        once(
            get(
                "/x",
                headers="X-One: 1\r\naccept: */*\r\nX-TWO: 2\r\nX-One: 3\r\nCookie: a=1\r\n"
                "Cookie: b=2\r\nUser-Agent: Test/1\r\n",
            )
        ),
    ),
    Case("header_spaces_trimmed", once(get("/x", headers="X-A:   padded  value \t\r\nX-E:\r\n"))),
    Case("header_obs_text", once(get("/x", headers="X-A: caf\xe9 \xff\r\n"))),
    Case("header_token_characters", once(get("/x", headers="x!#$%&'*+-.^`|~9: v\r\n"))),
    Case("header_tab_inside", once(get("/x", headers="X-A: a\tb\r\n"))),
    Case("underscore_header_allowed", once(get("/x", headers="x_under: v\r\n"))),
    Case(
        "query_and_odd_paths",
        (
            get("/a//b/../c/./d"),
            get("/%2e%2e/%41"),
            get("/a?b?c=d&e"),
            get("/~a;b=c,d'()*!$&"),
            get("//double"),
            get("/%zz"),
            get('/"quote"'),
            get("/a|b^c`{}"),
        ),
    ),
    Case("host_with_port", once(get("/x", host="example.com:8080"))),
    Case("host_ipv6", once(get("/x", host="[::1]:80"))),
    Case("host_upper_case", once(get("/x", host="EXAMPLE.com"))),
    Case("empty_host", once(get("/x", host=""))),
    Case("long_header", once(get("/x", headers="X-Long: " + "v" * 20000 + "\r\n"))),
    Case("hundred_headers", once(get("/x", headers="".join(f"x-{n}: {n}\r\n" for n in range(99))))),
    Case(
        "expect_continue",
        (
            Write(
                b"POST /p HTTP/1.1\r\nHost: example.com\r\nContent-Length: 3\r\n"
                b"Expect: 100-continue\r\n\r\n"
            ),
            Wait(0.1),
            Write(b"abc"),
            Read(),
            End(),
        ),
    ),
    Case("expect_other", once(post("/p", b"abc", headers="Expect: something\r\n"))),
    Case(
        "early_response",
        (
            Write(b"POST /p HTTP/1.1\r\nHost: example.com\r\nContent-Length: 10\r\n\r\nabc"),
            Read(),
            End(within=2),
        ),
        upstreams={
            "up": Script(
                [
                    raw(
                        b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno",
                        ReadBody(),
                        early=True,
                    )
                ]
            )
        },
        ignore_stats="rq_per_cx",
    ),
    Case(
        "half_close_after_request",
        (
            Write(get("/x")),
            Wait(0.1),
            HalfClose(),
            Read(),
            End(within=2),
        ),
        upstreams={
            "up": Script([raw(Sleep(0.4), b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")])
        },
    ),
    Case(
        "bytes_after_close_request",
        once(get("/x", headers="Connection: close\r\n") + get("/y"), within=3),
    ),
    Case(
        "big_body_both_ways",
        once(post("/p", b"x" * 300_000)),
        upstreams={"up": Script([reply(body=b"y" * 300_000)])},
    ),
    Case(
        "many_small_chunks",
        once(CHUNKED + b"1\r\nz\r\n" * 500 + b"0\r\n\r\n"),
        ignore_stats=HOW_CHUNKS_ARE_CUT,
    ),
    Case("bare_lf_lines", once(b"GET /x HTTP/1.1\nHost: example.com\n\n"), differs=stricter()),
    Case(
        "bare_lf_after_header",
        once(b"GET /x HTTP/1.1\r\nHost: example.com\nX-A: b\r\n\r\n"),
        differs=stricter(),
    ),
    Case("bare_cr_in_value", once(get("/x", headers="X-A: a\rb\r\n")), differs=stricter()),
    Case("two_hosts", once(get("/x", headers="Host: other.test\r\n")), differs=stricter()),
    Case("obs_fold", once(get("/x", headers="X-A: a\r\n b\r\n")), differs=stricter()),
    Case(
        "content_length_leading_zeros",
        once(b"POST /p HTTP/1.1\r\nHost: example.com\r\nContent-Length: 003\r\n\r\nabc"),
        differs=stricter(),
    ),
    Case(
        "chunk_longer_than_its_size",
        once(CHUNKED + b"3\r\nabcdef\r\n0\r\n\r\n", within=2),
        differs=stricter(),
    ),
)
