"""Retries: conditions, numbers, hosts and what the client sees."""

from __future__ import annotations

from tests.interop.model import Case, once
from tests.support.client import get, post
from tests.support.upstream import Answer, Close, Reset, Script, raw, reply

INTERNAL = "internal_address_config: {cidr_ranges: [{address_prefix: 127.0.0.0, prefix_len: 8}]}"
FAIL = reply(503, b"fail", reason="Service Unavailable")
GOOD = reply(200, b"good")


def retried(
    name: str,
    policy: str,
    *answers: Answer,
    request: bytes = b"",
    hcm: str = "",
    route: str = "",
    action: str = ", timeout: 0s",
    clusters: str = "",
    ignore: str = "",
    hosts: str = "[$up]",
) -> Case:
    """One request on a route with a retry policy, against answers in sequence."""
    steps = (request or get("/x"),)
    policy = f", retry_policy: {{{policy}}}" if policy else ""
    return Case(
        name,
        steps,
        hcm=hcm,
        routes=f"[{{match: {{prefix: /}}, route: {{cluster: $be{policy}{action}}}{route}}}]",
        clusters=clusters or f"[{{name: $be, hosts: {hosts}}}]",
        upstreams={"up": Script(answers or [FAIL, GOOD])},
        ignore_stats=ignore,
    )


NOT_FOUND = reply(404, b"", reason="Not Found")
CONFLICT = reply(409, b"", reason="Conflict")
BAD_GATEWAY = reply(502, b"bad", reason="Bad Gateway")
LIMITED = reply(503, b"", "x-envoy-ratelimited: true\r\n", "Service Unavailable")
PREVIOUS_HOSTS = (
    "type.googleapis.com/envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate"
)
BACK_OFF = "retry_back_off: {base_interval: 0.001s, max_interval: 0.002s}"

