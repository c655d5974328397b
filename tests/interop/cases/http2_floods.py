"""Floods over HTTP/2: each ends its connection and is counted; limits of streams and frames."""

from __future__ import annotations

from tests.interop.model import Case, Differs, End2, Open2, Read2, Send2, Step, Wait
from tests.support.http2 import (
    CANCEL,
    DATA,
    HEADERS,
    INITIAL_WINDOW_SIZE,
    PING,
    PRIORITY,
    SETTINGS,
    WINDOW_UPDATE,
    Frame,
    Headers,
    ask,
    number,
    rst,
    settings,
)
from tests.support.upstream import Hold, Script, raw, reply

DIRECT = "[{match: {prefix: /}, direct_response: {status: 200, body: {inline_string: hello}}}]"


def flood(
    name: str,
    *steps: Step,
    options: str = "",
    differs: str = "",
    statuses: tuple[int, ...] = (),
    opens: Open2 | None = None,
    stats: str = r"^http2\.|^http\..*(protocol_error|premature)",
    ignore: str = "never",
) -> Case:
    """A flood in a process of its own: whether the connection ends, and what is counted."""
    hcm = f"http2_protocol_options: {{{options}}}\naccess_log: []"
    return Case(
        f"h2_flood_{name}",
        (opens or Open2(), *steps, End2(within=3.0, ended=True)),
        hcm=hcm,
        isolated=True,
        stats=stats,
        ignore_stats=f"streams_active|{ignore}",
        upstreams={"up": Script([raw(Hold())])},
        differs=Differs(differs, statuses) if differs else None,
    )


def repeated(count: int, step: int = 2) -> range:
    """The numbers of so many streams."""
    return range(1, 1 + count * step, step)


RESETS = tuple(part for i in repeated(600) for part in (ask(on=i), rst(CANCEL, i)))
FEW_RESETS = tuple(part for i in repeated(200) for part in (ask(on=i), rst(CANCEL, i)))
# A request whose own window is overrun makes the server reset it.
PROVOKED = tuple(
    part
    for i in repeated(600)
    for part in (ask(on=i, end=False), Frame(WINDOW_UPDATE, 0, i, number(0)))
)

OVER_LIMIT = "a stream over the limit is refused: Envoy ends the connection"

CASES = (
    flood("rapid_reset", Send2(RESETS)),
    flood("few_resets", Send2(FEW_RESETS)),
    flood(
        "provoked_resets",
        Send2(PROVOKED),
        differs="an empty WINDOW_UPDATE resets its stream, which counts as an early reset",
    ),
    flood("empty_data", Send2((ask(end=False), Frame(DATA, 0, 1, times=3)))),
    flood(
        "empty_data_allowed",
        Send2((ask(end=False), Frame(DATA, 0, 1, times=3))),
        options="max_consecutive_inbound_frames_with_empty_payload: 5",
    ),
    flood("priority", Send2((ask(end=False), Frame(PRIORITY, 0, 1, b"\0\0\0\0\1", times=300)))),
    flood("priority_without_streams", Send2((Frame(PRIORITY, 0, 1, b"\0\0\0\0\1", times=150),))),
    flood(
        "priority_allowed", Send2((ask(end=False), Frame(PRIORITY, 0, 1, b"\0\0\0\0\1", times=90)))
    ),
    flood(
        "window_update", Send2((ask(end=False), Frame(WINDOW_UPDATE, 0, 0, number(1), times=300)))
    ),
    flood(
        "window_update_of_stream",
        Send2((ask(end=False), Frame(WINDOW_UPDATE, 0, 1, number(1), times=300))),
    ),
    flood(
        "window_update_allowed",
        Send2((ask(end=False), Frame(WINDOW_UPDATE, 0, 0, number(1), times=5))),
    ),
    flood(
        "ping_read",
        Send2((Frame(PING, 0, 0, b"12345678", times=2000),)),
        differs="pings whose answers are read are no flood, however many come at once",
    ),
    flood("settings_read", Send2((settings({}),) * 500)),
    flood(
        "continuation",
        Send2(
            (
                Frame(HEADERS, 0, 1, b"\x82"),
                Frame(9, 0, 1, b"\0\1a\1b", times=2000),
            )
        ),
        ignore="continuation_flood|header_overflow",
    ),
    flood("empty_headers", Send2((Frame(HEADERS, 0, 1, b""), Frame(9, 0, 1, b"", times=10)))),
    flood(
        "hpack_bomb",
        Send2((Headers([*ask().fields, *(("x-a", "v" * 4000) for _ in range(100))], 1, True),)),
    ),
    flood(
        "streams_over_limit",
        Send2(tuple(ask(on=i) for i in repeated(3))),
        Read2((5,)),
        options="max_concurrent_streams: 2",
        differs=OVER_LIMIT,
        statuses=(0,),
    ),
    Case(
        "h2_streams_over_limit",
        (Send2(tuple(ask(on=i) for i in repeated(3))), Read2((5,)), End2()),
        hcm="http2_protocol_options: {max_concurrent_streams: 2}",
        upstreams={"up": Script([raw(Hold())])},
        ignore_stats=r"^cluster\.",
        differs=Differs(OVER_LIMIT, (0,)),
        unordered=True,
    ),
    Case(
        "h2_window_overrun",
        (
            Send2((ask(end=False),)),
            Wait(0.2),
            Send2(tuple(Frame(DATA, 0, 1, b"x" * 16000) for _ in range(6))),
            End2(within=2.0, ended=True),
        ),
        hcm="http2_protocol_options: {initial_stream_window_size: 65535}",
        upstreams={"up": Script([raw(Hold(), early=True)])},
        log_format="-\n",
        stats=r"^http\..*protocol_error",
    ),
    Case(
        "h2_many_requests",
        (
            Send2(tuple(ask(on=i) for i in repeated(100))),
            Read2(tuple(repeated(100))),
            End2(),
        ),
        routes=DIRECT,
        log_format="-\n",
    ),
    Case(
        "h2_settings_change_window_in_flight",
        (
            Open2(values={INITIAL_WINDOW_SIZE: 10}),
            Send2((ask(),)),
            Wait(0.3),
            Send2((settings({INITIAL_WINDOW_SIZE: 1000}),)),
            Read2(),
            End2(),
        ),
        upstreams={"up": Script([reply(body=b"y" * 500)])},
    ),
    Case(
        "h2_settings_unused",
        (Send2((Frame(SETTINGS, 0, 0, b"\x12\x34\0\0\0\1"), ask())), Read2(), End2()),
    ),
)
