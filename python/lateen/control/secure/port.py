"""The port with TLS, in front of a gRPC server that is reached through a private socket.

gRPC's own TLS in Python either demands a certificate of every client or asks none for one, and
tells nobody whom it refused. Here a client may have one; one that it shows must be the mesh's.
Each connection goes on to gRPC from an abstract socket of its own, by whose name a call finds the
certificate of its connection (`peers.py`).
"""

from __future__ import annotations

import asyncio
import secrets
import socket
import ssl
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509

from lateen.control.addresses import ServeError
from lateen.control.ca.authority import CaError
from lateen.control.secure.peers import Peer, Peers

_BACKLOG = 1024
_HANDSHAKE_S = 10.0
# Long enough for a certificate to be asked for, which is all that such a client may do.
_UNKNOWN_CLIENT_LIFE = timedelta(seconds=60)
_CHUNK = 64 << 10
_NAME_BYTES = 16
_FULL_S = 0.1


class SecurePort:
    """Accepts connections.

    Args:
        upstream: the socket of the gRPC server.
        context: TLS for a connection to an address of this machine.
        peers: is told of each connection.
        say: is told of each that is refused, a line each.
    """

    def __init__(
        self,
        upstream: Path,
        context: Callable[[str], ssl.SSLContext],
        peers: Peers,
        say: Callable[[str], None],
    ) -> None:
        self._upstream = upstream
        self._context = context
        self._peers = peers
        self._say = say
        self._tasks: set[asyncio.Task[None]] = set()

    def listen(self, address: str) -> int:
        """Accept connections from now on; returns the port.

        Args:
            address: `HOST:PORT`; port 0 takes a free one.

        Raises:
            ServeError: the address is none, or taken.
        """
        host, _, port = address.rpartition(":")
        host = host.strip("[]")
        if not port.isdecimal():
            raise ServeError(f"cannot listen to {address}: it is not HOST:PORT")
        try:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            listening = socket.create_server((host, int(port)), family=family, backlog=_BACKLOG)
        except (OSError, OverflowError) as error:
            raise ServeError(f"cannot listen to {address}: {error}") from None
        listening.setblocking(False)
        self._keep(self._accept(listening))
        return int(listening.getsockname()[1])

    async def close(self) -> None:
        """End all connections, and accept no more."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _keep(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _accept(self, listening: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        with listening:
            while True:
                try:
                    accepted, _ = await loop.sock_accept(listening)
                except OSError as error:
                    self._say(f"cannot accept a connection: {error.strerror}")
                    await asyncio.sleep(_FULL_S)
                    continue
                self._keep(self._serve(accepted))

    async def _serve(self, accepted: socket.socket) -> None:
        address = "a client that is gone"
        try:
            address = _written(accepted.getpeername())
            local = str(accepted.getsockname()[0]).partition("%")[0]
            reader, writer = await _handshake(accepted, self._context(local))
        except (OSError, CaError) as error:
            accepted.close()
            if not isinstance(error, ConnectionError):
                self._say(f"refused {address}: {_reason(error)}")
            return
        try:
            await self._relay(Peer(address, _certificate(writer)), reader, writer)
            # What was written still goes out.
            writer.close()
        except BaseException as error:
            writer.transport.abort()
            if isinstance(error, ValueError):
                self._say(f"refused {address}: its certificate cannot be read: {error}")
            # One side is gone, or the certificate's time is over: the client comes again.
            elif not isinstance(error, OSError):
                raise

    async def _relay(
        self, peer: Peer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Bytes both ways, until a side ends or the client's certificate does."""
        upstream = socket.socket(socket.AF_UNIX)
        upstream.setblocking(False)
        # Never used again: a late call of this connection must find no other's certificate.
        name = secrets.token_hex(_NAME_BYTES)
        upstream.bind(f"\0{name}")
        with upstream, self._peers.connected(name, peer):
            await asyncio.get_running_loop().sock_connect(upstream, str(self._upstream))
            back, forth = await asyncio.open_unix_connection(sock=upstream)
            try:
                async with asyncio.timeout(_life(peer).total_seconds()):
                    await _first_end(_copy(reader, forth), _copy(back, writer))
            finally:
                forth.transport.abort()


async def _handshake(
    accepted: socket.socket, context: ssl.SSLContext
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """TLS over a connection that was accepted.

    Raises:
        OSError: the client is gone, speaks no TLS, or has a certificate that nobody vouches for.
    """
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(reader)
    accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    transport, _ = await loop.connect_accepted_socket(
        lambda: protocol, accepted, ssl=context, ssl_handshake_timeout=_HANDSHAKE_S
    )
    return reader, asyncio.StreamWriter(transport, protocol, reader, loop)


def _certificate(writer: asyncio.StreamWriter) -> x509.Certificate | None:
    shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    return x509.load_der_x509_certificate(shown) if shown else None


def _life(peer: Peer) -> timedelta:
    if peer.certificate is None:
        return _UNKNOWN_CLIENT_LIFE
    return peer.certificate.not_valid_after_utc - datetime.now(UTC)


async def _copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    while data := await source.read(_CHUNK):
        sink.write(data)
        await sink.drain()


async def _first_end(*work: Coroutine[None, None, None]) -> None:
    """Wait for the first to end, and end the rest.

    Raises:
        OSError: it failed.
    """
    tasks = [asyncio.ensure_future(one) for one in work]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not the mesh's: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return f"TLS failed: {error.reason or error}"
    return str(error) or type(error).__name__


def _written(address: tuple[object, ...]) -> str:
    host, port = address[:2]
    return f"[{host}]:{port}" if ":" in str(host) else f"{host}:{port}"
