"""HTTP/2 frames for test clients and servers: what is sent is up to the test, right or wrong.

Only HPACK comes from a library. Frames: RFC 9113 section 6; identifiers: section 6.5.2.
"""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import hpack

from tests.support.http1 import ConnectionEnded, Reader

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS = 0, 1, 2, 3, 4
PING, GOAWAY, WINDOW_UPDATE, CONTINUATION, METADATA = 6, 7, 8, 9, 0x4D
END_STREAM, ACK, END_HEADERS, END_METADATA = 1, 1, 4, 4
HEADER_TABLE_SIZE, ENABLE_PUSH, MAX_CONCURRENT_STREAMS, INITIAL_WINDOW_SIZE = 1, 2, 3, 4
MAX_FRAME_SIZE, MAX_HEADER_LIST_SIZE, ENABLE_CONNECT_PROTOCOL = 5, 6, 8
NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, REFUSED_STREAM, CANCEL = 0, 1, 2, 7, 8
ERRORS = (
    "NO_ERROR",
    "PROTOCOL_ERROR",
    "INTERNAL_ERROR",
    "FLOW_CONTROL_ERROR",
    "SETTINGS_TIMEOUT",
    "STREAM_CLOSED",
    "FRAME_SIZE_ERROR",
    "REFUSED_STREAM",
    "CANCEL",
    "COMPRESSION_ERROR",
    "CONNECT_ERROR",
    "ENHANCE_YOUR_CALM",
    "INADEQUATE_SECURITY",
    "HTTP_1_1_REQUIRED",
)
WHOLE = 16384

Fields = Sequence[tuple[str, str]]


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """One frame as bytes."""
    return (
        len(payload).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big") + payload
    )


def number(value: int) -> bytes:
    """A number of four bytes."""
    return value.to_bytes(4, "big")


def error_name(code: int) -> str:
    """The name of an error code."""
    return ERRORS[code] if code < len(ERRORS) else hex(code)


@dataclass(frozen=True)
class Headers:
    """A header block of stream `on`; stream 0 stands for the one that is being answered.

    It is sent in HEADERS and CONTINUATION frames of up to `cut` bytes.
    """

    fields: Fields
    on: int = 0
    end: bool = False
    cut: int = WHOLE


@dataclass(frozen=True)
class Data:
    """Body bytes, as fast as the windows of the peer allow (`whole`: one frame, come what may)."""

    data: bytes
    on: int = 0
    end: bool = False
    whole: bool = False


@dataclass(frozen=True)
class Frame:
    """Any frame."""

    kind: int
    flags: int = 0
    on: int = 0
    payload: bytes = b""
    times: int = 1


def metadata(*fields: tuple[str, str], on: int = 0) -> Frame:
    """METADATA, Envoy's extension."""
    return Frame(METADATA, END_METADATA, on, hpack.Encoder().encode(list(fields)))


def rst(code: int, on: int = 0) -> Frame:
    """RST_STREAM."""
    return Frame(RST_STREAM, 0, on, number(code))


@dataclass(frozen=True)
class GoAway:
    """GOAWAY; `last` -1 stands for the stream that is being answered."""

    last: int = -1
    code: int = NO_ERROR


Part = Headers | Data | Frame | GoAway


def settings(values: Mapping[int, int]) -> Frame:
    """SETTINGS."""
    payload = b"".join(k.to_bytes(2, "big") + number(v) for k, v in values.items())
    return Frame(SETTINGS, 0, 0, payload)


@dataclass
class Message:
    """What came on one stream."""

    heads: list[Fields] = field(default_factory=list)
    data: bytes = b""
    has_data: bool = False
    trailers: Fields | None = None
    ended: bool = False
    reset: int | None = None
    used: bool = False
    metadata: list[Fields] = field(default_factory=list)

    @property
    def over(self) -> bool:
        """Nothing more comes."""
        return self.ended or self.reset is not None

    @property
    def status(self) -> int:
        """The status of the last head."""
        return int(dict(self.heads[-1])[":status"]) if self.heads else 0


