"""The configuration kept for /config_dump: serialized, read again only when somebody asks."""

from __future__ import annotations

import json
from collections.abc import Callable, Container, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from lateen.config.load import BOOTSTRAP
from lateen.protos import envoy_types
from lateen.proxy.admin.address import address_json
from lateen.proxy.admin.json_text import JsonValue

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor
    from google.protobuf.message import Message

    from lateen.protos import worker_pb2
    from lateen.proxy.resources.dump import DynamicDump

TYPE_PREFIX = "type.googleapis.com/"
_HCM = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
# Up to here every whole number has a float of its own.
_EXACT = 2**53
NameTest = Callable[[str], bool]
_Fields = dict[str, JsonValue]


class Dump(NamedTuple):
    """One of the elements of ConfigDump: the type in envoy.admin.v3, and its fields."""

    type_name: str
    fields: _Fields


class Field(NamedTuple):
    """A field of a message: whether it is a list, and the type of its items."""

    repeated: bool
    type_name: str


@dataclass(frozen=True)
class ConfigSource:
    """The bootstrap, serialized.

    Attributes:
        bootstrap: an envoy.config.bootstrap.v3.Bootstrap.
        loaded_at: when it was loaded, as a timestamp in JSON.
        given_node: its node without the flags, an envoy.config.core.v3.Node.
    """

    bootstrap: bytes
    loaded_at: str
    given_node: bytes = b""

    def node(self) -> _Fields:
        """The node of the bootstrap, with the flags."""
        node = self._message().node  # type: ignore[attr-defined]
        return to_json(node)

    def parts(self, wanted: NameTest, dynamic: DynamicDump | None = None) -> list[Dump]:
        """Every part in Envoy's order; resources only whose name is wanted."""
        message = self._message()
        _restore(message.node, self.given_node)  # type: ignore[attr-defined]
        static = message.static_resources  # type: ignore[attr-defined]
        clusters = [self._entry("cluster", each) for each in static.clusters if wanted(each.name)]
        listeners = [
            self._entry("listener", each) for each in static.listeners if wanted(each.name)
        ]
        routes = [
            self._entry("route_config", route)
            for listener in static.listeners
            for route in route_configs_of(listener)
            if wanted(route.name)  # type: ignore[attr-defined]
        ]
        if dynamic is not None:
            routes += dynamic.inline_routes()
        clusters_ = dynamic.clusters() if dynamic is not None else {}
        listeners_ = dynamic.listeners() if dynamic is not None else {}
        routes_ = dynamic.routes() if dynamic is not None else {}
        bootstrap: _Fields = {"bootstrap": to_json(message), "last_updated": self.loaded_at}
        filters = dynamic.filters() if dynamic is not None else {}
        return [
            Dump("BootstrapConfigDump", bootstrap),
            Dump("ClustersConfigDump", _joined(_list("static_clusters", clusters), clusters_)),
            *([Dump("EcdsConfigDump", filters)] if filters else []),
            Dump("ListenersConfigDump", _joined(_list("static_listeners", listeners), listeners_)),
            Dump("ScopedRoutesConfigDump", self._scopes(static.listeners, wanted, dynamic)),
            Dump("RoutesConfigDump", _joined(_list("static_route_configs", routes), routes_)),
            Dump("SecretsConfigDump", dynamic.secrets() if dynamic is not None else {}),
        ]

    def endpoints(
        self,
        statuses: Iterable[worker_pb2.ClusterStatus],
        wanted: NameTest,
        via_api: Container[str] = (),
    ) -> Dump:
        """The hosts of every cluster, as include_eds shows them."""
        entries: dict[bool, list[JsonValue]] = {False: [], True: []}
        for status in sorted(statuses, key=lambda each: each.name):
            if wanted(status.name):
                entry: JsonValue = {"endpoint_config": _assignment(status)}
                entries[status.name in via_api].append(entry)
        static = _list("static_endpoint_configs", entries[False])
        dynamic = _list("dynamic_endpoint_configs", entries[True])
        return Dump("EndpointsConfigDump", {**static, **dynamic})

    def field_of(self, message: str, name: str) -> Field | None:
        """A field of a message type; None when it has no such field."""
        field = envoy_types().descriptor(message).fields_by_name.get(name)
        if field is None:
            return None
        inner = field.message_type.full_name if field.message_type else ""
        return Field(field.is_repeated, inner)

    def mask_fits(self, message: str, path: str, item: _Fields | None = None) -> bool:
        """Whether a mask's path names a field; through an Any by the `@type` in `item`."""
        return _fits(envoy_types().descriptor(message), path, item or {})

    def _scopes(
        self, listeners: Iterable[Message], wanted: NameTest, dynamic: DynamicDump | None
    ) -> _Fields:
        inline = [
            scoped_entry(routes, self.loaded_at)
            for listener in listeners
            for routes in scoped_routes_of(listener)
            if wanted(routes.name)  # type: ignore[attr-defined]
        ]
        if dynamic is None:
            return _list("inline_scoped_route_configs", inline)
        inline += dynamic.inline_scopes()
        return {**_list("inline_scoped_route_configs", inline), **dynamic.scopes()}

    def _message(self) -> Message:
        message = envoy_types().message_class(BOOTSTRAP)()
        message.MergeFromString(self.bootstrap)
        return message

    def _entry(self, field: str, message: Message) -> JsonValue:
        url = f"{TYPE_PREFIX}{message.DESCRIPTOR.full_name}"
        return {field: {"@type": url, **to_json(message)}, "last_updated": self.loaded_at}


