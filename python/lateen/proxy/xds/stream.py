"""A gRPC stream to a control plane that is opened again whenever it ends."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lateen.proxy.memory import return_pages
from lateen.proxy.xds.rotation import Attempt, Rotation
from lateen.proxy.xds.target import Target, TargetError
from lateen.xds.codec import BadMessageError, decode_delta, decode_sotw, encode_request

if TYPE_CHECKING:
    import random

    import grpc.aio

    from lateen.proxy.log.logger import Log
    from lateen.proxy.stats.main_thread import MainThreadScope
    from lateen.xds.messages import Request, Response
    from lateen.xds.mux import Mux
    from lateen.xds.rate_limit import TokenBucket

    # Serialized messages both ways.
    Call = grpc.aio.StreamStreamCall[bytes, bytes]

_COMPONENT = "config"
# After an answer of this size the memory that it took is worth giving back.
_LARGE_BYTES = 1 << 20
# The same failure is logged as a warning once in this time.
_QUIET_S = 60.0


@dataclass(frozen=True)
class StreamSettings:
    """What a stream is.

    Attributes:
        method: the gRPC method path.
        delta: which variant of the protocol it has.
        node: a serialized core.v3.Node.
        node_once: the node is only in the first request of a stream.
    """

    method: str
    delta: bool
    node: bytes
    node_once: bool = False


class GrpcStream:
    """Keeps one stream open until it is closed.

    Args:
        settings: what the stream is.
        targets: servers in order; a later one is used while those before it cannot be reached.
        stats: `control_plane.*`.
        bucket: bounds how often requests are sent; None: not at all.
        random: where the jitter of waits comes from.
        log: hears why a stream ended.
    """

    def __init__(
        self,
        settings: StreamSettings,
        targets: Sequence[Target],
        stats: MainThreadScope,
        bucket: TokenBucket | None,
        random: random.Random,
        log: Log,
    ) -> None:
        self._settings = settings
        self._targets = Rotation(targets, random)
        self._stats = stats
        self._bucket = bucket
        self._log = log
        self._awake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._expiry: asyncio.TimerHandle | None = None
        self._last_failure = ("", 0.0)
        stats.set("connected_state", 0)

    def start(self, mux: Mux) -> None:
        """Begins to connect; what `mux` has to say is sent."""
        self._mux = mux
        self._task = asyncio.get_running_loop().create_task(self._run())

    def wake(self) -> None:
        """Says that there may be something to send."""
        self._awake.set()

    def close(self) -> None:
        """Ends the stream for good."""
        if self._task is not None:
            self._task.cancel()
            self._task = None
        if self._expiry is not None:
            self._expiry.cancel()
        self._stats.close()

    async def _run(self) -> None:
        while True:
            attempt = await self._attempt()
            self._stats.set("connected_state", 0)
            self._report(attempt.reason)
            self._mux.closed(attempt.reason)
            await asyncio.sleep(self._targets.failed(attempt))

    async def _attempt(self) -> Attempt:
        """One stream from its beginning to its end."""
        attempt = Attempt()
        try:
            channel = await self._targets.current.open()
        except TargetError as error:
            attempt.reason = str(error)
            return attempt
        writer: asyncio.Task[None] | None = None
        try:
            call: Call = channel.stream_stream(self._settings.method)(
                metadata=self._targets.current.metadata
            )
            self._mux.opened(same_server=self._targets.same_server)
            writer = asyncio.get_running_loop().create_task(self._write(call, attempt))
            attempt.reason = await self._read(call, attempt)
            call.cancel()
        except Exception as error:  # whatever it is, the next attempt may fare better
            attempt.reason = f"{type(error).__name__}: {error}"
        finally:
            if writer is not None:
                writer.cancel()
            await channel.close()
        return attempt

    async def _read(self, call: Call, attempt: Attempt) -> str:
        """Takes answers in until the stream ends; why it did."""
        import grpc.aio

        decode = decode_delta if self._settings.delta else decode_sotw
        while True:
            try:
                data = await call.read()
            except grpc.aio.AioRpcError as error:
                return f"{error.code().value[0]}, {error.details()}"
            except asyncio.CancelledError:
                task = asyncio.current_task()
                if task is None or task.cancelling():
                    raise
                return "1, cancelled here"  # by the writer
            if not isinstance(data, bytes):  # grpc.aio.EOF
                code = await call.code()
                return f"{code.value[0]}, {await call.details()}"
            try:
                self._take(decode(data), attempt)
            except BadMessageError as error:
                return f"13, {error}"
            # A large answer is not kept until the next one comes.
            large = len(data) > _LARGE_BYTES
            del data
            if large:
                return_pages()

    def _take(self, response: Response, attempt: Attempt) -> None:
        attempt.answered = True
        self._targets.answered()
        if response.control_plane is not None:
            self._stats.set_text("identifier", response.control_plane)
        self._mux.receive(response)
        self._schedule_expiry()

    def _schedule_expiry(self) -> None:
        if self._expiry is not None:
            self._expiry.cancel()
            self._expiry = None
        at = self._mux.next_expiry()
        if at is not None:
            self._expiry = asyncio.get_running_loop().call_at(at, self._expire)

    def _expire(self) -> None:
        self._mux.expire()
        self._schedule_expiry()

    async def _write(self, call: Call, attempt: Attempt) -> None:
        """Sends what there is to say for as long as the stream lives."""
        import grpc.aio

        node: bytes | None = self._settings.node
        try:
            while True:
                request = await self._next()
                await call.write(encode_request(request, node))
                if self._settings.node_once:
                    node = None
                if not attempt.connected:
                    attempt.connected = True
                    self._stats.set("connected_state", 1)
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
            return  # the reader hears of the end of the stream and of its reason
        except Exception as error:
            self._log.error(_COMPONENT, f"cannot send a request: {type(error).__name__}: {error}")
            call.cancel()

    async def _next(self) -> Request:
        while (request := self._mux.pull()) is None:
            await self._awake.wait()
            self._awake.clear()
        while self._bucket is not None and (wait_s := self._bucket.take()) > 0:
            self._stats.add("rate_limit_enforced")
            self._stats.set("pending_requests", 1 + self._mux.waiting)
            await asyncio.sleep(wait_s)
        if self._stats.value("pending_requests"):
            self._stats.set("pending_requests", self._mux.waiting)
        return request

    def _report(self, reason: str) -> None:
        now = time.monotonic()
        before, at = self._last_failure
        text = (
            f"{self._settings.method.rpartition('/')[2]} gRPC config stream to "
            f"{self._targets.current.name} closed: {reason}"
        )
        if reason == before and now - at < _QUIET_S:
            self._log.debug(_COMPONENT, text)
        else:
            self._log.warning(_COMPONENT, text)
            self._last_failure = (reason, now)
