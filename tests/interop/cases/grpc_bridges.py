"""The bridges between gRPC and plain HTTP/1.1."""

from __future__ import annotations

from dataclasses import replace

from tests.interop.cases.grpc_stats import (
    ALL,
    ECHO,
    TWO,
    answer,
    call,
    filtered,
    frames,
    trailers_only,
)
from tests.interop.cases.http2_upstream import cluster
from tests.interop.model import Case, Differs, Step, once
from tests.support.client import get, post
from tests.support.http2 import INTERNAL_ERROR, REFUSED_STREAM, Data, rst
from tests.support.http2_upstream import Move, Script2, respond
from tests.support.http2_upstream import frames as broken
from tests.support.upstream import Answer, Close, Reset, Send, Sleep, raw, reply

BRIDGE = "grpc_http1_bridge.v3.Config"
UPGRADE = f"{BRIDGE}, upgrade_protobuf_to_grpc: true"
PROTOBUF = "content-type: application/x-protobuf\r\n"
REVERSE = "grpc_http1_reverse_bridge.v3.FilterConfig, content_type: application/x-protobuf"
BARE = f"{REVERSE}, withhold_grpc_frames: true"
SIZED = f"{BARE}, response_size_header: Custom-Size"
ONE_OF = "type.googleapis.com/envoy.extensions.filters.http.grpc_http1_reverse_bridge.v3"


def bridged(
    name: str,
    *steps: Step | bytes,
    upstream: Answer = TWO,
    filters: tuple[str, ...] = (BRIDGE,),
    routes: str = "[{match: {prefix: /}, route: {cluster: $be}}]",
    listener: str = "",
) -> Case:
    """Calls through a bridge."""
    case = filtered(f"bridge_{name}", *filters, steps=steps, upstream=(upstream,), routes=routes)
    return replace(case, listener=listener)


def reverse(
    name: str,
    *steps: Step | bytes,
    upstream: Answer,
    options: str = BARE,
    routes: str = "[{match: {prefix: /}, route: {cluster: $be}}]",
) -> Case:
    """Calls through the reverse bridge."""
    steps = steps or (call("/a.B/C", frames(b"question")),)
    return filtered(f"reverse_{name}", options, steps=steps, upstream=(upstream,), routes=routes)


def broken_over_h2(name: str, *moves: Move) -> Case:
    """A call whose response over HTTP/2 breaks while the bridge still holds its head."""
    case = filtered(
        f"bridge_h2_{name}",
        BRIDGE,
        steps=once(ECHO, "POST"),
        upstream=(),
        clusters=cluster(),
    )
    script = Script2([broken(respond(("content-type", "application/grpc")), *moves)])
    # How many bytes a header block takes is up to the encoder.
    return replace(case, upstreams={"up": script}, ignore_stats="cx_tx_bytes")


PLAIN = reply(200, b"answer", PROTOBUF)

