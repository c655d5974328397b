"""ext_authz with a service that fails: by its answers, its connection, its absence."""

from __future__ import annotations

from tests.interop.cases.ext_authz_http import HELLO, OK, asked, denied
from tests.interop.model import Drop, Wait, Write
from tests.support.client import get
from tests.support.upstream import Close, Hold, ReadBody, Send, Sleep, raw

BACK_OFF = "retry_back_off: {base_interval: 0.01s}"

CASES = (
    asked("fails", answers=(denied(503, b"x", "X-A: 1"),)),
    asked("fails_with_status", answers=(denied(500, b""),), fields="status_on_error: {code: 502}"),
    asked(
        "fails_and_allows",
        answers=(denied(500, b""),),
        fields="failure_mode_allow: true, failure_mode_allow_header_add: true",
    ),
    asked(
        "fails_and_allows_silently", answers=(denied(500, b""),), fields="failure_mode_allow: true"
    ),
    asked("closes", answers=(raw(Close()),)),
    asked(
        "breaks_off",
        answers=(raw(Send(b"HTTP/1.1 200 X\r\ncontent-length: 9\r\n\r\nabc"), Close()),),
    ),
    asked("talks_nonsense", answers=(raw(Send(b"nonsense\r\n\r\n"), Hold()),)),
    asked(
        "is_slow", answers=(raw(Sleep(0.6), Send(b"HTTP/1.1 200 X\r\ncontent-length: 0\r\n\r\n")),)
    ),
    asked("never_answers", HELLO, answers=(raw(ReadBody(), Hold()),)),
    asked("is_away", clusters="[{name: $be, hosts: [$up]}, {name: $auth, hosts: [$dead]}]"),
    asked("has_no_hosts", clusters="[{name: $be, hosts: [$up]}, {name: $auth, hosts: []}]"),
    asked("has_no_cluster", clusters="[{name: $be, hosts: [$up]}]"),
    asked(
        "is_full",
        clusters="[{name: $be, hosts: [$up]}, {name: $auth, hosts: [$auth_server],"
        " circuit_breakers: {thresholds: [{max_connections: 0, max_pending_requests: 0}]}}]",
    ),
    asked(
        "is_asked_again",
        answers=(denied(503, b""), OK),
        service=f"retry_policy: {{num_retries: 1, retry_on: 5xx, {BACK_OFF}}}",
    ),
    asked(
        "is_not_asked_again",
        answers=(denied(503, b""), OK),
        service=f"retry_policy: {{num_retries: 1, {BACK_OFF}}}",
    ),
    asked("client_goes", Write(get("/x")), Wait(0.1), Drop(), Wait(0.1), answers=(raw(Hold()),)),
)
