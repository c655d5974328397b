"""Where messages go: filtered by component and level, formatted, written line by line."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Mapping
from types import FrameType

from lateen.proxy.log.levels import COMPONENTS, Level
from lateen.proxy.log.pattern import Formatter
from lateen.proxy.log.record import Record

_PACKAGE = f"{os.sep}lateen{os.sep}"
_STDERR = 2
# Called with a component and its level.
LevelListener = Callable[[str, Level], None]


class LogOpenError(Exception):
    """The file of `--log-path` cannot be opened; the message says why."""


class Log:
    """The log of one process; its methods may be called from any thread."""

    def __init__(
        self,
        formatter: Formatter,
        level: Level = Level.INFO,
        component_levels: Mapping[str, Level] | None = None,
        path: str = "",
        *,
        escaped: bool = False,
    ) -> None:
        self._formatter = formatter
        self._escaped = escaped
        self._levels = dict.fromkeys(COMPONENTS, level) | dict(component_levels or {})
        self._listeners: list[LevelListener] = []
        self._path = path
        self._lock = threading.Lock()
        self._file = _open(path) if path else _STDERR

    def levels(self) -> Mapping[str, Level]:
        """The level of each component, in Envoy's order."""
        return self._levels

    def set_level(self, component: str, level: Level) -> None:
        """Sets the level of one component, of all for ""."""
        for name in (component,) if component else tuple(self._levels):
            self._levels[name] = level
        for listener in self._listeners:
            listener(component, level)

    def on_level(self, listener: LevelListener) -> None:
        """Calls `listener` with the levels of now and every change of them."""
        self._listeners.append(listener)
        for component, level in self._levels.items():
            listener(component, level)

    def reopen(self) -> None:
        """Opens the log's file anew; goes on with the old one when that fails."""
        if not self._path:
            return
        try:
            file = _open(self._path)
        except LogOpenError as error:
            self.error("file", str(error))
            return
        with self._lock:
            os.close(self._file)
            self._file = file

    def write(self, record: Record) -> None:
        """Writes a record if its component's level lets it through."""
        if record.level < self._levels.get(record.component, Level.INFO):
            return
        text = self._formatter(record)
        if self._escaped:
            text = text.replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t")
        with self._lock:
            try:
                os.write(self._file, f"{text}\n".encode(errors="backslashreplace"))
            except OSError:
                # Nobody reads the log any more: there is nowhere to say so.
                return

    def _log(self, level: Level, component: str, message: str) -> None:
        if level < self._levels.get(component, Level.INFO):
            return
        source, line = _place(sys._getframe(2))
        self.write(
            Record(time.time(), level, component, message, threading.get_native_id(), source, line)
        )

    def debug(self, component: str, message: str) -> None:
        """Logs what helps to follow the proxy's work."""
        self._log(Level.DEBUG, component, message)

    def info(self, component: str, message: str) -> None:
        """Logs what happens in the normal course."""
        self._log(Level.INFO, component, message)

    def warning(self, component: str, message: str) -> None:
        """Logs what may need a look."""
        self._log(Level.WARNING, component, message)

    def error(self, component: str, message: str) -> None:
        """Logs what failed."""
        self._log(Level.ERROR, component, message)

    def critical(self, component: str, message: str) -> None:
        """Logs what ends the process."""
        self._log(Level.CRITICAL, component, message)


def _open(path: str) -> int:
    try:
        return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise LogOpenError(f"cannot open log file '{path}': {error.strerror}") from None


def _place(frame: FrameType) -> tuple[str, int]:
    name = frame.f_code.co_filename
    return name[name.rfind(_PACKAGE) + 1 :], frame.f_lineno
