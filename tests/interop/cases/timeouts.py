"""Timeouts of connections, requests, streams and tries."""

from __future__ import annotations

from tests.interop.model import Case, Differs, End, Read, Step, Wait, Write
from tests.support.client import get
from tests.support.upstream import Answer, Hold, Script, Sleep, raw

SILENT = {"up": Script([raw(Hold())])}
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n"
POST = b"POST /x HTTP/1.1\r\nHost: example.com\r\nContent-Length: 10\r\n\r\nabc"
TIMED = r"^(http|cluster|listener)\."


def timed(
    name: str,
    *steps: Step,
    answer: Answer | None = None,
    hcm: str = "",
    route: str = "",
    match: str = "prefix: /",
    ignore: str = "",
    differs: Differs | None = None,
) -> Case:
    """A conversation in which some timeout strikes; the upstream is silent by default."""
    return Case(
        name,
        steps,
        hcm=hcm,
        routes=f"[{{match: {{{match}}}, route: {{cluster: $be{route}}}}}]",
        upstreams={"up": Script([answer])} if answer else SILENT,
        stats=TIMED,
        ignore_stats=ignore,
        differs=differs,
    )


ASK: tuple[Step, ...] = (Write(get("/x")), Read(), End(within=0.4))

CASES = (
    timed(
        "request_headers_timeout",
        Write(b"GET /x HTTP/1.1\r\nHost: exa"),
        Read(),
        End(within=2),
        hcm="request_headers_timeout: 0.2s",
    ),
    timed("request_timeout", Write(POST), Read(), End(within=2), hcm="request_timeout: 0.3s"),
    timed(
        "stream_idle_incomplete",
        Write(POST),
        Read(),
        End(within=2),
        hcm="stream_idle_timeout: 0.3s",
    ),
    timed("stream_idle_complete", *ASK, hcm="stream_idle_timeout: 0.3s"),
    timed("stream_idle_route", *ASK, route=", idle_timeout: 0.3s"),
    timed(
        "stream_idle_route_off",
        *ASK,
        hcm="stream_idle_timeout: 0.2s",
        route=", idle_timeout: 0s, timeout: 0.5s",
    ),
    timed(
        "stream_idle_after_headers",
        Write(get("/x")),
        Read(),
        End(within=2),
        answer=raw(OK + b"ab", Hold()),
        hcm="stream_idle_timeout: 0.3s",
    ),
    timed(
        "idle_timeout_fresh",
        Write(b""),
        End(within=4),
        hcm="{drain_timeout: 0.1s, common_http_protocol_options: {idle_timeout: 0.2s}}",
    ),
    timed(
        "idle_timeout_after_request",
        Write(get("/x")),
        Read(),
        End(within=4),
        answer=raw(OK + b"abcd"),
        hcm="{drain_timeout: 0.1s, common_http_protocol_options: {idle_timeout: 0.2s}}",
    ),
    timed(
        "max_connection_duration",
        Write(get("/x")),
        Read(),
        Wait(0.5),
        Write(get("/y")),
        Read(),
        End(within=3),
        answer=raw(OK + b"abcd"),
        hcm="{drain_timeout: 5s, common_http_protocol_options: {max_connection_duration: 0.3s}}",
        differs=Differs(
            "Envoy keeps the connection open after it has said connection: close; Lateen closes it",
            (200, 200),
        ),
    ),
    timed(
        "max_connection_duration_idle",
        Write(get("/x")),
        Read(),
        End(within=3),
        answer=raw(OK + b"abcd"),
        hcm="{drain_timeout: 0.1s, common_http_protocol_options: {max_connection_duration: 0.3s}}",
    ),
    timed(
        "max_stream_duration_hcm",
        *ASK,
        hcm="common_http_protocol_options: {max_stream_duration: 0.3s}",
    ),
    timed(
        "max_stream_duration_route",
        *ASK,
        route=", max_stream_duration: {max_stream_duration: 0.3s}",
    ),
    timed(
        "max_stream_duration_after_headers",
        Write(get("/x")),
        Read(),
        End(within=2),
        answer=raw(OK + b"ab", Hold()),
        route=", max_stream_duration: {max_stream_duration: 0.3s}",
    ),
    timed("route_timeout", *ASK, route=", timeout: 0.3s"),
    timed(
        "route_timeout_zero",
        Write(get("/x")),
        Read(),
        End(),
        answer=raw(Sleep(0.1), OK + b"abcd"),
        route=", timeout: 0s",
    ),
    timed(
        "route_timeout_after_headers",
        Write(get("/x")),
        Read(),
        End(within=2),
        answer=raw(OK + b"ab", Hold()),
        route=", timeout: 0.3s",
    ),
    timed(
        "route_timeout_one_second",
        Write(get("/x")),
        Read(),
        End(),
        answer=raw(OK + b"abcd"),
        route=", timeout: 1.5s",
    ),
    timed(
        "timeout_header_internal",
        Write(
            get(
                "/x",
                headers="x-envoy-upstream-rq-timeout-ms: 250\r\nx-forwarded-for: 127.0.0.1\r\n",
            )
        ),
        Read(),
        End(),
        hcm="internal_address_config: {cidr_ranges: [{address_prefix: 127.0.0.0, prefix_len: 8}]}",
    ),
    timed(
        "timeout_header_external",
        Write(get("/x", headers="x-envoy-upstream-rq-timeout-ms: 250\r\n")),
        Read(),
        End(),
        answer=raw(Sleep(0.5), OK + b"abcd"),
    ),
    timed(
        "timeout_alt_response_header_internal",
        Write(
            get(
                "/x",
                headers="x-envoy-upstream-rq-timeout-alt-response: 1\r\n"
                "x-forwarded-for: 127.0.0.1\r\n",
            )
        ),
        Read(),
        End(),
        route=", timeout: 0.3s",
        hcm="internal_address_config: {cidr_ranges: [{address_prefix: 127.0.0.0, prefix_len: 8}]}",
    ),
    timed("per_try_timeout_alone", *ASK, route=", retry_policy: {per_try_timeout: 0.3s}"),
    timed(
        "per_try_timeout_retried",
        *ASK,
        route=", retry_policy: {retry_on: 5xx, num_retries: 1, per_try_timeout: 0.3s}",
        ignore="tx_bytes_total",
    ),
    timed("per_try_idle_timeout", *ASK, route=", retry_policy: {per_try_idle_timeout: 0.3s}"),
    timed(
        "delayed_close_zero",
        Write(b"GARBAGE\r\n\r\n"),
        Read(),
        End(within=2),
        hcm="delayed_close_timeout: 0s",
    ),
    timed(
        "connect_close_after_request",
        Write(get("/x", headers="Connection: close\r\n")),
        Read(),
        End(within=2),
        answer=raw(OK + b"abcd"),
    ),
)
