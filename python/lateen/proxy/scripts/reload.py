"""Loads Python filters again when their files are saved."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from lateen.proxy.scripts.source import directories, is_changed_by
from lateen.proxy.xds.watcher import DirectoryWatcher

if TYPE_CHECKING:
    from lateen.proxy.log.logger import Log
    from lateen.proxy.script_plan import ScriptPlan
    from lateen.proxy.scripts.loaded import LoadedScripts

_COMPONENT = "filter"


class ScriptReload:
    """Watches the sources of filters until it is closed; made in a running event loop."""

    def __init__(self, scripts: LoadedScripts, log: Log) -> None:
        """Begins to watch."""
        self._scripts = scripts
        self._log = log
        self._watcher = DirectoryWatcher(written=True)
        self._watched: set[str] = set()
        for plan in scripts.plans:
            self._watch(plan)
        scripts.on_load = self._watch

    def close(self) -> None:
        """Ends the watches."""
        self._watcher.close()

    def _watch(self, plan: ScriptPlan) -> None:
        for directory in directories(plan):
            if directory not in self._watched:
                self._watched.add(directory)
                try:
                    self._watcher.watch(directory, self._written(directory))
                except OSError as error:
                    told = f"cannot watch {directory}: {error.strerror}"
                    self._log.warning(_COMPONENT, f"{told}; filters in it stay as they are")

    def _written(self, directory: str) -> Callable[[str], None]:
        def written(name: str) -> None:
            file = os.path.join(directory, name)
            count, errors = self._scripts.load_again(lambda plan: is_changed_by(plan, file))
            if count:
                self._log.info(_COMPONENT, f"{file} was written: {count} python filters are new")
            for error in errors:
                self._log.error(_COMPONENT, f"{error}; the filter stays as it was")

        return written
