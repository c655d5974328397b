"""Extended CONNECT (RFC 8441) and CONNECT over HTTP/2, to upstreams of both protocols."""

from __future__ import annotations

from tests.interop.cases.http2_upstream import cluster
from tests.interop.model import (
    Case,
    Differs,
    Drop,
    End,
    End2,
    Read,
    Read2,
    Receive,
    Send2,
    Wait,
    Write,
    once,
)
from tests.support.client import get
from tests.support.http2 import CANCEL, Data, Headers, rst
from tests.support.http2_upstream import EchoBack, Script2, frames, respond
from tests.support.upstream import Close, Echo, Hold, Script, Sleep, raw, reply, tcp

ALLOW = "http2_protocol_options: {allow_connect: true}\n"
HCM = ALLOW + "upgrade_configs: [{upgrade_type: websocket}]"
CONNECT = ALLOW + "upgrade_configs: [{upgrade_type: CONNECT}]"
SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
ASK = Headers(
    [
        (":method", "CONNECT"),
        (":scheme", "http"),
        (":authority", "example.com"),
        (":path", "/chat"),
        (":protocol", "websocket"),
        ("sec-websocket-version", "13"),
    ],
    1,
)
TUNNEL = Headers([(":method", "CONNECT"), (":authority", "example.com:443")], 1)
TERMINATE = (
    "[{match: {connect_matcher: {}}, route: {cluster: $be,"
    " upgrade_configs: [{upgrade_type: CONNECT, connect_config: {}}]}}]"
)
FORWARD = "[{match: {connect_matcher: {}}, route: {cluster: $be}}]"
TALK = (Send2((ASK,)), Wait(0.3), Send2((Data(b"hello", 1),)), Wait(0.3))
ENDED = (*TALK, Send2((Data(b"", 1, True),)), Read2(), End2())
TUNNELED = (
    Send2((TUNNEL,)),
    Wait(0.3),
    Send2((Data(b"hello", 1),)),
    Wait(0.3),
    Send2((Data(b"", 1, True),)),
    Read2(),
    End2(),
)
H1_ASK = get("/chat", headers="Connection: Upgrade\r\nUpgrade: websocket\r\n")
H1 = {"up": Script([raw(SWITCH, Echo())])}
H2 = {"up": Script2([frames(respond(), EchoBack(), early=True)])}
IGNORE = "cx_[rt]x_bytes"

CASES = (
    Case(
        "h2_ws_to_h1",
        ENDED,
        hcm=HCM,
        upstreams=H1,
        ignore_stats=IGNORE,
        differs=Differs("the end of the client's side reaches an upstream of HTTP/1", (200,)),
    ),
    Case("h2_ws_to_h2", ENDED, hcm=HCM, upstreams=H2, clusters=cluster(), ignore_stats=IGNORE),
    Case(
        "h1_ws_to_h2",
        (Write(H1_ASK), Read(), Write(b"hello"), Receive(5), Drop(), Wait(0.3)),
        hcm=HCM,
        upstreams=H2,
        clusters=cluster(),
        ignore_stats=IGNORE,
    ),
    Case(
        "h1_ws_to_h2_that_refuses",
        once(H1_ASK, within=0.4),
        hcm=HCM,
        upstreams={"up": Script2([frames(respond(status="403", end=True), early=True)])},
        clusters=cluster(),
        ignore_stats=IGNORE,
    ),
    Case("h2_ws_not_enabled", (*TALK[:1], Read2(), End2()), hcm=ALLOW, ignore_stats=IGNORE),
    Case(
        "h2_ws_without_allow_connect",
        (*TALK[:1], Read2(within=1.0), End2()),
        hcm="upgrade_configs: [{upgrade_type: websocket}]",
        ignore_stats=IGNORE,
    ),
    Case(
        "h2_ws_refused_by_upstream",
        (*TALK[:1], Read2(), End2()),
        hcm=HCM,
        upstreams={"up": Script([reply(403)])},
        ignore_stats=IGNORE,
    ),
    Case(
        "h2_ws_upstream_closes",
        (*TALK[:1], Read2(), End2()),
        hcm=HCM,
        upstreams={"up": Script([raw(SWITCH, b"bye", Sleep(0.2), Close())])},
        ignore_stats=IGNORE,
    ),
    Case(
        "h2_ws_client_resets",
        (*TALK[:2], Send2((rst(CANCEL, 1),)), Wait(0.2), End2()),
        hcm=HCM,
        upstreams=H1,
        ignore_stats=IGNORE,
    ),
    Case(
        "h2_ws_no_answer",
        (*TALK[:1], Read2(), End2()),
        hcm=HCM,
        upstreams={"up": Script([raw(Hold())])},
        routes="[{match: {prefix: /}, route: {cluster: $be, timeout: 0.3s}}]",
        ignore_stats=IGNORE,
    ),
    Case(
        "h2_own_protocol",
        (
            Send2((Headers([*ASK.fields[:4], (":protocol", "foo"), *ASK.fields[5:]], 1),)),
            Read2(),
            End2(),
        ),
        hcm=HCM,
        ignore_stats=IGNORE,
    ),
    Case(
        "h2_connect_terminated",
        TUNNELED,
        hcm=CONNECT,
        routes=TERMINATE,
        upstreams={"up": tcp(Echo())},
        ignore_stats=IGNORE,
    ),
    Case(
        "h2_connect_forwarded_to_h2",
        TUNNELED,
        hcm=CONNECT,
        routes=FORWARD,
        upstreams=H2,
        clusters=cluster(),
        ignore_stats=IGNORE,
    ),
    Case(
        "h2_connect_forwarded_to_h1",
        TUNNELED,
        hcm=CONNECT,
        routes=FORWARD,
        upstreams={"up": Script([raw(b"HTTP/1.1 200 OK\r\n\r\n", Echo())])},
        ignore_stats=IGNORE,
    ),
    Case(
        "h1_connect_forwarded_to_h2",
        (
            Write(b"CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n"),
            Read("CONNECT"),
            Write(b"hello"),
            Receive(5),
            End(),
        ),
        hcm=CONNECT,
        routes=FORWARD,
        upstreams=H2,
        clusters=cluster(),
        ignore_stats=IGNORE,
    ),
    Case(
        "h2_connect_refused",
        (Send2((TUNNEL,)), Read2(), End2()),
        hcm=CONNECT,
        routes=TERMINATE,
        clusters="[{name: $be, hosts: [$dead]}]",
        ignore_stats=IGNORE,
    ),
    Case("h2_connect_not_enabled", (Send2((TUNNEL,)), Read2(), End2()), ignore_stats=IGNORE),
)
