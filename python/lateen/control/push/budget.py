"""How much is on its way to proxies at once."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

#: Bytes of answers that proxies have not judged yet: so much of the memory goes to pushes.
LIMIT = 64 << 20
#: Answers up to this size are not counted: there are many, and they are soon gone.
SMALL = 64 << 10
#: A proxy that has not judged its answer by then is slow, and holds up no other any longer.
PATIENCE_S = 5.0


def _nothing() -> None:
    """What was not counted is not given back."""


class Budget:
    """Bytes that may be on their way; whoever wants to send more waits for its turn.

    That an answer was written says little: buffers of the transport may have taken all of it.
    """

    def __init__(
        self, limit: int = LIMIT, patience_s: float = PATIENCE_S, small: int = SMALL
    ) -> None:
        self._limit = limit
        self._left = limit
        self._patience_s = patience_s
        self._small = small
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    async def hold(self, size: int) -> Callable[[], None]:
        """Wait until so many bytes may be sent; returns what gives them back, now or later.

        When patience is at its end they are given back without it.
        """
        if size <= self._small:
            return _nothing
        size = min(size, self._limit)
        await self._take(size)
        held = True

        def give_back() -> None:
            nonlocal held
            if held:
                held = False
                timer.cancel()
                self._give(size)

        timer = asyncio.get_running_loop().call_later(self._patience_s, give_back)
        return give_back

    async def _take(self, size: int) -> None:
        if not self._waiting and size <= self._left:
            self._left -= size
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append((size, turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._give(size)
            raise

    def _give(self, size: int) -> None:
        self._left += size
        while self._waiting and self._waiting[0][0] <= self._left:
            size, turn = self._waiting.popleft()
            if not turn.done():
                self._left -= size
                turn.set_result(None)
