"""What the router does for gRPC: local replies, retries, deadlines, stats and logs."""

from __future__ import annotations

from tests.interop.cases.grpc_stats import (
    LOG,
    ROUTER,
    TRAILERS_UPSTREAM,
    TWO,
    answer,
    call,
    frames,
    trailers_only,
)
from tests.interop.cases.retries import BACK_OFF, INTERNAL
from tests.interop.model import Case, Step, once
from tests.support.client import get
from tests.support.upstream import Answer, Close, Hold, Script, Sleep, raw, reply

GRPC = "content-type: application/grpc\r\n"
ECHO = call("/pkg.Echo/Say", frames(b"one"))
_LOG = "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog"


def routed(
    name: str,
    *answers: Answer,
    action: str = "",
    request: bytes = ECHO,
    steps: tuple[Step | bytes, ...] = (),
    routes: str = "",
    clusters: str = TRAILERS_UPSTREAM,
    hcm: str = "",
    log: str = LOG,
    ignore: str = "",
) -> Case:
    """A call of a gRPC client over HTTP/1.1, trailers on."""
    return Case(
        f"grpc_{name}",
        steps or (request,),
        routes=routes or f"[{{match: {{prefix: /}}, route: {{cluster: $be{action}}}}}]",
        hcm=f"http_protocol_options: {{enable_trailers: true}}\n{hcm}",
        clusters=clusters,
        upstreams={"up": Script(answers or (TWO,))},
        log_format=log,
        ignore_stats=ignore,
    )


def direct(status: int, body: str = "text %41") -> Case:
    """An answer of the proxy's own with a status."""
    return routed(
        f"direct_{status}",
        routes=f"[{{match: {{prefix: /}}, direct_response: {{status: {status},"
        f" body: {{inline_string: '{body}'}}}}}}]",
    )


def retried(name: str, on: str, *answers: Answer, policy: str = "", headers: str = "") -> Case:
    """A call on a route with a retry policy."""
    policy = f", retry_policy: {{retry_on: '{on}', {BACK_OFF}{policy}}}" if on else ""
    policy += ", timeout: 0s"
    return routed(
        f"retry_{name}",
        *answers,
        action=policy,
        request=call("/pkg.Echo/Say", frames(b"one"), GRPC + headers),
        hcm=INTERNAL if headers else "",
    )


def deadline(name: str, limits: str, timeout: str, *answers: Answer, kind: str = GRPC) -> Case:
    """A call with a grpc-timeout on a route that listens to it."""
    limits = f", timeout: 0s, max_stream_duration: {{{limits}}}"
    return limited(f"deadline_{name}", limits, timeout, *answers, kind=kind)


def limited(name: str, action: str, timeout: str, *answers: Answer, kind: str = GRPC) -> Case:
    """A call with a grpc-timeout on a route with these fields."""
    return routed(
        name,
        *answers,
        action=action,
        steps=once(
            call("/pkg.Echo/Say", frames(b"one"), f"{kind}grpc-timeout: {timeout}\r\n"), "POST"
        ),
        ignore=r"upstream_cx_(destroy|active)|downstream_cx_|rx_reset|rq_cancelled|tx_reset",
    )


SLOW = raw(Hold())
MAPPER = """
local_reply_config:
  mappers:
  - filter:
      status_code_filter:
        comparison: {op: EQ, value: {default_value: 404, runtime_key: x}}
    status_code: 429
    body: {inline_string: mapped}
    headers_to_add: [{header: {key: x-mapped, value: '%RESPONSE_CODE%'}}]
  - filter: {grpc_status_filter: {statuses: [UNAVAILABLE]}}
    body: {inline_string: unavailable}
  body_format:
    text_format_source: {inline_string: '<%LOCAL_REPLY_BODY%|%RESPONSE_CODE%|%GRPC_STATUS%>'}
"""

