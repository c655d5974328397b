"""Scoped routes that arrive by SRDS, and the routes that the scopes name.

Source: Envoy docs, "Scoped route discovery service (SRDS)".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from lateen.protos import worker_pb2
from lateen.proxy.resources.collection import names_of, source_of
from lateen.proxy.resources.environment import milliseconds_now, timestamp
from lateen.proxy.resources.init_manager import InitManager
from lateen.proxy.resources.reading import (
    TYPE_PREFIX,
    ResourceError,
    UndecodableError,
    reason_of_rejections,
)
from lateen.proxy.resources.route_scope import (
    REFUSED,
    SCOPE,
    Scope,
    ScopeCompiler,
    check_conflicts,
)
from lateen.proxy.resources.routes import ROUTES_URL
from lateen.proxy.resources.shared import SharedSubscription, SharedSubscriptions
from lateen.proxy.stats.main_thread import StatNames
from lateen.xds.subscription import BadResource, FetchFailure, Outcome

if TYPE_CHECKING:
    from lateen.proxy.compile.network_filters.owner import ScopeSource
    from lateen.proxy.resources.environment import Environment
    from lateen.proxy.resources.routes import RouteManager
    from lateen.xds.subscription import Resource, Update

SCOPE_URL = TYPE_PREFIX + SCOPE

_STATS = StatNames(
    counters=("config_reload", "update_empty"),
    gauges=("active_scopes", "all_scopes", "config_reload_time_ms", "on_demand_scopes"),
)


class ScopeManager(SharedSubscriptions["ScopeSource", "ScopeSubscription"]):
    """The scopes of every connection manager whose scopes are subscribed to."""

    def __init__(self, environment: Environment, routes: RouteManager) -> None:
        super().__init__(lambda source: ScopeSubscription(environment, routes, source))


class ScopeSubscription(SharedSubscription):
    """The scopes of one source; a Subscriber. It is settled once the routes that the first scopes
    name came too.

    Attributes:
        scopes: those in use, by name.
    """

    def __init__(self, environment: Environment, routes: RouteManager, source: ScopeSource) -> None:
        prefix = f"http.{source.stat_prefix}.scoped_rds.{source.name}"
        super().__init__(environment, source, prefix, _STATS)
        self.scopes: dict[str, Scope] = {}
        self._routes = routes
        self._source = source
        self._compiler = ScopeCompiler(environment, source)
        self._first = InitManager(f"SRDS {source.name}", self._settle)
        self._answered = self._first.target("scopes")
        self._first.start()
        # What says that the routes of a scope came, or are not wanted any more.
        self._settled: dict[tuple[str, bytes], Callable[[], None]] = {}
        # Who waits for the routes of which scope on demand, by its stub.
        self._asked: dict[str, list[Callable[[], None]]] = {}

    def start(self) -> None:
        """Subscribes to all scopes of the source, or of the collection."""
        locator = self._source.locator
        source = source_of(self._source_in(self._source.source), locator)
        self._subscribe(source, SCOPE_URL, names_of(locator), self)

    def close(self) -> None:
        """Ends the subscription, and removes the scopes and what only they use."""
        super().close()
        gone, self.scopes = list(self.scopes.values()), {}
        self._environment.apply(worker_pb2.Update(removed_route_scopes=[self._table]))
        self._drop(gone)

    def ask(self, stub: str, done: Callable[[], None]) -> bool:
        """Asks for the routes of a scope on demand; `done` is called when they are in use, or there
        are none. False: no scope has this stub.
        """
        scope = next((each for each in self.scopes.values() if each.stub == stub), None)
        if scope is None:
            return False
        if stub in self._asked:
            self._asked[stub].append(done)
        elif self._has_routes(scope):
            done()
        else:
            self._asked[stub] = [done]
            self._load(scope)
        return True

    def take(self, update: Update) -> Outcome:
        """Takes scopes, all or none. The requests for their routes go out before the answer."""
        with self._environment.subscriptions.paused(ROUTES_URL):
            outcome = self._take(update)
        self._answered()
        return outcome

    def fail(self, failure: FetchFailure, reason: str) -> None:
        """Requests find no scope, if this is the end of the wait for the first answer."""
        if failure is not FetchFailure.CONNECTION:
            self._answered()

    def _take(self, update: Update) -> Outcome:
        made: list[Scope] = []
        try:
            after = self._read(update, made)
            check_conflicts(after.values())
            self._use(after)
        except (UndecodableError, ResourceError) as error:
            for scope in made:
                self._environment.release(scope.blocks)
            bad = [BadResource(each.name, str(error)) for each in update.resources]
            if update.resources:
                self._refused(update.resources[0], str(error))
            return Outcome(bad, str(error))
        self.version = update.version
        return Outcome()

    def _read(self, update: Update, made: list[Scope]) -> dict[str, Scope]:
        """The scopes after an update; those that are new in it are put into `made` too."""
        gone = frozenset(update.removed)
        kept = {name: scope for name, scope in self.scopes.items() if name not in gone}
        after: dict[str, Scope] = {} if update.full else kept
        seen: set[str] = set()
        for resource in update.resources:
            scope = self._scope(resource, made)
            if scope.name in seen:
                raise ResourceError(
                    f"{REFUSED}duplicate scoped route configuration '{scope.name}' found"
                )
            seen.add(scope.name)
            after[scope.name] = scope
        return after

    def _scope(self, resource: Resource, made: list[Scope]) -> Scope:
        known = self.scopes.get(resource.name)
        if known is not None and resource.body in (None, known.body):
            return known
        scope = self._compiler.compile(resource)
        known = self.scopes.get(scope.name)
        if known is not None and known.body == scope.body:
            self._environment.release(scope.blocks)
            return known
        made.append(scope)
        return scope

    def _use(self, after: dict[str, Scope]) -> None:
        """Puts scopes in the place of those before."""
        before = self.scopes
        new = [scope for name, scope in after.items() if before.get(name) is not scope]
        gone = [scope for name, scope in before.items() if after.get(name) is not scope]
        if not new and not gone:
            return
        self._acquire([scope for scope in new if not scope.stub or self._is_renewed(scope)])
        tables = [scope.inline for scope in new if scope.inline is not None]
        tables += [
            worker_pb2.RouteTable(name=scope.stub, on_demand=True)
            for scope in new
            if scope.stub and not self._has_routes(scope)
        ]
        update = worker_pb2.Update(route_tables=tables, route_scopes=[self._message(after)])
        rejections = self._environment.workers.check(update.SerializeToString())
        if reason := reason_of_rejections(rejections):
            self._release_routes(new)
            raise ResourceError(reason)
        self._environment.apply(update)
        self.scopes = after
        self._drop(gone)
        self.updated = timestamp()
        self.error = None
        self._stats.add("config_reload")
        self._stats.set("config_reload_time_ms", milliseconds_now())
        self._count()

    def _message(self, scopes: dict[str, Scope]) -> worker_pb2.RouteScopes:
        entries = [
            worker_pb2.RouteScope(key=scope.key, route_table=self._table_of(scope))
            for scope in scopes.values()
        ]
        return worker_pb2.RouteScopes(name=self._table, scopes=entries)

    def _table_of(self, scope: Scope) -> str:
        asked_for = scope.stub not in self._asked and self._has_routes(scope)
        return scope.table if asked_for or not scope.stub else scope.stub

    def _has_routes(self, scope: Scope) -> bool:
        """Whether the routes that a scope names are subscribed to."""
        return (scope.name, scope.body) in self._settled

    def _is_renewed(self, scope: Scope) -> bool:
        """Whether the version before of a scope on demand had the same routes already."""
        before = self.scopes.get(scope.name)
        return before is not None and before.table == scope.table and self._has_routes(before)

    def _load(self, scope: Scope) -> None:
        """Brings the routes of a scope on demand."""
        assert scope.routes is not None
        self._settled[scope.name, scope.body] = lambda: self._loaded(scope)
        try:
            self._routes.acquire(scope.routes, lambda: self._loaded(scope))
        except ResourceError as error:
            del self._settled[scope.name, scope.body]
            self._environment.log.error("config", f"scope '{scope.name}' on demand: {error}")
            self._loaded(scope)

    def _loaded(self, scope: Scope) -> None:
        waiters = self._asked.pop(scope.stub, ())
        if waiters and self.scopes.get(scope.name) is scope:
            scopes = [self._message(self.scopes)]
            self._environment.apply(worker_pb2.Update(route_scopes=scopes))
            self._count()
        for done in waiters:
            done()

    def _count(self) -> None:
        self._stats.set("all_scopes", len(self.scopes))
        on_demand = [each for each in self.scopes.values() if each.stub]
        waiting = sum(not self._has_routes(each) for each in on_demand)
        named = sum(each.routes is not None for each in self.scopes.values())
        self._stats.set("active_scopes", named - waiting)
        self._stats.set("on_demand_scopes", len(on_demand))

    def _acquire(self, scopes: list[Scope]) -> None:
        """Subscribes to the routes that scopes name."""
        done: list[Scope] = []
        for scope in scopes:
            if scope.routes is None:
                continue
            ready = self._first.target(f"RDS {scope.routes.name}")
            self._settled[scope.name, scope.body] = ready
            try:
                self._routes.acquire(scope.routes, ready)
            except ResourceError:
                self._settled.pop((scope.name, scope.body))()
                self._release_routes(done)
                raise
            done.append(scope)

    def _release_routes(self, scopes: list[Scope]) -> None:
        for scope in scopes:
            settled = self._settled.pop((scope.name, scope.body), None)
            if scope.routes is not None and settled is not None:
                self._routes.release(scope.routes)
                settled()

    def _drop(self, scopes: list[Scope]) -> None:
        self._release_routes(scopes)
        used = {name for each in self.scopes.values() for name in (each.table, each.stub)}
        tables = [scope.table for scope in scopes if scope.inline is not None]
        tables += [scope.stub for scope in scopes if scope.stub]
        gone = [table for table in tables if table not in used]
        if gone:
            self._environment.apply(worker_pb2.Update(removed_route_tables=gone))
        for scope in scopes:
            self._environment.release(scope.blocks)
