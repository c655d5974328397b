"""Two services with one endpoint each, `a` and `b`, which answer with their names.

`python -m bench.xds.services` prints their ports as a line of JSON and serves until stdin ends.
"""

from __future__ import annotations

import asyncio
import json
import sys
from functools import partial


class _Service(asyncio.Protocol):
    def __init__(self, name: str) -> None:
        self._answer = f"HTTP/1.1 200 OK\r\ncontent-length: {len(name)}\r\n\r\n{name}".encode()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        # A proxy sends one request at a time, and small ones in one piece.
        if data.endswith(b"\r\n\r\n"):
            self._transport.write(self._answer)


async def _run() -> None:
    loop = asyncio.get_running_loop()
    ports = {}
    for name in ("a", "b"):
        server = await loop.create_server(partial(_Service, name), "127.0.0.1")
        ports[name] = server.sockets[0].getsockname()[1]
    print(json.dumps(ports), flush=True)
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_run())
