"""One scope of scoped routes, from the resource to what the workers need of it.

Source: envoy/config/route/v3/scoped_route.proto; errors as in Envoy 1.40.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from lateen.proxy.compile.digest import digest
from lateen.proxy.compile.network_filters.rds import route_source
from lateen.proxy.compile.network_filters.scoped_routes import key_of
from lateen.proxy.compile.route_table import compile_route_table
from lateen.proxy.resources.reading import ResourceError

if TYPE_CHECKING:
    from envoy.config.core.v3.config_source_pb2 import ConfigSource
    from envoy.config.route.v3.scoped_route_pb2 import ScopedRouteConfiguration

    from lateen.protos.worker_pb2 import RouteTable
    from lateen.proxy.compile.context import CompileContext
    from lateen.proxy.compile.network_filters.owner import RouteSource, ScopeSource
    from lateen.proxy.resources.environment import Environment
    from lateen.xds.subscription import Resource

SCOPE = "envoy.config.route.v3.ScopedRouteConfiguration"
REFUSED = "Error adding/updating scoped route(s): "


class Scope(NamedTuple):
    """A scope.

    Attributes:
        name: of the scope.
        key: what a request must have: a text for each fragment.
        table: the name of its route table in the workers.
        routes: the routes that it names (RDS); None when they are inside it.
        inline: the routes inside it; None when it names them.
        body: the serialized message.
        blocks: the stats blocks of `inline`.
        stub: for a scope whose routes come on demand, the name of the table in their place before.
    """

    name: str
    key: tuple[str, ...]
    table: str
    routes: RouteSource | None
    inline: RouteTable | None
    body: bytes
    blocks: list[int]
    stub: str = ""


class ScopeCompiler:
    """Compiles the scopes of one source."""

    def __init__(self, environment: Environment, source: ScopeSource) -> None:
        self._reader = environment.reader
        self._source = source
        types = self._reader.types
        self._rds: ConfigSource = types.message_class("envoy.config.core.v3.ConfigSource")()  # type: ignore[assignment]
        self._rds.MergeFromString(source.rds_source)

    def compile(self, resource: Resource) -> Scope:
        """A scope.

        Raises:
            UndecodableError: a rule is broken.
            ResourceError: it cannot be used.
        """
        message: ScopedRouteConfiguration = self._reader.parse(resource, SCOPE)  # type: ignore[assignment]
        found = self._reader.check(message)
        body = resource.body or b""
        if message.HasField("route_configuration"):
            table = self._table_name(message.name, body)
        else:
            table = route_source(self._rds, message.route_configuration_name, "").table
        inline, blocks = self._reader.compile(
            message, found, lambda context: _compile_inline(context, message, table)
        )
        routes = None
        if inline is None:
            name = message.route_configuration_name
            routes = route_source(self._rds, name, self._source.stat_prefix)
        stub = self._table_name(message.name, body) if routes and message.on_demand else ""
        return Scope(message.name, key_of(message), table, routes, inline, body, blocks, stub)

    def _table_name(self, scope: str, body: bytes) -> str:
        return f"{self._source.table}/{digest(body).hex()}/{scope}"


def check_conflicts(scopes: Iterable[Scope]) -> None:
    """Looks for scopes that have the same key.

    Raises:
        ResourceError: there are some.
    """
    seen: dict[tuple[str, ...], str] = {}
    for scope in scopes:
        first = seen.setdefault(scope.key, scope.name)
        if first != scope.name:
            raise ResourceError(
                f"{REFUSED}scope key conflict found, first scope is '{first}', second scope is"
                f" '{scope.name}'"
            )


def _compile_inline(
    context: CompileContext, message: ScopedRouteConfiguration, table: str
) -> RouteTable | None:
    if not message.HasField("route_configuration"):
        if not message.route_configuration_name:
            context.error("route_configuration_name", "route_configuration_name is empty.")
        return None
    routes = message.route_configuration
    return compile_route_table(
        context, routes, table, "route_configuration", validate_clusters=True
    )
