"""Upgrades of HTTP/1 connections: what passes, and what becomes of the connection after."""

from __future__ import annotations

from tests.interop.model import (
    Case,
    Drop,
    End,
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
    raw,
    reply,
)

WS = "Connection: Upgrade\r\nUpgrade: websocket\r\n"
ASK = get("/chat", headers=WS + "Sec-WebSocket-Key: abc\r\n")
SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
HCM = "upgrade_configs: [{upgrade_type: websocket}]"
ROUTE = "{match: {prefix: /}, route: {cluster: $be, %s}}"


def accepted(*actions: bytes | Action) -> dict[str, Script]:
    """An upstream that agrees, then does as it is told."""
    return {"up": Script([raw(SWITCH, *actions)])}


def upgraded(
    name: str,
    *steps: Step,
    ask: bytes = ASK,
    hcm: str = HCM,
    route: str = "",
    up: dict[str, Script] | None = None,
    end: float = 0.4,
    options: str = "",
    clusters: str = "[{name: $be, hosts: [$up]}]",
) -> Case:
    """An upgrade that is asked for, and what happens after."""
    return Case(
        name,
        (Write(ask), Read(), *steps, End(within=end)),
        hcm=f"{{{', '.join(filter(None, (hcm, options)))}}}",
        routes=f"[{ROUTE % route}]" if route else "[{match: {prefix: /}, route: {cluster: $be}}]",
        upstreams=accepted(Echo()) if up is None else up,
        clusters=clusters,
    )


def answered(name: str, *answers: Answer, ask: bytes = ASK, route: str = "") -> Case:
    """What an upstream says that does not just agree."""
    return upgraded(name, ask=ask, route=route, up={"up": Script(answers)})


def talk(data: bytes = b"hello") -> tuple[Step, ...]:
    """Bytes that an upstream sends back."""
    return (Write(data), Receive(len(data)))


def asking(headers: str, method: str = "GET") -> bytes:
    """A request with these header lines."""
    return get("/chat", headers=headers).replace(b"GET", method.encode())


RETRY = "retry_policy: {retry_on: '5xx,connect-failure', num_retries: 2}"
MUTATION = (
    "{name: envoy.filters.http.header_mutation, typed_config: {'@type': type.googleapis.com/"
    "envoy.extensions.filters.http.header_mutation.v3.HeaderMutation, mutations:"
    " {request_mutations: [{append: {header: {key: x-chain, value: own}}}],"
    " response_mutations: [{append: {header: {key: x-back, value: own}}}]}}}"
)
ROUTER = (
    "{name: envoy.filters.http.router, typed_config: {'@type': type.googleapis.com/"
    "envoy.extensions.filters.http.router.v3.Router}}"
)

