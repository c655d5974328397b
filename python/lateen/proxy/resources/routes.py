"""Route tables that arrive by RDS: one subscription and one table for all who name the same.

Source: Envoy docs, "Route discovery service (RDS)", "Virtual host discovery service (VHDS)".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from lateen.protos import worker_pb2
from lateen.proxy.resources.collection_pause import without_collection
from lateen.proxy.resources.environment import milliseconds_now, timestamp
from lateen.proxy.resources.reading import (
    TYPE_PREFIX,
    ResourceError,
    UndecodableError,
    reason_of_rejections,
)
from lateen.proxy.resources.shared import SharedSubscription, SharedSubscriptions
from lateen.proxy.resources.virtual_host_discovery import Hosts, HostSubscription
from lateen.proxy.resources.virtual_hosts import (
    CompiledHost,
    CompiledTable,
    RouteTableCompiler,
    blocks_of,
    update_of,
    with_hosts,
)
from lateen.proxy.stats.main_thread import StatNames
from lateen.xds.subscription import BadResource, Outcome, Resource

if TYPE_CHECKING:
    from envoy.config.route.v3.route_pb2 import RouteConfiguration

    from lateen.proxy.compile.network_filters.owner import RouteSource
    from lateen.proxy.resources.environment import Environment
    from lateen.xds.subscription import Update

ROUTES = "envoy.config.route.v3.RouteConfiguration"
ROUTES_URL = TYPE_PREFIX + ROUTES

_STATS = StatNames(
    counters=("config_reload", "update_empty"),
    gauges=("config_reload_time_ms",),
)


class RouteManager(SharedSubscriptions["RouteSource", "RouteSubscription"]):
    """Every route configuration that is subscribed to."""

    def __init__(self, environment: Environment) -> None:
        super().__init__(lambda source: RouteSubscription(environment, source))


class RouteSubscription(SharedSubscription):
    """One route configuration; a Subscriber. It is settled once its virtual hosts by VHDS came too.

    Attributes:
        body: the serialized message in use, without what came by VHDS; empty before the first.
        hosts: the virtual hosts that come by themselves; None: they are all in the message.
    """

    def __init__(self, environment: Environment, source: RouteSource) -> None:
        self._above = f"http.{source.stat_prefix}.rds."
        super().__init__(environment, source, self._above + source.name, _STATS)
        self.body = b""
        self.hosts: HostSubscription | None = None
        self._source = source.source
        self._compiler = RouteTableCompiler(environment.reader, environment.blocks, source.table)
        self._compiled = CompiledTable(b"", [], {})

    @property
    def whole(self) -> bytes:
        """The serialized message in use with all its virtual hosts."""
        return with_hosts(self.body, self.hosts.hosts if self.hosts is not None else {})

    def start(self) -> None:
        """Subscribes."""
        self._subscribe(self._source_in(self._source), ROUTES_URL, (self.name,), self)

    def close(self) -> None:
        """Ends the subscription and removes the table."""
        super().close()
        if self.hosts is not None:
            self.hosts.close()
        self._release(self._compiled, {})
        if self.body:
            self._environment.apply(worker_pb2.Update(removed_route_tables=[self._table]))

    def ask(self, host: str, done: Callable[[], None]) -> None:
        """Asks for a host's virtual host; `done` is called when it is in use, or there is none."""
        known = any(host in each.domains for each in self._compiled.hosts.values())
        if self.hosts is None or known:
            done()
        else:
            self.hosts.ask(host, done)

    def check(self, resource: Resource) -> str:
        """Why no routes may be so; see lateen.xds.subscription.Checker."""
        if resource.body is None or resource.body == self.body:
            return ""
        reader = self._environment.reader
        try:
            message: RouteConfiguration = reader.parse(resource, ROUTES)  # type: ignore[assignment]
            self._compiler.check(message, self._compiled.hosts)
        except UndecodableError as error:
            self._refused(resource, str(error))
            return str(error)
        return ""

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
                self._take(resource, resource.body)
        except (UndecodableError, ResourceError) as error:
            self._refused(resource, str(error))
            return self._refuse(str(error))
        return Outcome()

    def _take(self, resource: Resource, body: bytes) -> None:
        reader = self._environment.reader
        message: RouteConfiguration = reader.parse(resource, ROUTES)  # type: ignore[assignment]
        if message.name != self.name:
            raise ResourceError(
                f"Unexpected RDS configuration (expecting {self.name}): {message.name}"
            )
        hosts = self._hosts_of(message)
        known: Hosts = hosts.hosts if hosts is not None else {}
        try:
            self._use(with_hosts(body, known), resource.version)
        except (UndecodableError, ResourceError):
            if hosts is not None and hosts is not self.hosts:
                hosts.close()
            raise
        if self.hosts is not None and self.hosts is not hosts:
            self.hosts.close()
        self.body, self.hosts = body, hosts
        self._stats.add("config_reload")
        self._stats.set("config_reload_time_ms", milliseconds_now())
        if hosts is None or hosts.settled:
            self._settle()

    def _hosts_of(self, message: RouteConfiguration) -> HostSubscription | None:
        """The virtual hosts that a version wants to come by themselves."""
        if not message.HasField("vhds"):
            return None
        before, source = self.hosts, message.vhds.config_source
        if before is not None and before.source == source:
            return before
        known: Hosts = before.hosts if before is not None else {}
        hosts = HostSubscription(
            self._environment, source, self.name, self._above, self._use_hosts, self._settle, known
        )
        try:
            hosts.start()
        except ResourceError:
            hosts.close()
            raise
        return hosts

    def _use_hosts(self, hosts: Hosts, version: str) -> None:
        with without_collection():
            self._use(with_hosts(self.body, hosts), version)

    def _use(self, whole: bytes, version: str) -> None:
        """Hands a whole table to the workers."""
        reader = self._environment.reader
        resource = Resource(self.name, version, ROUTES_URL, whole)
        message: RouteConfiguration = reader.parse(resource, ROUTES)  # type: ignore[assignment]
        before = self._compiled
        compiled = self._compiler.compile(message, before.hosts)
        update = update_of(compiled.data)
        reason = reason_of_rejections(self._environment.workers.apply(update))
        if reason:
            self._release(compiled, before.hosts)
            raise ResourceError(reason)
        self._release(before, compiled.hosts)
        self._compiled = compiled._replace(data=b"")
        self.version = version
        self.updated = timestamp()
        self.error = None

    def _release(self, table: CompiledTable, kept: dict[bytes, CompiledHost]) -> None:
        self._environment.release([*table.blocks, *blocks_of(table.hosts, kept)])

    def _refuse(self, reason: str) -> Outcome:
        self._settle()
        return Outcome((BadResource(self.name, reason),), reason)
