"""The gRPC server of the control plane: the aggregated discovery service, delta and not."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

import grpc
import grpc.aio

from lateen.control import wire
from lateen.control.addresses import ServeError, split_address
from lateen.control.model.proxy import NodeError, Proxy
from lateen.control.push.budget import Budget
from lateen.control.push.connection import Connection, Request
from lateen.control.push.encoding import Encoder
from lateen.control.push.plane import Plane
from lateen.control.push.watch import Push
from lateen.control.secure.refused import RefusedError
from lateen.xds.codec import BadMessageError
from lateen.xds.resource_types import ADS_SERVICE
from lateen.xds.server_codec import decode_delta, decode_sotw

if TYPE_CHECKING:
    from envoy.config.core.v3.base_pb2 import Node

    Context = grpc.aio.ServicerContext[bytes, bytes]

_KEEPALIVE_MS = 30_000
# A proxy that takes nothing for so long is dropped; it connects again.
_KEEPALIVE_TIMEOUT_MS = 10_000
_LARGEST_REQUEST = 16 << 20
_OPTIONS = (
    ("grpc.keepalive_time_ms", _KEEPALIVE_MS),
    ("grpc.keepalive_timeout_ms", _KEEPALIVE_TIMEOUT_MS),
    # Sidecars ask every 30 s whether they are still connected: none is to be sent away for it.
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 1_000),
    ("grpc.http2.max_ping_strikes", 0),
    ("grpc.max_receive_message_length", _LARGEST_REQUEST),
    ("grpc.so_reuseport", 0),
)

Decode = Callable[[bytes], "tuple[Request, Node | None]"]
# Of what gRPC calls the other end, and the node that it says it is, the proxy that it may be.
Admit = Callable[[str, "Node"], Proxy]


class Server:
    """Serves the resources of a plane.

    Args:
        plane: with the resources.
        admit: says who a proxy is; raises RefusedError or NodeError. None: there is no TLS.
        services: that are served beside.
    """

    def __init__(
        self,
        plane: Plane,
        admit: Admit | None = None,
        services: Sequence[grpc.GenericRpcHandler] = (),
    ) -> None:
        self._plane = plane
        self._budget = Budget()
        self._encode = Encoder(wire.encode)
        self._admit = admit or unproved
        self._server = grpc.aio.server(options=_OPTIONS)
        self._server.add_generic_rpc_handlers((self._handler(), *services))

    def listen_plain(self, address: str, *, insecure: bool = False) -> int:
        """Listen without TLS; returns the port.

        Args:
            address: `HOST:PORT`; port 0 takes a free one.
            insecure: also where others than this machine can connect.

        Raises:
            ServeError: the address is not the machine's own, or taken.
        """
        host, _ = split_address(address)
        if not insecure and not _is_loopback(host):
            raise ServeError(
                f"{address}: without TLS the control plane serves on the loopback only "
                "(--insecure-plaintext serves it to everybody)"
            )
        return self._add_port(address)

    def listen_pipe(self, path: Path) -> None:
        """Listen to a socket of the file system; who may open it may call.

        Raises:
            ServeError: it cannot be made.
        """
        self._add_port(f"unix:{path}")

    def _add_port(self, address: str) -> int:
        try:
            return self._server.add_insecure_port(address)
        except RuntimeError as error:
            raise ServeError(f"cannot listen to {address}: {error}") from None

    async def start(self) -> None:
        """Begin to serve."""
        await self._server.start()

    async def stop(self, grace: float) -> None:
        """End all streams, at the latest after `grace` seconds."""
        await self._server.stop(grace)

    def _handler(self) -> grpc.GenericRpcHandler:
        methods = {
            "DeltaAggregatedResources": self._method(decode_delta),
            "StreamAggregatedResources": self._method(decode_sotw),
        }
        return grpc.method_handlers_generic_handler(ADS_SERVICE, methods)

    def _method(self, decode: Decode) -> grpc.RpcMethodHandler[bytes, bytes]:
        async def serve(requests: AsyncIterator[bytes], context: Context) -> None:
            try:
                await self._stream(requests, context, decode)
            except (BadMessageError, NodeError) as error:
                await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
            except RefusedError as error:
                await context.abort(error.code, str(error))

        return grpc.stream_stream_rpc_method_handler(serve)

    async def _stream(
        self, requests: AsyncIterator[bytes], context: Context, decode: Decode
    ) -> None:
        first, node = await _first(requests, decode)
        connection = self._plane.connect(self._admit(context.peer(), node), context.peer())
        connection.put(first)
        reader = asyncio.create_task(_read(requests, decode, connection))
        try:
            async for push in self._plane.pushes(connection):
                await self._write(context, connection, push)
            await reader
        finally:
            reader.cancel()
            self._plane.disconnect(connection)

    async def _write(self, context: Context, connection: Connection, push: Push) -> None:
        began = time.monotonic()
        # What waits for its turn is not in memory yet.
        connection.held[push.type_url, push.nonce] = await self._budget.hold(push.size)
        data = self._encode(push)
        await context.write(data)
        self._plane.metrics.pushed(push.type_url, len(data), began)


async def _first(requests: AsyncIterator[bytes], decode: Decode) -> tuple[Request, Node]:
    """The first request, which tells who the proxy is.

    Raises:
        BadMessageError: it is no request.
        NodeError: it tells no node.
    """
    async for data in requests:
        request, node = decode(data)
        if node is None:
            raise NodeError("the first request of a stream must tell the node")
        return request, node
    raise NodeError("the stream ended before a request came")


async def _read(requests: AsyncIterator[bytes], decode: Decode, connection: Connection) -> None:
    """Hand requests on, and None when no more will come."""
    try:
        async for data in requests:
            connection.put(decode(data)[0])
    finally:
        connection.put(None)


def unproved(peer: str, node: Node) -> Proxy:
    """The proxy that a node says it is: without TLS, only this machine's own are believed.

    Raises:
        NodeError: its id is none of a proxy.
    """
    return replace(wire.proxy_of(node), trusted=_is_local(peer))


def _is_local(peer: str) -> bool:
    """Whether a peer of gRPC (`ipv4:ADDRESS:PORT`, `ipv6:%5BADDRESS%5D:PORT`) is this machine."""
    kind, _, rest = peer.partition(":")
    return kind == "unix" or _is_loopback(unquote(rest).rpartition(":")[0].strip("[]"))


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