CASES = (
    retried("retry_none", "", FAIL),
    retried("retry_5xx", "retry_on: 5xx"),
    retried("retry_5xx_not_4xx", "retry_on: 5xx", NOT_FOUND, GOOD),
    retried("retry_5xx_exhausted", "retry_on: 5xx, num_retries: 2", FAIL),
    retried("retry_5xx_zero", "retry_on: 5xx, num_retries: 0", FAIL, GOOD),
    retried("retry_5xx_on_close", "retry_on: 5xx", raw(Close()), GOOD),
    retried("retry_gateway_error", "retry_on: gateway-error", BAD_GATEWAY, GOOD),
    retried(
        "retry_gateway_error_not_500",
        "retry_on: gateway-error",
        reply(500, b"", reason="Internal Server Error"),
        GOOD,
    ),
    retried("retry_reset", "retry_on: reset", raw(Close()), GOOD),
    retried(
        "retry_reset_twice", "retry_on: reset, num_retries: 2", raw(Close()), raw(Reset()), GOOD
    ),
    retried("retry_reset_exhausted", "retry_on: reset", raw(Close())),
    retried("retry_reset_before_request", "retry_on: reset-before-request", raw(Close()), GOOD),
    retried("retry_connect_failure", "retry_on: connect-failure", hosts="[$dead]"),
    retried("retry_connect_failure_on_close", "retry_on: connect-failure", raw(Close()), GOOD),
    retried("retry_refused_stream", "retry_on: refused-stream", raw(Close()), GOOD),
    retried("retry_retriable_4xx", "retry_on: retriable-4xx", CONFLICT, GOOD),
    retried("retry_retriable_4xx_not_404", "retry_on: retriable-4xx", NOT_FOUND, GOOD),
    retried("retry_envoy_ratelimited", "retry_on: envoy-ratelimited", LIMITED, GOOD),
    retried("retry_5xx_not_ratelimited", "retry_on: 5xx", LIMITED, GOOD),
    retried("retry_http3_post_connect", "retry_on: http3-post-connect-failure", raw(Close()), GOOD),
    retried(
        "retry_status_codes",
        "retry_on: retriable-status-codes, retriable_status_codes: [404, 418]",
        NOT_FOUND,
        GOOD,
    ),
    retried(
        "retry_status_codes_other",
        "retry_on: retriable-status-codes, retriable_status_codes: [418]",
        NOT_FOUND,
        GOOD,
    ),
    retried(
        "retry_headers",
        "retry_on: retriable-headers, retriable_headers: [{name: x-again, present_match: true}]",
        reply(200, b"", "X-Again: 1\r\n"),
        GOOD,
    ),
    retried(
        "retry_request_headers_no_match",
        "retry_on: 5xx, retriable_request_headers: [{name: x-may, present_match: true}]",
    ),
    retried(
        "retry_request_headers_match",
        "retry_on: 5xx, retriable_request_headers: [{name: x-may, present_match: true}]",
        request=get("/x", headers="x-may: 1\r\n"),
    ),
    retried(
        "retry_several_conditions",
        "retry_on: 'connect-failure,gateway-error , reset'",
        raw(Close()),
        BAD_GATEWAY,
        GOOD,
    ),
    retried(
        "retry_grpc_conditions",
        "retry_on: 'cancelled,unavailable'",
        reply(200, b"", "grpc-status: 14\r\n"),
        GOOD,
        request=post("/x", b"", headers="Content-Type: application/grpc\r\n"),
    ),
    retried(
        "retry_backoff_config",
        f"retry_on: 5xx, num_retries: 3, {BACK_OFF}",
        FAIL,
        FAIL,
        FAIL,
        GOOD,
    ),
    retried(
        "retry_ratelimited_backoff",
        "retry_on: 5xx, rate_limited_retry_back_off: {reset_headers: "
        "[{name: Retry-After, format: SECONDS}], max_interval: 5s}",
        reply(503, b"", "Retry-After: 0\r\n", "Service Unavailable"),
        GOOD,
    ),
    retried(
        "retry_ratelimited_backoff_1s",
        "retry_on: 5xx, rate_limited_retry_back_off: {reset_headers: "
        "[{name: Retry-After, format: SECONDS}], max_interval: 5s}",
        reply(503, b"", "Retry-After: 1\r\n", "Service Unavailable"),
        GOOD,
        action="",
    ),
    retried("retry_body", "retry_on: 5xx", request=post("/x", b"b" * 20_000)),
    retried(
        "retry_body_over_buffer",
        "retry_on: 5xx",
        request=post("/x", b"b" * 20_000),
        route=", request_body_buffer_limit: 1000",
    ),
    retried(
        "retry_headers_from_client_external",
        "",
        FAIL,
        GOOD,
        request=get("/x", headers="x-envoy-retry-on: 5xx\r\nx-envoy-max-retries: 3\r\n"),
    ),
    retried(
        "retry_headers_from_client_internal",
        "",
        FAIL,
        GOOD,
        hcm=INTERNAL,
        request=get(
            "/x",
            headers="x-envoy-retry-on: 5xx\r\nx-envoy-max-retries: 3\r\n"
            "x-forwarded-for: 127.0.0.1\r\n",
        ),
    ),
    retried(
        "retry_codes_header_internal",
        "",
        NOT_FOUND,
        GOOD,
        hcm=INTERNAL,
        request=get(
            "/x",
            headers="x-envoy-retry-on: retriable-status-codes\r\n"
            "x-envoy-retriable-status-codes: 404\r\nx-forwarded-for: 127.0.0.1\r\n",
        ),
    ),
    retried("retry_attempt_counts", "retry_on: 5xx", hcm=""),
    retried(
        "retry_circuit_breaker",
        "retry_on: 5xx",
        FAIL,
        GOOD,
        clusters="[{name: $be, hosts: [$up], circuit_breakers: {thresholds: [{max_retries: 0}]}}]",
    ),
    retried(
        "retry_budget",
        "retry_on: 5xx",
        FAIL,
        GOOD,
        clusters="[{name: $be, hosts: [$up], circuit_breakers: {thresholds: [{retry_budget: "
        "{budget_percent: {value: 100}, min_retry_concurrency: 1}}]}}]",
    ),
    Case(
        "retry_vhost_policy",
        (get("/x"),),
        virtual_hosts="""
- name: vh
  domains: ["*"]
  retry_policy: {retry_on: 5xx}
  include_request_attempt_count: true
  include_attempt_count_in_response: true
  routes: [{match: {prefix: /}, route: {cluster: $be, timeout: 0s}}]
""",
        upstreams={"up": Script([FAIL, GOOD])},
        ignore_stats="",
    ),
    Case(
        "retry_route_over_vhost_policy",
        (get("/x"),),
        virtual_hosts="""
- name: vh
  domains: ["*"]
  retry_policy: {retry_on: 5xx}
  routes: [{match: {prefix: /}, route: {cluster: $be, retry_policy: {retry_on: reset}}}]
""",
        upstreams={"up": Script([FAIL, GOOD])},
    ),
    Case(
        "retry_previous_hosts",
        (get("/x"),),
        routes=f"""
- match: {{prefix: /}}
  route:
    cluster: $be
    timeout: 0s
    retry_policy:
      retry_on: 5xx
      num_retries: 1
      host_selection_retry_max_attempts: 20
      retry_host_predicate:
      - name: envoy.retry_host_predicates.previous_hosts
        typed_config:
          "@type": {PREVIOUS_HOSTS}
""",
        clusters="[{name: $be, hosts: [$up, $other]}]",
        upstreams={"up": Script([FAIL]), "other": Script([FAIL])},
        unordered=True,
        log_format="%RESPONSE_CODE% %RESPONSE_FLAGS% %UPSTREAM_REQUEST_ATTEMPT_COUNT%\n",
        ignore_stats="",
    ),
    Case(
        "retry_hedge_none",
        once(get("/x")),
        routes="""
- match: {prefix: /}
  route: {cluster: $be, retry_policy: {retry_on: "", num_retries: 3}}
""",
        upstreams={"up": Script([FAIL, GOOD])},
    ),
)
