"""The resources of a proxy as bytes with versions; those that proxies share are made once.

What a proxy is sent depends on its scope: its type, namespace, labels, addresses. Proxies of one
scope share every byte; endpoints are shared by all who choose alike.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from lateen.control.mesh import Mesh
from lateen.control.model.proxy import Proxy, ProxyType
from lateen.control.translate.clusters.build import clusters
from lateen.control.translate.endpoints import Choice, assignment_of, choice_of
from lateen.control.translate.gateways.tables import GatewayTables
from lateen.control.translate.listeners.build import listeners
from lateen.control.translate.name_table import name_table
from lateen.control.translate.routes.build import tables_of
from lateen.control.translate.routes.tables import Tables, is_table
from lateen.control.translate.scope.sidecar import SidecarScope, sidecar_scope
from lateen.control.translate.secrets import Secrets
from lateen.xds.resource_types import CDS, EDS, LDS, NDS_TYPE_URL, RDS, SDS

if TYPE_CHECKING:
    from google.protobuf.message import Message


@dataclass(frozen=True)
class Blob:
    """A resource.

    Attributes:
        version: changes whenever its bytes do.
        body: the message, serialized.
    """

    version: str
    body: bytes


def blob(message: Message) -> Blob:
    """A message as a resource: equal messages are equal resources."""
    body = message.SerializeToString(deterministic=True)
    return Blob(hashlib.blake2b(body, digest_size=8).hexdigest(), body)


Scope = tuple[object, ...]


def scope_of(proxy: Proxy) -> Scope:
    """What decides what a proxy is sent."""
    labels = tuple(sorted(proxy.labels.items()))
    return (
        proxy.type,
        proxy.namespace,
        proxy.domain,
        labels,
        proxy.addresses,
        proxy.locality,
        proxy.interception,
        proxy.dns_capture,
        proxy.trusted,
    )


@dataclass
class Scoped:
    """The resources of one scope.

    Attributes:
        mesh: at one moment.
        proxy: one of the scope.
        endpoints: those of the whole mesh, as far as somebody asked.
    """

    mesh: Mesh
    proxy: Proxy
    endpoints: dict[Choice, Blob]

    def all_of(self, type_url: str) -> Mapping[str, Blob]:
        """All resources of a type that is sent without being asked for by name."""
        if type_url == CDS.type_url:
            return self._clusters
        if type_url == NDS_TYPE_URL:
            return self._names
        return self._listeners if type_url == LDS.type_url else {}

    def named(self, type_url: str, name: str) -> Blob | None:
        """One resource; None: there is none of this name."""
        if type_url == EDS.type_url:
            return self._endpoints(name)
        if type_url == RDS.type_url:
            return self._route(name)
        if type_url == SDS.type_url:
            return self._secret(name)
        return self.all_of(type_url).get(name)

    @cached_property
    def _clusters(self) -> Mapping[str, Blob]:
        return {one.name: blob(one) for one in clusters(self.mesh, self.proxy)}

    @cached_property
    def _listeners(self) -> Mapping[str, Blob]:
        return {one.name: blob(one) for one in listeners(self.mesh, self.proxy)}

    @cached_property
    def _scope(self) -> SidecarScope:
        return sidecar_scope(self.mesh, self.proxy)

    @cached_property
    def _names(self) -> Mapping[str, Blob]:
        """One table, which needs no name."""
        return {"": blob(name_table(self.mesh, self.proxy, self._scope))}

    @cached_property
    def _tables(self) -> Tables | GatewayTables:
        return tables_of(self.mesh, self.proxy)

    @cached_property
    def _routes(self) -> dict[str, Blob]:
        return {}

    def _route(self, name: str) -> Blob | None:
        if self.proxy.type is ProxyType.SIDECAR and not is_table(name):
            return None
        if name not in self._routes:
            self._routes[name] = blob(self._tables.table(name))
        return self._routes[name]

    @cached_property
    def _secrets(self) -> Secrets:
        return Secrets(self.mesh, self.proxy)

    def _secret(self, name: str) -> Blob | None:
        found = self._secrets.secret(name)
        return blob(found) if found is not None else None

    def _endpoints(self, name: str) -> Blob | None:
        choice = choice_of(self.mesh, self.proxy, self._scope.services, name)
        if choice is None:
            return None
        if choice not in self.endpoints:
            self.endpoints[choice] = blob(assignment_of(self.mesh, choice))
        return self.endpoints[choice]


@dataclass
class Generated:
    """What the proxies of a mesh are sent, at one moment.

    Attributes:
        mesh: at this moment.
        on_new: is told of each scope that is generated.
    """

    mesh: Mesh
    on_new: Callable[[Scope], None] | None = None
    _scopes: dict[Scope, Scoped] = field(default_factory=dict)
    _endpoints: dict[Choice, Blob] = field(default_factory=dict)

    def of(self, proxy: Proxy) -> Scoped:
        """The resources of a proxy."""
        scope = scope_of(proxy)
        if scope not in self._scopes:
            self._scopes[scope] = Scoped(self.mesh, proxy, self._endpoints)
            if self.on_new is not None:
                self.on_new(scope)
        return self._scopes[scope]
