"""One gRPC stream over HTTP/2 with as little work as possible: a client that hundreds fit in.

Windows are opened as wide as they go and headers of the other side are not read, so that a message
costs its bytes and a few frame heads. Not for anything else (RFC 9113).
"""

from __future__ import annotations

import socket
import struct
from collections import deque

from bench.errors import BenchError

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_DATA, _HEADERS, _RESET, _SETTINGS, _PING, _GOAWAY, _WINDOW = 0, 1, 3, 4, 6, 7, 8
_ACK, _END_HEADERS, _END_STREAM = 1, 4, 1
_INITIAL_WINDOW, _MAX_FRAME = 4, 5
_WIDEST = (1 << 31) - 1
_DEFAULT_WINDOW = 65_535
_FRAME, _LARGE_FRAME = 16_384, 1 << 20
_HEAD = 9
_STREAM = 1
_CHUNK = 1 << 18


def _frame(kind: int, flags: int, stream: int, body: bytes = b"") -> bytes:
    return struct.pack(">I", len(body))[1:] + struct.pack(">BBI", kind, flags, stream) + body


def _field(name: str, value: str) -> bytes:
    """A header field, literal and without indexing (RFC 7541 section 6.2.2)."""
    return b"\x00" + b"".join(bytes((len(one),)) + one.encode() for one in (name, value))


class Stream:
    """A connection with the one stream that it is for."""

    def __init__(self, port: int, path: str) -> None:
        """Connect and open the stream; raises OSError as sockets do."""
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setblocking(False)
        self.received = 0
        self._in = bytearray()
        self._message = bytearray()
        self._out = bytearray()
        self._waiting: deque[bytes] = deque()
        self._windows = {0: _DEFAULT_WINDOW, _STREAM: _DEFAULT_WINDOW}
        settings = struct.pack(">HIHI", _INITIAL_WINDOW, _WIDEST, _MAX_FRAME, _LARGE_FRAME)
        fields = [
            (":method", "POST"),
            (":scheme", "http"),
            (":path", path),
            (":authority", "bench"),
            ("content-type", "application/grpc"),
            ("te", "trailers"),
        ]
        self._out += _PREFACE + _frame(_SETTINGS, 0, 0, settings)
        self._out += _frame(_WINDOW, 0, 0, struct.pack(">I", _WIDEST - _DEFAULT_WINDOW))
        block = b"".join(_field(name, value) for name, value in fields)
        self._out += _frame(_HEADERS, _END_HEADERS, _STREAM, block)
        self.flush()

    def close(self) -> None:
        """End the connection."""
        self.socket.close()

    def send(self, message: bytes) -> None:
        """Send a message, as the windows of the other side let it."""
        data = b"\x00" + struct.pack(">I", len(message)) + message
        for start in range(0, len(data), _FRAME):
            self._waiting.append(data[start : start + _FRAME])
        self.flush()

    def flush(self) -> bool:
        """Write what may be written; returns whether something waits for the socket."""
        while self._waiting and len(self._waiting[0]) <= min(self._windows.values()):
            data = self._waiting.popleft()
            for stream in self._windows:
                self._windows[stream] -= len(data)
            self._out += _frame(_DATA, 0, _STREAM, data)
        try:
            while self._out:
                del self._out[: self.socket.send(self._out)]
        except BlockingIOError:
            return True
        return False

    def read(self) -> list[bytes]:
        """The messages that have come.

        Raises:
            BenchError: the other side has ended the stream.
        """
        try:
            data = self.socket.recv(_CHUNK)
        except BlockingIOError:
            return []
        except OSError as error:
            raise BenchError(f"the control plane broke a connection: {error}") from None
        if not data:
            raise BenchError("the control plane closed a connection")
        self.received += len(data)
        self._in += data
        position = 0
        while len(self._in) - position >= _HEAD:
            length = int.from_bytes(self._in[position : position + 3], "big")
            if len(self._in) - position < _HEAD + length:
                break
            kind, flags = self._in[position + 3], self._in[position + 4]
            start = position + _HEAD
            self._take(kind, flags, start, start + length)
            position = start + length
        del self._in[:position]
        return self._messages()

    def _take(self, kind: int, flags: int, start: int, end: int) -> None:
        if kind == _DATA:
            self._message += memoryview(self._in)[start:end]
        elif kind in (_RESET, _GOAWAY) or (kind == _HEADERS and flags & _END_STREAM):
            raise BenchError("the control plane ended a stream")
        elif kind in (_SETTINGS, _PING) and not flags & _ACK:
            body = bytes(self._in[start:end])
            if kind == _SETTINGS:
                self._widen(body)
            self._out += _frame(kind, _ACK, 0, body if kind == _PING else b"")
            self.flush()
        elif kind == _WINDOW:
            stream = int.from_bytes(self._in[start - 4 : start], "big")
            self._windows[stream] += int.from_bytes(self._in[start:end], "big")
            self.flush()

    def _widen(self, settings: bytes) -> None:
        for name, value in struct.iter_unpack(">HI", settings):
            if name == _INITIAL_WINDOW:
                self._windows[_STREAM] += value - _DEFAULT_WINDOW

    def _messages(self) -> list[bytes]:
        found = []
        while len(self._message) >= 5:
            end = 5 + int.from_bytes(self._message[1:5], "big")
            if len(self._message) < end:
                break
            found.append(bytes(memoryview(self._message)[5:end]))
            del self._message[:end]
        return found
