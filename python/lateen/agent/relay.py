"""Passes the proxy's stream of configuration on to the control plane, and takes its own part.

A stream of the proxy is one stream of the control plane, of the same kind: messages are passed on
as they are. On it the agent also asks for the name table, and keeps the answers to itself. When one
of the two ends, the other does: the proxy keeps what it has, and connects again when it sees fit.

Source: pkg/istio-agent/xds_proxy.go of Istio.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING

import grpc
import grpc.aio

from lateen.agent.upstream import UpstreamError
from lateen.xds.codec import (
    BadMessageError,
    decode_delta,
    decode_sotw,
    encode_request,
    type_url_of,
)
from lateen.xds.messages import DeltaRequest, Response, SotwRequest
from lateen.xds.resource_types import ADS_SERVICE, NDS_TYPE_URL, ads_path

if TYPE_CHECKING:
    Call = grpc.aio.StreamStreamCall[bytes, bytes]
    Context = grpc.aio.ServicerContext[bytes, bytes]

OnNames = Callable[[Response], str | None]

# Of requests that wait to be sent.
_WAITING = 16


class Relay:
    """The aggregated discovery service, by the control plane.

    Args:
        open_channel: makes a new one to the control plane; raises UpstreamError.
        on_names: is given each answer with names; what it returns is why it refuses it.
        say: is told why a stream ended.
    """

    def __init__(
        self,
        open_channel: Callable[[], grpc.aio.Channel],
        on_names: OnNames,
        say: Callable[[str], None],
    ) -> None:
        self._open = open_channel
        self._on_names = on_names
        self._say = say
        self._told = ""

    def handler(self) -> grpc.GenericRpcHandler:
        """What a server serves."""
        methods = {
            ads_path(delta=delta).rpartition("/")[2]: self._method(delta=delta)
            for delta in (True, False)
        }
        return grpc.method_handlers_generic_handler(ADS_SERVICE, methods)

    def _method(self, *, delta: bool) -> grpc.RpcMethodHandler[bytes, bytes]:
        async def serve(requests: AsyncIterator[bytes], context: Context) -> AsyncIterator[bytes]:
            try:
                async with self._open() as channel:
                    call: Call = channel.stream_stream(ads_path(delta=delta))()
                    stream = _Stream(call, self._on_names, delta=delta)
                    async for answer in stream.serve(requests):
                        self._told = ""
                        yield answer
                    reason = f"{(await call.code()).name}: {await call.details()}".rstrip(": ")
            except grpc.aio.AioRpcError as error:
                reason = f"{error.code().name}: {error.details()}"
            except (UpstreamError, BadMessageError) as error:
                reason = str(error)
            self._tell(f"the stream of the control plane ended: {reason}")
            await context.abort(grpc.StatusCode.UNAVAILABLE, reason)

        return grpc.stream_stream_rpc_method_handler(serve)

    def _tell(self, reason: str) -> None:
        """Once a reason, until the control plane answers again."""
        if reason != self._told:
            self._told = reason
            self._say(reason)


class _Stream:
    """One stream of the proxy's and its counterpart."""

    def __init__(self, call: Call, on_names: OnNames, *, delta: bool) -> None:
        self._call = call
        self._delta = delta
        self._on_names = on_names
        self._version = ""
        self._waiting: asyncio.Queue[bytes | None] = asyncio.Queue(_WAITING)

    async def serve(self, requests: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """What the control plane answers the proxy.

        Raises:
            grpc.aio.AioRpcError: the control plane's stream failed.
            BadMessageError: it sent something else than answers.
        """
        tasks = [asyncio.ensure_future(one) for one in (self._collect(requests), self._send())]
        try:
            async for answer in self._call:
                if type_url_of(answer) == NDS_TYPE_URL:
                    await self._take_names(answer)
                else:
                    yield answer
        finally:
            self._call.cancel()
            for task in tasks:
                task.cancel()

    async def _collect(self, requests: AsyncIterator[bytes]) -> None:
        """Requests of the proxy; after the first, which tells who it is, the agent's own."""
        asked = False
        async for request in requests:
            await self._waiting.put(request)
            if not asked:
                asked = True
                await self._ask_names()
        await self._waiting.put(None)

    async def _send(self) -> None:
        try:
            while (request := await self._waiting.get()) is not None:
                await self._call.write(request)
            await self._call.done_writing()
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
            return  # who reads hears of the end, and of its reason

    async def _take_names(self, answer: bytes) -> None:
        response = decode_delta(answer) if self._delta else decode_sotw(answer)
        error = self._on_names(response)
        if error is None:
            self._version = response.version
        await self._ask_names(response.nonce, error)

    async def _ask_names(self, nonce: str = "", error: str | None = None) -> None:
        request = (
            DeltaRequest(NDS_TYPE_URL, nonce=nonce, error=error)
            if self._delta
            else SotwRequest(NDS_TYPE_URL, self._version, nonce=nonce, error=error)
        )
        await self._waiting.put(encode_request(request, None))
