"""A scripted HTTP/1.1 upstream: it keeps each request as it came and answers with raw bytes."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from tests.support.http1 import Body, ConnectionEnded, Head, Reader
from tests.support.server import Server
from tests.support.tls_files import tls_files

Reply_co = TypeVar("Reply_co", covariant=True)


@dataclass(frozen=True)
class Send:
    """Write these bytes."""

    data: bytes


@dataclass(frozen=True)
class Sleep:
    """Wait so many seconds."""

    seconds: float


@dataclass(frozen=True)
class Close:
    """Close the connection."""


@dataclass(frozen=True)
class Reset:
    """Reset the connection."""


@dataclass(frozen=True)
class HalfClose:
    """End the sending side and keep reading."""


@dataclass(frozen=True)
class Hold:
    """Say nothing more until the peer goes away."""


@dataclass(frozen=True)
class Echo:
    """Send back what comes until the peer ends its side."""


@dataclass(frozen=True)
class Take:
    """Read so many bytes; 0: all until the peer ends its side."""

    count: int = 0


@dataclass(frozen=True)
class Listen:
    """Keep what comes within so many seconds as the request's body: bytes that are no HTTP."""

    seconds: float


@dataclass(frozen=True)
class ReadBody:
    """Read the request's body now (an early answer starts without it)."""


Action = Send | Sleep | Close | Reset | HalfClose | Hold | ReadBody | Echo | Take | Listen


@dataclass(frozen=True)
class Answer:
    """What to do about one request; an `early` answer starts before the body has been read."""

    actions: tuple[Action, ...]
    early: bool = False


@dataclass(frozen=True)
class TlsServer:
    """How an upstream speaks TLS, with certificates of tests.support.tls_files.

    `trusts` names the authority whose certificates clients need; "": none is asked for.
    """

    certificate: str = "srv"
    trusts: str = ""
    alpn: tuple[str, ...] = ()
    lowest: str = "TLSv1_2"
    highest: str = "TLSv1_3"
    ciphers: str = ""

    def context(self) -> ssl.SSLContext:
        """For the standard library."""
        files = tls_files()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(
            files / f"{self.certificate}.pem", files / f"{_key(self.certificate)}"
        )
        context.minimum_version = ssl.TLSVersion[self.lowest]
        context.maximum_version = ssl.TLSVersion[self.highest]
        if self.ciphers:
            context.set_ciphers(self.ciphers)
        if self.alpn:
            context.set_alpn_protocols(list(self.alpn))
        if self.trusts:
            context.load_verify_locations(files / f"{self.trusts}.pem")
            context.verify_mode = ssl.CERT_REQUIRED
        return context

    def accept(self, connection: socket.socket) -> ssl.SSLSocket:
        """The server's side of a connection, once TLS has begun."""
        connection.settimeout(30.0)
        return self.context().wrap_socket(connection, server_side=True)


def _key(certificate: str) -> str:
    return f"{certificate.removesuffix('_chain')}.key"


@dataclass(frozen=True)
class Script:
    """Answers in sequence, for all requests or by path; the last of a sequence repeats."""

    answers: Sequence[Answer]
    paths: Mapping[str, Sequence[Answer]] = field(default_factory=dict)
    greeting: tuple[Action, ...] = ()


class Scripted(Protocol[Reply_co]):
    """Answers in sequence, for all requests or by path; the last of a sequence repeats."""

    @property
    def answers(self) -> Sequence[Reply_co]:
        """For every path without answers of its own."""

    @property
    def paths(self) -> Mapping[str, Sequence[Reply_co]]:
        """By path."""


def next_answer(script: Scripted[Reply_co], used: dict[str, int], target: str) -> Reply_co:
    """The answer to the next request for a target; `used` counts those before by path."""
    path = target.split("?")[0]
    key = path if path in script.paths else ""
    answers = script.paths[path] if key else script.answers
    before = used.get(key, 0)
    used[key] = before + 1
    return answers[min(before, len(answers) - 1)]


def reply(status: int = 200, body: bytes = b"ok", headers: str = "", reason: str = "OK") -> Answer:
    """A complete answer with a Content-Length; `headers` holds complete header lines."""
    head = f"HTTP/1.1 {status} {reason}\r\n{headers}Content-Length: {len(body)}\r\n\r\n"
    return Answer((Send(head.encode("latin-1") + body),))


