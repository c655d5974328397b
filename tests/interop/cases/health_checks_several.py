"""Several health checks of a cluster: a host has to pass each; each has stats of its own."""

from __future__ import annotations

from dataclasses import replace

from tests.interop.cases.health_checks import (
    GOOD,
    H2,
    HEAD,
    SEEN,
    SERVING,
    SHOWN,
    TIMES,
    UNAVAILABLE,
    checked,
    grpc,
    trailers,
)
from tests.interop.model import Admin, Case
from tests.support.client import get
from tests.support.upstream import Hold, Script, raw, reply

TCP = "tcp_health_check: {}"
DEGRADED = reply(200, b"", "x-envoy-degraded: \r\n")
NAMED = Admin("/stats/prometheus?filter=health_check.*(attempt|healthy)", keep=r"^(envoy.*be.*)$")


def http(path: str) -> str:
    """An HTTP check."""
    return f"http_health_check: {{path: /{path}}}"


def several(*checks: str, names: str = "abcdefgh") -> str:
    """What stands for one check in `checked`."""
    return "}, {TIMES, ".join(
        f"name: {name}, {check}" for name, check in zip(names, checks, strict=False)
    )


def answers(**paths: object) -> Script:
    """What the host answers by path; all else is good."""
    return Script([GOOD], paths={f"/{path}": [answer] for path, answer in paths.items()})  # type: ignore[misc,list-item]


PASSIVE = reply(200, b"", "x-envoy-immediate-health-check-fail: true\r\n")
GRPC_CHECK, GRPC_SCRIPT = grpc(HEAD, SERVING, trailers("0"))

_CASES: tuple[Case, ...] = (
    checked("several_pass", several(TCP, http("hc")), steps=(get("/1"), *SHOWN, NAMED)),
    checked("several_last_fails", several(TCP, http("hc")), answers(hc=UNAVAILABLE)),
    checked("several_first_fails", several(http("hc"), TCP), answers(hc=UNAVAILABLE)),
    checked("several_refused", several(TCP, http("hc")), first="dead"),
    checked("several_paths", several(http("a"), http("b"), http("c")), answers(b=UNAVAILABLE)),
    checked("several_degraded", several(http("a"), http("b")), answers(a=DEGRADED)),
    checked(
        "several_degraded_and_failed",
        several(http("a"), http("b")),
        answers(a=DEGRADED, b=UNAVAILABLE),
    ),
    checked(
        "several_timeout",
        several(http("a"), http("b")),
        answers(b=raw(Hold())),
        times=TIMES.replace("5s", "0.2s"),
    ),
    checked(
        "several_immediate_fail",
        several(http("a"), http("b")),
        answers(a=reply(503, b"", "x-envoy-immediate-health-check-fail: true\r\n")),
    ),
    checked(
        "several_passive",
        several(http("a"), http("b")),
        answers(**{"1": PASSIVE}),
        steps=(get("/1"), SEEN, get("/2"), *SHOWN),
    ),
    checked(
        "several_not_counted_before",
        several(http("a"), http("b")),
        answers(b=UNAVAILABLE),
        more="common_lb_config: {ignore_new_hosts_until_first_hc: true},",
    ),
    checked("several_eight", several(*(http(path) for path in "abcdefgh"))),
    checked("several_one_named", several(http("hc")), steps=(get("/1"), *SHOWN, NAMED)),
    checked("several_with_dots", several(TCP, http("hc"), names=["x.y", "z"])),  # type: ignore[arg-type]
    checked(
        "several_disabled",
        several(TCP, http("hc")),
        config="health_check_config: {disable_active_health_check: true}",
        first="up",
    ),
    checked("several_alt_stat_name", several(TCP, http("hc")), more="alt_stat_name: $alt,"),
    checked(
        "several_grpc", several(TCP, GRPC_CHECK), GRPC_SCRIPT, more=H2,
        ignore_stats="cx_tx_bytes|http2",
    ),
)  # fmt: skip
# Checks begin at the same time.
CASES = tuple(replace(case, unordered=True, numbered=False) for case in _CASES)
