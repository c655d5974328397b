"""Requests over HTTP/2 that are wrong: whether the stream ends or the connection, and how."""

from __future__ import annotations

from tests.interop.model import Case, Differs, End2, Read2, Send2, Step, Wait
from tests.support.http2 import (
    CONTINUATION,
    DATA,
    HEADERS,
    MAX_FRAME_SIZE,
    PING,
    PRIORITY,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    Data,
    Frame,
    Headers,
    Part,
    ask,
    number,
)
from tests.support.upstream import Hold, Script, raw

TOLERANT = "http2_protocol_options: {override_stream_error_on_invalid_http_message: {value: true}}"
G = (":method", "GET"), (":scheme", "http"), (":authority", "a"), (":path", "/")


def head(*fields: tuple[str, str]) -> Headers:
    """A request of these fields alone."""
    return Headers(fields, 1, True)


MESSAGES: dict[str, tuple[Part, ...]] = {
    "upper_case_name": (head(*G, ("Upper", "1")),),
    "connection": (head(*G, ("connection", "close")),),
    "keep_alive": (head(*G, ("keep-alive", "1")),),
    "proxy_connection": (head(*G, ("proxy-connection", "1")),),
    "transfer_encoding": (head(*G, ("transfer-encoding", "chunked")),),
    "upgrade": (head(*G, ("upgrade", "foo")),),
    "te_gzip": (head(*G, ("te", "gzip")),),
    "line_feed_in_value": (head(*G, ("x-a", "a\nb")),),
    "nul_in_value": (head(*G, ("x-a", "a\0b")),),
    "space_around_value": (head(*G, ("x-a", " a ")),),
    "high_byte_in_value": (head(*G, ("x-a", "\u00e9")),),
    "delete_in_value": (head(*G, ("x-a", "a\x7fb")),),
    "space_in_name": (head(*G, ("x a", "1")),),
    "colon_in_name": (head(*G, ("x:a", "1")),),
    "empty_name": (head(*G, ("", "1")),),
    "no_method": (head(*G[1:]),),
    "no_scheme": (head(G[0], *G[2:]),),
    "no_path": (head(*G[:3]),),
    "empty_path": (head(*G[:3], (":path", "")),),
    "path_without_slash": (head(*G[:3], (":path", "x")),),
    "space_in_path": (head(*G[:3], (":path", "/a b")),),
    "two_methods": (head(*G, (":method", "GET")),),
    "two_paths": (head(*G, (":path", "/b")),),
    "two_authorities": (head(*G, (":authority", "b")),),
    "unknown_pseudo": (head(*G, (":foo", "1")),),
    "status_in_request": (head(*G, (":status", "200")),),
    "protocol_without_connect": (head(*G, (":protocol", "websocket")),),
    "pseudo_after_field": (head(*G[:3], ("x-a", "1"), G[3]),),
    "empty_method": (head((":method", ""), *G[1:]),),
    "method_with_space": (head((":method", "A B"), *G[1:]),),
    "authority_with_space": (head(*G[:2], (":authority", "a b"), G[3]),),
    "authority_with_userinfo": (head(*G[:2], (":authority", "u@a"), G[3]),),
    "empty_authority": (head(*G[:2], (":authority", ""), G[3]),),
    "length_of_words": (head(*G, ("content-length", "abc")),),
    "length_negative": (head(*G, ("content-length", "-1")),),
    "two_lengths": (head(*G, ("content-length", "0"), ("content-length", "0")),),
    "length_without_body": (head(*G, ("content-length", "5")),),
    "length_too_small": (ask("/", ("content-length", "1"), end=False), Data(b"abc", 1, True)),
    "length_too_large": (ask("/", ("content-length", "9"), end=False), Data(b"abc", 1, True)),
    "pseudo_in_trailers": (ask(end=False), Headers([(":path", "/")], 1, True)),
    "trailers_not_last": (ask(end=False), Headers([("x-t", "1")], 1), Data(b"x", 1, True)),
    "upper_case_trailer": (ask(end=False), Headers([("X-T", "1")], 1, True)),
    "connect_with_path": (head((":method", "CONNECT"), *G[1:]),),
    "many_headers": (head(*G, *((f"x-{i}", "1") for i in range(120))),),
    "large_headers": (head(*G, ("x-a", "1" * 70_000)),),
    "large_header_name": (head(*G, ("x" * 70_000, "1")),),
}

