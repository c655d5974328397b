"""What /config_dump and /init_dump show of resources that came over xDS (envoy.admin.v3)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from google.protobuf.message import DecodeError, Message

from lateen.protos import UnknownTypeError, envoy_types
from lateen.proxy.config_source import (
    TYPE_PREFIX,
    route_configs_of,
    scoped_entry,
    scoped_routes_of,
    to_json,
)
from lateen.proxy.resources.route_scope import SCOPE
from lateen.proxy.resources.secrets import SECRET, redacted

if TYPE_CHECKING:
    from envoy.extensions.transport_sockets.tls.v3.secret_pb2 import Secret

    from lateen.proxy.admin.json_text import JsonValue
    from lateen.proxy.resources.cluster_versions import ClusterVersion
    from lateen.proxy.resources.dynamic import Dynamic
    from lateen.proxy.resources.environment import Refused
    from lateen.proxy.resources.listener_versions import ListenerVersion

_Fields = dict[str, "JsonValue"]
_NameTest = Callable[[str], bool]

_CLUSTER = "envoy.config.cluster.v3.Cluster"
_EXTENSION = "envoy.config.core.v3.TypedExtensionConfig"
_LISTENER = "envoy.config.listener.v3.Listener"
_ROUTES = "envoy.config.route.v3.RouteConfiguration"


class DynamicDump:
    """The dynamic fields of each part of a ConfigDump; only resources whose name is wanted."""

    def __init__(self, dynamic: Dynamic, wanted: _NameTest) -> None:
        self._dynamic = dynamic
        self._wanted = wanted

    def clusters(self) -> _Fields:
        """Of ClustersConfigDump."""
        manager = self._dynamic.clusters
        errors = manager.errors
        active = [_cluster(each, errors.get(each.name)) for each in self._of(manager.active)]
        active += [
            {"error_state": _error(refused)}
            for name, refused in errors.items()
            if name not in manager.active and self._wanted(name)
        ]
        warming = [_cluster(each, None) for each in self._of(manager.warming)]
        return _present(
            version_info=manager.version,
            dynamic_active_clusters=active,
            dynamic_warming_clusters=warming,
        )

    def listeners(self) -> _Fields:
        """Of ListenersConfigDump."""
        manager = self._dynamic.listeners
        states = manager.warming
        draining = {
            each.version.name: each.version for each in states.draining if not each.in_place
        }
        names = dict.fromkeys((*states.active, *states.warming, *draining, *states.errors))
        entries: list[JsonValue] = []
        for name in filter(self._wanted, names):
            entry: _Fields = {"name": name}
            versions = {
                "active_state": states.active.get(name),
                "warming_state": states.warming.get(name),
                "draining_state": draining.get(name),
            }
            entry |= {key: _listener(each) for key, each in versions.items() if each is not None}
            if name in states.errors:
                entry["error_state"] = _error(states.errors[name])
            entries.append(entry)
        return _present(version_info=manager.version, dynamic_listeners=entries)

    def routes(self) -> _Fields:
        """Of RoutesConfigDump."""
        entries: list[JsonValue] = []
        for table in self._dynamic.routes.found.values():
            if not self._wanted(table.name) or not (table.body or table.error):
                continue
            entry = _present(
                version_info=table.version,
                route_config=resource_json(_ROUTES, table.whole),
                last_updated=table.updated,
            )
            if table.error is not None:
                entry["error_state"] = _error(table.error)
            entries.append(entry)
        return _present(dynamic_route_configs=entries)

    def inline_routes(self) -> Iterator[JsonValue]:
        """Of RoutesConfigDump: what is inside listeners, which Envoy takes for static."""
        for version in self._dynamic.listeners.warming.active.values():
            for routes in route_configs_of(_message(_LISTENER, version.resource.body or b"")):
                if self._wanted(routes.name):  # type: ignore[attr-defined]
                    config = {"@type": TYPE_PREFIX + _ROUTES, **to_json(routes)}
                    yield {"route_config": config, "last_updated": version.updated}

    def scopes(self) -> _Fields:
        """Of ScopedRoutesConfigDump."""
        entries: list[JsonValue] = []
        for each in self._dynamic.scopes.found.values():
            if not self._wanted(each.name) or not (each.updated or each.error):
                continue
            scopes = [resource_json(SCOPE, scope.body) for scope in each.scopes.values()]
            entry = _present(
                name=each.name,
                version_info=each.version,
                scoped_route_configs=scopes,
                last_updated=each.updated,
            )
            if each.error is not None:
                entry["error_state"] = _error(each.error)
            entries.append(entry)
        return _present(dynamic_scoped_route_configs=entries)

    def inline_scopes(self) -> Iterator[JsonValue]:
        """Of ScopedRoutesConfigDump: what is inside listeners."""
        for version in self._dynamic.listeners.warming.active.values():
            for routes in scoped_routes_of(_message(_LISTENER, version.resource.body or b"")):
                if self._wanted(routes.name):  # type: ignore[attr-defined]
                    yield scoped_entry(routes, version.updated)

    def filters(self) -> _Fields:
        """Of EcdsConfigDump."""
        entries: list[JsonValue] = []
        # Connection managers with stats of their own have the same filter each for itself.
        filters = {(each.name, each.body): each for each in self._dynamic.filters.found.values()}
        for each in filters.values():
            if not self._wanted(each.name) or not (each.body or each.error):
                continue
            entry = _present(
                version_info=each.version,
                ecds_filter=resource_json(_EXTENSION, each.body),
                last_updated=each.updated,
            )
            if each.error is not None:
                entry["error_state"] = _error(each.error)
            entries.append(entry)
        return _present(ecds_filters=entries)

    def secrets(self) -> _Fields:
        """Of SecretsConfigDump, static ones too; what is secret in them is left out."""
        manager = self._dynamic.secrets
        static: list[JsonValue] = [
            {"name": name, "last_updated": manager.loaded_at, "secret": _secret(secret)}
            for name, secret in manager.static.items()
            if self._wanted(name)
        ]
        active: list[JsonValue] = []
        warming: list[JsonValue] = []
        for each in manager.subscriptions.values():
            if not self._wanted(each.name):
                continue
            entry = _present(name=each.name, version_info=each.version, last_updated=each.updated)
            if each.secret is not None:
                entry["secret"] = _secret(each.secret)
            if each.error is not None:
                entry["error_state"] = _error(each.error)
            (warming if each.secret is None else active).append(entry)
        return _present(
            static_secrets=static, dynamic_active_secrets=active, dynamic_warming_secrets=warming
        )

    def _of(self, versions: dict[str, ClusterVersion]) -> Iterable[ClusterVersion]:
        return (each for name, each in sorted(versions.items()) if self._wanted(name))


def init_dump(dynamic: Dynamic) -> _Fields:
    """What is waited for (UnreadyTargetsDumps)."""
    pending = dynamic.pending
    if not pending:
        return {}
    names: list[JsonValue] = [f"target {name}" for name in pending]
    dumps: list[JsonValue] = [{"name": f"init manager {dynamic.init.name}", "target_names": names}]
    return {"unready_targets_dumps": dumps}


def _cluster(version: ClusterVersion, refused: Refused | None) -> JsonValue:
    entry = _present(
        version_info=version.version,
        cluster=resource_json(_CLUSTER, version.body),
        last_updated=version.updated,
    )
    if refused is not None:
        entry["error_state"] = _error(refused)
    return entry


def _listener(version: ListenerVersion) -> JsonValue:
    return _present(
        version_info=version.resource.version,
        listener=resource_json(_LISTENER, version.resource.body or b""),
        last_updated=version.updated,
    )


def _secret(secret: Secret) -> JsonValue:
    return {"@type": TYPE_PREFIX + SECRET, **to_json(redacted(secret))}


def _error(refused: Refused) -> JsonValue:
    """UpdateFailureState."""
    resource = refused.resource
    if resource.type_url == TYPE_PREFIX + SECRET:
        resource = replace(resource, body=b"")
    try:
        failed = resource_json(resource.type_url.removeprefix(TYPE_PREFIX), resource.body or b"")
    except (UnknownTypeError, DecodeError):
        failed = None
    return _present(
        failed_configuration=failed,
        last_update_attempt=refused.when,
        details=refused.reason,
        version_info=resource.version,
    )


def _message(type_name: str, body: bytes) -> Message:
    message = envoy_types().message_class(type_name)()
    message.MergeFromString(body)
    return message


def resource_json(type_name: str, body: bytes) -> JsonValue:
    """A serialized resource; None for none."""
    if not body:
        return None
    return {"@type": TYPE_PREFIX + type_name, **to_json(_message(type_name, body))}


def _present(**fields: JsonValue) -> _Fields:
    return {name: value for name, value in fields.items() if value}
