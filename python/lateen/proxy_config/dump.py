"""The parts of what `/config_dump` tells.

Source: https://www.envoyproxy.io/docs/envoy/latest/api-v3/admin/v3/config_dump.proto
"""

from __future__ import annotations

from collections.abc import Iterator

from lateen.proxy_config.tree import Json, child, items, text


def part(dump: Json, kind: str) -> Json:
    """One part, such as `ClustersConfigDump`; empty: there is none."""
    for one in items(dump, "configs"):
        if text(one, "@type").endswith(f".{kind}"):
            return one
    return {}


def clusters(dump: Json) -> Iterator[Json]:
    """The clusters that are in force."""
    found = part(dump, "ClustersConfigDump")
    for group in ("static_clusters", "dynamic_active_clusters"):
        for one in items(found, group):
            yield child(one, "cluster")


def listeners(dump: Json) -> Iterator[Json]:
    """The listeners that are in force."""
    found = part(dump, "ListenersConfigDump")
    for one in items(found, "static_listeners"):
        yield child(one, "listener")
    for one in items(found, "dynamic_listeners"):
        active = child(one, "active_state", "listener")
        if active is not None:
            yield active


def routes(dump: Json) -> Iterator[Json]:
    """The route tables that are in force."""
    found = part(dump, "RoutesConfigDump")
    for group in ("static_route_configs", "dynamic_route_configs"):
        for one in items(found, group):
            yield child(one, "route_config")


def secrets(dump: Json) -> Iterator[tuple[str, Json]]:
    """The secrets with their states, `ACTIVE` or `WARMING`."""
    found = part(dump, "SecretsConfigDump")
    for group, state in (
        ("static_secrets", "ACTIVE"),
        ("dynamic_active_secrets", "ACTIVE"),
        ("dynamic_warming_secrets", "WARMING"),
    ):
        for one in items(found, group):
            yield state, {"name": text(one, "name"), "secret": child(one, "secret")}


def resource_of(value: Json) -> str:
    """`NAME.NAMESPACE` of the resource that a part was made of, as its metadata tells."""
    place = text(value, "metadata", "filter_metadata", "istio", "config").split("/")
    return f"{place[-1]}.{place[-3]}" if len(place) > 3 else ""