def _restore(node: Message, given: bytes) -> None:
    """Takes back what flags have changed: /config_dump shows the file's, as Envoy does."""
    before = type(node)()
    before.ParseFromString(given)
    for name in ("id", "cluster", "locality"):
        node.ClearField(name)
        if name == "locality" and before.HasField(name):
            node.locality.CopyFrom(before.locality)  # type: ignore[attr-defined]
    node.id, node.cluster = before.id, before.cluster  # type: ignore[attr-defined]


def to_json(message: Message) -> _Fields:
    """A message in JSON with the fields' proto names."""
    from google.protobuf.json_format import MessageToDict

    fields: _Fields = MessageToDict(
        message, preserving_proto_field_name=True, descriptor_pool=envoy_types().pool
    )
    _shorten(fields)
    return fields


def _shorten(value: JsonValue) -> None:
    """Whole numbers of a Struct without a fraction, as the C++ writer has them."""
    items = value.items() if isinstance(value, dict) else enumerate(value)  # type: ignore[arg-type]
    for key, item in items:
        if isinstance(item, dict | list):
            _shorten(item)
        elif isinstance(item, float) and item.is_integer() and abs(item) < _EXACT:
            value[key] = int(item)  # type: ignore[index]


def _list(name: str, items: list[JsonValue]) -> _Fields:
    return {name: items} if items else {}


def _joined(static: _Fields, dynamic: _Fields) -> _Fields:
    """The fields of both, the version first."""
    version = {name: dynamic[name] for name in ("version_info",) if name in dynamic}
    return {**version, **static, **dynamic}


def _fits(descriptor: Descriptor, path: str, item: _Fields) -> bool:
    name, _, rest = path.partition(".")
    field = descriptor.fields_by_name.get(name)
    if field is None:
        return False
    if not rest:
        return True
    if field.message_type is None or field.is_repeated:
        return False
    inner = item.get(name)
    inner = inner if isinstance(inner, dict) else {}
    following = field.message_type
    if following.full_name == "google.protobuf.Any":
        url = inner.get("@type")
        if not isinstance(url, str):
            return True
        following = envoy_types().descriptor(url.removeprefix(TYPE_PREFIX))
    return _fits(following, rest, inner)


def route_configs_of(listener: Message) -> Iterator[Message]:
    """The route configurations inside a listener's connection managers."""
    for manager in _managers_of(listener):
        if manager.HasField("route_config"):
            yield manager.route_config  # type: ignore[attr-defined]


def scoped_routes_of(listener: Message) -> Iterator[Message]:
    """The ScopedRoutes whose scopes are inside a listener's connection managers."""
    for manager in _managers_of(listener):
        if manager.scoped_routes.HasField("scoped_route_configurations_list"):  # type: ignore[attr-defined]
            yield manager.scoped_routes  # type: ignore[attr-defined]


def scoped_entry(routes: Message, updated: str) -> JsonValue:
    """An InlineScopedRouteConfigs."""
    listed = routes.scoped_route_configurations_list.scoped_route_configurations  # type: ignore[attr-defined]
    scopes: list[JsonValue] = [
        {"@type": f"{TYPE_PREFIX}{each.DESCRIPTOR.full_name}", **to_json(each)} for each in listed
    ]
    name: str = routes.name  # type: ignore[attr-defined]
    return {"name": name, "scoped_route_configs": scopes, "last_updated": updated}


def _managers_of(listener: Message) -> Iterator[Message]:
    types = envoy_types()
    chains = [*listener.filter_chains]  # type: ignore[attr-defined]
    if listener.HasField("default_filter_chain"):
        chains.append(listener.default_filter_chain)  # type: ignore[attr-defined]
    for chain in chains:
        for each in chain.filters:
            if each.typed_config.type_url.rpartition("/")[2] == _HCM:
                yield types.unpack(each.typed_config)


def _assignment(status: worker_pb2.ClusterStatus) -> JsonValue:
    """A ClusterLoadAssignment of the hosts that a cluster has now."""
    localities: dict[tuple[str, str, str, int], list[JsonValue]] = {}
    for host in status.hosts:
        key = (host.region, host.zone, host.sub_zone, host.priority)
        localities.setdefault(key, []).append(_host(host))
    groups: list[JsonValue] = []
    for (region, zone, sub_zone, priority), hosts in localities.items():
        names = {"region": region, "zone": zone, "sub_zone": sub_zone}
        locality: _Fields = {name: value for name, value in names.items() if value}
        group: _Fields = {"locality": locality, "lb_endpoints": hosts, "load_balancing_weight": 0}
        if priority:
            group["priority"] = priority
        groups.append(group)
    return {
        "@type": f"{TYPE_PREFIX}envoy.config.endpoint.v3.ClusterLoadAssignment",
        "cluster_name": status.name,
        **({"endpoints": groups} if groups else {}),
        "policy": {"overprovisioning_factor": 140},
    }


def _health(host: worker_pb2.HostStatus) -> str:
    # Here, for worker_pb2 comes with the workers.
    from lateen.protos.worker_pb2 import Endpoint

    health = Endpoint.Health
    bad = (health.UNHEALTHY, health.DRAINING, health.TIMEOUT)
    if host.health in bad:
        return "UNHEALTHY"
    return "DEGRADED" if host.health == health.DEGRADED else "HEALTHY"


def _host(host: worker_pb2.HostStatus) -> JsonValue:
    endpoint: _Fields = {"address": address_json(host.address), "health_check_config": {}}
    if host.hostname:
        endpoint["hostname"] = host.hostname
    entry: _Fields = {"endpoint": endpoint, "health_status": _health(host)}
    if host.hostname or host.metadata_json:
        entry["metadata"] = _metadata(host.metadata_json)
    entry["load_balancing_weight"] = host.weight
    return entry


def _metadata(text: str) -> JsonValue:
    filters: JsonValue = json.loads(text) if text else {}
    return {"filter_metadata": filters} if filters else {}
