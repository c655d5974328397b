"""Loads runtime layers on disk again when what they are in is replaced."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from lateen.proxy.xds.watcher import DirectoryWatcher

if TYPE_CHECKING:
    from lateen.proxy.log.logger import Log
    from lateen.proxy.runtime import RuntimeLayers

_COMPONENT = "runtime"


class RuntimeWatch:
    """Watches the roots of layers on disk until it is closed; made in a running event loop."""

    def __init__(self, runtime: RuntimeLayers, log: Log) -> None:
        """Begins to watch.

        Raises:
            OSError: a directory is gone, or there are too many watches.
        """
        self._runtime = runtime
        self._log = log
        self._watcher = DirectoryWatcher()
        for root in runtime.roots:
            self._watcher.watch(os.path.dirname(root) or ".", self._moved(os.path.basename(root)))
        self._report()

    def close(self) -> None:
        """Ends the watches."""
        self._watcher.close()

    def _moved(self, base: str) -> Callable[[str], None]:
        def moved(name: str) -> None:
            if name == base:
                self._runtime.load()
                self._report()

        return moved

    def _report(self) -> None:
        for error in self._runtime.errors:
            self._log.warning(
                _COMPONENT, f"error loading runtime values for layer {error}: it is left out"
            )
