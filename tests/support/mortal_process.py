"""An upstream that may be killed, stopped and started again: the process behind `mortal.py`.

`python -m tests.support.mortal_process PORT FILE DELAY` answers each request on the port after
DELAY seconds, and writes its method and path to the file before. It prints a line once it listens.
"""

from __future__ import annotations

import asyncio
import sys


class Service(asyncio.Protocol):
    """Answers `METHOD /PATH`, whose body is two bytes unless it is a GET, with the path."""

    def __init__(self, path: str, delay_s: float) -> None:
        self._path = path
        self._delay_s = delay_s
        self._input = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._input += data
        while (end := self._input.find(b"\r\n\r\n")) >= 0:
            method, target, _ = self._input.split(b" ", 2)
            whole = end + 4 + (0 if method == b"GET" else 2)
            if len(self._input) < whole:
                return
            self._input = self._input[whole:]
            with open(self._path, "ab", buffering=0) as seen:
                seen.write(method + b" " + target + b"\n")
            asyncio.get_running_loop().call_later(self._delay_s, self._answer, target)

    def _answer(self, target: bytes) -> None:
        head = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(target)
        self._transport.write(head + target)


async def _run(port: int, path: str, delay_s: float) -> None:
    loop = asyncio.get_running_loop()
    service = lambda: Service(path, delay_s)  # noqa: E731
    server = await loop.create_server(service, "127.0.0.1", port, reuse_port=True)
    print("listening", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_run(int(sys.argv[1]), sys.argv[2], float(sys.argv[3])))
