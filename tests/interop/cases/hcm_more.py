"""More of the connection manager: clients' addresses, schemes, connections' ends, strict checks."""

from __future__ import annotations

from tests.interop.cases.hcm_options import LOOPBACK_IS_INTERNAL, asked
from tests.interop.model import Case, End, Read, Wait, Write, once
from tests.support.client import get, post
from tests.support.upstream import Close, Hold, Script, Sleep, raw, reply

ROUTER = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"
OPTIONS = "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
OK = b"HTTP/1.1 200 OK\r\n"
INSIDE = "X-Forwarded-For: 127.0.0.1\r\n"
LINE = b"GET /x HTTP/1.1\r\nHost: a.test\r\n"


def router(name: str, options: str, *requests: bytes, hcm: str = "", status: int = 200) -> Case:
    """Options of the router filter."""
    answer = reply(status, b"", "grpc-status: 14\r\n" if "grpc" in name else "")
    return Case(
        name,
        requests or (get("/x"),),
        hcm=f"http_filters: [{{name: r, typed_config: {{'@type': {ROUTER}, {options}}}}}]\n{hcm}",
        upstreams={"up": Script([answer])},
    )


def strict(name: str, header: str, *values: str) -> Case:
    """strict_check_headers of one header."""
    return router(
        name,
        f"strict_check_headers: [{header}]",
        *(get("/x", headers=f"{INSIDE}{header}: {value}\r\n") for value in values),
        hcm=LOOPBACK_IS_INTERNAL,
    )