def tcp(*actions: bytes | Action) -> Script:
    """What to do with each connection that does not speak HTTP."""
    return Script([], greeting=tuple(Send(a) if isinstance(a, bytes) else a for a in actions))


def raw(*parts: bytes | Action, early: bool = False) -> Answer:
    """An answer of raw bytes and actions."""
    return Answer(tuple(Send(p) if isinstance(p, bytes) else p for p in parts), early)


@dataclass
class Received:
    """One request as the upstream saw it; `body` is None when it was never read."""

    connection: int
    peer_port: int
    head: Head
    body: Body | None = None


class Upstream(Server):
    """Serves a script on a loopback port, or on the unix socket `path`, until closed."""

    def __init__(
        self,
        script: Script,
        path: str | None = None,
        host: str = "127.0.0.1",
        tls: TlsServer | None = None,
    ) -> None:
        self.script = script
        self.names: list[str] = []
        self._tls = tls.context() if tls is not None else None
        if self._tls is not None:
            self._tls.sni_callback = self._named
        self.requests: list[Received] = []
        self._used: dict[str, int] = {}
        super().__init__(path, host)

    def _secured(self, connection: socket.socket) -> socket.socket:
        if self._tls is None:
            return connection
        connection.settimeout(30.0)
        return self._tls.wrap_socket(connection, server_side=True)

    def _serve(self, connection: socket.socket, number: int, port: int) -> None:
        reader = Reader(connection, timeout=30.0)
        with contextlib.suppress(ConnectionEnded, OSError, ValueError, IndexError):
            self._act(reader, self.script.greeting, None)
            while True:
                head = reader.read_head()
                received = Received(number, port, head)
                with self._lock:
                    self.requests.append(received)
                answer = self._next_answer(head.start.split(" ")[1])
                if not answer.early:
                    received.body = reader.read_body(head, until_close=False)
                self._act(reader, answer.actions, received)
                if answer.early and received.body is None:
                    received.body = reader.read_body(head, until_close=False)

    def _named(
        self, connection: ssl.SSLObject | ssl.SSLSocket, name: str | None, _: ssl.SSLContext
    ) -> None:
        with self._lock:
            self.names.append(name or "")

    def _next_answer(self, target: str) -> Answer:
        with self._lock:
            return next_answer(self.script, self._used, target)

    def _act(self, reader: Reader, actions: Sequence[Action], received: Received | None) -> None:
        for action in actions:
            if isinstance(action, ReadBody):
                if received:
                    received.body = reader.read_body(received.head, until_close=False)
            elif isinstance(action, Listen):
                data = _listen(reader, action.seconds)
                if received:
                    received.body = Body(data, data, "raw")
            else:
                _do(action, reader)


def _do(action: Action, reader: Reader) -> None:
    connection = reader.socket
    match action:
        case Send(data):
            connection.settimeout(30.0)
            connection.sendall(data)
        case Sleep(seconds):
            time.sleep(seconds)
        case Echo():
            _echo(reader)
        case Take(count):
            _take(connection, count)
        case HalfClose():
            connection.shutdown(socket.SHUT_WR)
        case Hold():
            reader.read_until(b"\0never\0", time.monotonic() + 30.0)
        case Close():
            raise ConnectionEnded(False)
        case Reset():
            linger = struct.pack("ii", 1, 0)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            raise ConnectionEnded(True)


def _listen(reader: Reader, seconds: float) -> bytes:
    deadline = time.monotonic() + seconds
    with contextlib.suppress(ConnectionEnded, TimeoutError):
        while time.monotonic() < deadline:
            reader.fill(deadline)
    data, reader.buffer = reader.buffer, b""
    return data


def _echo(reader: Reader) -> None:
    connection = reader.socket
    connection.settimeout(30.0)
    connection.sendall(reader.buffer)
    reader.buffer = b""
    while data := connection.recv(65536):
        connection.sendall(data)


def _take(connection: socket.socket, count: int) -> None:
    connection.settimeout(30.0)
    left = count
    while (left or not count) and (data := connection.recv(left or 65536)):
        left = max(left - len(data), 0)
