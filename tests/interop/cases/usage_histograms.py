"""Histograms of clusters that track it: how much of their time requests use, and sizes."""

from __future__ import annotations

from tests.interop.cases.hedging import PAUSED_BODY, QUIET, SILENT, late
from tests.interop.model import Admin, Case, Step, Wait, once
from tests.support.client import get, post
from tests.support.upstream import Answer, Close, Script, raw, reply

# Timers go off a little early or late: what is used up is more than a half.
FLUSHED = """
stats_flush_interval: 0.1s
stats_config:
  histogram_bucket_settings: [{match: {suffix: percent_used}, buckets: [1, 50, 1000]}]
"""
OK = reply(200, b"hello", "x-of: upstream\r\n")


def tracked(
    name: str,
    fields: str,
    *steps: Step,
    answers: tuple[Answer, ...] = (OK,),
    action: str = "",
    **more: object,
) -> Case:
    """Requests, and what was recorded of them."""
    return Case(
        f"tracked_{name}",
        (
            *(steps or once(get("/x"))),
            Wait(0.4),
            Admin(
                "/stats?usedonly&histogram_buckets=cumulative"
                "&filter=percent_used|_size|_headers_|_body_",
                keep=r"^cluster.*",
            ),
        ),
        hcm=QUIET,
        clusters=f"[{{name: $be, hosts: [$up], {fields}}}]",
        routes=f"[{{match: {{prefix: /}}, route: {{cluster: $be{action}}}}}]",
        upstreams={"up": Script(list(answers))},
        bootstrap=FLUSHED,
        isolated=True,
        stats="",
        **more,
    )


BUDGETS = "track_timeout_budgets: true"
SIZES = "track_cluster_stats: {request_response_sizes: true}"
RETRIED = "retry_policy: {retry_on: 5xx, per_try_timeout: 0.6s}"
BROKEN = raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello", Close())
CASES = (
    tracked("budget", BUDGETS, action=", timeout: 5s"),
    tracked("budget_of_cluster_stats", "track_cluster_stats: {timeout_budgets: true}"),
    tracked("budget_without_limit", BUDGETS, action=", timeout: 0s"),
    tracked("budget_used_up", BUDGETS, answers=(SILENT,), action=", timeout: 0.6s"),
    tracked("budget_of_try", BUDGETS, answers=(SILENT, OK), action=f", timeout: 60s, {RETRIED}"),
    tracked("budget_of_two_tries", BUDGETS, answers=(SILENT,), action=f", timeout: 60s, {RETRIED}"),
    tracked(
        "budget_hedged",
        BUDGETS,
        answers=(late(OK, 1.3), SILENT),
        action=f", timeout: 60s, hedge_policy: {{hedge_on_per_try_timeout: true}}, {RETRIED}",
    ),
    tracked("budget_broken", BUDGETS, answers=(raw(Close()),)),
    tracked("budget_broken_late", BUDGETS, answers=(BROKEN,)),
    tracked("sizes", SIZES, *once(post("/x", b"a" * 700))),
    tracked("sizes_of_chunks", SIZES, answers=(reply(200, b"x" * 30000),)),
    tracked("sizes_without_response", SIZES, answers=(raw(Close()),)),
    tracked("sizes_of_tries", SIZES, *once(post("/x", b"abc")),
            answers=(reply(503, b"no"), OK), action=f", {RETRIED}"),
    tracked("sizes_broken", SIZES, answers=(BROKEN,)),
    tracked("sizes_of_silence", SIZES, answers=(SILENT,), action=", timeout: 0.3s"),
    tracked("budget_used_up_late", BUDGETS, answers=(PAUSED_BODY,), action=", timeout: 0.3s"),
)  # fmt: skip