CASES = (
    bridged("unary", ECHO),
    bridged(
        "failure",
        ECHO,
        upstream=answer(frames(b"x"), trailers=b"grpc-status: 5\r\ngrpc-message: no\r\n"),
    ),
    bridged("no_number", ECHO, upstream=answer(frames(b"x"), trailers=b"grpc-status: five\r\n")),
    bridged("trailers_only", ECHO, upstream=trailers_only(5, "no")),
    bridged("trailers_only_ok", ECHO, upstream=trailers_only(0)),
    bridged("no_trailers", ECHO, upstream=answer(frames(b"x"), trailers=b"")),
    bridged("no_messages", ECHO, upstream=answer()),
    bridged("http_error", ECHO, upstream=reply(500, b"oh", reason="Internal Server Error")),
    bridged("not_grpc", post("/x", b"body"), upstream=reply(200, b"plain")),
    bridged("upgrade", post("/a.B/C?q=1", b"message", headers=PROTOBUF), filters=(UPGRADE,)),
    bridged("upgrade_in_chunks", call("/a.B/C", b"message", PROTOBUF), filters=(UPGRADE,)),
    bridged("upgrade_without_body", post("/a.B/C", b"", headers=PROTOBUF), filters=(UPGRADE,)),
    bridged("upgrade_of_grpc", ECHO, filters=(UPGRADE,)),
    bridged("no_upgrade", post("/a.B/C", b"message", headers=PROTOBUF)),
    bridged(
        "upgrade_failure",
        post("/a.B/C", b"message", headers=PROTOBUF),
        filters=(UPGRADE,),
        upstream=trailers_only(3, "bad"),
    ),
    replace(
        bridged(
            "upgrade_too_large",
            *once(post("/a.B/C", b"m" * 100, headers=PROTOBUF), "POST"),
            filters=(UPGRADE,),
            listener="per_connection_buffer_limit_bytes: 50",
        ),
        differs=Differs(
            "Envoy keeps a message for its frame beyond the limit of the connection's buffer",
            (413,),
        ),
    ),
    bridged(
        "upgrade_chooses_the_route_again",
        post("/a.B/C", b"message", headers=PROTOBUF),
        filters=(UPGRADE,),
        routes="[{match: {prefix: /, grpc: {}}, name: grpc, route: {cluster: $be}},"
        " {match: {prefix: /}, direct_response: {status: 418}}]",
    ),
    bridged(
        "query_ignored",
        call("/a.B/C?q=1&r", frames(b"x")),
        get("/x?q=1"),
        filters=(f"{BRIDGE}, ignore_query_parameters: true",),
    ),
    bridged("with_stats", ECHO, filters=(BRIDGE, ALL)),
    bridged(
        "broken_response",
        *once(ECHO, "POST"),
        upstream=raw(
            Send(
                b"HTTP/1.1 200 OK\r\ncontent-type: application/grpc\r\ncontent-length: 9\r\n\r\nxx"
            ),
            Close(),
        ),
    ),
    bridged(
        "broken_response_of_protobuf",
        *once(post("/a.B/C", b"message", headers=PROTOBUF), "POST"),
        filters=(UPGRADE,),
        upstream=raw(
            Send(
                b"HTTP/1.1 200 OK\r\ncontent-type: application/grpc\r\ncontent-length: 9\r\n\r\nxx"
            ),
            Close(),
        ),
    ),
    broken_over_h2("closes", Data(b"xx"), Sleep(0.1), Close()),
    broken_over_h2("reset", Data(b"xx"), Sleep(0.1), rst(INTERNAL_ERROR)),
    broken_over_h2("refused", Data(b"xx"), Sleep(0.1), rst(REFUSED_STREAM)),
    broken_over_h2("connection_reset", Data(b"xx"), Sleep(0.1), Reset()),
    reverse("bare", upstream=PLAIN),
    reverse("framed", options=REVERSE, upstream=PLAIN),
    reverse(
        "with_length",
        post("/a.B/C", frames(b"question"), headers="content-type: application/grpc+proto\r\n"),
        upstream=PLAIN,
    ),
    reverse("empty_answer", upstream=reply(200, b"", PROTOBUF)),
    reverse("empty_answer_framed", options=REVERSE, upstream=reply(200, b"", PROTOBUF)),
    reverse("error", upstream=reply(503, b"e", PROTOBUF, "Service Unavailable")),
    reverse("wrong_type", upstream=reply(200, b"page", "content-type: text/html\r\n")),
    reverse("no_type", upstream=reply(404, b"", reason="Not Found")),
    reverse("too_small", call("/a.B/C", b"abc"), upstream=PLAIN),
    reverse(
        "sized", options=SIZED, upstream=reply(200, b"answer", PROTOBUF + "custom-size: 6\r\n")
    ),
    reverse("size_missing", options=SIZED, upstream=PLAIN),
    reverse(
        "without_body", get("/x", headers="content-type: application/grpc\r\n"), upstream=PLAIN
    ),
    reverse("not_grpc", post("/x", b"body"), upstream=PLAIN),
    reverse(
        "off_for_a_route",
        upstream=answer(frames(b"x")),
        routes="[{match: {prefix: /}, route: {cluster: $be}, typed_per_filter_config:"
        " {grpc_http1_reverse_bridge.v3.FilterConfig:"
        f" {{'@type': {ONE_OF}.FilterConfigPerRoute, disabled: true}}}}}}]",
    ),
)
