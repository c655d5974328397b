"""What the workers of all proxies of a process say: the extension has one queue for them.

A message does not tell whose it is, so it is written once, by the log that lets the most through.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from lateen.proxy.log.levels import COMPONENTS, Level
from lateen.proxy.log.record import Record

if TYPE_CHECKING:
    from lateen.proxy.log.logger import Log
    from lateen.proxy.workers import Core

_WAIT_S = 60.0
_END_S = 5.0


class SharedLog:
    """Reads the queue in a thread, from the first log that is added until the last one is gone."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._logs: list[Log] = []
        self._thread: threading.Thread | None = None
        self._ended = threading.Event()

    def add(self, core: Core, log: Log) -> None:
        """Lets a log have messages; from now on the workers follow its levels too."""
        with self._lock:
            self._logs.append(log)
            if self._thread is None:
                self._ended.clear()
                self._thread = threading.Thread(
                    target=self._run, args=(core,), name="worker-log", daemon=True
                )
                self._thread.start()
        log.on_level(lambda component, _: self._set_levels(core, component))

    def remove(self, core: Core, log: Log) -> None:
        """Takes a log away; after the last one, what is left is written, and the thread ends."""
        with self._lock:
            if len(self._logs) == 1 and self._thread is not None:
                self._ended.set()
                core.wake_log()
                self._thread.join(_END_S)
                self._thread = None
            self._logs.remove(log)
        self._set_levels(core, "")

    def _run(self, core: Core) -> None:
        while (message := core.next_log(_WAIT_S)) is not None or not self._ended.is_set():
            if message is None:
                continue
            level, component, text = message
            log = min(self._logs, key=lambda log: _level(log, component))
            record = Record(time.time(), Level(level), component, text, threading.get_native_id())
            log.write(record)

    def _set_levels(self, core: Core, component: str) -> None:
        logs = list(self._logs)
        for name in (component,) if component else COMPONENTS:
            if logs:
                core.set_log_level(name, min(_level(log, name) for log in logs))


def _level(log: Log, component: str) -> Level:
    return log.levels().get(component, Level.INFO)


class OwnPart:
    """One proxy's part in a shared log, as its main thread uses it."""

    def __init__(self, shared: SharedLog, core: Core, log: Log) -> None:
        self._shared = shared
        self._core = core
        self._log = log

    def start(self) -> None:
        """Begins."""
        self._shared.add(self._core, self._log)

    def stop(self) -> None:
        """Ends."""
        self._shared.remove(self._core, self._log)
