"""A scripted HTTP/2 upstream: it keeps each request and answers with the frames it is told."""

from __future__ import annotations

import contextlib
import socket
import struct
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tests.support.http1 import ConnectionEnded
from tests.support.http2 import (
    ENABLE_CONNECT_PROTOCOL,
    INITIAL_WINDOW_SIZE,
    PREFACE,
    Data,
    Frame,
    GoAway,
    Headers,
    Http2Peer,
    Message,
    Part,
    settings,
)
from tests.support.server import Server
from tests.support.upstream import Close, Reset, Sleep, TlsServer, next_answer

END_LIMIT = 30.0


@dataclass(frozen=True)
class WhenOver:
    """Go on when the request is over."""


@dataclass(frozen=True)
class EchoBack:
    """Send back what comes until the request is over, then end the response; the last move."""


Move = Part | Sleep | Close | Reset | WhenOver | EchoBack


@dataclass(frozen=True)
class Answer2:
    """What to do about one request, once it is whole unless `early`."""

    moves: tuple[Move, ...]
    early: bool = False


@dataclass(frozen=True)
class Script2:
    """Answers in sequence, for all requests or by path; the last of a sequence repeats.

    `values` are the settings of each connection; `greeting` follows them; `shown` tells the
    settings of the proxy too; `terse` tells of requests only how they end.
    """

    answers: Sequence[Answer2]
    paths: Mapping[str, Sequence[Answer2]] = field(default_factory=dict)
    values: Mapping[int, int] = field(default_factory=lambda: {ENABLE_CONNECT_PROTOCOL: 1})
    greeting: tuple[Move, ...] = ()
    shown: bool = False
    terse: bool = False
    reads: bool = True
    answers_pings: bool = True


def reply2(status: int = 200, body: bytes = b"ok", *extra: tuple[str, str]) -> Answer2:
    """A complete answer with a content-length."""
    head = [(":status", str(status)), *extra, ("content-length", str(len(body)))]
    return Answer2((Headers(head), Data(body, end=True)))


def respond(*extra: tuple[str, str], status: str = "200", end: bool = False) -> Headers:
    """A response's head."""
    return Headers([(":status", status), *extra], end=end)


def frames(*moves: Move, early: bool = False) -> Answer2:
    """An answer of any frames."""
    return Answer2(moves, early)


@dataclass
class Received2:
    """One request as the upstream saw it."""

    connection: int
    peer_port: int
    stream: int
    message: Message
    terse: bool = False


class Upstream2(Server):
    """Serves a script on a loopback port until closed."""

    def __init__(self, script: Script2, tls: TlsServer | None = None) -> None:
        self.script = script
        self._tls = tls
        self.requests: list[Received2] = []
        self.peers: list[Http2Peer] = []
        self._used: dict[str, int] = {}
        super().__init__()

    def _secured(self, connection: socket.socket) -> socket.socket:
        return connection if self._tls is None else self._tls.accept(connection)

    def _serve(self, connection: socket.socket, number: int, port: int) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        script = self.script
        step = min(script.values.get(INITIAL_WINDOW_SIZE, 65535) // 2, 16384)
        peer = Http2Peer(connection, END_LIMIT, script.reads, step=step)
        peer.answers_pings = script.answers_pings
        with self._lock:
            self.peers.append(peer)
        with contextlib.suppress(ConnectionEnded, TimeoutError, OSError, ValueError, IndexError):
            peer.reader.read_exactly(len(PREFACE), time.monotonic() + END_LIMIT)
            peer.send([settings(script.values)])
            self._act(peer, script.greeting, 0)
            waiting: list[tuple[int, Answer2]] = []
            echoes: list[_Echo] = []
            while True:
                peer.pump(time.monotonic() + END_LIMIT)
                waiting += self._new_requests(peer, number, port)
                for stream, answer in list(waiting):
                    if answer.early or peer.message(stream).over:
                        waiting.remove((stream, answer))
                        self._act(peer, answer.moves, stream)
                        if answer.moves[-1:] == (EchoBack(),):
                            echoes.append(_Echo(stream))
                echoes = [echo for echo in echoes if not echo.is_over(peer)]

    def _new_requests(self, peer: Http2Peer, number: int, port: int) -> list[tuple[int, Answer2]]:
        fresh, peer.fresh = peer.fresh, []
        found = []
        for stream in fresh:
            message = peer.message(stream)
            with self._lock:
                self.requests.append(Received2(number, port, stream, message, self.script.terse))
            path = dict(message.heads[0]).get(":path", "")
            found.append((stream, self._next_answer(path)))
        return found

    def _next_answer(self, target: str) -> Answer2:
        with self._lock:
            return next_answer(self.script, self._used, target)

    def _act(self, peer: Http2Peer, moves: Sequence[Move], stream: int) -> None:
        for move in moves:
            match move:
                case Headers() | Data() | Frame() | GoAway():
                    peer.send([move], stream)
                case Sleep(seconds):
                    time.sleep(seconds)
                case Close():
                    raise ConnectionEnded(False)
                case Reset():
                    linger = struct.pack("ii", 1, 0)
                    peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                    raise ConnectionEnded(True)
                case WhenOver():
                    peer.read_until_over([stream], END_LIMIT)


@dataclass
class _Echo:
    """A response that sends back what comes."""

    stream: int
    sent: int = 0

    def is_over(self, peer: Http2Peer) -> bool:
        """Sends what has come since; true once the request is over."""
        message = peer.message(self.stream)
        data = message.data[self.sent :]
        if data or message.over:
            self.sent += len(data)
            peer.send([Data(data, self.stream, message.ended)])
        return message.over
