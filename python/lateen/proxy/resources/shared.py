"""Subscriptions that several use: each lives as long as somebody uses it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from lateen.proxy.resources.environment import Refused, timestamp
from lateen.proxy.resources.reading import ResourceError
from lateen.xds.subscription import FetchFailure

if TYPE_CHECKING:
    from envoy.config.core.v3.config_source_pb2 import ConfigSource

    from lateen.proxy.resources.environment import Environment
    from lateen.proxy.stats.main_thread import StatNames
    from lateen.xds.subscription import Resource, Subscriber, Subscription


class SharedSource(Protocol):
    """What is subscribed to."""

    @property
    def table(self) -> str:
        """Its name in the workers, the same for who asks for the same."""

    @property
    def name(self) -> str:
        """Of the resource."""


class SharedSubscription(ABC):
    """What such subscriptions have in common.

    Attributes:
        name: of the resource.
        users: how many use it.
        version: of what is in use; "" before the first.
        updated: when it came.
        error: what was refused after that.
    """

    def __init__(
        self, environment: Environment, source: SharedSource, prefix: str, stats: StatNames
    ) -> None:
        """A subscription that counts below a prefix."""
        self.name = source.name
        self.users = 0
        self.version = ""
        self.updated = ""
        self.error: Refused | None = None
        self._environment = environment
        self._table = source.table
        self._prefix = prefix
        self._stats = environment.stats.open(prefix, stats)
        self._waiters: list[Callable[[], None]] | None = []
        self._subscription: Subscription | None = None

    def when_settled(self, call: Callable[[], None]) -> None:
        """Calls when the first answer came or the wait for it ended; at once if that was before."""
        if self._waiters is None:
            call()
        else:
            self._waiters.append(call)

    @abstractmethod
    def start(self) -> None:
        """Subscribes.

        Raises:
            ResourceError: nothing can come from the source.
        """

    def close(self) -> None:
        """Ends the subscription, and takes back what it brought."""
        if self._subscription is not None:
            self._subscription.close()
        self._stats.close()

    def fail(self, failure: FetchFailure, reason: str) -> None:
        """Who waits goes on without, if this is the end of the wait for the first answer."""
        if failure is not FetchFailure.CONNECTION:
            self._settle()

    def _subscribe(
        self,
        source: ConfigSource,
        type_url: str,
        names: Collection[str] | None,
        subscriber: Subscriber,
    ) -> None:
        self._subscription = self._environment.subscribe(
            source, type_url, names, subscriber, self._prefix
        )

    def _source_in(self, data: bytes) -> ConfigSource:
        types = self._environment.reader.types
        source: ConfigSource = types.message_class("envoy.config.core.v3.ConfigSource")()  # type: ignore[assignment]
        source.MergeFromString(data)
        return source

    def _refused(self, resource: Resource, reason: str) -> None:
        self.error = Refused(resource, reason, timestamp())

    def _settle(self) -> None:
        waiters, self._waiters = self._waiters, None
        for call in waiters or ():
            call()


_Source = TypeVar("_Source", bound=SharedSource)
_Shared = TypeVar("_Shared", bound=SharedSubscription)


class SharedSubscriptions(Generic[_Source, _Shared]):
    """Every subscription of a kind.

    Attributes:
        found: those that are used, by their names in the workers.
    """

    def __init__(self, make: Callable[[_Source], _Shared]) -> None:
        self._make = make
        self.found: dict[str, _Shared] = {}

    def acquire(self, source: _Source, on_settled: Callable[[], None]) -> None:
        """Uses a subscription; `on_settled` is called, perhaps at once, when its first answer came
        or the wait for that ended.

        Raises:
            ResourceError: nothing can come from the source.
        """
        shared = self.found.get(source.table)
        if shared is not None:
            shared.users += 1
            shared.when_settled(on_settled)
            return
        shared = self._make(source)
        shared.users = 1
        shared.when_settled(on_settled)
        self.found[source.table] = shared
        try:
            shared.start()
        except ResourceError:
            del self.found[source.table]
            shared.close()
            raise

    def release(self, source: _Source) -> None:
        """Ends a use; the subscription goes with the last."""
        shared = self.found.get(source.table)
        if shared is None:
            return
        shared.users -= 1
        if not shared.users:
            del self.found[source.table]
            shared.close()
