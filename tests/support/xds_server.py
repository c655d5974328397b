"""A control plane for tests: it records what clients say and misbehaves when it is told to.

    with XdsServer() as server:
        server.put(CDS, {"be": cluster})          # pushed to every subscribed stream
        ack = server.wait(lambda seen: seen.type_url == CDS and seen.nonce)
        server.send(type_url, resources=[...])    # any response, on every stream
        server.send_bytes(b"\\xff")               # no message at all
        server.close_streams()                    # streams end; clients come again

The server runs an event loop in a thread of its own; its methods may be called from any thread.
State of the world and delta are served side by side, aggregated and one stream a type.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field

import grpc
import grpc.aio
from google.protobuf.message import Message

from lateen.closing import Closing
from tests.support.xds_messages import Seen, message, pack

_DISCOVERY = "envoy.service.discovery.v3"


@dataclass
class _Stream:
    number: int
    delta: bool
    outbox: asyncio.Queue[bytes | grpc.StatusCode | None] = field(default_factory=asyncio.Queue)
    # By type: names (SotW: as last asked; delta: subscribed); None: all.
    wanted: dict[str, set[str] | None] = field(default_factory=dict)
    # Delta, by type: the version of each resource that the client has.
    known: dict[str, dict[str, str]] = field(default_factory=dict)
    nonces: int = 0
    sent: int = 0


class XdsServer(Closing):
    """Serves resources over gRPC on a loopback port.

    Attributes:
        requests: everything that clients sent, in order.
        answers: whether requests are answered at all; False: the server only listens.
        delay: seconds before each response.
        close_after: a stream ends after this many responses; 0: never.
        identifier: of the control plane; "": not sent.
        only_named: types of which a delta client that names nothing gets nothing.
        era: begins every version; servers that know nothing of each other differ in it.
        ttl: seconds in each resource of state of the world and delta; 0: none.
    """

    def __init__(
        self, port: int = 0, credentials: grpc.ServerCredentials | None = None, address: str = ""
    ) -> None:
        self.requests: list[Seen] = []
        self.answers = True
        self.delay = 0.0
        self.close_after = 0
        self.identifier = ""
        self.only_named: set[str] = set()
        self.era = "v"
        self.ttl = 0
        self.port = port
        self._address = address
        self._credentials = credentials
        self._resources: dict[str, dict[str, tuple[str, Message]]] = {}
        self._versions: dict[str, int] = {}
        self._streams: list[_Stream] = []
        self._streams_opened = 0
        self._arrived = threading.Condition()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server: grpc.aio.Server | None = None

    def start(self) -> XdsServer:
        """Begins to listen; `port` is set."""
        self._run(self._start())
        return self

    def stop(self) -> None:
        """Ends all streams and stops to listen; `start` begins again on the same port."""
        self._run(self._stop())

    def restart(self, *, empty: bool = False) -> None:
        """Stops and starts; `empty`: all resources and versions are forgotten."""
        self.stop()
        if empty:
            self._resources.clear()
            self._versions.clear()
        self.start()

    def close(self) -> None:
        """Ends everything."""
        self.stop()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    def __enter__(self) -> XdsServer:
        return self.start()

    def put(self, type_url: str, resources: Mapping[str, Message], *, push: bool = True) -> str:
        """Adds and replaces resources; the version that they have now."""
        return self._call(self._put, type_url, dict(resources), (), push)

    def remove(self, type_url: str, names: Iterable[str], *, push: bool = True) -> str:
        """Takes resources away; the version of what is left."""
        return self._call(self._put, type_url, {}, tuple(names), push)

    def send(
        self,
        type_url: str,
        resources: Iterable[Message] = (),
        *,
        version: str = "x",
        nonce: str | None = None,
        removed: Iterable[str] = (),
    ) -> None:
        """Sends a response on every stream, as it is; Resource messages for delta streams."""
        self._call(self._send_all, type_url, list(resources), version, nonce, list(removed))

    def send_error(self, type_url: str, name: str) -> None:
        """Sends a response on every stream that has nothing but an error of one resource."""
        self._call(self._each, lambda stream: self._send_error(stream, type_url, name))

    def send_bytes(self, data: bytes) -> None:
        """Sends bytes as a message on every stream."""
        self._call(self._each, lambda stream: stream.outbox.put_nowait(data))

    def close_streams(self, status: grpc.StatusCode | None = None) -> None:
        """Ends every stream, with `status` if one is given."""
        self._call(self._each, lambda stream: stream.outbox.put_nowait(status))

    @property
    def streams(self) -> int:
        """How many streams are open."""
        return len(self._streams)

    def wait(self, condition: Callable[[Seen], bool], limit: float = 10.0, start: int = 0) -> Seen:
        """The first request (from index `start` on) for which `condition` holds, when it comes."""
        deadline = time.monotonic() + limit
        position = start
        with self._arrived:
            while True:
                for seen in self.requests[position:]:
                    if condition(seen):
                        return seen
                position = max(start, len(self.requests))
                left = deadline - time.monotonic()
                assert left > 0, f"no such request among {self.transcript()}"
                self._arrived.wait(left)

    def of(self, type_url: str) -> list[Seen]:
        """The requests for one type so far."""
        return [seen for seen in self.requests if seen.type_url == type_url]

    def transcript(self) -> list[str]:
        """What came, a line each: `1 ask Cluster`, `1 nack Cluster v1 TEXT`."""
        return [seen.line for seen in self.requests]

    def _run(self, task: object) -> None:
        asyncio.run_coroutine_threadsafe(task, self._loop).result(15)

    def _call(self, function: Callable, *arguments: object) -> object:
        done: Future[object] = Future()

        def run() -> None:
            try:
                done.set_result(function(*arguments))
            except Exception as error:
                done.set_exception(error)

        self._loop.call_soon_threadsafe(run)
        return done.result(15)

    async def _start(self) -> None:
        options = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
        self._server = grpc.aio.server(options=[*options, ("grpc.so_reuseport", 0)])
        self._server.add_generic_rpc_handlers((_Handlers(self),))
        address = self._address or f"127.0.0.1:{self.port}"
        if self._credentials is None:
            port = self._server.add_insecure_port(address)
        else:
            port = self._server.add_secure_port(address, self._credentials)
        self.port = self.port or port
        await self._server.start()

    async def _stop(self) -> None:
        if self._server is not None:
            self._each(lambda stream: stream.outbox.put_nowait(grpc.StatusCode.UNAVAILABLE))
            await self._server.stop(0.2)
            self._server = None

    async def serve(
        self, method: str, delta: bool, requests: AsyncIterator[Message], context: object
    ) -> AsyncIterator[bytes]:
        """One stream."""
        self._streams_opened += 1
        stream = _Stream(self._streams_opened, delta)
        self._streams.append(stream)
        metadata = dict(context.invocation_metadata())
        reader = asyncio.ensure_future(self._read(stream, method, metadata, requests))
        try:
            while isinstance(item := await stream.outbox.get(), bytes):
                await asyncio.sleep(self.delay)
                yield item
                stream.sent += 1
                if stream.sent == self.close_after:
                    return
            if item is not None:
                await context.abort(item, "as the test wants it")
        finally:
            reader.cancel()
            self._streams.remove(stream)

    async def _read(
        self,
        stream: _Stream,
        method: str,
        metadata: Mapping[str, str],
        requests: AsyncIterator[Message],
    ) -> None:
        async for request in requests:
            seen = Seen(stream.number, method, stream.delta, request, metadata, time.monotonic())
            with self._arrived:
                self.requests.append(seen)
                self._arrived.notify_all()
            if self.answers:
                (self._answer_delta if stream.delta else self._answer_sotw)(stream, seen)
        # The client has nothing more to say.
        stream.outbox.put_nowait(None)

    def _each(self, function: Callable[[_Stream], object]) -> None:
        for stream in list(self._streams):
            function(stream)

    def _put(
        self, type_url: str, resources: dict[str, Message], removed: tuple[str, ...], push: bool
    ) -> str:
        self._versions[type_url] = self._versions.get(type_url, 0) + 1
        version = self._version(type_url)
        table = self._resources.setdefault(type_url, {})
        for name in removed:
            table.pop(name, None)
        table.update({name: (version, body) for name, body in resources.items()})
        for stream in self._streams:
            if push and type_url in stream.wanted:
                self._push(stream, type_url)
        return version

    def _version(self, type_url: str) -> str:
        return f"{self.era}{self._versions.get(type_url, 0)}"

    def _push(self, stream: _Stream, type_url: str) -> None:
        if stream.delta:
            self._push_delta(stream, type_url)
        else:
            self._push_sotw(stream, type_url)

    def _answer_sotw(self, stream: _Stream, seen: Seen) -> None:
        type_url, names = seen.type_url, set(seen.request.resource_names)
        first = type_url not in stream.wanted
        wanted = names or (None if first or stream.wanted[type_url] is None else set())
        changed = first or wanted != stream.wanted[type_url]
        stream.wanted[type_url] = wanted
        current = self._version(type_url)
        if changed and not (first and seen.request.version_info == current):
            self._push_sotw(stream, type_url)

    def _push_sotw(self, stream: _Stream, type_url: str) -> None:
        table = self._resources.get(type_url)
        if table is None:
            return
        wanted = stream.wanted[type_url]
        bodies = [
            self._with_ttl(name, version, body) if self.ttl else body
            for name, (version, body) in table.items()
            if wanted is None or "*" in wanted or name in wanted
        ]
        self._send(stream, type_url, bodies, self._version(type_url), None, [])

    def _answer_delta(self, stream: _Stream, seen: Seen) -> None:
        type_url, request = seen.type_url, seen.request
        first = type_url not in stream.wanted
        known = stream.known.setdefault(type_url, {})
        if first:
            empty = not request.resource_names_subscribe and type_url not in self.only_named
            stream.wanted[type_url] = None if empty else set()
            known.update(request.initial_resource_versions)
        wanted = stream.wanted[type_url]
        for name in request.resource_names_unsubscribe:
            if wanted is not None:
                wanted.discard(name)
            known.pop(name, None)
        for name in request.resource_names_subscribe:
            if name == "*":
                wanted = stream.wanted[type_url] = None
            elif wanted is not None:
                wanted.add(name)
        if first or request.resource_names_subscribe:
            self._push_delta(stream, type_url, asked=set(request.resource_names_subscribe))

    def _push_delta(
        self, stream: _Stream, type_url: str, asked: set[str] | frozenset[str] = frozenset()
    ) -> None:
        table = self._resources.get(type_url)
        if table is None:
            return
        wanted, known = stream.wanted[type_url], stream.known.setdefault(type_url, {})
        bodies: list[Message] = []
        for name, (version, body) in table.items():
            if (wanted is None or name in wanted) and known.get(name) != version:
                known[name] = version
                bodies.append(self._with_ttl(name, version, body))
        gone = [name for name in known if name not in table]
        # A name that is asked for and does not exist is said to be gone.
        gone += [name for name in sorted(asked - {"*"}) if name not in table and name not in gone]
        for name in gone:
            known.pop(name, None)
        if bodies or gone:
            self._send(stream, type_url, bodies, self._version(type_url), None, gone)

    def _with_ttl(self, name: str, version: str, body: Message) -> Message:
        resource = message(f"{_DISCOVERY}.Resource")(name=name, version=version)
        resource.resource.CopyFrom(pack(body))
        if self.ttl:
            resource.ttl.seconds = self.ttl
        return resource

    def _send_error(self, stream: _Stream, type_url: str, name: str) -> None:
        kind = "DeltaDiscoveryResponse" if stream.delta else "DiscoveryResponse"
        response = message(f"{_DISCOVERY}.{kind}")(type_url=type_url, nonce=f"{stream.number}.e")
        error = response.resource_errors.add()
        error.resource_name.name = name
        error.error_detail.code = 5
        stream.outbox.put_nowait(response.SerializeToString())

    def _send_all(
        self,
        type_url: str,
        resources: list[Message],
        version: str,
        nonce: str | None,
        removed: list[str],
    ) -> None:
        self._each(lambda stream: self._send(stream, type_url, resources, version, nonce, removed))

    def _send(
        self,
        stream: _Stream,
        type_url: str,
        resources: list[Message],
        version: str,
        nonce: str | None,
        removed: list[str],
    ) -> None:
        stream.nonces += 1
        nonce = f"{stream.number}.{stream.nonces}" if nonce is None else nonce
        if stream.delta:
            response = message(f"{_DISCOVERY}.DeltaDiscoveryResponse")(
                type_url=type_url, nonce=nonce, system_version_info=version
            )
            response.resources.extend(resources)
            response.removed_resources.extend(removed)
        else:
            response = message(f"{_DISCOVERY}.DiscoveryResponse")(
                type_url=type_url, nonce=nonce, version_info=version
            )
            for body in resources:
                packed = body.DESCRIPTOR.full_name == "google.protobuf.Any"
                response.resources.add().CopyFrom(body if packed else pack(body))
        if self.identifier:
            response.control_plane.identifier = self.identifier
        stream.outbox.put_nowait(response.SerializeToString())


class _Handlers(grpc.GenericRpcHandler):
    def __init__(self, server: XdsServer) -> None:
        self._server = server

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        method: str = details.method
        name = method.rpartition("/")[2]
        delta = name.startswith("Delta")
        if not name.startswith(("Stream", "Delta")):
            return None
        request = message(f"{_DISCOVERY}.{'Delta' if delta else ''}DiscoveryRequest")

        # grpc.aio wants to see an asynchronous generator here.
        async def serve(requests: AsyncIterator[Message], context: object) -> AsyncIterator[bytes]:
            async for item in self._server.serve(method, delta, requests, context):
                yield item

        return grpc.stream_stream_rpc_method_handler(serve, request.FromString, None)
