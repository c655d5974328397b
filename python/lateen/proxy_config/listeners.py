"""`lateen proxy-config listener`: where chains of listeners lead."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lateen.proxy_config import dump
from lateen.proxy_config.table import Table
from lateen.proxy_config.tree import Json, child, items, text, texts

COLUMNS = ("ADDRESSES", "PORT", "MATCH", "DESTINATION")
_MANAGER = "envoy.filters.network.http_connection_manager"
_TCP_PROXY = "envoy.filters.network.tcp_proxy"


@dataclass(frozen=True)
class Filter:
    """Which listeners are wanted; empty or 0: any.

    Attributes:
        address: that is listened to.
        port: that is listened to.
        kind: `HTTP` or `TCP`.
    """

    address: str = ""
    port: int = 0
    kind: str = ""

    def takes(self, listener: Json) -> bool:
        """Whether a listener is wanted."""
        address, port = bound(listener)
        kinds = {kind for chain in chains(listener) for kind in _kinds(chain)}
        return (
            self.address in ("", address)
            and self.port in (0, int(port) if port.isdigit() else 0)
            and (not self.kind or self.kind.upper() in kinds)
        )


def bound(listener: Json) -> tuple[str, str]:
    """Address and port of a listener; a path has no port."""
    path = text(listener, "address", "pipe", "path")
    socket = child(listener, "address", "socket_address")
    return path or text(socket, "address"), text(socket, "port_value") or "0"


def chains(listener: Json) -> Iterator[Json]:
    """The filter chains, the default one last."""
    yield from items(listener, "filter_chains")
    default = child(listener, "default_filter_chain")
    if default is not None:
        yield default


def _kinds(chain: Json) -> Iterator[str]:
    for one in items(chain, "filters"):
        if text(one, "name") == _MANAGER:
            yield "HTTP"
        elif text(one, "name") == _TCP_PROXY:
            yield "TCP"


def selected(told: Json, wanted: Filter) -> Iterator[Json]:
    """The listeners that are wanted."""
    return (one for one in dump.listeners(told) if wanted.takes(one))


def table(told: Json, wanted: Filter) -> Table:
    """A row for each chain, by port."""
    rows = []
    for listener in selected(told, wanted):
        address, port = bound(listener)
        for chain in chains(listener):
            rows.append((address, port, match_of(chain), destination_of(chain)))
    # Chains keep their order within a listener: it is part of what they say.
    return Table(COLUMNS, sorted(rows, key=lambda row: (int(row[1]), row[0])))


def match_of(chain: Json) -> str:
    """What a chain wants of connections."""
    match = child(chain, "filter_chain_match")
    ranges = [
        f"{text(one, 'address_prefix')}/{text(one, 'prefix_len')}"
        for one in items(match, "prefix_ranges")
    ]
    port = text(match, "destination_port")
    said = {
        "SNI": ",".join(texts(match, "server_names")),
        "Trans": text(match, "transport_protocol"),
        "App": ",".join(texts(match, "application_protocols")),
        "Addr": ",".join(ranges) or (f"*:{port}" if port else ""),
    }
    return "; ".join(f"{name}: {value}" for name, value in said.items() if value) or "ALL"


def destination_of(chain: Json) -> str:
    """Where a chain leads."""
    for one in items(chain, "filters"):
        config = child(one, "typed_config")
        if text(one, "name") == _MANAGER:
            return _of_manager(config)
        if text(one, "name") == _TCP_PROXY:
            return _of_tcp(config)
    return "Non-HTTP/Non-TCP"


def _of_manager(config: Json) -> str:
    table_name = text(config, "rds", "route_config_name")
    if table_name:
        return f"Route: {table_name}"
    hosts = items(config, "route_config", "virtual_hosts")
    clusters = {
        text(route, "route", "cluster") for host in hosts for route in items(host, "routes")
    }
    if len(clusters) == 1 and "" not in clusters:
        return f"Cluster: {clusters.pop()}"
    return f"Inline Route: {text(config, 'route_config', 'name') or '-'}"


def _of_tcp(config: Json) -> str:
    several = items(config, "weighted_clusters", "clusters")
    named = [f"{text(one, 'name')} ({text(one, 'weight')})" for one in several]
    return f"Cluster: {', '.join(named) or text(config, 'cluster')}"