class Http2Peer:
    """One side of a connection: it keeps what comes, by stream, and does the peer's chores.

    With `reads` False it leaves windows as they are, with `answers` False also pings. A stream's
    window is given back once `step` bytes of it were used.
    """

    def __init__(
        self,
        sock: socket.socket,
        timeout: float = 10.0,
        reads: bool = True,
        answers: bool = True,
        step: int = 16384,
    ) -> None:
        self.socket = sock
        self.reader = Reader(sock, timeout)
        self.reads = reads
        self.answers = answers
        self.step = step
        self.answers_pings = answers
        self.encoder = hpack.Encoder()
        self.decoder = hpack.Decoder()
        self.decoder.max_header_list_size = 1 << 22
        self.streams: dict[int, Message] = {}
        self.peer_settings: list[tuple[int, int]] = []
        self.goaways: list[tuple[int, int]] = []
        self.pings = 0
        self.pongs = 0
        self.fresh: list[int] = []
        self._block = b""
        self._block_end = False
        self._metadata: dict[int, bytes] = {}
        self._window = 65535
        self._windows: dict[int, int] = {}
        self._initial = 65535
        self._taken: dict[int, int] = {}

    def message(self, stream: int) -> Message:
        """What came on a stream so far."""
        return self.streams.setdefault(stream, Message())

    def write(self, data: bytes) -> None:
        """Send bytes; a peer that has gone away is found out by the next read."""
        self.socket.settimeout(self.reader.timeout)
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.socket.sendall(data)

    def send(self, parts: Sequence[Part], answering: int = 0) -> None:
        """Send frames, those that follow each other at once."""
        out = b""
        for part in parts:
            stream = 0 if isinstance(part, GoAway) else part.on
            match part:
                case Headers(fields, _, end, cut):
                    out += self._headers(fields, stream or answering, end, cut)
                case Data(data, _, end, whole):
                    if whole:
                        out += frame(DATA, end, stream or answering, data)
                        continue
                    self.write(out)
                    out = b""
                    self._data(data, stream or answering, end)
                case Frame(kind, flags, _, payload, times):
                    of_stream = kind in (RST_STREAM, METADATA) and not stream
                    out += frame(kind, flags, answering if of_stream else stream, payload) * times
                case GoAway(last, code):
                    last = answering if last < 0 else last
                    out += frame(GOAWAY, 0, 0, number(last) + number(code))
        self.write(out)

    def _headers(self, fields: Fields, stream: int, end: bool, cut: int) -> bytes:
        block = self.encoder.encode(list(fields))
        pieces = [block[at : at + cut] for at in range(0, len(block), cut)] or [b""]
        out = b""
        for index, piece in enumerate(pieces):
            flags = END_HEADERS if index == len(pieces) - 1 else 0
            kind = CONTINUATION if index else HEADERS
            out += frame(kind, flags | (END_STREAM if end and not index else 0), stream, piece)
        return out

    def _data(self, data: bytes, stream: int, end: bool) -> None:
        deadline = time.monotonic() + self.reader.timeout
        at = 0
        while True:
            window = self._windows.setdefault(stream, self._initial)
            size = min(len(data) - at, self._window, window, WHOLE)
            last = at + size == len(data)
            if size > 0 or last:
                self.write(frame(DATA, end and last, stream, data[at : at + size]))
                at += size
                self._window -= size
                self._windows[stream] = window - size
            if last or self.message(stream).reset is not None:
                return
            if size <= 0:
                self.pump(deadline)

    def pump(self, deadline: float) -> None:
        """Take one frame; ConnectionEnded or TimeoutError when none comes."""
        while len(self.reader.buffer) < 9:
            self.reader.fill(deadline)
        size = int.from_bytes(self.reader.buffer[:3], "big")
        while len(self.reader.buffer) < 9 + size:
            self.reader.fill(deadline)
        head = self.reader.read_exactly(9, deadline)
        payload = self.reader.read_exactly(size, deadline)
        self._take(head[3], head[4], int.from_bytes(head[5:], "big"), payload)

    def _take(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        if kind in (HEADERS, CONTINUATION):
            self._take_fragment(kind, flags, stream, payload)
        elif kind == DATA:
            self._take_data(flags, stream, payload)
        elif kind == RST_STREAM:
            self.message(stream).reset = int.from_bytes(payload, "big")
        elif kind == SETTINGS and not flags & ACK:
            self._take_settings(payload)
        elif kind == PING:
            self._take_ping(flags, payload)
        elif kind == GOAWAY:
            numbers = int.from_bytes(payload[:4], "big"), int.from_bytes(payload[4:8], "big")
            self.goaways.append(numbers)
        elif kind == METADATA:
            self._take_metadata(flags, stream, payload)
        elif kind == WINDOW_UPDATE:
            step = int.from_bytes(payload, "big")
            if stream:
                self._windows[stream] = self._windows.get(stream, self._initial) + step
            else:
                self._window += step

    def _take_metadata(self, flags: int, stream: int, payload: bytes) -> None:
        self._metadata[stream] = self._metadata.get(stream, b"") + payload
        if flags & END_METADATA:
            fields = hpack.Decoder().decode(self._metadata.pop(stream))
            self.message(stream).metadata.append([(name, value) for name, value in fields])

    def _take_fragment(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        if kind == HEADERS:
            self._block, self._block_end = b"", bool(flags & END_STREAM)
        self._block += payload
        if flags & END_HEADERS:
            self._take_block(stream)

    def _take_data(self, flags: int, stream: int, payload: bytes) -> None:
        message = self.message(stream)
        message.data += payload
        message.has_data = True
        message.ended |= bool(flags & END_STREAM)
        if not self.reads:
            return
        self._open_window(0, len(payload), 16384)
        if not message.ended:
            self._open_window(stream, len(payload), self.step)

    def _open_window(self, stream: int, count: int, step: int) -> None:
        """Gives back a window in steps, so that how data is cut into frames has no effect."""
        taken = self._taken.get(stream, 0) + count
        if taken >= step:
            self.write(frame(WINDOW_UPDATE, 0, stream, number(taken)))
            taken = 0
        self._taken[stream] = taken

    def _take_block(self, stream: int) -> None:
        message = self.message(stream)
        fields = [(str(k), str(v)) for k, v in self.decoder.decode(self._block)]
        if not message.heads:
            self.fresh.append(stream)
        final = message.heads and not dict(message.heads[-1]).get(":status", "200").startswith("1")
        if final:
            message.trailers = fields
        else:
            message.heads.append(fields)
        message.ended |= self._block_end

    def _take_settings(self, payload: bytes) -> None:
        for at in range(0, len(payload), 6):
            name = int.from_bytes(payload[at : at + 2], "big")
            value = int.from_bytes(payload[at + 2 : at + 6], "big")
            self.peer_settings.append((name, value))
            if name == HEADER_TABLE_SIZE:
                self.encoder.header_table_size = min(value, 4096)
            if name == INITIAL_WINDOW_SIZE:
                for stream in self._windows:
                    self._windows[stream] += value - self._initial
                self._initial = value
        if self.answers:
            self.write(frame(SETTINGS, ACK, 0))

    def _take_ping(self, flags: int, payload: bytes) -> None:
        if flags & ACK:
            self.pongs += 1
            return
        self.pings += 1
        if self.answers_pings:
            self.write(frame(PING, ACK, 0, payload))

    def read_until_over(self, streams: Sequence[int], within: float) -> str:
        """Read until all these streams are over; why not, if they do not all end."""
        deadline = time.monotonic() + within
        try:
            while not all(self.message(stream).over for stream in streams):
                self.pump(deadline)
        except ConnectionEnded as end:
            return str(end)
        except TimeoutError:
            return "nothing more"
        return ""

    def read_settings(self, within: float = 1.0) -> None:
        """Read until the peer's settings have come, if they do."""
        deadline = time.monotonic() + within
        with contextlib.suppress(ConnectionEnded, TimeoutError, ValueError):
            while not self.peer_settings:
                self.pump(deadline)

    def state_after(self, seconds: float) -> str:
        """`closed`, `reset` or `open`; takes what comes meanwhile."""
        deadline = time.monotonic() + seconds
        try:
            while True:
                self.pump(deadline)
        except ConnectionEnded as end:
            return str(end)
        except TimeoutError:
            return "open"


def connect(
    port: int, values: Mapping[int, int] | None = None, reads: bool = True, answers: bool = True
) -> Http2Peer:
    """A client's connection to 127.0.0.1:`port`, its preface sent."""
    sock = socket.create_connection(("127.0.0.1", port), timeout=10)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    peer = Http2Peer(sock, reads=reads, answers=answers)
    peer.write(PREFACE)
    peer.send([settings(values or {})])
    return peer


def ask(
    path: str = "/",
    *extra: tuple[str, str],
    method: str = "GET",
    on: int = 1,
    end: bool = True,
    authority: str = "example.com",
) -> Headers:
    """A request's head."""
    pseudo = [(":method", method), (":scheme", "http"), (":authority", authority), (":path", path)]
    return Headers([*pseudo, *extra], on, end)
