"""More of retries: success, headers of internal clients, bodies, limits and connections."""

from __future__ import annotations

from dataclasses import replace

from tests.interop.cases.retries import BACK_OFF, FAIL, GOOD, INTERNAL, retried
from tests.interop.model import Case, Differs, Drop, End, Read, Wait, Write, once
from tests.support.client import get, post
from tests.support.upstream import Answer, Close, Hold, ReadBody, Reset, Script, Sleep, raw, reply

ROUTER = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"
INSIDE = "x-forwarded-for: 127.0.0.1\r\n"
SERVER_ERROR = reply(500, b"", reason="Internal Server Error")
CONFLICT = reply(409, b"", reason="Conflict")
EMPTY_FAIL = reply(503, b"", reason="Service Unavailable")


def asked_by_headers(name: str, headers: str, *answers: Answer, route: str = "") -> Case:
    """A request of an internal client that says what is to be retried."""
    return Case(
        name,
        (get("/x", headers=INSIDE + headers),),
        hcm=INTERNAL,
        routes=f"[{{match: {{prefix: /}}, route: {{cluster: $be, timeout: 0s{route}}}}}]",
        upstreams={"up": Script(answers or [FAIL, GOOD])},
    )


def limited(name: str, limits: str, body: int, more: str = "", hcm: str = "") -> Case:
    """A request body that may be too long to be sent again."""
    return Case(
        name,
        once(post("/x", b"b" * body)),
        hcm=hcm,
        routes=f"[{{match: {{prefix: /}}, route: {{cluster: $be, timeout: 0s,"
        f" retry_policy: {{retry_on: 5xx}}}}{limits}}}]",
        clusters=f"[{{name: $be, hosts: [$up]{more}}}]",
        upstreams={"up": Script([FAIL, GOOD])},
    )


def backoff(name: str, header: str, value: str, form: str = "SECONDS", most: str = "5s") -> Case:
    """A pause that the failed answer asks for."""
    return retried(
        name,
        "retry_on: 5xx, rate_limited_retry_back_off: {reset_headers: "
        f"[{{name: {header}, format: {form}}}], max_interval: {most}}}",
        reply(503, b"", f"X-Reset: {value}\r\n", "Service Unavailable"),
        GOOD,
    )


def vhost(
    name: str, more: str, *answers: Answer, request: bytes = b"", policy: str = "5xx"
) -> Case:
    """Options of a virtual host about attempts."""
    return Case(
        name,
        (request or get("/x"),),
        virtual_hosts=f"""
- name: vh
  domains: ["*"]
  {more}
  routes:
  - match: {{prefix: /}}
    route:
      cluster: $be
      timeout: 0s
      retry_policy: {{retry_on: "{policy}", num_retries: 2, per_try_timeout: 0.3s}}
""",
        upstreams={"up": Script(answers or [FAIL, GOOD])},
        ignore_stats="tx_bytes_total",
    )


LOG_LINE = (
    "%RESPONSE_CODE% %RESPONSE_FLAGS% %UPSTREAM_HOST% %REQ(:METHOD)% %REQ(:PATH)% %PROTOCOL%"
    " %RESP(CONTENT-LENGTH)% %ACCESS_LOG_TYPE% %UPSTREAM_REQUEST_ATTEMPT_COUNT% %ROUTE_NAME%"
    " %UPSTREAM_CLUSTER% %UPSTREAM_TRANSPORT_FAILURE_REASON% %RESPONSE_CODE_DETAILS%\n"
)


