"""The admin listener's socket."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import stat

from lateen.protos import worker_pb2
from lateen.proxy.admin.address import address_text, host_port
from lateen.proxy.admin.connection import AdminConnection, AdminParts


class AdminBindError(Exception):
    """The admin listener cannot listen; the message says where and why."""


class AdminListener:
    """Accepts connections and serves each."""

    def __init__(self, parts: AdminParts, address: worker_pb2.Address) -> None:
        self._parts = parts
        self._address = worker_pb2.Address()
        self._address.CopyFrom(address)
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    async def listen(self) -> str:
        """Binds and listens; returns the address, with the port that the kernel chose for 0.

        Raises:
            AdminBindError: the address is in use, not ours or not allowed.
        """
        try:
            bound = _bind(self._address)
            self._server = await asyncio.start_server(self._accept, sock=bound)
        except OSError as error:
            where = address_text(self._address)
            reason = os.strerror(error.errno) if error.errno else str(error)
            raise AdminBindError(f"cannot bind the admin address '{where}': {reason}") from None
        name = bound.getsockname()
        if isinstance(name, tuple) and not self._address.socket.port:
            self._address.socket.port = name[1]
        return host_port(name[0], name[1]) if isinstance(name, tuple) else os.fsdecode(name)

    def stop_listening(self) -> None:
        """Frees the address; connections go on. `listen` takes the same address again."""
        if self._server is not None:
            self._server.close()

    async def close(self) -> None:
        """Stops listening and ends every connection."""
        self.stop_listening()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            await AdminConnection(self._parts, reader, writer).serve()
        except asyncio.CancelledError:
            # The process ends: what is left of the connection closes with it.
            return
        finally:
            self._connections.discard(task)


def _bind(address: worker_pb2.Address) -> socket.socket:
    if address.WhichOneof("kind") == "pipe":
        return _bind_pipe(address)
    host, port = address.socket.host, address.socket.port
    bound = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if ":" in host:
            bound.setsockopt(
                socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, not address.socket.ipv4_compat
            )
        bound.bind((host, port))
        bound.listen()
    except BaseException:
        bound.close()
        raise
    return bound


def _bind_pipe(address: worker_pb2.Address) -> socket.socket:
    path = address.pipe
    abstract = path.startswith("@")
    if not abstract:
        # What an earlier process left behind; a file that is no socket stays.
        with contextlib.suppress(FileNotFoundError):
            if stat.S_ISSOCK(os.stat(path).st_mode):
                os.unlink(path)
    bound = socket.socket(socket.AF_UNIX)
    try:
        bound.bind(f"\0{path[1:]}" if abstract else path)
        if address.pipe_mode and not abstract:
            os.chmod(path, address.pipe_mode)
        bound.listen()
    except BaseException:
        bound.close()
        raise
    return bound
