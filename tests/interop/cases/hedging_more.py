"""More of hedging: who asks for it, bodies, protocols, breakers, ejections and logs."""

from __future__ import annotations

from dataclasses import replace

from tests.interop.cases.hedging import LONG_PAUSE, ON, PER_TRY, QUIET, SILENT, hedged, late
from tests.interop.cases.http2_upstream import cluster
from tests.interop.cases.retries import FAIL, GOOD, INTERNAL
from tests.interop.cases.retries_more import logged
from tests.interop.config import ROUTER
from tests.interop.model import Case, Differs, Drop, Read, Receive, Step, Wait, Write, asked, once
from tests.support.client import get, post
from tests.support.http2 import REFUSED_STREAM, Data, ask, rst
from tests.support.http2_upstream import Answer2, Script2, frames, reply2, respond
from tests.support.upstream import Answer, Close, Echo, Sleep, raw, reply

BUFFERED = (
    "http_filters: [{name: b, typed_config: {'@type': type.googleapis.com/envoy.extensions.filters"
    ".http.buffer.v3.Buffer, max_request_bytes: 100000}},"
    f" {{name: r, typed_config: {{'@type': {ROUTER}}}}}]"
)
UPGRADES = "upgrade_configs: [{upgrade_type: websocket}]"
UPGRADE = (
    Write(get("/x", headers="connection: upgrade\r\nupgrade: websocket\r\n")),
    Read(),
    Write(b"ping"),
    Receive(4),
    Drop(),
    Wait(0.2),
)
SWITCHED = raw(
    b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n",
    Echo(),
)
ASK = "x-envoy-hedge-on-per-try-timeout:"
BODY = post("/x", b"b" * 20_000)
OUTLIER = (
    ", outlier_detection: {{consecutive_gateway_failure: {}, max_ejection_percent: 100,"
    " enforcing_consecutive_gateway_failure: 100}}"
)
MIRRORED = "timeout: 0s, request_mirror_policies: [{cluster: $be}]"
HOSTS = (
    "%RESPONSE_CODE% %RESPONSE_FLAGS% %UPSTREAM_HOST% %UPSTREAM_REQUEST_ATTEMPT_COUNT%"
    " attempted=%UPSTREAM_HOSTS_ATTEMPTED%\n"
)


def inside(name: str, headers: str, *answers: Answer, hedge: str = "", retry: str = "") -> Case:
    """A request of an internal client whose headers say what is hedged."""
    retry = retry or f"retry_on: 5xx, {PER_TRY}"
    headers = f"x-forwarded-for: 127.0.0.1\r\n{headers}"
    return hedged(name, *answers, retry=retry, hedge=hedge, hcm=INTERNAL, headers=headers)


def breaker(name: str, *answers: Answer, threshold: str) -> Case:
    """A cluster with limits."""
    return hedged(name, *answers, extra=f", circuit_breakers: {{thresholds: [{{{threshold}}}]}}")


def logged_hedge(name: str, *answers: Answer) -> Case:
    """The log of attempts that are hedged."""
    return logged(name, *answers, policy=f"retry_on: 5xx, {PER_TRY}", more=f", timeout: 0s, {ON}")


def http2(name: str, *answers: Answer2, steps: tuple[Step, ...] = (), action: str = "") -> Case:
    """The same over HTTP/2, whose streams share a connection."""
    case = hedged(name, steps=steps or asked(ask()), action=action or "timeout: 0s", hcm=QUIET)
    return replace(
        case, clusters=cluster(), upstreams={"up": Script2(answers)}, ignore_stats="cx_tx_bytes"
    )


