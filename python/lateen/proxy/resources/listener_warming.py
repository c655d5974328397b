"""Listeners on their way into use and out of it.

A new version of a listener takes over the sockets of the old one once its routes came, or the wait
for them ended. What it replaces, and what is removed, drains.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, NamedTuple

from lateen.protos import worker_pb2
from lateen.proxy.compile.address import address_text
from lateen.proxy.resources.environment import Refused, timestamp
from lateen.proxy.resources.init_manager import InitManager
from lateen.proxy.resources.reading import ResourceError, reason_of_rejections
from lateen.proxy.stats.main_thread import StatNames

if TYPE_CHECKING:
    from lateen.proxy.resources.environment import Environment
    from lateen.proxy.resources.filters import FilterManager
    from lateen.proxy.resources.listener_versions import ListenerVersion
    from lateen.proxy.resources.routes import RouteManager
    from lateen.proxy.resources.scopes import ScopeManager
    from lateen.proxy.resources.tls_contexts import TlsContexts
    from lateen.xds.subscription import Resource

_STATS = StatNames(
    counters=(
        "listener_added",
        "listener_create_failure",
        "listener_create_success",
        "listener_in_place_updated",
        "listener_modified",
        "listener_removed",
    ),
    # What drains is counted by the workers.
    gauges=("total_listeners_active", "total_listeners_warming"),
)


class Draining(NamedTuple):
    """A version whose connections may go on for the drain time."""

    version: ListenerVersion
    in_place: bool


class ListenerWarming:
    """The versions of every listener that came over xDS.

    Attributes:
        active: in use, by name.
        warming: not yet in use, by name.
        draining: replaced or removed.
        errors: what was last refused, by name.
    """

    def __init__(
        self,
        environment: Environment,
        routes: RouteManager,
        scopes: ScopeManager,
        filters: FilterManager,
        tls: TlsContexts,
        static: int,
    ) -> None:
        self._environment = environment
        self._routes = routes
        self._scopes = scopes
        self._filters = filters
        self._tls = tls
        self._static = static
        self._tables: Counter[str] = Counter()
        self._stats = environment.stats.open("listener_manager", _STATS)
        self._stats.add("listener_added", static)
        self._stats.add("listener_create_success", static * environment.concurrency)
        self.active: dict[str, ListenerVersion] = {}
        self.warming: dict[str, ListenerVersion] = {}
        self.draining: list[Draining] = []
        self.errors: dict[str, Refused] = {}
        self._show()

    def names(self) -> Iterable[str]:
        """The names of all listeners, active or warming."""
        return dict.fromkeys((*self.active, *self.warming))

    def knows(self, name: str, resource: Resource) -> bool:
        """Whether a resource is what is there already: the warming version counts before the
        active one.
        """
        version = self.warming.get(name) or self.active.get(name)
        return version is not None and version.resource.body == resource.body

    def refused(self, name: str, resource: Resource, reason: str) -> None:
        """Remembers what was refused, to be shown."""
        self.errors[name] = Refused(resource, reason, timestamp())

    def add(self, version: ListenerVersion) -> None:
        """Takes a new listener or a new version of one.

        Raises:
            ResourceError: it cannot be used.
        """
        name = version.name
        known = name in self.active or name in self.warming
        try:
            self._check_addresses(version)
            self._check(version)
            replaced = self.warming.pop(name, None)
            if replaced is not None:
                self._let_go(replaced)
            self._hold(version)
        except ResourceError:
            self._environment.release(version.blocks)
            raise
        self.errors.pop(name, None)
        self._stats.add("listener_modified" if known else "listener_added")

    def remove(self, name: str) -> None:
        """Removes a listener, active and warming; a name that is not known is fine."""
        self.errors.pop(name, None)
        warming = self.warming.pop(name, None)
        if warming is not None:
            self._let_go(warming)
        active = self.active.pop(name, None)
        if active is not None:
            self._environment.apply(worker_pb2.Update(removed_listeners=[name]))
            self._environment.summary.listener_count -= 1
            self._drain(active, in_place=False)
        if active is not None or warming is not None:
            self._stats.add("listener_removed")
        self._show()

    def _check_addresses(self, version: ListenerVersion) -> None:
        taken = {
            address_text(address)
            for others in (self.active, self.warming)
            for other in others.values()
            if other.name != version.name and other.compiled.listener.bind_to_port
            for address in other.compiled.listener.addresses
        }
        if not version.compiled.listener.bind_to_port:
            return
        for address in version.addresses:
            if address in taken and not address.endswith(":0"):
                raise ResourceError(
                    f"error adding listener: '{version.name}' has duplicate address '{address}' as"
                    " existing listener"
                )

    def _check(self, version: ListenerVersion) -> None:
        """Asks the workers whether they could take it."""
        rejections = self._environment.workers.check(self._update_of(version).SerializeToString())
        if reason := reason_of_rejections(rejections):
            raise ResourceError(reason)

    def _update_of(self, version: ListenerVersion) -> worker_pb2.Update:
        compiled = version.compiled
        new = [table for table in compiled.route_tables if not self._tables[table.name]]
        contexts = [self._tls.current(plan) for plan in compiled.tls]
        return worker_pb2.Update(
            listeners=[compiled.listener], route_tables=new, tls_contexts=contexts
        )

    def _hold(self, version: ListenerVersion) -> None:
        """Subscribes to what the listener needs; uses it at once before the workers accept."""
        early = not self._environment.init.finished
        init = InitManager(f"Listener {version.name}", lambda: self._warm(version))
        self._acquire(version, init, early=early)
        if not early:
            self.warming[version.name] = version
        else:
            try:
                self._activate(version)
            except ResourceError:
                self._let_go(version)
                raise
        init.start()
        self._show()

    def _acquire(self, version: ListenerVersion, init: InitManager, *, early: bool) -> None:
        """Subscribes; what waits for the listener waits for the server too before it is up."""
        server = self._environment.init
        undo: list[Callable[[], None]] = []

        def target(name: str) -> Callable[[], None]:
            return _both(init.target(name), server.target(name) if early else _nothing)

        try:
            for source in version.compiled.route_sources:
                self._routes.acquire(source, target(f"RDS {source.name}"))
                undo.append(functools.partial(self._routes.release, source))
            for scopes in version.compiled.scope_sources:
                self._scopes.acquire(scopes, target(f"SRDS {scopes.name}"))
                undo.append(functools.partial(self._scopes.release, scopes))
            for each in version.compiled.filter_sources:
                self._filters.acquire(each, target(f"ECDS {each.name}"))
                undo.append(functools.partial(self._filters.release, each))
            for plan in version.compiled.tls:
                self._tls.acquire(plan, target(f"SDS {plan.name}"))
                undo.append(functools.partial(self._tls.release, plan))
        except ResourceError:
            for release in undo:
                release()
            raise

    def _warm(self, version: ListenerVersion) -> None:
        if self.warming.get(version.name) is not version:
            return
        del self.warming[version.name]
        try:
            self._activate(version)
        except ResourceError as error:
            self.refused(version.name, version.resource, str(error))
            self._environment.log.error("config", f"listener '{version.name}': {error}")
            self._let_go(version)
            self._environment.release(version.blocks)
        self._show()

    def _activate(self, version: ListenerVersion) -> None:
        environment = self._environment
        rejections = environment.apply(self._update_of(version))
        if reason := reason_of_rejections(rejections):
            self._stats.add("listener_create_failure", environment.concurrency)
            raise ResourceError(reason)
        self._stats.add("listener_create_success", environment.concurrency)
        self._tables.update(version.tables)
        old = self.active.get(version.name)
        self.active[version.name] = version
        if old is None:
            environment.summary.listener_count += 1
            return
        in_place = old.frame == version.frame
        if in_place:
            self._stats.add("listener_in_place_updated")
        self._drain(old, in_place=in_place)

    def _drain(self, version: ListenerVersion, *, in_place: bool) -> None:
        draining = Draining(version, in_place)
        self.draining.append(draining)

        def done() -> None:
            self.draining.remove(draining)
            self._let_go(version)
            self._drop_tables(version)
            self._environment.release(version.blocks)
            self._show()

        self._environment.later(self._environment.drain_time_s, done)

    def _let_go(self, version: ListenerVersion) -> None:
        for source in version.compiled.route_sources:
            self._routes.release(source)
        for scopes in version.compiled.scope_sources:
            self._scopes.release(scopes)
        for each in version.compiled.filter_sources:
            self._filters.release(each)
        for plan in version.compiled.tls:
            self._tls.release(plan)

    def _drop_tables(self, version: ListenerVersion) -> None:
        self._tables.subtract(version.tables)
        gone = [name for name in version.tables if self._tables[name] <= 0]
        for name in gone:
            del self._tables[name]
        if gone:
            self._environment.apply(worker_pb2.Update(removed_route_tables=gone))

    def _show(self) -> None:
        self._stats.set("total_listeners_active", self._static + len(self.active))
        self._stats.set("total_listeners_warming", len(self.warming))


def _nothing() -> None:
    return None


def _both(first: Callable[[], None], second: Callable[[], None]) -> Callable[[], None]:
    def call() -> None:
        first()
        second()

    return call
