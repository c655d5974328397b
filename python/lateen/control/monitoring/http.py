"""A small HTTP server: pages that are fetched by GET."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import parse_qsl, urlsplit

import h11

from lateen.control.addresses import ServeError, split_address

JSON = "application/json"
TEXT = "text/plain; charset=utf-8"
#: So long a client may take for a request.
_PATIENCE_S = 10.0
_CHUNK = 1 << 16


@dataclass(frozen=True)
class Answer:
    """What a page says."""

    body: str
    status: int = 200
    content_type: str = JSON


@dataclass(frozen=True)
class Page:
    """A page.

    Attributes:
        make: from the parameters of the query.
        local: only this machine may see it.
    """

    make: Callable[[Mapping[str, str]], Awaitable[Answer]]
    local: bool = True


class Pages:
    """Serves pages by their paths."""

    def __init__(self, pages: Mapping[str, Page]) -> None:
        self._pages = pages
        self._server: asyncio.Server | None = None

    async def listen(self, address: str) -> int:
        """Listen to `HOST:PORT`; port 0 takes a free one. Returns the port.

        Raises:
            ServeError: the address is none, not the machine's own, or taken.
        """
        host, port = split_address(address)
        try:
            self._server = await asyncio.start_server(self._serve, host, port)
        except OSError as error:
            raise ServeError(f"cannot listen to {address}: {error.strerror or error}") from None
        taken: int = self._server.sockets[0].getsockname()[1]
        return taken

    def close(self) -> None:
        """Listen no more."""
        if self._server is not None:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, TimeoutError, h11.RemoteProtocolError):
            connection = h11.Connection(h11.SERVER)
            local = ip_address(writer.get_extra_info("peername")[0]).is_loopback
            while await self._answer(connection, reader, writer, local=local):
                connection.start_next_cycle()
        writer.close()

    async def _answer(
        self,
        connection: h11.Connection,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        local: bool,
    ) -> bool:
        """Answer one request; returns whether another may come."""
        request = None
        while not isinstance(event := connection.next_event(), h11.EndOfMessage):
            if isinstance(event, h11.ConnectionClosed):
                return False
            if isinstance(event, h11.Request):
                request = event
            elif event is h11.NEED_DATA:
                data = await asyncio.wait_for(reader.read(_CHUNK), _PATIENCE_S)
                connection.receive_data(data)
        if request is None:
            return False
        answer = await self._page(request, local=local)
        body = answer.body.encode()
        headers = [("content-type", answer.content_type), ("content-length", str(len(body)))]
        head = connection.send(h11.Response(status_code=answer.status, headers=headers))
        content = b"" if request.method == b"HEAD" else connection.send(h11.Data(data=body))
        writer.write(b"".join(filter(None, (head, content, connection.send(h11.EndOfMessage())))))
        await writer.drain()
        return connection.our_state is h11.DONE and connection.their_state is h11.DONE

    async def _page(self, request: h11.Request, *, local: bool) -> Answer:
        try:
            target = urlsplit(request.target.decode("ascii", "replace"))
        except ValueError:
            return Answer("the target of the request is no path\n", 400, TEXT)
        page = self._pages.get(target.path)
        if page is None:
            known = "\n".join(sorted(self._pages))
            return Answer(f"no page {target.path}; there are:\n{known}\n", 404, TEXT)
        if request.method not in (b"GET", b"HEAD"):
            return Answer("a page is fetched by GET\n", 405, TEXT)
        if page.local and not local:
            return Answer("this page is for this machine alone\n", 403, TEXT)
        return await page.make(dict(parse_qsl(target.query)))
