"""CONNECT: ended here, with TCP to the upstream, or passed on to it."""

from __future__ import annotations

from dataclasses import replace

from tests.interop.cases.upgrades import talk
from tests.interop.cases.upgrades_tunnels import GAUGES
from tests.interop.model import (
    Case,
    Differs,
    Drop,
    End,
    HalfClose,
    Read,
    Receive,
    Step,
    Wait,
    Write,
    once,
)
from tests.support.client import get, post
from tests.support.upstream import (
    Action,
    Answer,
    Close,
    Echo,
    Hold,
    Listen,
    Reset,
    Script,
    Sleep,
    Take,
    raw,
    reply,
    tcp,
)
from tests.support.upstream import HalfClose as UpstreamHalfClose

HCM = "upgrade_configs: [{upgrade_type: CONNECT}]"
ASK = b"CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n"
ENDS = "upgrade_configs: [{upgrade_type: CONNECT, connect_config: {}}]"
AGREED = b"HTTP/1.1 200 OK\r\n\r\n"


def connected(
    name: str,
    *steps: Step,
    ask: bytes = ASK,
    hcm: str = HCM,
    route: str = ENDS,
    up: Script | None = None,
    end: float = 0.4,
    options: str = "",
    clusters: str = "[{name: $be, hosts: [$up]}]",
    match: str = "connect_matcher: {}",
    differs: Differs | None = None,
) -> Case:
    """A CONNECT, and what happens after."""
    return Case(
        name,
        (Write(ask), Read("CONNECT"), *steps, End(within=end)),
        hcm=f"{{{', '.join(filter(None, (hcm, options)))}}}",
        routes=f"[{{match: {{{match}}}, route: {{cluster: $be{route and ', ' + route}}}}}]",
        upstreams={"up": tcp(Echo()) if up is None else up},
        clusters=clusters,
        differs=differs,
    )


def passed(
    name: str,
    *steps: Step,
    answer: tuple[bytes | Action, ...] = (AGREED, Echo()),
    ask: bytes = ASK,
    route: str = "",
    end: float = 0.4,
    options: str = "",
    answers: tuple[Answer, ...] = (),
) -> Case:
    """A CONNECT that the upstream answers."""
    up = Script(answers or [raw(*answer)])
    return connected(name, *steps, ask=ask, route=route, end=end, options=options, up=up)


LIMITED = "[{name: $be, hosts: [$up], circuit_breakers: {thresholds: [{%s}]}}]"
QUEUED = (
    "Envoy lets a CONNECT over max_connections wait for a tunnel to end; Lateen answers 503 at once"
)
RETRY = "retry_policy: {retry_on: 'connect-failure', num_retries: 2}"
POST = "upgrade_configs: [{upgrade_type: CONNECT, connect_config: {allow_post: true}}]"

