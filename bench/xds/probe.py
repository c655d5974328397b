"""Connections that ask a proxy one after the other, as fast as it answers."""

from __future__ import annotations

import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass

from bench.errors import BenchError
from bench.net import ADDRESS

_TIMEOUT_S = 5.0


@dataclass(frozen=True)
class Asked:
    """One answer: when it came (`time.monotonic()`), how long it took in seconds, its bytes."""

    at: float
    took: float
    answer: bytes


class Probe:
    """Kept-alive connections, so many that each worker of the proxy has some."""

    def __init__(self, port: int, host: str, connections: int = 1) -> None:
        self._port = port
        self._request = f"GET / HTTP/1.1\r\nhost: {host}\r\n\r\n".encode()
        self._connections = [self._open() for _ in range(connections)]
        self._turn = 0

    def _open(self) -> socket.socket:
        opened = socket.create_connection((ADDRESS, self._port), timeout=_TIMEOUT_S)
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return opened

    def ask(self) -> Asked:
        """Asks on the next connection; raises BenchError when it is closed."""
        self._turn = (self._turn + 1) % len(self._connections)
        connection = self._connections[self._turn]
        began = time.monotonic()
        connection.sendall(self._request)
        answer = b""
        while not _complete(answer):
            got = connection.recv(65536)
            if not got:
                raise BenchError(f"the connection of a probe was closed after {answer[:80]!r}")
            answer += got
        now = time.monotonic()
        return Asked(now, now - began, answer)

    def until(self, wanted: bytes, limit_s: float = 30.0) -> list[Asked]:
        """Asks until an answer has the wanted bytes in it, which is the last one of those returned.

        Raises:
            BenchError: there is none in time.
        """
        deadline = time.monotonic() + limit_s
        found = [self.ask()]
        while wanted not in found[-1].answer:
            found.append(self.ask())
            if found[-1].at > deadline:
                raise BenchError(f"no such answer in {limit_s:.0f} s: {found[-1].answer[:200]!r}")
        return found

    def during(self, seconds: float) -> Sequence[Asked]:
        """Asks for some time."""
        deadline = time.monotonic() + seconds
        found = [self.ask()]
        while found[-1].at < deadline:
            found.append(self.ask())
        return found

    def close(self) -> None:
        """Ends the connections."""
        for connection in self._connections:
            connection.close()


def _complete(answer: bytes) -> bool:
    head, mark, body = answer.partition(b"\r\n\r\n")
    if not mark:
        return False
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return len(body) >= int(line.partition(b":")[2])
    return True
