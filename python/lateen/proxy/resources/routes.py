"""Route tables that arrive by RDS: one subscription and one table for all who name the same.

Source: Envoy docs, "Route discovery service (RDS)".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from lateen.protos import worker_pb2
from lateen.proxy.resources.collection_pause import without_collection
from lateen.proxy.resources.environment import Refused, milliseconds_now, timestamp
from lateen.proxy.resources.reading import (
    TYPE_PREFIX,
    ResourceError,
    UndecodableError,
    reason_of_rejections,
)
from lateen.proxy.resources.virtual_hosts import (
    CompiledHost,
    CompiledTable,
    RouteTableCompiler,
    blocks_of,
    update_of,
)
from lateen.proxy.stats.main_thread import StatNames
from lateen.xds.subscription import BadResource, FetchFailure, Outcome

if TYPE_CHECKING:
    from envoy.config.core.v3.config_source_pb2 import ConfigSource
    from envoy.config.route.v3.route_pb2 import RouteConfiguration

    from lateen.proxy.compile.network_filters.owner import RouteSource
    from lateen.proxy.resources.environment import Environment
    from lateen.xds.subscription import Resource, Subscription, Update

ROUTES = "envoy.config.route.v3.RouteConfiguration"
ROUTES_URL = TYPE_PREFIX + ROUTES

_STATS = StatNames(
    counters=("config_reload", "update_empty"),
    gauges=("config_reload_time_ms",),
)


class RouteManager:
    """Every route configuration that is subscribed to."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self.tables: dict[str, RouteSubscription] = {}

    def acquire(self, source: RouteSource, on_settled: Callable[[], None]) -> None:
        """Uses a route table; `on_settled` is called, perhaps at once, when its first answer came
        or the wait for that ended.

        Raises:
            ResourceError: nothing can come from the source.
        """
        table = self.tables.get(source.table)
        if table is None:
            table = RouteSubscription(self._environment, source)
            self.tables[source.table] = table
            table.users = 1
            table.when_settled(on_settled)
            try:
                table.start()
            except ResourceError:
                del self.tables[source.table]
                table.close()
                raise
            return
        table.users += 1
        table.when_settled(on_settled)

    def release(self, source: RouteSource) -> None:
        """Ends a use; the table goes with the last."""
        table = self.tables.get(source.table)
        if table is None:
            return
        table.users -= 1
        if not table.users:
            del self.tables[source.table]
            table.close()


class RouteSubscription:
    """One route configuration; a Subscriber.

    Attributes:
        users: how many filter chains use it.
        version: of what is in use.
        body: the serialized message in use; empty before the first.
        updated: when it came.
        error: what was refused after that.
    """

    def __init__(self, environment: Environment, source: RouteSource) -> None:
        self.name = source.name
        self.users = 0
        self.version = ""
        self.body = b""
        self.updated = ""
        self.error: Refused | None = None
        self._environment = environment
        self._compiler = RouteTableCompiler(environment.reader, environment.blocks, source.table)
        self._source = source
        self._compiled = CompiledTable(b"", [], {})
        self._waiters: list[Callable[[], None]] | None = []
        self._subscription: Subscription | None = None
        self._prefix = f"http.{source.stat_prefix}.rds.{source.name}"
        self._stats = environment.stats.open(self._prefix, _STATS)

    def when_settled(self, call: Callable[[], None]) -> None:
        """Calls when the first answer came or the wait for it ended; at once if that was before."""
        if self._waiters is None:
            call()
        else:
            self._waiters.append(call)

    def start(self) -> None:
        """Subscribes."""
        types = self._environment.reader.types
        source: ConfigSource = types.message_class("envoy.config.core.v3.ConfigSource")()  # type: ignore[assignment]
        source.MergeFromString(self._source.source)
        self._subscription = self._environment.subscribe(
            source, ROUTES_URL, (self.name,), self, self._prefix
        )

    def close(self) -> None:
        """Ends the subscription and removes the table."""
        if self._subscription is not None:
            self._subscription.close()
        self._stats.close()
        self._release(self._compiled, {})
        if self.body:
            table = self._source.table
            self._environment.apply(worker_pb2.Update(removed_route_tables=[table]))

    def take(self, update: Update) -> Outcome:
        """Takes the routes."""
        resources = update.resources
        if not resources:
            self._stats.add("update_empty")
            self._settle()
            return Outcome()
        if len(resources) > 1:
            return self._refuse(f"Unexpected RDS resource length: {len(resources)}")
        resource = resources[0]
        if resource.body is None or resource.body == self.body:
            self.version = resource.version or self.version
            return Outcome()
        try:
            with without_collection():
                self._take(resource)
        except (UndecodableError, ResourceError) as error:
            self.error = Refused(resource, str(error), timestamp())
            return self._refuse(str(error))
        return Outcome()

    def fail(self, failure: FetchFailure, reason: str) -> None:
        """Requests find no route, if this is the end of the wait for the first answer."""
        if failure is not FetchFailure.CONNECTION:
            self._settle()

    def _take(self, resource: Resource) -> None:
        reader = self._environment.reader
        message: RouteConfiguration = reader.parse(resource, ROUTES)  # type: ignore[assignment]
        if message.name != self.name:
            raise ResourceError(
                f"Unexpected RDS configuration (expecting {self.name}): {message.name}"
            )
        before = self._compiled
        compiled = self._compiler.compile(message, before.hosts)
        update = update_of(compiled.data)
        reason = reason_of_rejections(self._environment.workers.apply(update))
        if reason:
            self._release(compiled, before.hosts)
            raise ResourceError(reason)
        self._release(before, compiled.hosts)
        self._compiled = compiled._replace(data=b"")
        self.body = resource.body or b""
        self.version = resource.version
        self.updated = timestamp()
        self.error = None
        self._stats.add("config_reload")
        self._stats.set("config_reload_time_ms", milliseconds_now())
        self._settle()

    def _release(self, table: CompiledTable, kept: dict[bytes, CompiledHost]) -> None:
        self._environment.release([*table.blocks, *blocks_of(table.hosts, kept)])

    def _refuse(self, reason: str) -> Outcome:
        self._settle()
        return Outcome((BadResource(self.name, reason),), reason)

    def _settle(self) -> None:
        waiters, self._waiters = self._waiters, None
        for call in waiters or ():
            call()