CASES = (
    connected("connect_echo", *talk(), *talk(b"more" * 500)),
    replace(connected("connect_gauges", *talk(), GAUGES), isolated=True),
    connected("connect_client_drops", *talk(), Drop(), Wait(0.3)),
    connected(
        "connect_client_half_closes",
        *talk(),
        HalfClose(),
        Receive(3),
        up=tcp(Take(5), b"hello", Take(), b"bye", Close()),
    ),
    connected(
        "connect_client_half_closes_upstream_goes_on",
        *talk(),
        HalfClose(),
        Receive(3, within=1),
        up=tcp(Take(5), b"hello", Sleep(0.4), b"bye", Hold()),
    ),
    connected("connect_upstream_first", Receive(5), up=tcp(b"hello", Hold())),
    connected("connect_upstream_closes", Receive(5), up=tcp(b"hello", Close())),
    connected(
        "connect_upstream_half_closes",
        Receive(5),
        Wait(0.2),
        Write(b"still"),
        Wait(0.3),
        up=tcp(b"hello", UpstreamHalfClose(), Take(), Hold()),
    ),
    connected("connect_upstream_resets", Receive(5), up=tcp(b"hello", Sleep(0.2), Reset())),
    connected("connect_early_bytes", Receive(5), ask=ASK + b"early"),
    connected(
        "connect_many_early_bytes", Receive(200000, within=4), ask=ASK + b"0123456789" * 20000
    ),
    connected("connect_to_nobody", clusters="[{name: $be, hosts: [$dead]}]"),
    connected("connect_to_no_host", clusters="[{name: $be, hosts: []}]"),
    connected(
        "connect_overflow",
        clusters=LIMITED % "max_connections: 0, max_pending_requests: 0",
    ),
    connected(
        "connect_retried_in_vain",
        route=f"{ENDS}, {RETRY}",
        clusters="[{name: $be, hosts: [$dead]}]",
    ),
    connected("connect_not_enabled", hcm="", route=""),
    connected("connect_enabled_by_route", *talk(), hcm=""),
    connected("connect_prefix_does_not_match", match="prefix: /"),
    connected("connect_idle", *talk(), end=1.5, options="stream_idle_timeout: 0.5s"),
    connected(
        "connect_no_route_timeout", *talk(), Wait(0.5), *talk(), route=f"{ENDS}, timeout: 0.2s"
    ),
    connected(
        "connect_longest",
        *talk(),
        end=1.5,
        route=f"{ENDS}, max_stream_duration: {{max_stream_duration: 0.5s}}",
    ),
    connected(
        "connect_with_length",
        ask=ASK.replace(b"\r\n\r\n", b"\r\nContent-Length: 5\r\n\r\n"),
    ),
    connected(
        "connect_with_length_zero",
        *talk(),
        ask=ASK.replace(b"\r\n\r\n", b"\r\nContent-Length: 0\r\n\r\n"),
    ),
    connected(
        "connect_chunked",
        ask=ASK.replace(b"\r\n\r\n", b"\r\nTransfer-Encoding: chunked\r\n\r\n"),
    ),
    connected("connect_response_headers", *talk(), route=f"{ENDS}"),
    connected(
        "connect_with_upgrade",
        ask=ASK.replace(b"\r\n\r\n", b"\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"),
    ),
    connected("connect_rewrites", *talk(), route=f"{ENDS}, host_rewrite_literal: other.test"),
    Case(
        "connect_config_and_another_method",
        once(get("/x")),
        hcm=f"{{{HCM}}}",
        routes=f"[{{match: {{prefix: /}}, route: {{cluster: $be, {ENDS}}}}}]",
    ),
    passed(
        "connect_passed_retried",
        *talk(),
        route=RETRY.replace("connect-failure", "5xx"),
        answers=(reply(503, b""), raw(AGREED, Echo())),
    ),
    connected(
        "post_as_connect",
        Receive(100),
        ask=post("/x", b"hello"),
        route=POST,
        match="prefix: /",
        up=tcp(Take(5), b"answer", Close()),
    ),
    connected(
        "post_as_connect_chunked",
        Receive(100),
        ask=b"POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        route=POST,
        match="prefix: /",
        up=tcp(Take(5), b"answer", Close()),
    ),
    connected(
        "post_not_allowed", ask=post("/x", b"hello"), match="prefix: /", up=Script([reply()])
    ),
    # Passed on.
    passed("connect_passed", *talk(), *talk(b"more" * 500)),
    passed("connect_passed_rewrites", *talk(), route="host_rewrite_literal: 'other.test:1'"),
    passed("connect_passed_early_bytes", Receive(5), ask=ASK + b"early"),
    passed(
        "connect_passed_early_bytes_wait",
        Wait(0.5),
        ask=ASK + b"early",
        answer=(Listen(0.2), AGREED, Hold()),
    ),
    passed(
        "connect_passed_refused", answer=(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno",)
    ),
    passed(
        "connect_passed_refused_early_bytes",
        ask=ASK + b"early",
        answer=(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno",),
    ),
    passed("connect_passed_other_2xx", *talk(), answer=(b"HTTP/1.1 201 Created\r\n\r\n", Echo())),
    passed(
        "connect_passed_with_length",
        answer=(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", b"hi", Echo()),
    ),
    passed(
        "connect_passed_chunked",
        answer=(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"hi", Echo()),
    ),
    passed("connect_passed_upstream_closes", Receive(2), answer=(AGREED, b"hi", Close())),
    passed(
        "connect_passed_half_closes",
        *talk(),
        HalfClose(),
        Receive(3),
        answer=(AGREED, Take(5), b"hello", Take(), b"bye", Close()),
    ),
    passed("connect_passed_closed_instead", answer=(Close(),)),
    passed(
        "connect_passed_late_answer", route="timeout: 0.3s", answer=(Sleep(0.6), AGREED, Echo())
    ),
    passed(
        "connect_passed_late_try",
        route="timeout: 5s, retry_policy: {per_try_timeout: 0.3s, retry_on: 5xx, num_retries: 0}",
        answer=(Sleep(0.6), AGREED, Echo()),
    ),
    passed("connect_passed_no_route_timeout", *talk(), Wait(0.6), *talk(), route="timeout: 0.3s"),
    passed("connect_passed_resets", Receive(2), answer=(AGREED, b"hi", Sleep(0.2), Reset())),
    connected(
        "connect_as_websocket",
        *talk(),
        hcm=HCM[:-1] + ", {upgrade_type: websocket}]",
        ask=ASK.replace(b"\r\n\r\n", b"\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"),
    ),
    connected(
        "connect_limit",
        *talk(),
        Write(ASK, on="b"),
        Read("CONNECT", on="b"),
        End(on="b"),
        clusters=LIMITED % "max_connections: 1",
        options="stream_idle_timeout: 1s",
        differs=Differs(QUEUED, (200, 503)),
    ),
    connected(
        "connect_request_limit",
        *talk(),
        Write(ASK, on="b"),
        Read("CONNECT", on="b"),
        End(on="b"),
        clusters=LIMITED % "max_requests: 1",
    ),
    passed("connect_passed_idle", *talk(), end=1.5, options="stream_idle_timeout: 0.5s"),
)
