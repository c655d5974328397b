"""Load through a proxy and the services behind it, in one process that knows of every request.

`python -m tests.support.ledger_process PORT CONNECTIONS PAUSE` prints the ports of two services as
a line of JSON, then obeys the lines `start`, `report` and `stop` on stdin, with a line of JSON for
each. tests/support/ledger.py runs it.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter
from dataclasses import dataclass, field

# Failures of which the text is kept.
_KEPT = 20
_CONNECT_PAUSE_S = 0.02
_LAST_ANSWER_S = 10.0
# A connection that does not fit in is tried again after a second or three, by the kernel.
_BACKLOG = 4096


@dataclass
class Books:
    """What was sent, what the services saw, and what came back.

    Attributes:
        seen: requests at the services by id: how often.
        answered: ids of requests with the right answer.
        by: answers by service.
        failures: what was not a 200 with the answer to this very request.
        waits: of the answers since the last report, in seconds.
    """

    sent: int = 0
    seen: Counter[int] = field(default_factory=Counter)
    answered: set[int] = field(default_factory=set)
    by: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    failed: int = 0
    waits: list[float] = field(default_factory=list)

    def fail(self, text: str) -> None:
        """Notes a failure."""
        self.failed += 1
        if len(self.failures) < _KEPT:
            self.failures.append(text)

    def report(self) -> dict[str, object]:
        """The books as they are now; the waits begin anew."""
        waits, self.waits = sorted(self.waits), []
        return {
            "sent": self.sent,
            "answered": len(self.answered),
            "failed": self.failed,
            "failures": self.failures,
            "by": dict(self.by),
            "twice": sum(times > 1 for times in self.seen.values()),
            "unseen": sum(number not in self.seen for number in self.answered),
            "p50_ms": _part(waits, 0.5),
            "p99_ms": _part(waits, 0.99),
            "worst_ms": _part(waits, 1.0),
        }


def _part(waits: list[float], share: float) -> float:
    at = min(int(len(waits) * share), len(waits) - 1)
    return round(1000 * waits[at], 2) if waits else 0.0


class Service(asyncio.Protocol):
    """Answers `GET /ID` with its own name and the id."""

    def __init__(self, name: str, books: Books) -> None:
        self._name = name
        self._books = books
        self._input = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._input += data
        while b"\r\n\r\n" in self._input:
            head, _, self._input = self._input.partition(b"\r\n\r\n")
            number = int(head.split(b" ", 2)[1][1:])
            self._books.seen[number] += 1
            body = f"{self._name} {number}"
            answer = f"HTTP/1.1 200 OK\r\ncontent-length: {len(body)}\r\n\r\n{body}"
            self._transport.write(answer.encode())


class Client(asyncio.Protocol):
    """One connection; `answer` is what came for the request that was sent last."""

    def __init__(self) -> None:
        self._input = b""
        self.answer: asyncio.Future[bytes] | None = None
        self.open = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.open = True
        self._transport = transport

    async def ask(self, number: int) -> bytes:
        """Sends a request; head and body of its answer."""
        self.answer = asyncio.get_running_loop().create_future()
        self._transport.write(f"GET /{number} HTTP/1.1\r\nhost: h\r\n\r\n".encode())
        return await asyncio.wait_for(self.answer, _LAST_ANSWER_S)

    def data_received(self, data: bytes) -> None:
        self._input += data
        head, mark, body = self._input.partition(b"\r\n\r\n")
        if mark and len(body) >= _length(head) and self.answer and not self.answer.done():
            self.answer.set_result(self._input)
            self._input = b""

    def connection_lost(self, error: Exception | None) -> None:
        self.open = False
        if self.answer and not self.answer.done():
            self.answer.set_exception(ConnectionError(f"connection lost: {error}"))

    def close(self) -> None:
        """Ends the connection."""
        self._transport.close()


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    return 0


class Load:
    """Connections that ask, wait for the answer, pause and ask again."""

    def __init__(self, port: int, pause_s: float, books: Books) -> None:
        self._port = port
        self._pause_s = pause_s
        self._books = books
        self._ending = False

    def end(self) -> None:
        """Has each connection end after the answer that it waits for."""
        self._ending = True

    async def run(self) -> None:
        """One connection after another, until the end."""
        loop = asyncio.get_running_loop()
        while not self._ending:
            try:
                _, client = await loop.create_connection(Client, "127.0.0.1", self._port)
            except OSError as error:
                self._books.fail(f"cannot connect: {error}")
                await asyncio.sleep(_CONNECT_PAUSE_S)
                continue
            try:
                await self._use(client)
            except (OSError, TimeoutError) as error:
                self._books.fail(repr(error))
            client.close()

    async def _use(self, client: Client) -> None:
        while not self._ending:
            books = self._books
            number = books.sent
            books.sent += 1
            began = time.monotonic()
            answer = await client.ask(number)
            books.waits.append(time.monotonic() - began)
            head, _, body = answer.partition(b"\r\n\r\n")
            name, _, got = body.decode("latin-1").partition(" ")
            if head.startswith(b"HTTP/1.1 200 ") and got == str(number):
                books.answered.add(number)
                books.by[name] += 1
            else:
                books.fail(answer.decode("latin-1"))
            if b"\r\nconnection: close" in head.lower():
                return
            await asyncio.sleep(self._pause_s)


async def _run(port: int, connections: int, pause_s: float) -> None:
    loop = asyncio.get_running_loop()
    books = Books()
    ports = {}
    for name in ("one", "two"):
        server = await loop.create_server(
            lambda name=name: Service(name, books), "127.0.0.1", backlog=_BACKLOG
        )
        ports[name] = server.sockets[0].getsockname()[1]
    _say(ports)
    load = Load(port, pause_s, books)
    running: list[asyncio.Task[None]] = []
    while True:
        line = (await asyncio.to_thread(sys.stdin.readline)).strip()
        if line == "start":
            running = [loop.create_task(load.run()) for _ in range(connections)]
        elif line != "report":
            load.end()
            await asyncio.gather(*running)
        _say(books.report())
        if line not in ("start", "report"):
            return


def _say(what: object) -> None:
    print(json.dumps(what), flush=True)


if __name__ == "__main__":
    asyncio.run(_run(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))
