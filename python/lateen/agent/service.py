"""The socket where a proxy meets its agent."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

import grpc
import grpc.aio

_OPTIONS = (("grpc.max_receive_message_length", -1),)


class Service:
    """A gRPC server on a unix socket; whoever may open the socket is served.

    Args:
        path: of the socket.
        handlers: what is served.
    """

    def __init__(self, path: Path, handlers: Sequence[grpc.GenericRpcHandler]) -> None:
        self._server = grpc.aio.server(options=_OPTIONS)
        self._server.add_generic_rpc_handlers(tuple(handlers))
        self._server.add_insecure_port(f"unix:{quote(str(path))}")

    async def start(self) -> None:
        """Begin to serve."""
        await self._server.start()

    async def stop(self) -> None:
        """End all streams at once."""
        await self._server.stop(None)
