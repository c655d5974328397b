"""Serves secrets to the proxy, and anew when they change.

Source: security/pkg/nodeagent/sds of Istio.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from typing import TYPE_CHECKING

import grpc

from lateen.agent.credentials import Credentials
from lateen.agent.secrets.files import FileSecrets
from lateen.agent.secrets.messages import certificate_secret, roots_secret
from lateen.agent.secrets.session import Session, names_of
from lateen.xds.codec import BadMessageError
from lateen.xds.messages import Request, Response
from lateen.xds.resource_types import SDS
from lateen.xds.server_codec import decode_delta, decode_sotw, encode_delta, encode_sotw

if TYPE_CHECKING:
    import grpc.aio

    Context = grpc.aio.ServicerContext[bytes, bytes]

DEFAULT, ROOTS = "default", "ROOTCA"
"""What configurations of the mesh call a workload's certificate, and those whom it trusts."""

_LOOK_S = 1.0


class SecretService:
    """Serves the secrets of the moment: the workload's, and those of files that are asked for.

    Args:
        say: is told of each that the proxy refuses, and of files that cannot be read.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._secrets: dict[str, bytes] = {}
        self._files = FileSecrets(say)
        self._streams: set[asyncio.Queue[Request | None]] = set()

    def put(self, credentials: Credentials) -> None:
        """Have the workload prove itself by other credentials from now on."""
        own = certificate_secret(DEFAULT, credentials.chain, credentials.key)
        self._change({DEFAULT: own, ROOTS: roots_secret(ROOTS, credentials.roots)})

    async def watch_files(self) -> None:
        """Look at the files that were asked for, again and again; never returns."""
        while True:
            await asyncio.sleep(_LOOK_S)
            self._change(self._files.changed())

    def _change(self, changed: Mapping[str, bytes]) -> None:
        self._secrets.update(changed)
        if changed:
            for stream in self._streams:
                stream.put_nowait(None)

    def handler(self) -> grpc.GenericRpcHandler:
        """What a server serves."""
        methods = {
            SDS.path(delta=delta).rpartition("/")[2]: self._method(delta=delta)
            for delta in (True, False)
        }
        return grpc.method_handlers_generic_handler(SDS.service, methods)

    def _method(self, *, delta: bool) -> grpc.RpcMethodHandler[bytes, bytes]:
        encode = encode_delta if delta else encode_sotw

        async def serve(requests: AsyncIterator[bytes], context: Context) -> AsyncIterator[bytes]:
            async for response in self._serve(requests, Session(delta=delta), delta=delta):
                yield encode(response)

        return grpc.stream_stream_rpc_method_handler(serve)

    async def _serve(
        self, requests: AsyncIterator[bytes], session: Session, *, delta: bool
    ) -> AsyncIterator[Response]:
        # None in place of a request: the secrets have changed.
        stream: asyncio.Queue[Request | None] = asyncio.Queue()
        reader = asyncio.ensure_future(self._read(requests, stream, delta=delta))
        self._streams.add(stream)
        try:
            while not reader.done() or not stream.empty():
                request = await stream.get()
                if request is None:
                    answer = session.on_change(self._secrets)
                else:
                    self._change(self._files.added(names_of(request)))
                    answer = session.on_request(request, self._secrets)
                if answer is not None:
                    yield answer
        finally:
            self._streams.discard(stream)
            reader.cancel()

    async def _read(
        self,
        requests: AsyncIterator[bytes],
        stream: asyncio.Queue[Request | None],
        *,
        delta: bool,
    ) -> None:
        decode = decode_delta if delta else decode_sotw
        try:
            async for data in requests:
                request: Request = decode(data)[0]
                if request.error is not None:
                    self._say(f"the proxy refuses a secret: {request.error}")
                stream.put_nowait(request)
        except BadMessageError as error:
            self._say(f"the proxy's request for secrets is malformed: {error}")
        finally:
            stream.put_nowait(None)
