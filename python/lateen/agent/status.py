"""What a sidecar is asked over HTTP: whether it is ready, and to drain or end.

Source: pilot/cmd/pilot-agent/status/server.go of Istio.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from ipaddress import ip_address

import h11

READY, DRAIN, QUIT = "/healthz/ready", "/drain", "/quitquitquit"
_MAPPED = "::ffff:"
_READ = 4096
_LONGEST_HEAD = 8192
_LIMIT_S = 5.0

Ask = Callable[[], Awaitable[tuple[HTTPStatus, str]]]


class StatusError(Exception):
    """The port cannot be listened to; the message says why."""


class Status:
    """The HTTP server of a sidecar.

    Args:
        ready: whether it is.
        commands: by path, what is done by a POST from this machine.
    """

    def __init__(self, ready: Ask, commands: Mapping[str, Ask]) -> None:
        self._ready = ready
        self._commands = commands
        self._server: asyncio.Server | None = None

    async def listen(self, port: int) -> int:
        """Listen at all addresses; returns the port.

        Args:
            port: 0 takes a free one.

        Raises:
            StatusError: it is taken.
        """
        try:
            self._server = await asyncio.start_server(self._serve, sock=_listening(port))
        except OSError as error:
            raise StatusError(f"--ready-port: cannot listen to {port}: {error.strerror}") from None
        listening: int = self._server.sockets[0].getsockname()[1]
        return listening

    def close(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request of a connection."""
        connection = h11.Connection(h11.SERVER, max_incomplete_event_size=_LONGEST_HEAD)
        method = b""
        try:
            async with asyncio.timeout(_LIMIT_S):
                request = await _request(connection, reader)
            method = request.method
            host = writer.get_extra_info("peername")[0]
            status, text = await self._answer(request, local=_is_loopback(host))
        except (h11.RemoteProtocolError, TimeoutError):
            status, text = HTTPStatus.BAD_REQUEST, "no request"
        except (ConnectionError, EOFError):
            writer.close()
            return
        body = f"{text}\n".encode()
        writer.write(_head(connection, status, len(body)))
        if method != b"HEAD":
            writer.write(body)
        writer.close()

    async def _answer(self, request: h11.Request, *, local: bool) -> tuple[HTTPStatus, str]:
        path = request.target.decode("latin-1").partition("?")[0]
        if path == READY:
            return await self._ready()
        command = self._commands.get(path)
        if command is None:
            return HTTPStatus.NOT_FOUND, "not found"
        if not local:
            return HTTPStatus.FORBIDDEN, "only from this machine"
        if request.method != b"POST":
            return HTTPStatus.METHOD_NOT_ALLOWED, "POST only"
        return await command()


def _listening(port: int) -> socket.socket:
    """A socket for all addresses of the machine, of both families where it has both."""
    if socket.has_dualstack_ipv6():
        return socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True)
    return socket.create_server(("0.0.0.0", port))


def _is_loopback(host: str) -> bool:
    return ip_address(host.removeprefix(_MAPPED)).is_loopback


async def _request(connection: h11.Connection, reader: asyncio.StreamReader) -> h11.Request:
    """The head of a request.

    Raises:
        EOFError: the client is gone.
        h11.RemoteProtocolError: it is none.
    """
    while True:
        event = connection.next_event()
        if isinstance(event, h11.Request):
            return event
        if event is not h11.NEED_DATA:
            raise EOFError
        connection.receive_data(await reader.read(_READ))


def _head(connection: h11.Connection, status: HTTPStatus, length: int) -> bytes:
    headers = [
        ("content-type", "text/plain"),
        ("content-length", str(length)),
        ("connection", "close"),
    ]
    head = h11.Response(status_code=status, reason=status.phrase, headers=headers)
    return connection.send(head) or b""
