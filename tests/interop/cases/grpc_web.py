"""The gRPC-Web filter: binary and text, trailers in the body, responses that are no gRPC."""

from __future__ import annotations

import base64

from tests.interop.cases.grpc_stats import (
    ALL,
    TWO,
    answer,
    call,
    filtered,
    frames,
    trailers_only,
)
from tests.interop.model import Case
from tests.support.client import get, post
from tests.support.upstream import Answer, Send, Sleep, raw, reply

WEB = "grpc_web.v3.GrpcWeb"
BINARY = "content-type: application/grpc-web+proto\r\n"
TEXT = "content-type: application/grpc-web-text\r\naccept: application/grpc-web-text\r\n"


def text(*messages: bytes) -> bytes:
    """Messages in base64, all at once."""
    return base64.b64encode(frames(*messages))


def web(
    name: str,
    *steps: bytes,
    upstream: Answer = TWO,
    filters: tuple[str, ...] = (WEB,),
    routes: str = "[{match: {prefix: /}, route: {cluster: $be}}]",
    clusters: str = "",
) -> Case:
    """Calls through the filter."""
    options = {"clusters": clusters} if clusters else {}
    return filtered(
        f"web_{name}", *filters, steps=steps, upstream=(upstream,), routes=routes, **options
    )


FOREIGN = "content-type: text/plain\r\n"
SLOW_FOREIGN = raw(
    Send(b"HTTP/1.1 500 Error\r\ncontent-length: 20000\r\n\r\n" + b"a" * 10000),
    Sleep(0.05),
    Send(b"b" * 10000),
)

CASES = (
    web("binary", call("/pkg.Echo/Say", frames(b"one", b"two"), BINARY)),
    web("binary_plain_type", call("/a/b", frames(b"x"), "content-type: application/grpc-web\r\n")),
    web("text", call("/pkg.Echo/Say", text(b"one", b"two"), TEXT)),
    web("text_proto", call("/a/b", text(b"x"), TEXT.replace("-text", "-text+proto"))),
    web("text_request_alone", call("/a/b", text(b"x"), TEXT.partition("accept")[0])),
    web(
        "text_response_alone",
        call("/a/b", frames(b"x"), BINARY + "accept: application/grpc-web-text+proto\r\n"),
    ),
    web("length_is_taken_away", post("/a/b", frames(b"x"), headers=BINARY)),
    web("text_with_length", post("/a/b", text(b"x", b"yy"), headers=TEXT)),
    web("text_of_bad_size", post("/a/b", text(b"x")[:-1], headers=TEXT)),
    web("text_that_is_no_base64", post("/a/b", b"!!!!", headers=TEXT)),
    web("text_without_body", post("/a/b", b"", headers=TEXT)),
    web("trailers_only", call("/a/b", frames(b"x"), BINARY), upstream=trailers_only(5, "gone")),
    web("trailers_only_text", call("/a/b", text(b"x"), TEXT), upstream=trailers_only(7)),
    web(
        "failure_in_trailers",
        call("/a/b", frames(b"x"), BINARY),
        upstream=answer(
            frames(b"y"), trailers=b"grpc-status: 3\r\ngrpc-message: bad\r\nX-More: 1\r\n"
        ),
    ),
    web(
        "no_trailers",
        call("/a/b", frames(b"x"), BINARY),
        upstream=answer(frames(b"y"), trailers=b""),
    ),
    web("no_messages_text", call("/a/b", text(b"x"), TEXT), upstream=answer()),
    web(
        "response_is_web_already",
        call("/a/b", frames(b"x"), BINARY),
        upstream=reply(200, frames(b"y"), "content-type: application/GRPC-web+proto; a=b\r\n"),
    ),
    web(
        "foreign_response",
        call("/a/b", frames(b"x"), BINARY),
        upstream=reply(503, b"no\xc3\xa9 100%", FOREIGN, "Service Unavailable"),
    ),
    web(
        "foreign_response_200",
        call("/a/b", text(b"x"), TEXT),
        upstream=reply(200, b"page", FOREIGN),
    ),
    web("foreign_response_empty", call("/a/b", frames(b"x"), BINARY), upstream=reply(404, b"")),
    web("foreign_response_long", call("/a/b", frames(b"x"), BINARY), upstream=SLOW_FOREIGN),
    web(
        "foreign_with_trailers",
        call("/a/b", frames(b"x"), BINARY),
        upstream=answer(b"words", headers=FOREIGN, trailers=b"grpc-status: 9\r\nx-t: 1\r\n"),
    ),
    web(
        "local_reply", call("/a/b", frames(b"x"), BINARY), clusters="[{name: $be, hosts: [$dead]}]"
    ),
    web(
        "direct_response",
        call("/a/b", frames(b"x"), TEXT),
        routes="[{match: {prefix: /}, direct_response: {status: 429, body: {inline_string: hm}}}]",
    ),
    web("not_web", call("/a/b", frames(b"x")), get("/")),
    web(
        "accept_encoding_kept",
        call("/a/b", frames(b"x"), BINARY + "grpc-accept-encoding: gzip\r\n"),
    ),
    web("with_stats_after", call("/a/b", text(b"x"), TEXT), filters=(WEB, ALL)),
    web("with_stats_before", call("/a/b", text(b"x"), TEXT), filters=(ALL, WEB)),
    web(
        "unknown_status",
        call("/a/b", frames(b"x"), BINARY),
        upstream=answer(trailers=b"grpc-status: 99\r\n"),
    ),
)
