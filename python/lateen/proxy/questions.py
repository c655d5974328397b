"""Carries what requests wait for from the workers to the main thread."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lateen.proxy.workers import Core

# How long a wait for the next question may take, so that the thread notices its end.
_WAIT_S = 60.0
# How long the end of the process waits for the thread to end.
_END_S = 5.0


class Questions:
    """A thread that waits for the workers' questions; `ask` is called in the event loop."""

    def __init__(self, source: Core, ask: Callable[[int, bytes, bytes], None]) -> None:
        self._source = source
        self._ask = ask
        self._loop = asyncio.get_running_loop()
        self._ended = threading.Event()
        # Nothing of the end of the process waits for it: it sleeps in next_ask.
        self._thread = threading.Thread(target=self._run, name="on-demand", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Ends the thread."""
        self._ended.set()
        self._source.wake_asks()
        self._thread.join(_END_S)

    def _run(self) -> None:
        while not self._ended.is_set():
            question = self._source.next_ask(_WAIT_S)
            if question is not None:
                self._loop.call_soon_threadsafe(self._ask, *question)
