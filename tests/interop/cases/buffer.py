"""The buffer filter: whole requests, limits, lengths, timeouts, overrides."""

from __future__ import annotations

from dataclasses import replace

from tests.interop.filters import GRPC, filtered, route, typed
from tests.interop.model import Case, Differs, Drop, End, Read, Step, Wait, Write, asked
from tests.support.client import get, post
from tests.support.http2 import Data, ask

TEN = typed("buffer.v3.Buffer", "max_request_bytes: 10")
HEAD = b"POST /x HTTP/1.1\r\nHost: h\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
EXPECTS = HEAD + b"Expect: 100-continue\r\nContent-Length: 5\r\n\r\n"
LAST_FRAME = "Envoy does not hold the last frame of a request against the limit"


def override(fields: str) -> str:
    """The filter's configuration at a route."""
    return typed("buffer.v3.BufferPerRoute", fields)


def buffered(name: str, *steps: Step | bytes, **more: str) -> Case:
    """Requests through a buffer of ten bytes."""
    return filtered(f"buffer_{name}", TEN, *steps, **more)


CASES = (
    buffered("no_body", get("/x")),
    buffered("length", post("/x", b"hello")),
    buffered("length_of_the_limit", post("/x", b"0123456789")),
    buffered("length_over_the_limit", post("/x", b"0123456789a")),
    buffered("length_zero", post("/x", b"")),
    buffered("chunked", CHUNKED + b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"),
    buffered("chunked_of_the_limit", CHUNKED + b"a\r\n0123456789\r\n0\r\n\r\n"),
    buffered("chunked_over_the_limit", CHUNKED + b"8\r\n01234567\r\n8\r\n01234567\r\n0\r\n\r\n"),
    buffered("chunked_empty", CHUNKED + b"0\r\n\r\n"),
    buffered("chunked_with_trailers", CHUNKED + b"3\r\nabc\r\n0\r\nX-T: 1\r\n\r\n",
             hcm="http_protocol_options: {enable_trailers: true}"),
    buffered("slow", Write(HEAD + b"Content-Length: 6\r\n\r\nabc"), Wait(0.1), Write(b"def"),
             Read("POST"), End()),
    buffered("two_on_a_connection", Write(post("/x", b"one")), Read("POST"),
             Write(post("/y", b"two")), Read("POST"), End()),
    buffered("expect", Write(EXPECTS), Wait(0.1), Write(b"hello"), Read("POST"), End()),
    buffered("malformed", Write(CHUNKED + b"3\r\nabc\r\n"), Wait(0.1), Write(b"zz\r\n"),
             Read("POST"), End()),
    buffered("client_goes", Write(HEAD + b"Content-Length: 6\r\n\r\nabc"), Wait(0.1), Drop(),
             Wait(0.1)),
    buffered("idle", Write(HEAD + b"Content-Length: 6\r\n\r\nabc"), Read("POST"),
             hcm="stream_idle_timeout: 0.2s"),
    buffered("request_timeout", Write(HEAD + b"Content-Length: 6\r\n\r\nabc"), Read("POST"),
             hcm="request_timeout: 0.2s"),
    buffered("h2", *asked(ask("/x", method="POST", end=False), Data(b"hello", 1, True))),
    buffered("h2_over_the_limit", *asked(ask("/x", method="POST", end=False),
             Data(b"0123456789a", 1), Data(b"", 1, True))),
    buffered("h2_grpc_over_the_limit", *asked(ask("/a.B/C", GRPC, method="POST", end=False),
             Data(b"0123456789a", 1), Data(b"", 1, True))),
    replace(
        buffered("h2_over_the_limit_at_the_end",
                 *asked(ask("/x", method="POST", end=False), Data(b"0123456789a", 1, True))),
        differs=Differs(LAST_FRAME, (413,)),
    ),
    buffered("more_at_a_route", post("/x", b"0123456789a"),
             routes=f"[{route(buffer=override('buffer: {max_request_bytes: 20}'))}]"),
    buffered("less_at_a_route", post("/x", b"0123456"),
             routes=f"[{route(buffer=override('buffer: {max_request_bytes: 5}'))}]"),
    buffered("off_at_a_route", post("/x", b"0123456789a"),
             routes=f"[{route(buffer=override('disabled: true'))}]"),
    buffered("before_direct_response", post("/x", b"hello"), post("/x", b"0123456789a"),
             routes=f"[{route('direct_response: {status: 200}')}]"),
    buffered("without_a_route", post("/x", b"hello"), routes="[]"),
)  # fmt: skip