CASES = (
    *(
        direct(status)
        for status in (200, 204, 301, 400, 401, 403, 404, 408, 418, 429, 500, 502, 503, 504)
    ),
    routed("no_route", routes="[{match: {prefix: /other}, route: {cluster: $be}}]"),
    routed("no_cluster", routes="[{match: {prefix: /}, route: {cluster_header: x-none}}]"),
    routed("no_host", clusters="[{name: $be}]"),
    routed("connect_failure", clusters="[{name: $be, hosts: [$dead]}]"),
    routed("reset", raw(Close())),
    routed(
        "http_error", reply(503, b"plain", "content-type: text/plain\r\n", "Service Unavailable")
    ),
    routed("redirect", routes="[{match: {prefix: /}, redirect: {path_redirect: /there}}]"),
    routed("head", request=b"HEAD / HTTP/1.1\r\nHost: a\r\n" + GRPC.encode() + b"\r\n", steps=()),
    routed("route_timeout", SLOW, action=", timeout: 0.1s", steps=once(ECHO, "POST")),
    routed(
        "web_is_no_grpc",
        request=call("/a/b", b"x", "content-type: application/grpc-web\r\n"),
        clusters="[{name: $be, hosts: [$dead]}]",
    ),
    routed("mapped", hcm=MAPPER, routes="[{match: {prefix: /}, direct_response: {status: 404}}]"),
    routed("mapped_by_status", hcm=MAPPER, clusters="[{name: $be, hosts: [$dead]}]"),
    routed("trailers_both_ways", request=call("/a.B/C", frames(b"x"), trailers=b"x-end: 1\r\n")),
    *(
        retried(name, name, trailers_only(code), TWO)
        for name, code in (
            ("cancelled", 1),
            ("deadline-exceeded", 4),
            ("internal", 13),
            ("resource-exhausted", 8),
            ("unavailable", 14),
        )
    ),
    retried("other_status", "cancelled,unavailable", trailers_only(13), TWO),
    retried("not_in_trailers", "unavailable", answer(trailers=b"grpc-status: 14\r\n"), TWO),
    retried("exhausted", "unavailable", trailers_only(14), policy=", num_retries: 2"),
    retried(
        "by_header", "", trailers_only(14), TWO, headers="x-envoy-retry-grpc-on: unavailable\r\n"
    ),
    retried(
        "by_header_as_well",
        "5xx",
        trailers_only(8),
        TWO,
        headers="x-envoy-retry-grpc-on: resource-exhausted,cancelled\r\nx-envoy-max-retries: 3\r\n",
    ),
    retried(
        "by_header_unknown", "", trailers_only(14), TWO, headers="x-envoy-retry-grpc-on: nope\r\n"
    ),
    retried(
        "status_that_is_no_number", "unavailable", answer(headers=GRPC + "grpc-status: x\r\n"), TWO
    ),
    retried("with_http_error", "unavailable", trailers_only(14, http=503), TWO),
    deadline("passes", "grpc_timeout_header_max: 0s", "100m", SLOW),
    deadline("capped", "grpc_timeout_header_max: 0.1s", "20S", SLOW),
    deadline("told_to_the_upstream", "grpc_timeout_header_max: 5s", "20S"),
    deadline("with_offset", "grpc_timeout_header_max: 0s, grpc_timeout_header_offset: 2s", "20S"),
    deadline("not_listened_to", "max_stream_duration: 0.1s", "20S", SLOW),
    deadline("malformed", "grpc_timeout_header_max: 5s, max_stream_duration: 0.1s", "20x", SLOW),
    deadline("not_grpc", "grpc_timeout_header_max: 5s", "20S", kind="content-type: x/y\r\n"),
    routed(
        "deadline_not_asked_for",
        action=", timeout: 0s, max_stream_duration: {grpc_timeout_header_max: 5s}",
    ),
    routed(
        "deadline_of_the_manager",
        hcm="common_http_protocol_options: {max_stream_duration: 7s}",
        action=", timeout: 0s, max_stream_duration: {grpc_timeout_header_max: 5s}",
    ),
    routed(
        "deadline_of_the_route_not_asked_for",
        action=", timeout: 0s, max_stream_duration: {max_stream_duration: 200000s}",
    ),
    routed(
        "deadline_of_the_manager_alone",
        hcm="common_http_protocol_options: {max_stream_duration: 7s}",
        action=", timeout: 0s",
    ),
    limited("older_limit", ", max_grpc_timeout: 5s", "2S"),
    limited("older_limit_passes", ", max_grpc_timeout: 5s", "100m", SLOW),
    limited("older_limit_capped", ", max_grpc_timeout: 0.1s", "20S", SLOW),
    limited("older_limit_any", ", max_grpc_timeout: 0s, timeout: 0.1s", "2S"),
    limited("older_limit_none", ", max_grpc_timeout: 0s, timeout: 0.1s", "0S"),
    limited("older_limit_malformed", ", max_grpc_timeout: 5s", "20x"),
    limited("older_limit_shorter", ", max_grpc_timeout: 5s, grpc_timeout_offset: 0.5s", "2S"),
    limited("older_limit_too_short", ", max_grpc_timeout: 5s, grpc_timeout_offset: 2s", "2S"),
    limited("older_limit_offset_alone", ", grpc_timeout_offset: 0.5s", "2S"),
    limited("older_limit_not_grpc", ", max_grpc_timeout: 5s", "2S", kind="content-type: x/y\r\n"),
    limited("older_limit_with_newer", ", max_grpc_timeout: 5s, max_stream_duration: {}", "2S"),
    limited(
        "older_limit_per_try",
        ", max_grpc_timeout: 5s, retry_policy: {retry_on: 5xx, per_try_timeout: 1s}",
        "2S",
    ),
    limited(
        "older_limit_hedged",
        ", max_grpc_timeout: 5s, retry_policy: {retry_on: 5xx, per_try_timeout: 1s},"
        " hedge_policy: {hedge_on_per_try_timeout: true}",
        "2S",
    ),
    routed("older_limit_not_asked_for", action=", max_grpc_timeout: 5s"),
    routed(
        "older_limit_hidden",
        action=", max_grpc_timeout: 5s",
        hcm="http_filters: [" + ROUTER.replace("}}", ", suppress_envoy_headers: true}}") + "]",
    ),
    deadline("no_limit", "max_stream_duration: 0s", "20S"),
    deadline("microseconds", "grpc_timeout_header_max: 0s", "100000u", SLOW),
    routed(
        "late_answer",
        raw(Sleep(0.3), *TWO.actions),
        action=", timeout: 0.1s",
        steps=once(ECHO, "POST"),
    ),
    routed(
        "suppressed_codes",
        trailers_only(14),
        reply(503, b"", reason="Service Unavailable"),
        steps=(ECHO, ECHO, get("/x")),
        hcm="http_filters: ["
        + ROUTER.replace("}}", ", suppress_grpc_request_failure_code_stats: true}}")
        + "]",
    ),
    routed(
        "log_operators",
        answer(trailers=b"grpc-status: 8\r\ngrpc-message: full\r\n"),
        trailers_only(16),
        reply(404, b""),
        steps=(ECHO, ECHO, ECHO, get("/x")),
        log="%GRPC_STATUS% %GRPC_STATUS(CAMEL_STRING)% %GRPC_STATUS(SNAKE_STRING)%"
        " %GRPC_STATUS(NUMBER)% %GRPC_STATUS_NUMBER% %TRAILER(GRPC-MESSAGE)% %RESP(GRPC-STATUS)%\n",
    ),
    routed(
        "log_filter",
        trailers_only(14),
        answer(trailers=b"grpc-status: 5\r\n"),
        TWO,
        reply(401, b""),
        steps=(ECHO, ECHO, ECHO, ECHO, get("/x")),
        hcm="access_log: [{name: a, filter: {grpc_status_filter: {statuses: [NOT_FOUND,"
        " UNAUTHENTICATED, UNAVAILABLE], exclude: false}}, typed_config: {'@type': "
        f"{_LOG}, path: $dir/access.log, log_format: {{text_format_source: {{inline_string:"
        ' "%GRPC_STATUS% %RESPONSE_CODE%\\n"}}}}]',
    ),
    routed(
        "log_filter_excludes",
        trailers_only(14),
        TWO,
        steps=(ECHO, ECHO),
        hcm="access_log: [{name: a, filter: {grpc_status_filter: {statuses: [OK],"
        " exclude: true}}, typed_config: {'@type': "
        f"{_LOG}, path: $dir/access.log, log_format: {{text_format_source: {{inline_string:"
        ' "%GRPC_STATUS% %RESPONSE_CODE%\\n"}}}}]',
    ),
)
