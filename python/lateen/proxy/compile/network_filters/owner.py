"""What a network filter is told of the listener that holds it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lateen.protos.worker_pb2 import RouteTable


@dataclass(frozen=True)
class FilterOwner:
    """The place of a network filter, and what it adds to its listener.

    Attributes:
        table_prefix: begins the names of the route tables inside; unique in the process.
        address_tag: the listener's address, or its stat_prefix, as stats have it.
        buffer_limit: how much of a connection is buffered, in bytes.
        route_tables: where a filter puts the route tables inside it.
    """

    table_prefix: str
    address_tag: str
    buffer_limit: int = 0
    route_tables: list[RouteTable] = field(default_factory=list)

    def inner(self, name: str | int) -> FilterOwner:
        """The same for what is inside, called `name`."""
        return replace(self, table_prefix=f"{self.table_prefix}/{name}")
