"""What proxies of one scope are sent: for the calls of their applications, for those of others."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import (
    Mapping,
    Sequence,
    Set,
)
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import TYPE_CHECKING

from lateen.control.model.proxy import ProxyType
from lateen.control.model.service import Service
from lateen.control.push.blob import Blob, blob
from lateen.control.push.cells import Cells, ScopeCells
from lateen.control.push.lookups import CALLED, UNKNOWN
from lateen.control.push.scopes import Scope
from lateen.control.push.whole import (
    Make,
    Unchanged,
    Whole,
    differing,
    inbound_cluster_blobs,
    inbound_listener_blobs,
    name_blobs,
    nothing,
    outbound_cluster_blobs,
    outbound_listener_blobs,
)
from lateen.control.translate.gateways.tables import GatewayTables
from lateen.control.translate.proxyless import resource
from lateen.control.translate.reuse import Inputs
from lateen.control.translate.routes.build import tables_from
from lateen.control.translate.routes.tables import Tables, is_table
from lateen.control.translate.secrets import Secrets
from lateen.xds.resource_types import CDS, LDS, NDS_TYPE_URL, RDS, SDS

if TYPE_CHECKING:
    from google.protobuf.message import Message

#: Names that are remembered of a type: anybody can ask for any.
MOST_NAMED = 10_000
#: Types that are sent without being asked for by name, and types that are asked for.
WHOLE = frozenset((CDS.type_url, LDS.type_url, NDS_TYPE_URL))
NAMED = frozenset((RDS.type_url, SDS.type_url))
Names = Mapping[str, Set[str]]
"""Names of resources by the URL of their type."""


@dataclass
class Outbound:
    """What proxies of one outbound scope are sent for the calls of their applications.

    Attributes:
        inputs: of the translation, for one proxy of the scope.
        clusters: all.
        listeners: all.
        names: the table of names.
        cells: parts of tables of routes that are known.
    """

    inputs: Inputs
    clusters: Whole
    listeners: Whole
    names: Whole
    cells: ScopeCells
    _named: defaultdict[str, dict[str, Blob | None]] = field(
        default_factory=lambda: defaultdict(dict)
    )
    _forgot: bool = False

    @classmethod
    def begin(cls, inputs: Inputs, cells: Cells) -> Outbound:
        """Of a scope that nobody was of before."""
        of_clusters: Make = outbound_cluster_blobs
        of_listeners: Make = outbound_listener_blobs
        if inputs.proxy.proxyless:
            of_clusters = of_listeners = nothing
        clusters = Whole(inputs, ScopeCells(cells), of_clusters)
        listeners = Whole(inputs, ScopeCells(cells), of_listeners)
        names = Whole(inputs, ScopeCells(cells), name_blobs)
        return cls(inputs, clusters, listeners, names, ScopeCells(cells))

    @cached_property
    def _tables(self) -> Tables | GatewayTables:
        return tables_from(self.inputs, self.cells)

    @cached_property
    def _secrets(self) -> Secrets:
        return Secrets(self.inputs.mesh, self.inputs.proxy)

    def get(self, type_url: str, name: str) -> Blob | None:
        """What is asked for by name; None: there is none of this name."""
        named = self._named[type_url]
        if name not in named:
            if len(named) >= MOST_NAMED:
                named.clear()
                self._forgot = True
            found = self._message(type_url, name)
            named[name] = blob(name, found) if found is not None else None
        return named[name]

    def _message(self, type_url: str, name: str) -> Message | None:
        if type_url == SDS.type_url:
            return self._secrets.secret(name)
        if self.inputs.proxy.proxyless:
            return resource(type_url, name, self.inputs, self.cells)
        sidecar = self.inputs.proxy.type is ProxyType.SIDECAR
        return self._tables.table(name) if is_table(name) or not sidecar else None

    def has(self, type_url: str, name: str) -> bool:
        """Whether it need not be made."""
        return name in self._named.get(type_url, ())

    def after(self, inputs: Inputs, unchanged: Unchanged) -> tuple[Outbound, Names | None]:
        """Those of the next mesh, and what is not the same; None: that is not known."""
        if _called(inputs) == _called(self.inputs):
            unchanged = {*unchanged, CALLED}
        if inputs.scope.outbound == self.inputs.scope.outbound:
            unchanged = {*unchanged, UNKNOWN}
        clusters, changed_clusters = self.clusters.after(inputs, unchanged)
        listeners, changed_listeners = self.listeners.after(inputs, unchanged)
        names, changed_names = self.names.after(inputs, unchanged)
        later = Outbound(inputs, clusters, listeners, names, self.cells.after(unchanged))
        changed = {
            CDS.type_url: changed_clusters,
            LDS.type_url: changed_listeners,
            NDS_TYPE_URL: changed_names,
        }
        for type_url, named in self._named.items():
            made = {name: later.get(type_url, name) for name in named}
            changed[type_url] = differing(named, made)
        # What was forgotten may be what a proxy has.
        return later, None if self._forgot else changed


@dataclass
class Inbound:
    """What proxies of one inbound scope are sent for the calls of others.

    Attributes:
        clusters: all.
        listeners: all.
    """

    clusters: Whole
    listeners: Whole

    @classmethod
    def begin(cls, inputs: Inputs, cells: Cells, scope: Scope) -> Inbound:
        """Of a scope that nobody was of before."""
        of_clusters: Make = partial(inbound_cluster_blobs, scope)
        of_listeners: Make = partial(inbound_listener_blobs, scope)
        if inputs.proxy.proxyless:
            of_clusters = of_listeners = nothing
        clusters = Whole(inputs, ScopeCells(cells), of_clusters)
        return cls(clusters, Whole(inputs, ScopeCells(cells), of_listeners))

    def after(self, inputs: Inputs, unchanged: Unchanged) -> tuple[Inbound, Names]:
        """Those of the next mesh, and what is not the same."""
        clusters, changed_clusters = self.clusters.after(inputs, unchanged)
        listeners, changed_listeners = self.listeners.after(inputs, unchanged)
        changed = {CDS.type_url: changed_clusters, LDS.type_url: changed_listeners}
        return Inbound(clusters, listeners), changed


def _called(inputs: Inputs) -> Sequence[Mapping[str, Service]]:
    """The services that a proxy may call, by its listeners."""
    return [inputs.services, *(egress.services for egress in inputs.scope.egress)]
