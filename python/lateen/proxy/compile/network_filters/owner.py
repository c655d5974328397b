"""What filters are told of where they are: in a listener, in a connection manager."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lateen.proxy.compile.digest import digest
from lateen.proxy.compile.stats_blocks import BlockKind, StatsBlocks

if TYPE_CHECKING:
    from envoy.config.route.v3.route_pb2 import RouteConfiguration

    from lateen.protos.worker_pb2 import RouteTable


@dataclass(frozen=True)
class RouteSource:
    """Routes that come by RDS.

    Attributes:
        table: the name of the route table in the workers, the same for the same resource.
        name: of the RouteConfiguration.
        source: where from, a serialized ConfigSource.
        stat_prefix: of the connection manager.
    """

    table: str
    name: str
    source: bytes
    stat_prefix: str


@dataclass(frozen=True)
class ScopeSource:
    """Scopes that come by SRDS.

    Attributes:
        table: the name of the scopes in the workers, the same for the same source and name.
        name: of the scoped routes.
        source: where from, a serialized ConfigSource.
        rds_source: where the routes that scopes name come from, a serialized ConfigSource.
        stat_prefix: of the connection manager.
        locator: of the collection of scopes, as xdstp; "": all scopes of the source.
    """

    table: str
    name: str
    source: bytes
    rds_source: bytes
    stat_prefix: str
    locator: str


@dataclass(frozen=True)
class HttpFilterOwner:
    """The connection manager of an HTTP filter.

    Attributes:
        stat_prefix: as it is configured.
        filter_sources: gets the filters that are to be subscribed to; None: there can be none.
    """

    stat_prefix: str
    filter_sources: list[FilterSource] | None = field(default=None, compare=False)

    def block(self, blocks: StatsBlocks, kind: BlockKind, name: str) -> int:
        """The number of the block of a filter whose stats are `http.STAT_PREFIX.NAME.*`."""
        tags = {"envoy.http_conn_manager_prefix": self.stat_prefix}
        return blocks.allot(kind, f"http.{self.stat_prefix}.{name}", tags)


@dataclass(frozen=True)
class FilterSource:
    """An HTTP filter whose configuration comes by ECDS.

    Attributes:
        table: its name in the workers, the same for the same source and owner.
        name: of the resource and of the filter.
        source: a serialized ExtensionConfigSource.
        owner: its connection manager.
    """

    table: str
    name: str
    source: bytes
    owner: HttpFilterOwner


@dataclass(frozen=True)
class FilterOwner:
    """The place of a network filter, and what it adds to its listener.

    Attributes:
        table_prefix: begins the names of the listener's route tables; unique in the process.
        address_tag: the listener's address, or its stat_prefix, as stats have it.
        buffer_limit: how much of a connection is buffered, in bytes.
        bypass_overload: whether nothing of the listener is shed.
        outbound: whether it is for traffic of this machine to others.
        route_tables: where a filter puts the route tables inside it.
        route_sources: where it puts those that are to be subscribed to.
        scope_sources: where it puts scoped routes that are to be subscribed to.
        filter_sources: where it puts HTTP filters that are to be subscribed to.
    """

    table_prefix: str
    address_tag: str
    buffer_limit: int = 0
    bypass_overload: bool = False
    outbound: bool = False
    route_tables: list[RouteTable] = field(default_factory=list)
    route_sources: list[RouteSource] = field(default_factory=list)
    scope_sources: list[ScopeSource] = field(default_factory=list)
    filter_sources: list[FilterSource] = field(default_factory=list)

    def table_name(self, routes: RouteConfiguration) -> str:
        """The name of an inline table. The same routes have the same name: a filter chain that did
        not change goes on with its table when its listener changes.
        """
        key = digest(routes.SerializeToString(deterministic=True)).hex()
        return f"{self.table_prefix}/{key}/{routes.name}"
