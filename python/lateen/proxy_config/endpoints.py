"""`lateen proxy-config endpoint`: hosts, and whether they get traffic."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lateen.proxy_config.table import Table
from lateen.proxy_config.tree import Json, child, items, text

COLUMNS = ("ENDPOINT", "STATUS", "OUTLIER CHECK", "CLUSTER")


@dataclass(frozen=True)
class Filter:
    """Which endpoints are wanted; empty or 0: any.

    Attributes:
        address: of the endpoint.
        port: of the endpoint.
        cluster: by name.
        status: such as `healthy`.
    """

    address: str = ""
    port: int = 0
    cluster: str = ""
    status: str = ""

    def takes(self, cluster: str, host: Json) -> bool:
        """Whether an endpoint is wanted."""
        socket = child(host, "address", "socket_address")
        return (
            self.address in ("", text(socket, "address"))
            and self.port in (0, int(text(socket, "port_value") or 0))
            and self.cluster in ("", cluster)
            and self.status.upper() in ("", status_of(host))
        )


def selected(told: Json, wanted: Filter) -> Iterator[Json]:
    """The clusters with those of their hosts that are wanted."""
    for cluster in items(told, "cluster_statuses"):
        name = text(cluster, "name")
        hosts = [one for one in items(cluster, "host_statuses") if wanted.takes(name, one)]
        if hosts and isinstance(cluster, dict):
            yield {**cluster, "host_statuses": hosts}


def table(told: Json, wanted: Filter) -> Table:
    """The endpoints, by address."""
    rows = []
    for cluster in selected(told, wanted):
        for host in items(cluster, "host_statuses"):
            failed = child(host, "health_status", "failed_outlier_check") is True
            checked = "FAILED" if failed else "OK"
            rows.append((_address(host), status_of(host), checked, text(cluster, "name")))
    return Table(COLUMNS, sorted(rows))


def status_of(host: Json) -> str:
    """Whether a host gets traffic, as far as checks and the control plane know."""
    health = child(host, "health_status")
    if child(health, "failed_active_health_check") is True:
        return "UNHEALTHY"
    return text(health, "eds_health_status") or "UNKNOWN"


def _address(host: Json) -> str:
    path = text(host, "address", "pipe", "path")
    internal = text(host, "address", "envoy_internal_address", "server_listener_name")
    socket = child(host, "address", "socket_address")
    if path:
        return f"unix://{path}"
    return internal or f"{text(socket, 'address')}:{text(socket, 'port_value') or '0'}"
