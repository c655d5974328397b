"""`lateen proxy-config cluster`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lateen.proxy_config import dump
from lateen.proxy_config.table import Table
from lateen.proxy_config.tree import Json, text

COLUMNS = ("SERVICE FQDN", "PORT", "SUBSET", "DIRECTION", "TYPE", "DESTINATION RULE")
_PARTS = 4
_NONE = "-"


@dataclass(frozen=True)
class Filter:
    """Which clusters are wanted; empty or 0: any.

    Attributes:
        fqdn: of the service.
        port: of the service.
        subset: by name.
        direction: `inbound` or `outbound`.
    """

    fqdn: str = ""
    port: int = 0
    subset: str = ""
    direction: str = ""

    def takes(self, name: str) -> bool:
        """Whether a cluster's name is wanted."""
        direction, port, subset, fqdn = parts(name)
        return (
            self.fqdn in ("", fqdn)
            and self.port in (0, int(port) if port.isdigit() else 0)
            and self.subset in ("", subset)
            and self.direction in ("", direction)
        )


def parts(name: str) -> tuple[str, str, str, str]:
    """Direction, port, subset and host of a cluster's name; others have a host alone."""
    found = name.split("|")
    if len(found) != _PARTS:
        return "", "", "", name
    direction, port, subset, fqdn = found
    return direction, port, subset, fqdn


def selected(told: Json, wanted: Filter) -> Iterator[Json]:
    """The clusters that are wanted."""
    return (one for one in dump.clusters(told) if wanted.takes(text(one, "name")))


def table(told: Json, wanted: Filter) -> Table:
    """The clusters, by host."""
    rows = []
    for one in selected(told, wanted):
        direction, port, subset, fqdn = parts(text(one, "name"))
        kind = text(one, "type") or text(one, "cluster_type", "name") or "STATIC"
        row = (fqdn, port or _NONE, subset or _NONE, direction or _NONE, kind)
        rows.append((*row, dump.resource_of(one)))
    return Table(COLUMNS, sorted(rows))