def logged(
    name: str,
    *answers: Answer,
    hosts: str = "[$up]",
    more: str = ", timeout: 0s",
    policy: str = "retry_on: 5xx",
    request: bytes = b"",
) -> Case:
    """The router's log of attempts, in the file of the connection manager's log."""
    log = (
        (
            "{name: l, typed_config: {'@type': type.googleapis.com/envoy.extensions.access_loggers"
            ".file.v3.FileAccessLog, path: $dir/access.log, log_format: {text_format_source:"
            f" {{inline_string: 'attempt {LOG_LINE}'}}}}}}}}"
        )
        .replace("\n", "\\n")
        .replace("'attempt", '"attempt')
        .replace("\\n'", '\\n"')
    )
    return Case(
        name,
        (request or get("/x"),),
        hcm=f"http_filters: [{{name: r, typed_config: {{'@type': {ROUTER},"
        f" upstream_log: [{log}]}}}}]",
        routes="[{match: {prefix: /}, name: r1, route: {cluster: $be, retry_policy:"
        f" {{{policy}}}{more}}}}}]",
        clusters=f"[{{name: $be, hosts: {hosts}}}]",
        upstreams={"up": Script(answers or [GOOD])},
        log_format=f"request {LOG_LINE}",
        stats="",
    )


CASES = (
    retried("retry_then_other_failure", "retry_on: gateway-error", EMPTY_FAIL, SERVER_ERROR),
    retried("retry_then_close", "retry_on: retriable-4xx", CONFLICT, raw(Close())),
    retried("retry_then_404", "retry_on: 5xx", EMPTY_FAIL, reply(404, b"")),
    retried("retry_close_then_503", "retry_on: 'reset'", raw(Close()), FAIL),
    retried("retry_garbage", "retry_on: reset", raw(b"GARBAGE\r\n\r\n"), GOOD),
    retried("retry_garbage_5xx", "retry_on: 5xx", raw(b"GARBAGE\r\n\r\n"), GOOD),
    retried("retry_garbage_connect_failure", "retry_on: connect-failure", raw(b"G\r\n\r\n"), GOOD),
    retried(
        "retry_partial_head", "retry_on: reset", raw(b"HTTP/1.1 200 OK\r\nA: b", Close()), GOOD
    ),
    retried("retry_reset_by_peer", "retry_on: reset", raw(Reset()), GOOD),
    retried("retry_gateway_error_on_close", "retry_on: gateway-error", raw(Close()), GOOD),
    retried("retry_grpc_only_on_close", "retry_on: 'unavailable'", raw(Close()), GOOD),
    retried(
        "retry_reset_before_request_refused",
        "retry_on: reset-before-request, num_retries: 2",
        hosts="[$dead]",
    ),
    retried("retry_5xx_refused", "retry_on: 5xx, num_retries: 2", hosts="[$dead]"),
    retried("retry_gateway_refused", "retry_on: gateway-error", hosts="[$dead]"),
    retried("retry_reset_refused", "retry_on: reset", hosts="[$dead]"),
    retried("retry_4xx_refused", "retry_on: retriable-4xx", hosts="[$dead]"),
    retried("retry_no_hosts", "retry_on: '5xx,connect-failure'", hosts="[]"),
    retried("retry_unknown_condition", "retry_on: 'nonsense'", FAIL, GOOD),
    retried("retry_unknown_and_known", "retry_on: 'nonsense,5xx'", FAIL, GOOD),
    retried(
        "retry_overloaded_header",
        "retry_on: 5xx",
        reply(503, b"", "x-envoy-overloaded: true\r\n", "Service Unavailable"),
        GOOD,
    ),
    retried(
        "retry_ratelimited_200",
        "retry_on: envoy-ratelimited",
        reply(200, b"", "x-envoy-ratelimited: true\r\n"),
        GOOD,
    ),
    retried(
        "retry_status_425",
        "retry_on: retriable-status-codes, retriable_status_codes: [425]",
        reply(425, b""),
        GOOD,
    ),
    retried(
        "retry_headers_several",
        "retry_on: retriable-headers, retriable_headers:"
        " [{name: x-a, string_match: {exact: '1'}}, {name: x-b, present_match: false}]",
        reply(200, b"", "X-A: 2\r\nX-B: 1\r\n"),
        GOOD,
    ),
    retried(
        "retry_headers_inverted",
        "retry_on: retriable-headers, retriable_headers:"
        " [{name: x-a, string_match: {exact: '1'}, invert_match: true}]",
        reply(200, b"", "X-A: 2\r\n"),
        reply(200, b"", "X-A: 1\r\n"),
    ),
    retried(
        "retry_headers_status",
        "retry_on: retriable-headers, retriable_headers:"
        " [{name: ':status', string_match: {exact: '202'}}]",
        reply(202, b""),
        GOOD,
    ),
    retried(
        "retry_large_failure_body",
        "retry_on: 5xx",
        reply(503, b"x" * 100_000),
        GOOD,
        ignore="cx_rx_bytes_total",
    ),
    retried(
        "retry_chunked_failure",
        "retry_on: 5xx",
        raw(b"HTTP/1.1 503 No\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        GOOD,
    ),
    retried(
        "retry_until_close_failure",
        "retry_on: 5xx",
        raw(b"HTTP/1.1 503 No\r\n\r\n", Close()),
        GOOD,
        ignore="cx_destroy",
    ),
    retried(
        "retry_connection_close_failure",
        "retry_on: 5xx",
        raw(b"HTTP/1.1 503 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", Close()),
        GOOD,
        ignore="cx_destroy",
    ),
    Case(
        "retry_head",
        (Write(get("/x").replace(b"GET", b"HEAD", 1)), Read("HEAD"), End()),
        routes="[{match: {prefix: /}, route: {cluster: $be, timeout: 0s,"
        " retry_policy: {retry_on: 5xx}}}]",
        upstreams={
            "up": Script(
                [
                    raw(b"HTTP/1.1 503 No\r\nContent-Length: 4\r\n\r\n"),
                    raw(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n"),
                ]
            )
        },
    ),
    retried(
        "retry_chunked_body",
        f"retry_on: 5xx, num_retries: 2, {BACK_OFF}",
        FAIL,
        FAIL,
        GOOD,
        request=b"POST /x HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
        ignore="tx_bytes_total",
    ),
    limited("retry_buffer_fits", ", request_body_buffer_limit: 20000", 20_000),
    limited("retry_buffer_one_too_many", ", request_body_buffer_limit: 19999", 20_000),
    limited("retry_buffer_old_field", ", per_request_buffer_limit_bytes: 1000", 20_000),
    limited("retry_buffer_zero", ", request_body_buffer_limit: 0", 10),
    limited(
        "retry_buffer_of_cluster", "", 20_000, more=", per_connection_buffer_limit_bytes: 1000"
    ),
    Case(
        "retry_buffer_of_listener",
        once(post("/x", b"b" * 20_000)),
        listener="per_connection_buffer_limit_bytes: 1000",
        routes="[{match: {prefix: /}, route: {cluster: $be, timeout: 0s,"
        " retry_policy: {retry_on: 5xx}}}]",
        upstreams={"up": Script([FAIL, GOOD])},
    ),
    Case(
        "retry_buffer_of_route_over_listener",
        once(post("/x", b"b" * 20_000)),
        listener="per_connection_buffer_limit_bytes: 1000",
        routes="[{match: {prefix: /}, request_body_buffer_limit: 30000,"
        " route: {cluster: $be, timeout: 0s, retry_policy: {retry_on: 5xx}}}]",
        upstreams={"up": Script([FAIL, GOOD])},
    ),
    Case(
        "retry_buffer_old_field_over_listener",
        once(post("/x", b"b" * 20_000)),
        listener="per_connection_buffer_limit_bytes: 1000",
        routes="[{match: {prefix: /}, per_request_buffer_limit_bytes: 30000,"
        " route: {cluster: $be, timeout: 0s, retry_policy: {retry_on: 5xx}}}]",
        upstreams={"up": Script([FAIL, GOOD])},
    ),
    Case(
        "retry_buffer_of_vhost",
        once(post("/x", b"b" * 20_000)),
        virtual_hosts="""
- name: vh
  domains: ["*"]
  request_body_buffer_limit: 1000
  routes: [{match: {prefix: /}, route: {cluster: $be, timeout: 0s, retry_policy: {retry_on: 5xx}}}]
""",
        upstreams={"up": Script([FAIL, GOOD])},
    ),
    Case(
        "retry_before_body_is_complete",
        (
            Write(b"POST /x HTTP/1.1\r\nHost: a.test\r\nContent-Length: 6\r\n\r\nabc"),
            Wait(0.3),
            Write(b"def"),
            Read(),
            End(),
        ),
        routes="[{match: {prefix: /}, route: {cluster: $be, timeout: 0s,"
        " retry_policy: {retry_on: 5xx}}}]",
        upstreams={
            "up": Script(
                [
                    raw(b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n", ReadBody(), early=True),
                    GOOD,
                ]
            )
        },
    ),
    Case(
        "retry_client_goes_in_pause",
        (Write(get("/x")), Wait(0.2), Drop(), Wait(0.2)),
        routes="[{match: {prefix: /}, route: {cluster: $be, retry_policy: {retry_on: 5xx,"
        " rate_limited_retry_back_off: {reset_headers: [{name: X-Reset, format: SECONDS}],"
        " max_interval: 9s}}}}]",
        upstreams={"up": Script([reply(503, b"", "X-Reset: 5\r\n"), GOOD])},
    ),
    Case(
        "retry_timeout_in_pause",
        (Write(get("/x")), Read(), End()),
        routes="[{match: {prefix: /}, route: {cluster: $be, timeout: 0.3s,"
        " retry_policy: {retry_on: 5xx,"
        " rate_limited_retry_back_off: {reset_headers: [{name: X-Reset, format: SECONDS}],"
        " max_interval: 9s}}}}]",
        upstreams={"up": Script([reply(503, b"", "X-Reset: 5\r\n"), GOOD])},
    ),
    Case(
        "retry_timeout_in_second_try",
        (Write(get("/x")), Read(), End()),
        hcm=f"http_filters: [{{name: r, typed_config: {{'@type': {ROUTER},"
        " suppress_envoy_headers: true}}]",
        routes="[{match: {prefix: /}, route: {cluster: $be, timeout: 0.4s,"
        " retry_policy: {retry_on: 5xx}}}]",
        upstreams={"up": Script([EMPTY_FAIL, raw(Hold())])},
        ignore_stats="tx_bytes_total",
    ),
    backoff("backoff_not_a_number", "X-Reset", "soon"),
    backoff("backoff_absent", "X-Other", "1"),
    backoff("backoff_past_timestamp", "X-Reset", "1000", "UNIX_TIMESTAMP"),
    backoff("backoff_longer_than_max", "X-Reset", "60", most="2s"),
    backoff("backoff_spaces", "X-Reset", " 0 "),
    asked_by_headers("asked_max_zero", "x-envoy-retry-on: 5xx\r\nx-envoy-max-retries: 0\r\n"),
    asked_by_headers("asked_max_only", "x-envoy-max-retries: 3\r\n"),
    asked_by_headers(
        "asked_max_bad", "x-envoy-retry-on: 5xx\r\nx-envoy-max-retries: many\r\n", FAIL, FAIL, GOOD
    ),
    asked_by_headers(
        "asked_headers",
        "x-envoy-retry-on: retriable-headers\r\nx-envoy-retriable-header-names: X-A, x-b\r\n",
        reply(200, b"", "X-B: 1\r\n"),
        GOOD,
    ),
    asked_by_headers(
        "asked_grpc",
        "x-envoy-retry-grpc-on: unavailable\r\n",
        reply(200, b"", "grpc-status: 14\r\n"),
        GOOD,
    ),
    asked_by_headers(
        "asked_beside_route",
        "x-envoy-retry-on: gateway-error\r\n",
        CONFLICT,
        EMPTY_FAIL,
        GOOD,
        route=", retry_policy: {retry_on: retriable-4xx, num_retries: 2}",
    ),
    asked_by_headers(
        "asked_max_of_route_policy",
        "x-envoy-max-retries: 2\r\n",
        FAIL,
        FAIL,
        GOOD,
        route=", retry_policy: {retry_on: 5xx}",
    ),
    asked_by_headers(
        "asked_try_timeout",
        "x-envoy-upstream-rq-per-try-timeout-ms: 250\r\nx-envoy-retry-on: 5xx\r\n",
        raw(Hold()),
        GOOD,
    ),
    asked_by_headers("asked_hedge", "x-envoy-hedge-on-per-try-timeout: true\r\n", GOOD),
    asked_by_headers("asked_timeout_bad", "x-envoy-upstream-rq-timeout-ms: soon\r\n", GOOD),
    asked_by_headers("asked_timeout_zero", "x-envoy-upstream-rq-timeout-ms: 0\r\n", GOOD),
    asked_by_headers(
        "asked_try_longer_than_timeout",
        "x-envoy-upstream-rq-timeout-ms: 300\r\nx-envoy-upstream-rq-per-try-timeout-ms: 900\r\n",
        raw(Hold()),
    ),
    replace(
        asked_by_headers("asked_alt_stat_name", "x-envoy-upstream-alt-stat-name: alt\r\n", GOOD),
        differs=Differs("Lateen keeps no stats under names that a request header gives", (200,)),
    ),
    vhost("attempts_told_to_upstream", "include_request_attempt_count: true"),
    vhost("attempts_told_to_client", "include_attempt_count_in_response: true"),
    vhost(
        "attempts_replace_clients",
        "include_request_attempt_count: true",
        request=get("/x", headers="x-envoy-attempt-count: 9\r\n"),
    ),
    vhost(
        "attempts_in_local_answer",
        "include_attempt_count_in_response: true",
        raw(Close()),
    ),
    vhost("timeout_retry_told", "include_is_timeout_retry_header: true", raw(Hold()), FAIL, GOOD),
    vhost("timeout_retry_false", "include_is_timeout_retry_header: true", raw(Close()), GOOD),
    vhost(
        "timeout_retry_from_client",
        "include_is_timeout_retry_header: true",
        GOOD,
        request=get("/x", headers="x-envoy-is-timeout-retry: true\r\n"),
    ),
    logged("upstream_log_answer", GOOD),
    logged("upstream_log_retried", FAIL, GOOD),
    logged("upstream_log_closed", raw(Close()), GOOD),
    logged("upstream_log_refused", hosts="[$dead]"),
    logged("upstream_log_no_host", hosts="[]"),
    logged("upstream_log_timeout", raw(Hold()), more=", timeout: 0.3s"),
    logged("upstream_log_late", raw(Hold()), GOOD, policy="retry_on: 5xx, per_try_timeout: 0.3s"),
    logged("upstream_log_idle", raw(Hold()), policy="retry_on: 5xx, per_try_idle_timeout: 0.3s"),
    logged("upstream_log_post", GOOD, request=post("/x", b"abc")),
    replace(
        retried("retry_hosts_attempted", "retry_on: 5xx"),
        log_format="%UPSTREAM_HOST% %UPSTREAM_HOSTS_ATTEMPTED%\n",
    ),
    Case(
        "retry_other_connection_is_reused",
        (get("/a"), get("/b"), get("/c")),
        routes="[{match: {prefix: /}, route: {cluster: $be, timeout: 0s,"
        " retry_policy: {retry_on: 5xx}}}]",
        upstreams={"up": Script([EMPTY_FAIL, GOOD, EMPTY_FAIL, GOOD])},
    ),
    Case(
        "retry_answer_slow_to_end",
        once(get("/x")),
        routes="[{match: {prefix: /}, route: {cluster: $be, timeout: 0s,"
        " retry_policy: {retry_on: 5xx, per_try_timeout: 0.3s}}}]",
        upstreams={
            "up": Script(
                [raw(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", Sleep(0.5), b"ok"), GOOD]
            )
        },
    ),
)
