"""What becomes of an upgraded connection: its end, timeouts, retries before it, draining."""

from __future__ import annotations

from dataclasses import replace

from tests.interop.cases.upgrades import (
    ASK,
    HCM,
    SWITCH,
    WS,
    accepted,
    asking,
    talk,
    upgraded,
)
from tests.interop.model import Admin, Drop, End, HalfClose, Read, Receive, Wait, Write
from tests.support.client import get
from tests.support.upstream import Close, Echo, Hold, Listen, Reset, Script, Sleep, Take, raw, reply
from tests.support.upstream import HalfClose as UpstreamHalfClose

RETRY = "retry_policy: {retry_on: '5xx,connect-failure', num_retries: 2}"

GAUGES = Admin(
    "/stats?filter=_active",
    keep=r"^(?:http\..*http\.downstream|cluster\..*be\.upstream)_(?:cx_upgrades|cx|rq)_active: .*",
)

CASES = (
    # The end of a tunnel.
    upgraded(
        "client_half_closes",
        *talk(),
        HalfClose(),
        Receive(3),
        up=accepted(Take(5), b"hello", Take(), b"bye", Close()),
    ),
    upgraded(
        "client_half_closes_upstream_goes_on",
        *talk(),
        HalfClose(),
        Receive(3, within=1),
        up=accepted(Take(5), b"hello", Sleep(0.3), b"bye", Hold()),
    ),
    upgraded("tunnel_client_drops", *talk(), Drop(), Wait(0.3)),
    upgraded("tunnel_client_resets", *talk(), Drop(reset=True), Wait(0.3)),
    upgraded("upstream_closes", Receive(3), up=accepted(b"bye", Close())),
    upgraded(
        "upstream_half_closes",
        Receive(3),
        Wait(0.2),
        Write(b"still"),
        Wait(0.5),
        up=accepted(b"bye", UpstreamHalfClose(), Listen(0.6)),
    ),
    upgraded("upstream_resets", Receive(3), up=accepted(b"bye", Sleep(0.2), Reset())),
    # Timeouts.
    upgraded("tunnel_idle", *talk(), end=1.5, options="stream_idle_timeout: 0.5s"),
    upgraded("tunnel_idle_of_route", *talk(), end=1.5, route="idle_timeout: 0.4s"),
    upgraded("no_route_timeout", *talk(), Wait(0.6), *talk(), route="timeout: 0.3s"),
    upgraded(
        "no_per_try_timeout",
        *talk(),
        Wait(0.6),
        *talk(),
        route="timeout: 5s, retry_policy: {per_try_timeout: 0.3s, retry_on: 5xx}",
    ),
    upgraded(
        "longest_tunnel", *talk(), end=1.5, route="max_stream_duration: {max_stream_duration: 0.5s}"
    ),
    upgraded(
        "longest_tunnel_of_hcm",
        *talk(),
        end=1.5,
        options="common_http_protocol_options: {max_stream_duration: 0.5s}",
    ),
    upgraded(
        "request_timeout_and_tunnel", *talk(), Wait(0.6), *talk(), options="request_timeout: 0.3s"
    ),
    upgraded(
        "late_answer_to_upgrade",
        route="timeout: 0.3s",
        up={"up": Script([raw(Sleep(0.6), SWITCH, Echo())])},
    ),
    upgraded(
        "no_answer_to_upgrade",
        end=0.5,
        options="stream_idle_timeout: 0.5s",
        up={"up": Script([raw(Hold())])},
    ),
    upgraded(
        "own_type_late_answer",
        route="timeout: 0.3s",
        ask=asking(WS.replace("websocket", "foo")),
        hcm="upgrade_configs: [{upgrade_type: foo}]",
        up={"up": Script([raw(Sleep(0.6), SWITCH, Echo())])},
    ),
    upgraded(
        "own_type_late_try",
        route="timeout: 5s, retry_policy: {per_try_timeout: 0.3s, retry_on: 5xx, num_retries: 0}",
        ask=asking(WS.replace("websocket", "foo")),
        hcm="upgrade_configs: [{upgrade_type: foo}]",
        up={"up": Script([raw(Sleep(0.6), SWITCH, Echo())])},
    ),
    upgraded(
        "own_type_no_route_timeout",
        *talk(),
        Wait(0.6),
        *talk(),
        route="timeout: 0.3s",
        ask=asking(WS.replace("websocket", "foo")),
        hcm="upgrade_configs: [{upgrade_type: foo}]",
    ),
    upgraded(
        "late_try_of_upgrade",
        route="timeout: 5s, retry_policy: {per_try_timeout: 0.3s, retry_on: 5xx, num_retries: 0}",
        up={"up": Script([raw(Sleep(0.6), SWITCH, Echo())])},
    ),
    upgraded(
        "request_timeout_before_answer",
        options="request_timeout: 0.3s",
        up={"up": Script([raw(Sleep(0.8), SWITCH, Echo())])},
        end=1,
    ),
    replace(
        upgraded(
            "logged_when_established",
            *talk(),
            options="access_log_options: {flush_log_on_tunnel_successfully_established: true}",
        ),
        log_format="%ACCESS_LOG_TYPE% %RESPONSE_CODE% %BYTES_SENT% %BYTES_RECEIVED%"
        " %UPSTREAM_PROTOCOL% %PROTOCOL%\n",
    ),
    replace(
        upgraded("client_leaves_before_answer", up={"up": Script([raw(Hold())])}),
        steps=(Write(ASK), Wait(0.2), Drop(), Wait(0.3)),
    ),
    replace(
        upgraded("client_half_closes_before_answer", up={"up": Script([raw(Hold())])}),
        steps=(Write(ASK), Wait(0.2), HalfClose(), End(within=0.5)),
    ),
    # Retries.
    upgraded(
        "retried_before",
        *talk(),
        route=RETRY,
        up={"up": Script([reply(503, b""), raw(SWITCH, Echo())])},
    ),
    upgraded(
        "retried_with_early_bytes",
        Receive(5),
        ask=ASK + b"early",
        route=RETRY,
        up={"up": Script([reply(503, b""), raw(SWITCH, Echo())])},
    ),
    upgraded("upgrade_retried_in_vain", route=RETRY, clusters="[{name: $be, hosts: [$dead]}]"),
    upgraded("upgrade_to_nobody", clusters="[{name: $be, hosts: [$dead]}]"),
    upgraded("upgrade_to_no_host", clusters="[{name: $be, hosts: []}]"),
    replace(upgraded("gauges_of_a_tunnel", *talk(), GAUGES), isolated=True),
    replace(
        upgraded(
            "draining",
            *talk(),
            Admin("/drain_listeners?graceful", "POST"),
            *talk(),
            hcm=HCM + ", drain_timeout: 0.1s",
        ),
        isolated=True,
    ),
    replace(
        upgraded("draining_before", hcm=HCM + ", drain_timeout: 0.1s"),
        steps=(
            Write(get("/x")),
            Read(),
            Admin("/drain_listeners?graceful", "POST"),
            Write(ASK),
            Read(),
            *talk(),
            End(within=0.4),
        ),
        upstreams={"up": Script([reply(), raw(SWITCH, Echo())])},
        isolated=True,
    ),
    replace(
        upgraded("after_another_request", *talk()),
        steps=(Write(get("/first")), Read(), Write(ASK), Read(), *talk(), End(within=0.3)),
        upstreams={"up": Script([reply(), raw(SWITCH, Echo())])},
    ),
)
