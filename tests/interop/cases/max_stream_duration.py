"""The longest time of a request on its way to an upstream: `max_stream_duration` of clusters."""

from __future__ import annotations

from tests.interop.cases.http2_upstream import cluster, retrying
from tests.interop.model import Case, Read2, Send2, Step, once
from tests.support.client import get, post
from tests.support.http2 import Data, Headers, ask
from tests.support.http2_upstream import Script2, WhenOver, frames, respond
from tests.support.upstream import Hold, Script, Sleep, raw, reply

LIMIT = "max_stream_duration: 0.3s"
HTTP1 = "explicit_http_config: {http_protocol_options: {}}"
LATE = raw(Sleep(0.8), b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
CALL = [
    (":method", "POST"), (":scheme", "http"), (":path", "/a.B/C"), (":authority", "a"),
    ("content-type", "application/grpc"),
]  # fmt: skip
HEAD = b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n"


def limited(
    name: str, *steps: Step, up: Script | Script2, http2: bool = False, **given: str
) -> Case:
    """A cluster whose requests may last so long."""
    given.setdefault("clusters", cluster(common=LIMIT, how="" if http2 else HTTP1))
    return Case(
        name, steps or once(get(), within=1.0), upstreams={"up": up},
        ignore_stats="cx_tx_bytes|cx_rx_bytes", **given,  # type: ignore[arg-type]
    )  # fmt: skip


CASES = (
    limited("duration_of_stream", up=Script([raw(Hold())])),
    limited("duration_not_reached", up=Script([raw(Sleep(0.1), HEAD + b"123456789")])),
    limited(
        "duration_0",
        up=Script([LATE]),
        clusters=cluster(common="max_stream_duration: 0s", how=HTTP1),
    ),
    limited("duration_in_body", up=Script([raw(HEAD + b"123", Hold())])),
    limited("duration_of_trickle", up=Script([raw(HEAD + b"1", *([Sleep(0.12), b"2"] * 6))])),
    limited(
        "duration_of_unfinished_request",
        *once(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab", within=1.0),
        up=Script([raw(Hold(), early=True)]),
    ),
    limited("duration_of_post", *once(post("/", b"hello"), within=1.0), up=Script([raw(Hold())])),
    limited("duration_retried", up=Script([LATE, reply()]), routes=retrying("5xx")),
    limited("duration_retried_reset", up=Script([LATE, reply()]), routes=retrying("reset")),
    limited("duration_not_retried", up=Script([LATE, reply()]), routes=retrying("connect-failure")),
    limited("duration_retried_in_vain", up=Script([LATE]), routes=retrying("5xx")),
    limited(
        "duration_of_each_attempt",
        up=Script(
            [
                raw(Sleep(0.2), b"HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n"),
                raw(Sleep(0.2), HEAD + b"123456789"),
            ]
        ),
        routes=retrying("5xx"),
    ),
    limited(
        "duration_behind_route_timeout",
        up=Script([LATE]),
        routes="[{match: {prefix: /}, route: {cluster: $be, timeout: 0.1s}}]",
    ),
    limited(
        "duration_before_route_timeout",
        up=Script([LATE]),
        routes="[{match: {prefix: /}, route: {cluster: $be, timeout: 0.6s}}]",
    ),
    limited("duration_2", up=Script2([frames(WhenOver(), Sleep(0.8), early=True)]), http2=True),
    limited(
        "duration_2_in_body",
        Send2((ask(),)),
        Read2(within=1.5),
        http2=True,
        up=Script2([frames(respond(), Data(b"abc"), Sleep(0.8))]),
    ),
    limited(
        "duration_of_call",
        Send2((Headers(CALL, end=True),)),
        Read2(within=1.5),
        http2=True,
        up=Script2([frames(Sleep(0.8))]),
    ),
)
