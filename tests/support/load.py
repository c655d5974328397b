"""Load over HTTP/1.1 with a ledger: every request is either answered in full or written down."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter

from lateen.closing import Closing

_REQUEST = b"GET /load HTTP/1.1\r\nHost: load\r\n%s\r\n"
# What a request may take on a busy machine before it counts as failed.
_LIMIT_S = 30.0
# Between the requests of one client, so that clients and proxies share the machine.
_PAUSE_S = 0.005


class Load(Closing):
    """Clients on a loopback port: half keep their connection, half take a new one each time.

    Attributes:
        answered: requests that were answered with 200 and a whole body.
        failures: what became of the others, with how often.
    """

    def __init__(self, port: int, clients: int = 64) -> None:
        self.answered = 0
        self.failures: Counter[str] = Counter()
        self._port = port
        self._clients = clients
        self._stop = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))

    async def _run(self) -> None:
        keep = [self._client(number % 2 == 0) for number in range(self._clients)]
        await asyncio.gather(*keep)

    async def _client(self, keeps: bool) -> None:
        connection: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        while not self._stop.is_set():
            try:
                async with asyncio.timeout(_LIMIT_S):
                    if connection is None:
                        connection = await asyncio.open_connection("127.0.0.1", self._port)
                    goes_on = await self._request(*connection, keeps)
                self.answered += 1
            except (OSError, EOFError, ValueError, TimeoutError) as error:
                self.failures[repr(error)] += 1
                goes_on = False
            if not goes_on and connection is not None:
                connection[1].close()
                connection = None
            await asyncio.sleep(_PAUSE_S)
        if connection is not None:
            connection[1].close()

    async def _request(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, keeps: bool
    ) -> bool:
        """Sends a request and reads its answer; whether the connection may carry another."""
        writer.write(_REQUEST % (b"" if keeps else b"Connection: close\r\n"))
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        if not head.startswith(b"http/1.1 200 "):
            raise ValueError(head.split(b"\r\n")[0].decode())
        length = int(head.split(b"content-length: ")[1].split(b"\r\n")[0])
        await reader.readexactly(length)
        return keeps and b"connection: close" not in head

    @property
    def total(self) -> int:
        """Requests that ended, well or not."""
        return self.answered + self.failures.total()

    def close(self) -> None:
        """Lets every client end its request, and ends."""
        self._stop.set()
        self._thread.join()

    def __enter__(self) -> Load:
        self._thread.start()
        return self
