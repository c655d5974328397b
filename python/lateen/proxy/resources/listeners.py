"""The listener manager: listeners that arrive by LDS.

Source: Envoy docs, "Listener discovery service (LDS)", "Draining".
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

from lateen.proxy.compile.listener import compile_listener
from lateen.proxy.resources.collection import names_of
from lateen.proxy.resources.collection_pause import without_collection
from lateen.proxy.resources.environment import timestamp
from lateen.proxy.resources.listener_versions import ListenerVersion, frame_of
from lateen.proxy.resources.listener_warming import ListenerWarming
from lateen.proxy.resources.reading import TYPE_PREFIX, ResourceError, UndecodableError
from lateen.proxy.resources.routes import ROUTES_URL
from lateen.xds.subscription import BadResource, FetchFailure, Outcome

if TYPE_CHECKING:
    from envoy.config.core.v3.config_source_pb2 import ConfigSource
    from envoy.config.listener.v3.listener_pb2 import Listener

    from lateen.config import Diagnostic
    from lateen.proxy.compile.context import CompileContext
    from lateen.proxy.compile.listener import CompiledListener
    from lateen.proxy.resources.environment import Environment
    from lateen.proxy.resources.filters import FilterManager
    from lateen.proxy.resources.routes import RouteManager
    from lateen.proxy.resources.scopes import ScopeManager
    from lateen.proxy.resources.tls_contexts import TlsContexts
    from lateen.xds.subscription import Resource, Subscription, Update

LISTENER = "envoy.config.listener.v3.Listener"
LISTENER_URL = TYPE_PREFIX + LISTENER

_Decoded = tuple["Resource", "Listener", "list[Diagnostic]"]


class ListenerManager:
    """Every listener that did not come with the bootstrap; the Subscriber of LDS."""

    def __init__(
        self,
        environment: Environment,
        routes: RouteManager,
        scopes: ScopeManager,
        filters: FilterManager,
        tls: TlsContexts,
        static: Collection[str],
    ) -> None:
        self._environment = environment
        self._static = frozenset(static)
        self.warming = ListenerWarming(environment, routes, scopes, filters, tls, len(static))
        self._subscription: Subscription | None = None
        self._ready: Callable[[], None] | None = None
        self.version = ""

    def start(self, source: ConfigSource, locator: str) -> None:
        """Subscribes to all listeners of a source, or of the collection that `locator` names."""
        self._ready = self._environment.init.target("LDS")
        self._subscription = self._environment.subscribe(
            source, LISTENER_URL, names_of(locator), self, "listener_manager.lds"
        )

    def take(self, update: Update) -> Outcome:
        """Takes listeners. The requests for their routes go out before the answer to this."""
        subscriptions = self._environment.subscriptions
        with without_collection(), subscriptions.paused(ROUTES_URL):
            outcome = self._take(update)
        self._settle()
        return outcome

    def fail(self, failure: FetchFailure, reason: str) -> None:
        """Goes on without, if this is the end of the wait for the first answer."""
        if failure is not FetchFailure.CONNECTION:
            self._settle()

    def _take(self, update: Update) -> Outcome:
        try:
            changed, names = self._decode(update)
        except UndecodableError as error:
            return Outcome((), str(error))
        for name in self._gone(update, names):
            self.warming.remove(name)
        bad = []
        seen: set[str] = set()
        for resource, message, found in changed:
            name = message.name
            try:
                if name in seen:
                    raise ResourceError(f"duplicate listener {name} found")
                seen.add(name)
                self._add(resource, message, found)
            except ResourceError as error:
                bad.append(BadResource(name, str(error)))
                self.warming.refused(name, resource, str(error))
        if bad:
            listed = "".join(f"{each.name}: {each.reason}\n" for each in bad)
            return Outcome(bad, f"Error adding/updating listener(s) {listed}")
        self.version = update.version
        return Outcome()

    def _decode(self, update: Update) -> tuple[list[_Decoded], set[str]]:
        """What is new in an update, and the names of all that is in it."""
        reader = self._environment.reader
        changed: list[_Decoded] = []
        names: set[str] = set()
        for resource in update.resources:
            if resource.body is None:
                names.add(resource.name)
                continue
            message: Listener = reader.parse(resource, LISTENER)  # type: ignore[assignment]
            if message.name in names or not self.warming.knows(message.name, resource):
                changed.append((resource, message, reader.check(message)))
            names.add(message.name)
        return changed, names

    def _add(self, resource: Resource, message: Listener, found: list[Diagnostic]) -> None:
        if message.name in self._static:
            return

        def compile_(context: CompileContext) -> CompiledListener:
            return compile_listener(context, message, "")

        compiled, blocks = self._environment.reader.compile(message, found, compile_)
        frame = frame_of(message)
        name = message.name or compiled.listener.name
        self.warming.add(ListenerVersion(name, resource, frame, compiled, blocks, timestamp()))

    def _gone(self, update: Update, names: set[str]) -> list[str]:
        if not update.full:
            return list(update.removed)
        return [name for name in self.warming.names() if name not in names]

    def _settle(self) -> None:
        if self._ready is not None:
            self._ready()
            self._ready = None
