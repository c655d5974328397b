"""The state of every resource that comes over xDS, as its client sees it (service.status.v3).

Source: envoy/service/status/v3/csds.proto, ClientConfig.generic_xds_configs.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lateen.proxy.resources.assignments import ASSIGNMENT, ASSIGNMENT_URL
from lateen.proxy.resources.clusters import CLUSTER_URL
from lateen.proxy.resources.dump import DynamicDump, resource_json
from lateen.proxy.resources.filters import EXTENSION_URL
from lateen.proxy.resources.listeners import LISTENER_URL
from lateen.proxy.resources.routes import ROUTES_URL
from lateen.proxy.resources.scopes import SCOPE_URL
from lateen.proxy.resources.secrets import SECRET_URL

if TYPE_CHECKING:
    from lateen.proxy.admin.json_text import JsonValue
    from lateen.proxy.resources.dynamic import Dynamic

_Fields = dict[str, "JsonValue"]
_KEPT = ("version_info", "last_updated", "error_state")


def client_status(dynamic: Dynamic, *, contents: bool) -> Iterator[JsonValue]:
    """Every GenericXdsConfig: what is in use, what warms, what is waited for, what was refused.

    Args:
        dynamic: the managers.
        contents: whether the resources themselves are shown.
    """
    dump = DynamicDump(dynamic, lambda _: True)
    for url, field, entry in _entries(dump):
        resource = entry.get(field)
        yield _status(url, _name(entry, resource), entry, resource if contents else None)
    yield from _scopes(dump, contents=contents)
    yield from _endpoints(dynamic, contents=contents)
    waits = (
        (ROUTES_URL, dynamic.routes.found.values()),
        (SCOPE_URL, dynamic.scopes.found.values()),
        (EXTENSION_URL, dynamic.filters.found.values()),
    )
    for url, found in waits:
        for each in found:
            if not each.updated and each.error is None:
                yield _status(url, each.name, {}, None)


def _entries(dump: DynamicDump) -> Iterator[tuple[str, str, _Fields]]:
    """The type, the field of the resource and the entry, of all that is dumped one by one."""
    clusters, secrets = dump.clusters(), dump.secrets()
    for name in ("dynamic_active_clusters", "dynamic_warming_clusters"):
        yield from _each(CLUSTER_URL, "cluster", clusters.get(name))
    for _, _, listener in _each(LISTENER_URL, "", dump.listeners().get("dynamic_listeners")):
        state = listener.get("active_state") or listener.get("warming_state") or {}
        assert isinstance(state, dict)
        yield LISTENER_URL, "listener", {**listener, **state}
    yield from _each(ROUTES_URL, "route_config", dump.routes().get("dynamic_route_configs"))
    yield from _each(EXTENSION_URL, "ecds_filter", dump.filters().get("ecds_filters"))
    for name in ("dynamic_active_secrets", "dynamic_warming_secrets"):
        yield from _each(SECRET_URL, "secret", secrets.get(name))


def _each(url: str, field: str, entries: JsonValue) -> Iterator[tuple[str, str, _Fields]]:
    for entry in entries if isinstance(entries, list) else ():
        assert isinstance(entry, dict)
        yield url, field, entry


def _scopes(dump: DynamicDump, *, contents: bool) -> Iterator[JsonValue]:
    for _, _, entry in _each(SCOPE_URL, "", dump.scopes().get("dynamic_scoped_route_configs")):
        for _, _, scope in _each(SCOPE_URL, "", entry.get("scoped_route_configs")):
            yield _status(SCOPE_URL, str(scope["name"]), entry, scope if contents else None)


def _endpoints(dynamic: Dynamic, *, contents: bool) -> Iterator[JsonValue]:
    manager = dynamic.clusters
    used = (manager.assignment(name) for name in dict.fromkeys(manager.names()))
    warming = (version.assignment for version in manager.warming.values())
    for assignment in dict.fromkeys((*used, *warming)):
        if assignment is None:
            continue
        endpoints = assignment.endpoints
        entry: _Fields = {} if endpoints is None else {"version_info": ""}
        shown = None
        if endpoints is not None and contents:
            shown = resource_json(ASSIGNMENT, endpoints.body)
        yield _status(ASSIGNMENT_URL, assignment.name, entry, shown)


def _name(entry: _Fields, resource: JsonValue) -> str:
    if isinstance(resource, dict):
        return str(resource.get("name", ""))
    error = entry.get("error_state")
    failed = error.get("failed_configuration") if isinstance(error, dict) else None
    named = failed if isinstance(failed, dict) else entry
    return str(named.get("name", ""))


def _status(url: str, name: str, entry: _Fields, resource: JsonValue) -> JsonValue:
    """GenericXdsConfig; without a version nothing came yet."""
    status = "NACKED" if "error_state" in entry else "ACKED" if entry else "REQUESTED"
    out: _Fields = {"type_url": url, "name": name}
    out |= {key: entry[key] for key in _KEPT if entry.get(key)}
    if resource:
        out["xds_config"] = resource
    out["client_status"] = status
    return out