CASES = (
    upgraded("ws_echo", *talk(), *talk(b"more" * 500), Drop()),
    upgraded("ws_type_in_any_case", *talk(), ask=asking(WS.replace("websocket", "WebSocket"))),
    upgraded("ws_config_in_any_case", *talk(), hcm="upgrade_configs: [{upgrade_type: WEBSocket}]"),
    upgraded(
        "ws_among_other_options",
        *talk(),
        ask=asking("Connection: keep-alive, Upgrade, X-Hop\r\nX-Hop: 1\r\nUpgrade: websocket\r\n"),
    ),
    upgraded("ws_connection_close", *talk(), ask=asking(WS + "Connection: close\r\n")),
    upgraded("ws_post", *talk(), ask=asking(WS, "POST")),
    upgraded("ws_head", *talk(), ask=asking(WS, "HEAD")),
    upgraded("other_type", ask=asking(WS.replace("websocket", "foo"))),
    upgraded(
        "own_type",
        *talk(),
        ask=asking(WS.replace("websocket", "Foo/2")),
        hcm="upgrade_configs: [{upgrade_type: foo/2}]",
    ),
    upgraded("two_types_asked", ask=asking(WS.replace("websocket", "websocket, foo"))),
    upgraded("enabled_by_route", *talk(), hcm="", route=HCM),
    upgraded(
        "route_enables_what_hcm_forbids",
        *talk(),
        hcm="upgrade_configs: [{upgrade_type: websocket, enabled: false}]",
        route=HCM,
    ),
    upgraded("route_forbids", route="upgrade_configs: [{upgrade_type: websocket, enabled: false}]"),
    upgraded("hcm_forbids", hcm="upgrade_configs: [{upgrade_type: websocket, enabled: false}]"),
    upgraded(
        "filters_of_its_own",
        *talk(),
        hcm=f"upgrade_configs: [{{upgrade_type: websocket, filters: [{MUTATION}, {ROUTER}]}}]",
    ),
    upgraded(
        "filters_of_its_own_and_route_enables",
        *talk(),
        hcm="upgrade_configs: [{upgrade_type: websocket, enabled: false,"
        f" filters: [{MUTATION}, {ROUTER}]}}]",
        route=HCM,
    ),
    Case(
        "direct_response_to_upgrade",
        once(ASK, within=0.4),
        hcm=f"{{{HCM}}}",
        routes="[{match: {prefix: /}, direct_response: {status: 200, body: {inline_string: x}}}]",
    ),
    Case(
        "redirect_of_upgrade",
        once(ASK, within=0.4),
        hcm=f"{{{HCM}}}",
        routes="[{match: {prefix: /}, redirect: {path_redirect: /x}}]",
    ),
    Case("upgrade_without_route", once(ASK, within=0.4), hcm=f"{{{HCM}}}", routes="[]"),
    upgraded(
        "ws_http_1_0",
        options="http_protocol_options: {accept_http_10: true}",
        up=accepted(Echo()),
        ask=ASK.replace(b"HTTP/1.1", b"HTTP/1.0"),
    ),
    # What comes before the upstream agrees.
    upgraded(
        "early_bytes_wait",
        Receive(5),
        ask=ASK + b"early",
        up={"up": Script([raw(Listen(0.3), SWITCH, Echo(), early=True)])},
    ),
    upgraded(
        "early_bytes_seen_after",
        Write(b"-late"),
        Wait(0.6),
        ask=ASK + b"early",
        up={"up": Script([raw(Sleep(0.2), SWITCH, Listen(0.5))])},
    ),
    upgraded(
        "early_bytes_and_a_refusal",
        ask=ASK + b"early",
        up={
            "up": Script(
                [raw(Listen(0.2), b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno", Listen(0.2))]
            )
        },
    ),
    upgraded(
        "many_early_bytes",
        Receive(200000, within=4),
        ask=ASK + b"0123456789" * 20000,
        up={"up": Script([raw(Sleep(0.3), SWITCH, Echo())])},
    ),
    upgraded(
        "ask_with_length",
        *talk(),
        ask=post("/chat", b"body", headers=WS),
        up={"up": Script([raw(Listen(0.3), SWITCH, Echo(), early=True)])},
    ),
    upgraded(
        "ask_with_length_and_chunks",
        ask=post("/chat", b"body", headers=WS + "Transfer-Encoding: chunked\r\n"),
    ),
    upgraded("ask_to_continue", *talk(), ask=asking(WS + "Expect: 100-continue\r\n", "POST")),
    upgraded(
        "h2c_is_no_upgrade",
        ask=asking(
            "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
            "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n"
        ),
        up={"up": Script([reply()])},
        hcm="upgrade_configs: [{upgrade_type: h2c}]",
    ),
    upgraded(
        "upgrade_without_connection",
        ask=asking("Upgrade: websocket\r\n"),
        up={"up": Script([reply()])},
    ),
    upgraded(
        "ask_with_length_zero",
        *talk(),
        ask=post("/chat", b"", headers=WS),
    ),
    upgraded(
        "ask_chunked",
        *talk(),
        ask=asking(WS + "Transfer-Encoding: chunked\r\n", "POST") + b"2\r\nab\r\n0\r\n\r\n",
        up={"up": Script([raw(Listen(0.3), SWITCH, Listen(0.3), early=True)])},
    ),
    # What the upstream says.
    answered("refused_with_200", reply(200, b"no")),
    answered("refused_with_403", reply(403, b"no", reason="Forbidden")),
    answered("refused_with_200_and_headers", reply(200, b"no", "X-Own: 1\r\nServer: up\r\n")),
    answered("refused_with_302", reply(302, b"no", "Location: /x\r\n")),
    answered("refused_with_500", reply(500, b"no")),
    upgraded(
        "own_type_refused_with_200",
        ask=asking(WS.replace("websocket", "foo")),
        hcm="upgrade_configs: [{upgrade_type: foo}]",
        up={"up": Script([reply(200, b"no", "X-Own: 1\r\n")])},
    ),
    upgraded(
        "own_type_refused_until_close",
        ask=asking(WS.replace("websocket", "foo")),
        hcm="upgrade_configs: [{upgrade_type: foo}]",
        up={"up": Script([raw(b"HTTP/1.1 200 OK\r\n\r\nno", Close())])},
    ),
    upgraded(
        "own_type_early_bytes",
        Receive(5),
        ask=asking(WS.replace("websocket", "foo")) + b"early",
        hcm="upgrade_configs: [{upgrade_type: foo}]",
        up={"up": Script([raw(Listen(0.3), SWITCH, Echo(), early=True)])},
    ),
    upgraded(
        "own_type_early_bytes_refused",
        ask=asking(WS.replace("websocket", "foo")) + b"early",
        hcm="upgrade_configs: [{upgrade_type: foo}]",
        up={
            "up": Script(
                [
                    raw(
                        Listen(0.3),
                        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno",
                        Listen(0.2),
                        early=True,
                    )
                ]
            )
        },
    ),
    upgraded(
        "websocket_in_any_case_refused_with_200",
        ask=asking(WS.replace("websocket", "WebSocket")),
        up={"up": Script([reply(200, b"no")])},
    ),
    answered(
        "refused_chunked",
        raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n"),
    ),
    answered("refused_until_close", raw(b"HTTP/1.1 200 OK\r\n\r\nno", Close())),
    answered("refused_with_204", raw(b"HTTP/1.1 204 No Content\r\n\r\n")),
    answered(
        "refused_with_426",
        reply(426, b"", "Upgrade: h2c\r\nConnection: Upgrade\r\n", "Upgrade Required"),
    ),
    answered("switch_without_headers", raw(b"HTTP/1.1 101 Switching Protocols\r\n\r\n", Hold())),
    answered("switch_to_another", raw(SWITCH.replace(b"websocket", b"foo"), b"hi", Echo())),
    answered(
        "switch_with_length",
        raw(SWITCH.replace(b"\r\n\r\n", b"\r\nContent-Length: 0\r\n\r\n"), b"hi", Echo()),
    ),
    answered(
        "switch_with_a_length",
        raw(SWITCH.replace(b"\r\n\r\n", b"\r\nContent-Length: 2\r\n\r\n") + b"hi", Echo()),
    ),
    answered(
        "switch_chunked",
        raw(SWITCH.replace(b"\r\n\r\n", b"\r\nTransfer-Encoding: chunked\r\n\r\n") + b"hi", Echo()),
    ),
    answered(
        "continue_before_switch", raw(b"HTTP/1.1 100 Continue\r\n\r\n" + SWITCH, b"hi", Echo())
    ),
    answered("switch_and_bytes_at_once", raw(SWITCH + b"hi", Echo())),
    answered("closed_instead", raw(Close())),
    answered("reset_instead", raw(Reset())),
    answered("rubbish_instead", raw(b"what?\r\n\r\n")),
)
