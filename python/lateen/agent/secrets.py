"""Secrets for the proxy, over the secret discovery service, and anew when they change.

Source: security/pkg/nodeagent/sds of Istio.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from typing import TYPE_CHECKING, cast

import grpc

from lateen.agent.credentials import Credentials
from lateen.protos import envoy_types
from lateen.xds.codec import BadMessageError
from lateen.xds.messages import DeltaRequest, Received, Response, SotwRequest
from lateen.xds.resource_types import SDS
from lateen.xds.server_codec import decode_delta, decode_sotw, encode_delta, encode_sotw

if TYPE_CHECKING:
    import grpc.aio
    from envoy.extensions.transport_sockets.tls.v3.secret_pb2 import Secret

    Context = grpc.aio.ServicerContext[bytes, bytes]

DEFAULT, ROOTS = "default", "ROOTCA"
"""What configurations of the mesh call a workload's certificate, and those whom it trusts."""

Request = DeltaRequest | SotwRequest


def secrets_of(credentials: Credentials) -> Mapping[str, bytes]:
    """The secrets of a workload by name, serialized."""
    own, trusted = _secret(DEFAULT), _secret(ROOTS)
    own.tls_certificate.certificate_chain.inline_bytes = credentials.chain
    own.tls_certificate.private_key.inline_bytes = credentials.key
    trusted.validation_context.trusted_ca.inline_bytes = credentials.roots
    return {one.name: one.SerializeToString() for one in (own, trusted)}


def _secret(name: str) -> Secret:
    made = cast("Secret", envoy_types().message_class(SDS.message)())
    made.name = name
    return made


class Session:
    """One stream of the proxy: which secrets it wants, and what it was sent. No I/O.

    Args:
        delta: it is told what changed, not what there is.
    """

    def __init__(self, *, delta: bool) -> None:
        self._delta = delta
        self._wanted: set[str] = set()
        self._sent: dict[str, bytes] = {}
        self._count = 0

    @property
    def _nonce(self) -> str:
        return str(self._count)

    def on_request(self, request: Request, secrets: Mapping[str, bytes]) -> Response | None:
        """The answer to a request, if it wants one.

        A refusal is not answered: there is nothing better to be had until the secret changes.
        """
        if request.nonce and request.nonce != self._nonce:
            return None
        if isinstance(request, DeltaRequest):
            for name in request.unsubscribe:
                self._wanted.discard(name)
                self._sent.pop(name, None)
            # What is asked for again is sent again.
            for name in request.subscribe:
                self._sent.pop(name, None)
            self._wanted |= set(request.subscribe)
        elif self._wanted != set(request.names):
            self._wanted = set(request.names)
            self._sent.clear()
        return self.on_change(secrets)

    def on_change(self, secrets: Mapping[str, bytes]) -> Response | None:
        """What is to be sent of the secrets that there are now."""
        there = {name: secrets[name] for name in sorted(self._wanted) if name in secrets}
        new = {name: body for name, body in there.items() if self._sent.get(name) != body}
        if not new:
            return None
        self._count += 1
        self._sent.update(new)
        told = new if self._delta else there
        resources = [Received(name, SDS.type_url, body, self._nonce) for name, body in told.items()]
        return Response(SDS.type_url, self._nonce, self._nonce, resources)


class SecretService:
    """Serves the secrets of the moment.

    Args:
        say: is told of each that the proxy refuses.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._secrets: Mapping[str, bytes] = {}
        self._streams: set[asyncio.Queue[Request | None]] = set()

    def put(self, credentials: Credentials) -> None:
        """Have other secrets from now on."""
        self._secrets = secrets_of(credentials)
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