FRAMES: dict[str, tuple[Part, ...]] = {
    "data_on_idle": (Frame(DATA, 1, 1, b"x"),),
    "data_on_stream_0": (Frame(DATA, 0, 0, b"x"),),
    "headers_on_stream_0": (Frame(HEADERS, 5, 0, b"\x82"),),
    "even_stream": (ask(on=2),),
    "stream_goes_back": (ask(on=5), ask(on=3)),
    "continuation_alone": (Frame(CONTINUATION, 4, 1, b"\x82"),),
    "ping_of_7": (Frame(PING, 0, 0, b"1234567"),),
    "ping_on_stream": (Frame(PING, 0, 1, b"12345678"),),
    "settings_of_5": (Frame(SETTINGS, 0, 0, b"12345"),),
    "settings_on_stream": (Frame(SETTINGS, 0, 1, b""),),
    "settings_ack_with_payload": (Frame(SETTINGS, 1, 0, b"123456"),),
    "settings_bad_push": (Frame(SETTINGS, 0, 0, b"\0\2\0\0\0\2"),),
    "settings_bad_window": (Frame(SETTINGS, 0, 0, b"\0\4\xff\xff\xff\xff"),),
    "settings_bad_frame_size": (
        Frame(SETTINGS, 0, 0, MAX_FRAME_SIZE.to_bytes(2, "big") + number(1)),
    ),
    "frame_too_large": (Frame(DATA, 0, 1, b"x" * 16385),),
    "unknown_frame": (Frame(0x42, 0, 0, b"x"), ask()),
    "priority_on_0": (Frame(PRIORITY, 0, 0, b"\0\0\0\0\0"),),
    "reset_of_idle": (Frame(RST_STREAM, 0, 1, number(8)),),
    "reset_of_3": (ask(end=False), Frame(RST_STREAM, 0, 1, b"123")),
    "window_update_0": (Frame(WINDOW_UPDATE, 0, 0, number(0)),),
    "window_overflow": (Frame(WINDOW_UPDATE, 0, 0, number(2**31 - 1)),),
    "window_update_idle": (Frame(WINDOW_UPDATE, 0, 1, number(1)),),
    "push_promise": (Frame(5, 4, 1, number(2)),),
    "bad_padding": (ask(end=False), Frame(DATA, 9, 1, b"\x09abc")),
    "bad_hpack": (Frame(HEADERS, 5, 1, b"\xff\xff\xff\xff\xff"),),
    "bad_hpack_index": (Frame(HEADERS, 5, 1, b"\xbf"),),
    "headers_interrupted": (Frame(HEADERS, 0, 1, b"\x82"), Frame(PING, 0, 0, b"12345678")),
    "headers_in_many_frames": (Headers([*G, ("x-a", "1" * 200)], 1, True, cut=10),),
}


def paced(parts: tuple[Part, ...]) -> tuple[Step, ...]:
    """Sends `parts` so that what follows the first comes when the upstream has its request."""
    first, rest = parts[:1], parts[1:]
    return (Send2(first), Wait(0.2), Send2(rest)) if rest else (Send2(first),)


def wrong(name: str, parts: tuple[Part, ...], hcm: str = "") -> Case:
    """What comes of a message, and how the connection ends."""
    return Case(
        name,
        (*paced(parts), Read2(within=1.0), End2(within=0.3)),
        hcm=hcm,
        ignore_stats="cx_rx_bytes",
    )


def broken(name: str, parts: tuple[Part, ...]) -> Case:
    """Whether the connection ends: what is said of it, and how, is up to the proxy."""
    return Case(
        name,
        (*paced(parts), End2(within=1.5, ended=True)),
        ignore_stats="cx_rx_bytes|delayed_close|cx_destroy|flow_control",
        differs=Differs(STRICTER[name], ()) if name in STRICTER else None,
    )


# As RFC 9113 and h2spec ask for.
STRICTER = {
    "h2_bad_stream_goes_back": "a stream with a lower number than the last ends the connection",
    "h2_bad_priority_on_0": "PRIORITY on stream 0 ends the connection",
    "h2_bad_bad_hpack": "a header block that cannot be decoded is no request",
    "h2_bad_bad_hpack_index": "a header block that cannot be decoded is no request",
    "h2_bad_headers_interrupted": "a header block that does not end is no request",
}


def counted(name: str, parts: tuple[Part, ...], hcm: str = "") -> Case:
    """What the codec counts."""
    steps = (*paced(parts), End2(within=1.5, ended=True))
    return Case(
        f"h2_stats_of_{name}",
        steps,
        isolated=True,
        stats=r"^http2\.",
        hcm=f"access_log: []\n{hcm}",
        upstreams={"up": Script([raw(Hold())])},
    )


CASES = (
    *(wrong(f"h2_bad_{name}", parts) for name, parts in MESSAGES.items()),
    *(wrong(f"h2_bad_{name}_tolerated", parts, TOLERANT) for name, parts in MESSAGES.items()),
    *(broken(f"h2_bad_{name}", parts) for name, parts in FRAMES.items()),
    *(
        counted(name, MESSAGES[name], hcm)
        for name, hcm in (
            ("upper_case_name", ""),
            ("no_scheme", TOLERANT),
            ("length_too_small", ""),
            ("length_without_body", ""),
            ("many_headers", ""),
            ("large_headers", ""),
        )
    ),
    *(counted(name, FRAMES[name]) for name in ("data_on_idle", "bad_hpack", "frame_too_large")),
)