CASES = (
    asked(
        "xff_odd_values",
        "",
        get("/x", headers="X-Forwarded-For: \r\n"),
        get("/x", headers="X-Forwarded-For: unknown\r\n"),
        get("/x", headers="X-Forwarded-For: 1.2.3.4:99\r\n"),
        get("/x", headers="X-Forwarded-For: [::1]:99\r\n"),
        get("/x", headers="X-Forwarded-For: ::1\r\n"),
        get("/x", headers="X-Forwarded-For: 1.1.1.1\r\nX-Forwarded-For: 2.2.2.2\r\n"),
    ),
    Case(
        "xff_remote_address_in_log",
        (
            get("/x", headers="X-Forwarded-For: 1.2.3.4, 5.6.7.8\r\n"),
            get("/x", headers="X-Forwarded-For: 1.2.3.4\r\n"),
            get("/x", headers="X-Forwarded-For: bad\r\n"),
            get("/x"),
        ),
        hcm="xff_num_trusted_hops: 1",
        log_format="%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%"
        " %DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT%\n",
    ),
    asked(
        "remote_address_ipv6_mapped",
        "{use_remote_address: true, represent_ipv4_remote_address_as_ipv4_mapped_ipv6: true}",
        get("/x"),
        get("/x", headers="X-Forwarded-For: 1.2.3.4\r\n"),
    ),
    asked(
        "remote_address_append_port",
        "{use_remote_address: true, append_x_forwarded_port: true}",
        get("/x"),
        get("/x", headers="X-Forwarded-Port: 99\r\n"),
    ),
    asked(
        "not_remote_append_port",
        "append_x_forwarded_port: true",
        get("/x", headers="X-Forwarded-Port: 99\r\n"),
    ),
    asked(
        "scheme_match_upstream",
        "scheme_header_transformation: {match_upstream: true}",
        get("/x"),
        get("/x", headers="X-Forwarded-Proto: https\r\n"),
        b"GET http://a.test/x HTTP/1.1\r\nHost: a.test\r\n\r\n",
        b"GET https://a.test/x HTTP/1.1\r\nHost: a.test\r\n\r\n",
    ),
    Case(
        "scheme_in_routes",
        (
            get("/x"),
            get("/x", headers="X-Forwarded-Proto: https\r\n"),
            b"GET https://a.test/x HTTP/1.1\r\nHost: a.test\r\n\r\n",
        ),
        routes="""
- match: {prefix: /, headers: [{name: ":scheme", string_match: {exact: https}}]}
  direct_response: {status: 201}
- match: {prefix: /}
  redirect: {path_redirect: /y}
""",
        clusters="[]",
        upstreams={},
    ),
    asked(
        "forwarded_proto_remote",
        "use_remote_address: true",
        get("/x", headers="X-Forwarded-Proto: https\r\n"),
        b"GET https://a.test/x HTTP/1.1\r\nHost: a.test\r\n\r\n",
    ),
    asked(
        "forwarded_proto_trusted_hop",
        "{use_remote_address: true, xff_num_trusted_hops: 1}",
        get("/x", headers="X-Forwarded-Proto: https\r\nX-Forwarded-For: 1.1.1.1\r\n"),
        get("/x"),
    ),
    *(
        asked(
            f"client_cert_{mode.lower()}",
            f"forward_client_cert_details: {mode}",
            get("/x", headers="X-Forwarded-Client-Cert: By=spiffe://x;Hash=1\r\n"),
        )
        for mode in ("SANITIZE", "FORWARD_ONLY", "APPEND_FORWARD", "SANITIZE_SET")
    ),
    asked(
        "client_cert_always_forward_only",
        "forward_client_cert_details: ALWAYS_FORWARD_ONLY",
        get("/x", headers="X-Forwarded-Client-Cert: By=spiffe://x;Hash=1\r\n"),
    ),
    asked(
        "request_id_in_response_generated",
        "always_set_request_id_in_response: true",
        get("/x"),
    ),
    asked(
        "request_id_trace_characters",
        "use_remote_address: true",
        get("/x", headers="X-Request-Id: 11111111-2222-a333-8444-555555555555\r\n"),
    ),
    asked(
        "request_id_internal",
        f"use_remote_address: true\n{LOOPBACK_IS_INTERNAL}",
        get("/x", headers="X-Request-Id: 11111111-2222-4333-8444-555555555555\r\n"),
    ),
    asked(
        "request_id_twice",
        "",
        get("/x", headers="X-Request-Id: a\r\nX-Request-Id: b\r\n"),
    ),
    asked("via_two_lines", "via: me", get("/x", headers="Via: 1.1 a\r\nVia: 1.1 b\r\n")),
    asked(
        "user_agent_and_node",
        "add_user_agent: true",
        get("/x", headers="X-Envoy-Downstream-Service-Cluster: spoof\r\n"),
    ),
    asked(
        "underscores_drop_and_count",
        "common_http_protocol_options: {headers_with_underscores_action: DROP_HEADER}",
        get("/x", headers="_a: 1\r\na_: 2\r\n__: 3\r\nX-Envoy_Foo: 4\r\n"),
        get("/x"),
    ),
    asked(
        "underscores_names_of_framing",
        "common_http_protocol_options: {headers_with_underscores_action: DROP_HEADER}",
        post("/x", b"abc", headers="Content_Length: 9\r\nTransfer_Encoding: chunked\r\n"),
    ),
    Case(
        "stream_errors_keep_connections",
        (
            Write(get("/a#b")),
            Read(),
            Write(LINE + b"X A: b\r\n\r\n"),
            Read(),
            End(within=0.4),
        ),
        hcm="stream_error_on_invalid_http_message: true",
    ),
    Case(
        "stream_errors_option_of_http1",
        (Write(b"GET /x HTTP/1.1\r\n\r\n"), Read(), Write(get("/y")), Read(), End(within=0.4)),
        hcm="http_protocol_options: {override_stream_error_on_invalid_http_message: true}",
    ),
    Case(
        "stream_errors_direct_400",
        (Write(get("/x")), Read(), End(within=0.4)),
        routes="[{match: {prefix: /}, direct_response: {status: 400}}]",
        clusters="[]",
        upstreams={},
    ),
    Case(
        "max_requests_two",
        (Write(get("/1")), Read(), Write(get("/2")), Read(), End(within=1)),
        hcm="common_http_protocol_options: {max_requests_per_connection: 2}",
    ),
    Case(
        "max_requests_pipelined",
        (Write(get("/1") + get("/2") + get("/3")), Read(), Read(), End(within=1)),
        hcm="common_http_protocol_options: {max_requests_per_connection: 2}",
    ),
    Case(
        "max_requests_local",
        (Write(get("/1")), Read(), End(within=1)),
        hcm="common_http_protocol_options: {max_requests_per_connection: 1}",
        routes="[{match: {prefix: /}, direct_response: {status: 200}}]",
        clusters="[]",
        upstreams={},
    ),
    Case(
        "header_count_limit_is_exact",
        (
            LINE + b"a: b\r\n" * 3 + b"\r\n",
            LINE + b"a: b\r\n" * 4 + b"\r\n",
        ),
        hcm="common_http_protocol_options: {max_headers_count: 4}",
    ),
    Case(
        "header_size_limit_is_near",
        (
            LINE + b"X: " + b"v" * 900 + b"\r\n\r\n",
            LINE + b"X: " + b"v" * 1100 + b"\r\n\r\n",
        ),
        hcm="max_request_headers_kb: 1",
    ),
    Case(
        "large_headers_allowed",
        once(LINE + b"X: " + b"v" * 90_000 + b"\r\n\r\n"),
        hcm="max_request_headers_kb: 96",
    ),
    Case(
        "many_headers_allowed",
        once(LINE + b"".join(b"x-%d: 1\r\n" % n for n in range(300)) + b"\r\n"),
        hcm="common_http_protocol_options: {max_headers_count: 400}",
    ),
    Case(
        "response_headers_below_80k",
        once(get("/x")),
        upstreams={
            "up": Script([raw(OK + b"x: " + b"v" * 78_000 + b"\r\nContent-Length: 0\r\n\r\n")])
        },
    ),
    Case(
        "response_headers_above_80k",
        once(get("/x")),
        upstreams={
            "up": Script([raw(OK + b"x: " + b"v" * 84_000 + b"\r\nContent-Length: 0\r\n\r\n")])
        },
        ignore_stats="cx_rx_bytes_total",
    ),
    Case(
        "response_headers_limits",
        (get("/many"), get("/big"), get("/fine")),
        clusters=f"""
- name: $be
  hosts: [$up]
  typed_extension_protocol_options:
    envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
      "@type": {OPTIONS}
      common_http_protocol_options: {{max_headers_count: 5, max_response_headers_kb: 1}}
      explicit_http_config: {{http_protocol_options: {{}}}}
""",
        upstreams={
            "up": Script(
                [reply()],
                paths={
                    "/many": [reply(200, b"", "a: b\r\n" * 6)],
                    "/big": [reply(200, b"", "a: " + "b" * 1200 + "\r\n")],
                },
            )
        },
    ),
    Case(
        "route_buffer_limit_is_no_limit_of_bodies",
        once(post("/x", b"y" * 5000)),
        routes="[{match: {prefix: /}, route: {cluster: $be}, per_request_buffer_limit_bytes: 100}]",
    ),
    Case(
        "flush_timeout",
        (Write(get("/x")), Wait(0.1), Read(), End(within=0.2)),
        routes="[{match: {prefix: /}, route: {cluster: $be, flush_timeout: 1s}}]",
    ),
    Case(
        "idle_timeout_zero",
        (Write(get("/x")), Read(), Wait(0.3), Write(get("/x")), Read(), End()),
        hcm="common_http_protocol_options: {idle_timeout: 0s}",
    ),
    Case(
        "request_headers_timeout_second_request",
        (Write(get("/x")), Read(), Write(b"GET /y HTT"), Read(), End(within=2)),
        hcm="request_headers_timeout: 0.2s",
    ),
    Case(
        "request_timeout_not_after_request",
        (Write(get("/x")), Read(), End()),
        hcm="request_timeout: 0.1s",
        upstreams={"up": Script([raw(Sleep(0.3), OK + b"Content-Length: 0\r\n\r\n")])},
    ),
    Case(
        "request_timeout_in_headers",
        (Write(b"GET /y HTT"), Read(), End(within=2)),
        hcm="request_timeout: 0.2s",
    ),
    Case(
        "stream_idle_in_headers",
        (Write(b"GET /y HTT"), Read(), End(within=2)),
        hcm="stream_idle_timeout: 0.2s",
    ),
    Case(
        "stream_idle_reset_by_bytes",
        (
            Write(b"POST /x HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\n\r\n"),
            *[step for _ in range(5) for step in (Wait(0.12), Write(b"x"))],
            Read(),
            End(),
        ),
        hcm="stream_idle_timeout: 0.3s",
        ignore_stats="cx_tx_bytes",
    ),
    Case(
        "answer_then_idle_upstream_closes",
        (Write(get("/x")), Read(), Wait(0.2), Write(get("/y")), Read(), End()),
        upstreams={
            "up": Script([raw(OK + b"Content-Length: 0\r\n\r\n", Close()), reply(200, b"again")])
        },
    ),
    strict("strict_timeout", "x-envoy-upstream-rq-timeout-ms", "100", "10 s", "-1", ""),
    strict("strict_try_timeout", "x-envoy-upstream-rq-per-try-timeout-ms", "abc"),
    strict("strict_max_retries", "x-envoy-max-retries", "2", "two"),
    strict("strict_retry_on", "x-envoy-retry-on", "5xx", "5xx,nope", "reset, 5xx"),
    strict("strict_retry_grpc_on", "x-envoy-retry-grpc-on", "cancelled", "nope"),
    router(
        "strict_before_cluster",
        "strict_check_headers: [x-envoy-retry-on]",
        get("/x", headers=f"{INSIDE}X-Envoy-Retry-On: nope\r\n"),
        hcm=LOOPBACK_IS_INTERNAL,
    ),
    router("dynamic_stats_off", "dynamic_stats: false"),
    *(
        router(
            f"grpc_codes_{status}_{suppress}",
            f"suppress_grpc_request_failure_code_stats: {suppress}",
            post("/a.B/C", b"", headers="Content-Type: application/grpc\r\n"),
            get("/x"),
            status=status,
        )
        for status in (200, 404, 503)
        for suppress in ("true", "false")
    ),
    Case(
        "grpc_codes_of_failures",
        (post("/a.B/C", b"", headers="Content-Type: application/grpc\r\n"), get("/x")),
        hcm=f"http_filters: [{{name: r, typed_config: {{'@type': {ROUTER},"
        " suppress_grpc_request_failure_code_stats: true}}]",
        upstreams={"up": Script([raw(Close())])},
    ),
    Case(
        "grpc_timeouts",
        (
            post("/x", b"", headers="Content-Type: application/grpc\r\ngrpc-timeout: 5S\r\n"),
            post("/x", b"", headers="Content-Type: application/grpc\r\ngrpc-timeout: 700m\r\n"),
            post("/x", b"", headers="Content-Type: application/grpc\r\n"),
            get("/x", headers="grpc-timeout: 3S\r\n"),
            get("/x", headers="grpc-timeout: bad\r\n"),
        ),
        routes="[{match: {prefix: /}, route: {cluster: $be, max_stream_duration: {"
        "grpc_timeout_header_max: 2s, grpc_timeout_header_offset: 0.2s}}}]",
    ),
    Case(
        "grpc_timeout_strikes",
        (
            Write(get("/x", headers="grpc-timeout: 250m\r\n")),
            Read(),
            End(within=0.3),
        ),
        routes="[{match: {prefix: /}, route: {cluster: $be, max_stream_duration: {"
        "grpc_timeout_header_max: 2s}}}]",
        upstreams={"up": Script([raw(Hold())])},
    ),
    Case(
        "grpc_timeout_ignored",
        (post("/x", b"", headers="Content-Type: application/grpc\r\ngrpc-timeout: 5S\r\n"),),
    ),
    Case(
        "every_reason",
        tuple(
            step
            for status in (
                *range(200, 209),
                226,
                *range(300, 309),
                *range(401, 432),
                451,
                499,
                500,
                501,
                502,
                503,
                504,
                505,
                506,
                507,
                508,
                510,
                511,
                599,
            )
            for step in (Write(get(f"/{status}")), Read())
        ),
        routes="\n".join(
            f"- {{match: {{path: /{status}}}, direct_response: {{status: {status}}}}}"
            for status in (
                *range(200, 209),
                226,
                *range(300, 309),
                *range(401, 432),
                451,
                499,
                500,
                501,
                502,
                503,
                504,
                505,
                506,
                507,
                508,
                510,
                511,
                599,
            )
        ),
        clusters="[]",
        upstreams={},
    ),
)
