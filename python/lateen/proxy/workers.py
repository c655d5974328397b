"""The worker threads, as the main thread sees them: the only importer of the Rust extension."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lateen.protos import worker_pb2

if TYPE_CHECKING:
    from typing import TypeAlias

    from lateen._core import Workers as _CoreWorkers
    from lateen.proxy.options import Resolution

    # What of the extension runs the workers; tests put a fake in its place.
    Core: TypeAlias = _CoreWorkers


class WorkersError(Exception):
    """The workers cannot go on; the message says why."""


@dataclass(frozen=True)
class Rejection:
    """A resource that the workers could not take, the field and the reason."""

    kind: str
    name: str
    path: str
    reason: str


class Workers:
    """The workers of one proxy."""

    def __init__(
        self, core: Core, concurrency: int, failure: type[Exception] = RuntimeError
    ) -> None:
        self.core = core
        self.concurrency = concurrency
        self._failure = failure

    def apply(self, update: bytes) -> list[Rejection]:
        """Hands over an Update; what comes back was not applied.

        Raises:
            WorkersError: the workers cannot go on.
        """
        return self._hand_over(self.core.apply, update)

    def check(self, update: bytes) -> list[Rejection]:
        """What `apply` would reject; binds and changes nothing.

        Raises:
            WorkersError: the workers cannot go on.
        """
        return self._hand_over(self.core.check, update)

    def clusters(self) -> Sequence[worker_pb2.ClusterStatus]:
        """Every cluster with its hosts."""
        return worker_pb2.ClusterStatuses.FromString(self.core.clusters()).clusters

    def listeners(self) -> Sequence[worker_pb2.ListenerStatus]:
        """Every listener with the addresses it is bound to."""
        return worker_pb2.ListenerStatuses.FromString(self.core.listeners()).listeners

    def ready(self) -> bool:
        """Whether every static cluster has its first endpoints, or none, and has checked them."""
        return all(cluster.ready for cluster in self.clusters())

    def listening_sockets(self) -> list[int]:
        """Descriptors of the listening sockets of all workers; they are the caller's.

        Raises:
            WorkersError: a worker does not answer, or there are no descriptors left.
        """
        try:
            return self.core.listening_sockets()
        except self._failure as error:
            raise WorkersError(str(error)) from None

    def adopt_sockets(self, descriptors: list[int]) -> None:
        """Gives workers sockets of another process, which stay the caller's; see the stub.

        Raises:
            WorkersError: one is no listening socket, or there are no descriptors left.
        """
        try:
            self.core.adopt_sockets(descriptors)
        except self._failure as error:
            raise WorkersError(str(error)) from None

    def _hand_over(self, call: Callable[[bytes], bytes], update: bytes) -> list[Rejection]:
        try:
            answer = call(update)
        except self._failure as error:
            raise WorkersError(str(error)) from None
        return [
            Rejection(each.kind, each.name, each.path, each.reason)
            for each in worker_pb2.Rejections.FromString(answer).rejections
        ]


def start_workers(
    concurrency: int,
    *,
    resolve: Sequence[Resolution] = (),
    file_flush_interval_ms: int,
    drain_time_ms: int,
    gradual_drain: bool,
    pin: bool,
) -> Workers:
    """Starts the worker threads.

    Args:
        concurrency: how many.
        resolve: answers that replace DNS.
        file_flush_interval_ms: how often access logs are written.
        drain_time_ms: what connections have to end when their listener or filter chain goes.
        gradual_drain: over that time more and more HTTP responses end them; False: the next one.
        pin: bind each thread to a core of its own.

    Raises:
        WorkersError: a thread did not start.
    """
    from lateen import _core

    try:
        core = _core.Workers(
            concurrency,
            resolve=[(each.host, each.port, each.address, each.to_port) for each in resolve],
            file_flush_interval_ms=file_flush_interval_ms,
            drain_time_ms=drain_time_ms,
            gradual_drain=gradual_drain,
            pin=pin,
        )
    except _core.WorkersError as error:
        raise WorkersError(str(error)) from None
    return Workers(core, concurrency, _core.WorkersError)


def load_extension() -> None:
    """Loads the Rust extension in a thread that lives as long as the process.

    Its allocator keeps state for the thread that loads it, and takes a later thread with the same
    address for that one: when the first has ended, the process crashes.
    """
    if "lateen._core" in sys.modules:
        return
    if threading.current_thread() is threading.main_thread():
        _import_extension()
        return
    loaded = threading.Event()

    def load_and_stay() -> None:
        try:
            _import_extension()
        finally:
            loaded.set()
        threading.Event().wait()

    threading.Thread(target=load_and_stay, name="lateen-loader", daemon=True).start()
    loaded.wait()


def _import_extension() -> None:
    from lateen import _core  # noqa: F401


def extension_version() -> str:
    """The version of the Rust extension."""
    from lateen import _core

    return _core.version()


def certificate_facts(der: bytes) -> tuple[str, int, int, list[tuple[str, str]]] | None:
    """What `lateen._core.certificate_facts` says of a certificate."""
    from lateen import _core

    return _core.certificate_facts(der)