CASES = (
    hedged("hedge_other_numbers", hedge=(
        "hedge_policy: {hedge_on_per_try_timeout: true, initial_requests: 3,"
        " additional_request_chance: {numerator: 100}}")),
    hedged("hedge_numbers_alone", late(), hedge=(
        "hedge_policy: {initial_requests: 3, additional_request_chance: {numerator: 100}}")),
    hedged("hedge_of_virtual_host", hedge="", host=f"{ON}, "),
    hedged("hedge_of_route_first", hedge="hedge_policy: {}", host=f"{ON}, "),
    # Requests that ask for it, or against it.
    inside("hedge_asked", f"{ASK} true\r\n"),
    inside("hedge_declined", f"{ASK} false\r\n", hedge=ON),
    inside("hedge_asked_oddly", f"{ASK} yes\r\n"),
    inside("hedge_asked_oddly_twice", f"{ASK} yes\r\n", hedge=ON),
    inside("hedge_asked_in_capitals", f"{ASK} TRUE\r\n"),
    hedged("hedge_asked_from_outside", hedge="", headers=f"{ASK} true\r\n"),
    hedged("hedge_declined_from_outside", headers=f"{ASK} false\r\n"),
    inside("hedge_all_asked", retry="num_retries: 1", headers=(
        f"{ASK} true\r\nx-envoy-retry-on: reset\r\n"
        "x-envoy-upstream-rq-per-try-timeout-ms: 300\r\n")),
    inside("hedge_asked_without_retries", f"{ASK} true\r\n"
           "x-envoy-upstream-rq-per-try-timeout-ms: 300\r\n", late(), retry="num_retries: 1"),
    # Counts that go with the attempts.
    hedged("hedge_attempts_counted", host=(
        "include_request_attempt_count: true, include_attempt_count_in_response: true,"
        " include_is_timeout_retry_header: true, ")),
    hedged("hedge_attempts_counted_first", late(), SILENT, host=(
        "include_request_attempt_count: true, include_attempt_count_in_response: true,"
        " include_is_timeout_retry_header: true, ")),
    hedged("hedge_virtual_cluster", SILENT, action="timeout: 0.7s", hcm=QUIET, host=(
        "virtual_clusters: [{name: vc, headers: [{name: ':path', prefix_match: /}]}], ")),
    hedged("hedge_hosts_attempted", log_format=HOSTS),
    hedged("hedge_hosts_attempted_first", late(), SILENT, log_format=HOSTS),
    hedged("hedge_hosts_attempted_timeout", SILENT, action="timeout: 0.7s", hcm=QUIET,
           log_format=HOSTS),
    logged_hedge("hedge_logged", SILENT, GOOD),
    logged_hedge("hedge_logged_first_wins", late(), SILENT),
    logged_hedge("hedge_logged_second_fails", late(), FAIL),
    logged_hedge("hedge_logged_first_fails", late(FAIL, 0.5), late()),
    logged_hedge("hedge_logged_first_closes", raw(Sleep(0.5), Close()), late()),
    # Bodies.
    hedged("hedge_body", request=BODY),
    hedged("hedge_body_first_wins", late(), SILENT, request=BODY),
    hedged("hedge_body_over_buffer", late(), GOOD, request=BODY,
           route=", request_body_buffer_limit: 1000"),
    hedged("hedge_unfinished_body", late(seconds=0.1), GOOD, steps=(
        Write(b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nab"), Wait(0.5),
        *once(b"cd"))),
    hedged("hedge_body_filtered", request=BODY, hcm=BUFFERED),
    hedged("hedge_body_filtered_first_wins", late(), SILENT, request=BODY, hcm=BUFFERED),
    hedged("hedge_upgrade", SILENT, SWITCHED, hcm=UPGRADES, steps=UPGRADE),
    hedged("hedge_upgrade_first_wins", late(SWITCHED), SILENT, hcm=UPGRADES, steps=UPGRADE),
    hedged("hedge_next_request", steps=(
        Write(get("/x")), Read(), Write(get("/y")), Read(), Drop())),
    hedged("hedge_client_leaves", SILENT, steps=(Write(get("/x")), Wait(0.7), Drop(), Wait(0.3))),
    hedged("hedge_client_leaves_in_pause", SILENT, retry=LONG_PAUSE,
           steps=(Write(get("/x")), Wait(0.6), Drop(), Wait(0.3))),
    # Interim responses, redirects, the longest time of a request.
    hedged("hedge_first_informs", raw(
        Sleep(0.5), b"HTTP/1.1 103 Early Hints\r\nlink: a\r\n\r\n", Sleep(0.3),
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"), SILENT,
        hcm="proxy_100_continue: true", steps=(*once(get("/x"), within=0.6),)),
    hedged("hedge_second_informs", late(), raw(
        b"HTTP/1.1 103 Early Hints\r\nlink: a\r\n\r\n", Sleep(0.6),
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
        hcm="proxy_100_continue: true", steps=(*once(get("/x"), within=0.6),)),
    hedged("hedge_redirected", late(reply(302, b"", "location: http://example.com/y\r\n")),
           late(seconds=1.0), GOOD,
           action="timeout: 0s, internal_redirect_policy: {}", ignore="_cx_|rq_pending"),
    replace(
        hedged("hedge_longest_duration", SILENT, late(seconds=0.5)),
        clusters=cluster(
            common="max_stream_duration: 0.6s",
            how="explicit_http_config: {http_protocol_options: {}}",
        ),
        ignore_stats="cx_",
        differs=Differs(
            "An attempt that lasts too long ends alone; Envoy ends the request, whatever another"
            " attempt comes to",
            (200,),
        ),
    ),
    # Breakers and ejections.
    breaker("hedge_breaker", late(), GOOD, threshold="max_retries: 0"),
    breaker("hedge_budget", threshold="retry_budget: {min_retry_concurrency: 1}"),
    breaker("hedge_no_connection_left", late(), GOOD,
            threshold="max_connections: 1, max_pending_requests: 0"),
    breaker("hedge_waits_for_connection", late(), GOOD, threshold="max_connections: 1"),
    hedged("hedge_outlier", late(), SILENT, extra=OUTLIER.format(1)),
    hedged("hedge_outlier_by_both", SILENT, action="timeout: 0.9s", hcm=QUIET,
           extra=OUTLIER.format(2)),
    hedged("hedge_outlier_once_each", SILENT, action="timeout: 0.9s", hcm=QUIET,
           extra=OUTLIER.format(3)),
    hedged("hedge_mirrored", action=MIRRORED, ignore="cx_|rq_active"),
    # HTTP/2, whose streams share a connection.
    http2("hedge_http2_second_wins", frames(), reply2()),
    http2("hedge_http2_from_http1", frames(), reply2(), steps=once(get("/x"))),
    http2("hedge_http2_second_fails", frames(), frames(respond(status="503")),
          action="timeout: 0.9s"),
    http2("hedge_http2_timeout", frames(), frames(), action="timeout: 0.9s"),
    http2("hedge_http2_refused", frames(), frames(rst(REFUSED_STREAM)), action="timeout: 0.9s"),
    http2("hedge_http2_body", frames(), reply2(), steps=asked(
        ask(method="POST", end=False), Data(b"b" * 20_000, 1, True))),
)  # fmt: skip
