"""Virtual hosts of a route table that arrive by themselves, in delta.

Source: Envoy docs, "Virtual host discovery service (VHDS)"
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from lateen.proxy.resources.reading import TYPE_PREFIX, ResourceError, UndecodableError
from lateen.proxy.stats.main_thread import StatNames
from lateen.xds.subscription import BadResource, FetchFailure, Outcome

if TYPE_CHECKING:
    from envoy.config.core.v3.config_source_pb2 import ConfigSource

    from lateen.proxy.resources.environment import Environment
    from lateen.xds.subscription import Resource, Subscription, Update

HOST = "envoy.config.route.v3.VirtualHost"
HOST_URL = TYPE_PREFIX + HOST

_STATS = StatNames(counters=("config_reload", "update_empty"))

# Questions without an answer from which on more of them are not asked.
_MOST = 4096

# Serialized virtual hosts, by the names of the resources.
Hosts = Mapping[str, bytes]


class HostSubscription:
    """The virtual hosts of one route table; a Subscriber.

    Attributes:
        source: where they come from.
        hosts: those in use.
        settled: whether the first answer came, or the wait for it ended.
    """

    def __init__(
        self,
        environment: Environment,
        source: ConfigSource,
        route: str,
        prefix: str,
        use: Callable[[Hosts, str], None],
        settle: Callable[[], None],
        hosts: Hosts,
    ) -> None:
        """Virtual hosts that are not subscribed to yet.

        Args:
            environment: of the managers.
            source: where from.
            route: the name of the route configuration, which begins the names of virtual hosts.
            prefix: of the stats of RDS.
            use: puts virtual hosts of a version into use; raises UndecodableError or ResourceError.
            settle: called once, when they are settled.
            hosts: those of a source before this one.
        """
        self.source = source
        self.hosts: Hosts = hosts
        self.settled = False
        self._environment = environment
        self._route = route
        self._prefix = f"{prefix}vhds.{route}"
        self._stats = environment.stats.open(self._prefix, _STATS)
        self._use = use
        self._on_settled = settle
        self._names = (f"{route}/",)
        # Virtual hosts that were asked for by name, and who waits for which.
        self._wanted: dict[str, None] = {}
        self._asked: dict[str, list[Callable[[], None]]] = {}
        self._subscription: Subscription | None = None

    def start(self) -> None:
        """Subscribes.

        Raises:
            ResourceError: nothing can come from the source.
        """
        self._subscription = self._environment.subscribe(
            self.source, HOST_URL, self._names, self, self._prefix
        )

    def close(self) -> None:
        """Ends the subscription."""
        if self._subscription is not None:
            self._subscription.close()
        self._stats.close()
        self._answer(list(self._asked), found=False)

    def ask(self, host: str, done: Callable[[], None]) -> None:
        """Asks for a host's virtual host; `done` is called when it is in use, or there is none.

        A host that was asked for before is asked for again: the server answers each time.
        """
        name = f"{self._route}/{host}"
        if name in self._asked:
            self._asked[name].append(done)
            return
        if self._subscription is None or len(self._asked) >= _MOST:
            done()
            return
        self._asked[name] = [done]
        if name in self._wanted:
            del self._wanted[name]
            self._subscription.set_names((*self._names, *self._wanted))
        self._wanted[name] = None
        self._subscription.set_names((*self._names, *self._wanted))

    def take(self, update: Update) -> Outcome:
        """Takes virtual hosts, all or none."""
        if not update.resources and not update.removed:
            self._stats.add("update_empty")
        names = [name for each in update.resources for name in (each.name, *each.aliases)]
        after = {name: body for name, body in self.hosts.items() if name not in update.removed}
        try:
            for resource in update.resources:
                after[resource.name] = self._body(resource)
            if after != self.hosts:
                self._use(after, update.version)
                self.hosts = after
                self._stats.add("config_reload")
        except (UndecodableError, ResourceError) as error:
            bad = [BadResource(each.name, str(error)) for each in update.resources]
            self._answer(names, found=False)
            return Outcome(bad, str(error))
        finally:
            self._settle()
        self._answer(names, found=True)
        self._answer(update.removed, found=False)
        return Outcome()

    def fail(self, failure: FetchFailure, reason: str) -> None:
        """The table does without, if this is the end of the wait for the first answer."""
        if failure is not FetchFailure.CONNECTION:
            self._settle()

    def _body(self, resource: Resource) -> bytes:
        if resource.body is None:
            return self.hosts[resource.name]
        self._environment.reader.parse(resource, HOST)
        return resource.body

    def _answer(self, names: Sequence[str], *, found: bool) -> None:
        """Lets requests go on; what there is not is not subscribed to any longer."""
        gone = [name for name in names if name in self._wanted and not found]
        for name in gone:
            del self._wanted[name]
        if gone and self._subscription is not None:
            self._subscription.set_names((*self._names, *self._wanted))
        for name in names:
            for done in self._asked.pop(name, ()):
                done()

    def _settle(self) -> None:
        if not self.settled:
            self.settled = True
            self._on_settled()
