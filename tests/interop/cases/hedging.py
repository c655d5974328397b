"""Hedging: a late attempt goes on beside the next one, and the first good head wins."""

from __future__ import annotations

from tests.interop.cases.retries import FAIL, GOOD
from tests.interop.config import ROUTER
from tests.interop.model import Case, Step, once
from tests.support.client import get
from tests.support.upstream import Answer, Close, Hold, Reset, Script, Sleep, raw, reply

ON = "hedge_policy: {hedge_on_per_try_timeout: true}"
SILENT = raw(Hold())
NOT_FOUND = reply(404, b"none", reason="Not Found")
PER_TRY = "per_try_timeout: 0.3s"
# How much of a short timeout is left when the second attempt begins differs from run to run.
QUIET = (
    f"http_filters: [{{name: r, typed_config: {{'@type': {ROUTER},"
    " suppress_envoy_headers: true}}]"
)
# The pause before the second attempt is longer than the case, nearly always.
LONG_PAUSE = f"retry_on: 5xx, {PER_TRY}, retry_back_off: {{base_interval: 60s}}"
IDLE = "retry_on: 5xx, per_try_idle_timeout: 0.3s"
PAUSED_BODY = raw(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab", Sleep(0.6), b"cd")


def late(answer: Answer = GOOD, seconds: float = 0.45) -> Answer:
    """The same answer after the timeout of its attempt."""
    return Answer((Sleep(seconds), *answer.actions))


def hedged(
    name: str,
    *answers: Answer,
    retry: str = f"retry_on: 5xx, {PER_TRY}",
    hedge: str = ON,
    action: str = "timeout: 0s",
    route: str = "",
    request: bytes = b"",
    headers: str = "",
    hcm: str = "",
    host: str = "",
    extra: str = "",
    steps: tuple[Step, ...] = (),
    ignore: str = "",
    log_format: str = "",
) -> Case:
    """One request to an upstream that answers in sequence.

    `host` holds fields of the virtual host, `extra` of the cluster, `action` of the route's action.
    """
    parts = ["cluster: $be", f"retry_policy: {{{retry}}}" if retry else "", hedge, action]
    routes = f"[{{match: {{prefix: /}}, route: {{{', '.join(filter(None, parts))}}}{route}}}]"
    return Case(
        name,
        steps or once(request or get("/x", headers=headers)),
        hcm=hcm,
        virtual_hosts=f"[{{name: vh, domains: ['*'], {host}routes: {routes}}}]",
        clusters=f"[{{name: $be, hosts: [$up]{extra}}}]",
        upstreams={"up": Script(answers or [SILENT, GOOD])},
        ignore_stats=ignore,
        log_format=log_format,
    )


def retried(times: int) -> str:
    """A retry policy with so many retries."""
    return f"retry_on: 5xx, num_retries: {times}, {PER_TRY}"


CASES = (
    hedged("hedge_second_wins"),
    hedged("hedge_first_wins", late(), SILENT),
    hedged("hedge_first_wins_before", late(GOOD, 0.1)),
    hedged("hedge_not", hedge="hedge_policy: {}"),
    hedged("hedge_three", SILENT, SILENT, GOOD, retry=retried(2)),
    hedged("hedge_three_first_wins", late(seconds=1.0), SILENT, SILENT, retry=retried(2)),
    hedged("hedge_three_second_wins", SILENT, late(seconds=0.7), SILENT, retry=retried(2)),
    hedged("hedge_whatever_is_retried", retry=f"retry_on: connect-failure, {PER_TRY}"),
    hedged("hedge_without_conditions", late(), GOOD, retry=PER_TRY),
    hedged("hedge_without_retries", late(), GOOD, retry=retried(0)),
    hedged("hedge_once", late(seconds=1.0), SILENT),
    # What each of two attempts may come to.
    hedged("hedge_second_fails", late(), FAIL),
    hedged("hedge_second_fails_and_again", late(seconds=1.2), FAIL, GOOD, retry=retried(2)),
    hedged("hedge_second_closes", late(), raw(Close())),
    hedged("hedge_second_resets", late(), raw(Reset())),
    hedged("hedge_second_not_found", late(), NOT_FOUND),
    hedged("hedge_first_fails", late(FAIL, 0.5), late()),
    hedged("hedge_first_closes", raw(Sleep(0.5), Close()), late()),
    hedged("hedge_first_resets", raw(Sleep(0.5), Reset()), late()),
    hedged("hedge_first_garbage", raw(Sleep(0.5), b"GARBAGE\r\n\r\n"), late()),
    hedged("hedge_first_not_found", late(NOT_FOUND, 0.5), SILENT),
    hedged("hedge_both_fail", late(FAIL, 0.7), FAIL),
    hedged("hedge_both_fail_in_turn", late(FAIL, 0.5), late(FAIL, 0.6)),
    hedged("hedge_both_close", raw(Sleep(0.7), Close()), raw(Close())),
    hedged("hedge_both_close_in_turn", raw(Sleep(0.5), Close()), raw(Sleep(0.6), Close())),
    hedged("hedge_fails_then_closes", raw(Sleep(0.8), Close()), FAIL),
    hedged("hedge_closes_then_fails", late(FAIL, 0.8), raw(Close())),
    # Limits of the request as a whole, and of the pause in an answer.
    hedged("hedge_global_timeout", SILENT, action="timeout: 0.7s", hcm=QUIET),
    hedged("hedge_global_timeout_of_one", SILENT, action="timeout: 0.6s", retry=retried(0)),
    hedged("hedge_global_timeout_of_first", SILENT, FAIL, action="timeout: 0.7s", hcm=QUIET),
    hedged("hedge_global_timeout_in_pause", SILENT, action="timeout: 0.6s", retry=LONG_PAUSE),
    hedged("hedge_good_in_pause", late(), retry=LONG_PAUSE),
    hedged("hedge_bad_in_pause", late(FAIL), retry=LONG_PAUSE, action="timeout: 0.9s"),
    hedged("hedge_closes_in_pause", raw(Sleep(0.5), Close()), retry=LONG_PAUSE,
           action="timeout: 0.9s"),
    hedged("hedge_expected_timeout", action="timeout: 13s"),
    hedged("hedge_idle", retry=IDLE),
    hedged("hedge_idle_in_body", PAUSED_BODY, retry=IDLE),
    hedged("hedge_idle_then_body", late(PAUSED_BODY), SILENT, retry=IDLE),
    hedged("hedge_stream_idle", SILENT, action="timeout: 0s, idle_timeout: 0.8s"),
)  # fmt: skip
