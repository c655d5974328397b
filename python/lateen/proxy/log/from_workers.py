"""Carries the workers' messages into the log."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Protocol

from lateen.proxy.log.levels import Level
from lateen.proxy.log.logger import Log
from lateen.proxy.log.record import Record

if TYPE_CHECKING:
    from lateen.proxy.workers import Core

# How long a wait for the next message may take, so that the thread notices its end.
_WAIT_S = 60.0
# How long the end of the process waits for the thread to end.
_END_S = 5.0


class LogReader(Protocol):
    """Carries messages into a log between `start` and `stop`."""

    def start(self) -> None:
        """Begins."""

    def stop(self) -> None:
        """Ends, when what is left is written."""


class WorkerLog:
    """A thread that waits for the workers' messages."""

    def __init__(self, source: Core, log: Log, wait_s: float = _WAIT_S) -> None:
        self._source = source
        self._log = log
        self._wait_s = wait_s
        self._ended = threading.Event()
        # Nothing of the end of the process waits for it: it sleeps in next_log.
        self._thread = threading.Thread(target=self._run, name="worker-log", daemon=True)

    def start(self) -> None:
        """Begins; from now on the workers follow the log's levels."""
        self._log.on_level(lambda component, level: self._source.set_log_level(component, level))
        self._thread.start()

    def stop(self) -> None:
        """Writes what is left, and ends."""
        self._ended.set()
        self._source.wake_log()
        self._thread.join(_END_S)
        while (message := self._source.next_log(0.0)) is not None:
            self._write(message)

    def _run(self) -> None:
        thread = threading.get_native_id()
        while not self._ended.is_set():
            message = self._source.next_log(self._wait_s)
            if message is not None:
                self._write(message, thread)

    def _write(self, message: tuple[int, str, str], thread: int = 0) -> None:
        level, component, text = message
        self._log.write(Record(time.time(), Level(level), component, text, thread))
