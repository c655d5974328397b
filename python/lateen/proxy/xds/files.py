"""Resources in files that are replaced by moving another file over them.

Source: envoy/config/core/v3/config_source.proto, PathConfigSource
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

from lateen.proxy.xds.collection import read_collection
from lateen.proxy.xds.document import Document, DocumentError, hand_over, read_document
from lateen.proxy.xds.source import SourceError
from lateen.proxy.xds.tracked import Handle, Tracked
from lateen.proxy.xds.watcher import DirectoryWatcher
from lateen.xds.names import is_file
from lateen.xds.subscription import FetchFailure

if TYPE_CHECKING:
    from envoy.config.core.v3.config_source_pb2 import ConfigSource

    from lateen.proxy.log.logger import Log

_COMPONENT = "config"


class FileSources:
    """All subscriptions to files."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._watcher = DirectoryWatcher()

    def check(self, source: ConfigSource) -> None:
        """Refuses a source that names a path where nothing is.

        Raises:
            SourceError: in Envoy's words.
        """
        config = source.path_config_source
        paths = [source.path or config.path]
        if config.HasField("watched_directory"):
            paths.append(config.watched_directory.path)
        for path in paths:
            if not os.path.exists(path):
                raise SourceError(
                    f"paths must refer to an existing path in the system: '{path}' does not exist"
                )

    def subscribe(
        self,
        source: ConfigSource,
        tracked: Tracked,
        type_url: str,
        names: Collection[str] | None,
    ) -> Handle:
        """Starts a subscription; what is in the file comes once the caller is done.

        Args:
            source: the file.
            tracked: the subscriber.
            type_url: of the resources that are wanted.
            names: of the resources that are wanted; None for all. A `file:` locator: those of the
                collection that the file is.

        Raises:
            SourceError: the directory cannot be watched.
        """
        config = source.path_config_source
        path = source.path or config.path
        directory = config.watched_directory.path
        poll_s = config.poll_interval.seconds + config.poll_interval.nanos / 1e9
        file = _File(path, type_url, names, tracked, self._log)
        try:
            file.watch(self._watcher, directory, poll_s)
        except OSError as error:
            raise SourceError(f"cannot watch {error.filename}: {error.strerror}") from None
        return Handle(tracked, file.set_names, file.close)

    def close(self) -> None:
        """Ends all watches."""
        self._watcher.close()


class _File:
    def __init__(
        self,
        path: str,
        type_url: str,
        names: Collection[str] | None,
        tracked: Tracked,
        log: Log,
    ) -> None:
        self._path = path
        self._type_url = type_url
        self._names = names
        self._tracked = tracked
        self._log = log
        self._unwatch: Callable[[], None] | None = None
        self._poll: asyncio.TimerHandle | None = None
        # The caller is still about to keep its handle.
        self._first = asyncio.get_running_loop().call_soon(self._load)

    def watch(self, watcher: DirectoryWatcher, directory: str, poll_s: float) -> None:
        """Loads again when the file is replaced, or anything in a watched directory is."""
        base = "" if directory else os.path.basename(self._path)

        def moved(name: str) -> None:
            if not base or name == base:
                self._load()

        self._unwatch = watcher.watch(directory or os.path.dirname(self._path) or ".", moved)
        if poll_s > 0:
            self._look(poll_s, _stamp(self._path))

    def set_names(self, names: Collection[str] | None) -> None:
        """Takes others out of the same file."""
        self._names = names
        self._load()

    def close(self) -> None:
        self._first.cancel()
        if self._unwatch is not None:
            self._unwatch()
        if self._poll is not None:
            self._poll.cancel()

    def _look(self, poll_s: float, before: tuple[int, int]) -> None:
        now = _stamp(self._path)
        if now != before:
            self._load()
        self._poll = asyncio.get_running_loop().call_later(poll_s, self._look, poll_s, now)

    def _load(self) -> None:
        self._tracked.attempted()
        try:
            document = self._read()
        except DocumentError as error:
            self._tracked.fail(FetchFailure.CONNECTION, str(error))
            return
        for each in document.unknown:
            self._log.warning(_COMPONENT, f"Unknown field: {self._path}: {each}")
        names = None if self._is_collection else self._names
        hand_over(self._tracked, document.response, self._type_url, names)

    @property
    def _is_collection(self) -> bool:
        return self._names is not None and any(is_file(name) for name in self._names)

    def _read(self) -> Document:
        if self._is_collection:
            return read_collection(self._path, self._type_url)
        return read_document(self._path)


def _stamp(path: str) -> tuple[int, int]:
    try:
        found = os.stat(path)
    except OSError:
        return 0, 0
    return found.st_ino, found.st_mtime_ns
