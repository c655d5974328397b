"""A forgiving HTTP/1.1 reader for test clients and servers: it keeps every byte as it came."""

from __future__ import annotations

import socket
import time
from dataclasses import dataclass, field

MAX_HEAD = 1 << 20


@dataclass(frozen=True)
class Head:
    """The start line and the headers, in order, with the case they had on the wire."""

    raw: bytes
    start: str
    headers: tuple[tuple[str, str], ...]

    def get(self, name: str) -> str | None:
        """The first value of header `name`, whatever its case."""
        return next((v for k, v in self.headers if k.lower() == name.lower()), None)

    def all(self, name: str) -> list[str]:
        """Every value of header `name`, in order."""
        return [v for k, v in self.headers if k.lower() == name.lower()]


@dataclass
class Body:
    """A message body: `data` without its framing, `raw` as it was on the wire."""

    data: bytes = b""
    raw: bytes = b""
    framing: str = "none"
    trailers: tuple[tuple[str, str], ...] = ()
    complete: bool = True
    pieces: list[int] = field(default_factory=list)


class ConnectionEnded(Exception):
    """The peer ended the connection; `reset` says whether with a reset."""

    def __init__(self, reset: bool) -> None:
        super().__init__("reset" if reset else "closed")
        self.reset = reset


def parse_head(raw: bytes) -> Head:
    """Split a head (with its final empty line) into start line and headers."""
    lines = raw.decode("latin-1").split("\r\n")
    headers = []
    for line in lines[1:]:
        if line:
            name, _, value = line.partition(":")
            headers.append((name, value.strip()))
    return Head(raw, lines[0], tuple(headers))


class Reader:
    """Reads messages from a socket, with every wait bounded by a deadline."""

    def __init__(self, sock: socket.socket, timeout: float = 10.0) -> None:
        self.socket = sock
        self.timeout = timeout
        self.buffer = b""
        self.ended: str | None = None

    def fill(self, deadline: float) -> None:
        """Wait for more bytes; ConnectionEnded or TimeoutError when there are none."""
        if self.ended:
            raise ConnectionEnded(self.ended == "reset")
        self.socket.settimeout(max(deadline - time.monotonic(), 0.001))
        try:
            data = self.socket.recv(65536)
        except (ConnectionResetError, BrokenPipeError):
            self.ended = "reset"
            raise ConnectionEnded(True) from None
        if not data:
            self.ended = "closed"
            raise ConnectionEnded(False)
        self.buffer += data

    def read_until(self, mark: bytes, deadline: float) -> bytes:
        """Bytes up to and including `mark`."""
        while mark not in self.buffer:
            if len(self.buffer) > MAX_HEAD:
                raise ValueError("no end of head within 1 MiB")
            self.fill(deadline)
        part, _, self.buffer = self.buffer.partition(mark)
        return part + mark

    def read_exactly(self, size: int, deadline: float) -> bytes:
        """Exactly `size` bytes."""
        while len(self.buffer) < size:
            self.fill(deadline)
        part, self.buffer = self.buffer[:size], self.buffer[size:]
        return part

    def read_head(self, timeout: float | None = None) -> Head:
        """The next head; empty lines before it are skipped."""
        deadline = time.monotonic() + (self.timeout if timeout is None else timeout)
        while True:
            while self.buffer.startswith(b"\r\n"):
                self.buffer = self.buffer[2:]
            if self.buffer:
                return parse_head(self.read_until(b"\r\n\r\n", deadline))
            self.fill(deadline)

    def read_body(self, head: Head, *, until_close: bool) -> Body:
        """The body that belongs to `head`; what is missing at the end leaves complete=False.

        Without framing headers the body lasts to the end of the connection when `until_close`
        (a response), and is empty otherwise (a request).
        """
        deadline = time.monotonic() + self.timeout
        length = head.get("content-length")
        if "chunked" in (head.get("transfer-encoding") or "").lower():
            return self._read_chunks(deadline)
        if length is not None and length.isdigit():
            return self._read_sized(int(length), deadline)
        if until_close:
            return self._read_to_end(deadline)
        return Body()

    def _read_sized(self, size: int, deadline: float) -> Body:
        try:
            data = self.read_exactly(size, deadline)
            return Body(data, data, "content-length")
        except (ConnectionEnded, TimeoutError):
            data, self.buffer = self.buffer, b""
            return Body(data, data, "content-length", complete=False)

    def _read_to_end(self, deadline: float) -> Body:
        try:
            while True:
                self.fill(deadline)
        except ConnectionEnded as end:
            complete = not end.reset
        except TimeoutError:
            complete = False
        data, self.buffer = self.buffer, b""
        return Body(data, data, "close", complete=complete)

    def _read_chunks(self, deadline: float) -> Body:
        body = Body(framing="chunked")
        try:
            while True:
                line = self.read_until(b"\r\n", deadline)
                body.raw += line
                size = int(line.split(b";")[0], 16)
                if size == 0:
                    break
                chunk = self.read_exactly(size + 2, deadline)
                body.raw += chunk
                body.data += chunk[:-2]
                body.pieces.append(size)
            body.trailers = self._read_trailers(body, deadline)
        except (ConnectionEnded, TimeoutError):
            body.raw += self.buffer
            self.buffer = b""
            body.complete = False
        return body

    def _read_trailers(self, body: Body, deadline: float) -> tuple[tuple[str, str], ...]:
        trailers = []
        while (line := self.read_until(b"\r\n", deadline)) != b"\r\n":
            body.raw += line
            name, _, value = line.decode("latin-1").strip().partition(":")
            trailers.append((name, value.strip()))
        body.raw += b"\r\n"
        return tuple(trailers)
