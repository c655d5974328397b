"""The server of names on the loopback, over UDP and TCP."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Awaitable, Callable
from functools import partial
from typing import cast

import dns.exception
import dns.message
import dns.rcode

from lateen.agent.names.answers import BadQueryError, answer, failure, read_query, to_wire
from lateen.agent.names.forward import Forwarder
from lateen.agent.names.table import Names

# Connections at a time, and how long one may be silent (RFC 7766, section 6.2.3).
_CONNECTIONS = 128
_SILENCE_S = 10.0
_FREE_PORT_ATTEMPTS = 8
# What a machine without IPv6 says.
_NO_IPV6 = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)

Address = tuple[str, int]


class NameServerError(Exception):
    """The port cannot be listened to; the message says why."""


class NameServer:
    """Answers from the names of the mesh, and asks others for the rest.

    Attributes:
        names: of the mesh; None until the control plane has told any: nothing is answered then, for
            others must not answer for the mesh.
    """

    def __init__(self, forwarder: Forwarder) -> None:
        self.names: Names | None = None
        self._forwarder = forwarder
        self._open: list[asyncio.Server | asyncio.DatagramTransport] = []
        self._connections = 0

    async def listen(self, port: int) -> int:
        """Listen on the loopback over UDP and TCP, and IPv4 and IPv6; returns the port.

        Args:
            port: 0 takes one that is free for all of them.

        Raises:
            NameServerError: it is taken.
        """
        for attempt in range(1, _FREE_PORT_ATTEMPTS + 1):
            try:
                return await self._listen(port)
            except OSError as error:
                self.close()
                if port or attempt == _FREE_PORT_ATTEMPTS:
                    told = f"--dns-port: cannot listen to {port}: {error.strerror}"
                    raise NameServerError(told) from None
        raise AssertionError("the last attempt returns or raises")

    async def _listen(self, port: int) -> int:
        taken = await self._listen_at("127.0.0.1", port)
        try:
            await self._listen_at("::1", taken)
        except OSError as error:
            if error.errno not in _NO_IPV6:
                raise
        return taken

    async def _listen_at(self, host: str, port: int) -> int:
        # A socket of its own: asyncio, from Python 3.13 on, does not tell why it cannot be bound.
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listening = socket.create_server((host, port), family=family)
        tcp = await asyncio.start_server(self._connection, sock=listening)
        self._open.append(tcp)
        taken: int = tcp.sockets[0].getsockname()[1]
        loop = asyncio.get_running_loop()
        of_datagram = partial(self.answer, udp=True)
        made = await loop.create_datagram_endpoint(lambda: _Datagrams(of_datagram), (host, taken))
        self._open.append(made[0])
        return taken

    def close(self) -> None:
        """Stop listening."""
        for each in self._open:
            each.close()
        self._open.clear()

    async def answer(self, data: bytes, *, udp: bool) -> bytes:
        """The answer to the bytes of a query; empty: there is none."""
        try:
            query = read_query(data)
        except BadQueryError as error:
            return error.answer
        try:
            return to_wire(await self._of(query, udp=udp), query, udp=udp)
        except dns.exception.DNSException:  # an answer of others that cannot be told as it is
            return to_wire(failure(query, dns.rcode.SERVFAIL), query, udp=udp)

    async def _of(self, query: dns.message.Message, *, udp: bool) -> dns.message.Message:
        if self.names is None:
            return failure(query, dns.rcode.SERVFAIL)
        return answer(query, self.names) or await self._forwarder.ask(query, udp=udp)

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Queries of a connection, one after the other, each behind its length."""
        if self._connections >= _CONNECTIONS:
            writer.close()
            return
        self._connections += 1
        try:
            while True:
                async with asyncio.timeout(_SILENCE_S):
                    length = int.from_bytes(await reader.readexactly(2), "big")
                    data = await reader.readexactly(length)
                made = await self.answer(data, udp=False)
                if not made:
                    return
                writer.write(len(made).to_bytes(2, "big") + made)
                await writer.drain()
        except (ConnectionError, EOFError, TimeoutError):
            return
        finally:
            self._connections -= 1
            writer.close()


class _Datagrams(asyncio.DatagramProtocol):
    """Answers each datagram on its own."""

    def __init__(self, answer: Callable[[bytes], Awaitable[bytes]]) -> None:
        self._answer = answer
        self._tasks: set[asyncio.Task[None]] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep what answers are sent by."""
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, address: Address) -> None:
        """Begin to answer."""
        task = asyncio.ensure_future(self._reply(data, address))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _reply(self, data: bytes, address: Address) -> None:
        made = await self._answer(data)
        if made and not self._transport.is_closing():
            self._transport.sendto(made, address)
