"""Messages of the main thread's own on their way to a service, one after the other.

The service is reached as control planes are: at the endpoints of a cluster of the bootstrap.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from lateen.proxy.stats.main_thread import StatNames
from lateen.xds.backoff import Backoff

if TYPE_CHECKING:
    import random

    import grpc.aio
    from google.protobuf.message import Message

    from lateen.proxy.log.logger import Log
    from lateen.proxy.stats.main_thread import MainThreadScope
    from lateen.proxy.xds.target import Target

STATS = StatNames(counters=("messages_dropped",))
_COMPONENT = "main"
_LONGEST_PAUSE_S = 5.0
_TICK_S = 0.005


class Carrier(Protocol):
    """How a message gets there."""

    name: str

    async def deliver(self, message: bytes) -> None:
        """Sends a message; whatever it raises, the message is lost."""

    async def finish(self) -> None:
        """Returns when the receiver has what was delivered."""

    async def close(self) -> None:
        """Ends what is open."""


class Outbox:
    """What waits for a carrier: the messages of one flush, no more.

    While a service is slow or away what is sent is dropped, and counted under
    `STATS.messages_dropped`.
    """

    def __init__(
        self, carrier: Carrier, stats: MainThreadScope, log: Log, chance: random.Random
    ) -> None:
        self._carrier = carrier
        self._stats = stats
        self._log = log
        self._backoff = Backoff(chance, max_s=_LONGEST_PAUSE_S)
        self._waiting: deque[Message] = deque()
        self._awake = asyncio.Event()
        self._failing = False
        self._task = asyncio.get_running_loop().create_task(self._run())

    @property
    def busy(self) -> bool:
        """Whether messages wait."""
        return bool(self._waiting)

    def send(self, messages: Sequence[Message]) -> None:
        """Takes messages, unless some of the last time still wait."""
        if self.busy:
            self._stats.add("messages_dropped", len(messages))
            return
        self._waiting.extend(messages)
        self._awake.set()

    async def finish(self) -> None:
        """Returns when what waits has arrived or is lost."""
        while self.busy:
            await asyncio.sleep(_TICK_S)
        await self._carrier.finish()

    def close(self) -> None:
        """Ends it; what waits is lost."""
        self._task.cancel()
        self._stats.close()

    async def _run(self) -> None:
        try:
            while True:
                await self._awake.wait()
                while self._waiting:
                    await self._deliver(self._waiting[0])
                    self._waiting.popleft()
                self._awake.clear()
        finally:
            await self._carrier.close()

    async def _deliver(self, message: Message) -> None:
        try:
            await self._carrier.deliver(message.SerializeToString())
        except Exception as error:  # whatever it is, the next message may fare better
            self._stats.add("messages_dropped")
            if not self._failing:
                reason = f"{type(error).__name__}: {error}".partition("\n")[0]
                self._log.warning(
                    _COMPONENT, f"stats are not sent to {self._carrier.name}: {reason}"
                )
            self._failing = True
            await asyncio.sleep(self._backoff.next())
        else:
            self._failing = False
            self._backoff.reset()


class StreamCarrier:
    """Messages of one call, which begins anew after it ended."""

    def __init__(self, target: Target, method: str, first: bytes) -> None:
        """`first` is put before the first message of a call: fields that it has alone."""
        self.name = target.name
        self._target = target
        self._method = method
        self._first = first
        self._channel: grpc.aio.Channel | None = None
        self._call: grpc.aio.StreamUnaryCall[bytes, bytes] | None = None

    async def deliver(self, message: bytes) -> None:
        """Writes a message."""
        if self._call is None or self._call.done():
            await self.close()
            self._channel = await self._target.open()
            self._call = self._channel.stream_unary(self._method)(metadata=self._target.metadata)
            message = self._first + message
        await self._call.write(message)

    async def finish(self) -> None:
        """Says that nothing more comes, and waits for the answer."""
        if self._call is not None:
            await self._call.done_writing()
            await self._call.code()

    async def close(self) -> None:
        """Ends the call."""
        self._call = None
        if self._channel is not None:
            await self._channel.close()
            self._channel = None


class UnaryCarrier:
    """A call for each message."""

    def __init__(self, target: Target, method: str, timeout_s: float | None) -> None:
        self.name = target.name
        self._target = target
        self._method = method
        self._timeout_s = timeout_s
        self._channel: grpc.aio.Channel | None = None

    async def deliver(self, message: bytes) -> None:
        """Makes a call."""
        if self._channel is None:
            self._channel = await self._target.open()
        method: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]
        method = self._channel.unary_unary(self._method)
        try:
            await method(message, metadata=self._target.metadata, timeout=self._timeout_s)
        except BaseException:
            await self.close()
            raise

    async def finish(self) -> None:
        """What was delivered was answered."""

    async def close(self) -> None:
        """Ends the channel."""
        if self._channel is not None:
            await self._channel.close()
            self._channel = None
