"""The resources of proxies at one moment; those that proxies share are made once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace

from lateen.control.mesh import Mesh
from lateen.control.model.proxy import Proxy
from lateen.control.push.assignments import Assignments, Chosen
from lateen.control.push.blob import Blob
from lateen.control.push.cells import Cells, ScopeCells
from lateen.control.push.lookups import PROXY
from lateen.control.push.parts import NAMED, WHOLE, Inbound, Names, Outbound
from lateen.control.push.scopes import ProxyScopes, Scope, Scopes
from lateen.control.push.whole import Blobs, Whole
from lateen.control.resources.kubernetes.endpoints import Endpoints, EndpointSlice
from lateen.control.resources.kubernetes.pod import Pod
from lateen.control.resources.workload_entry import WorkloadEntry
from lateen.control.translate.reuse import Inputs
from lateen.xds.resource_types import CDS, EDS, LDS, NDS_TYPE_URL

#: What is looked up in a mesh that endpoints are part of, and nothing else that moves with them.
_OF_ENDPOINTS = {
    "endpoints",
    "serving",
    *(("of", kind) for kind in (EndpointSlice, Endpoints, Pod, WorkloadEntry)),
}


@dataclass(frozen=True)
class Scoped:
    """The resources of one proxy."""

    outbound: Outbound
    inbound: Inbound
    chosen: Chosen

    def all_of(self, type_url: str) -> Blobs:
        """All resources of a type that is sent without being asked for by name."""
        return {name: one for whole in self._whole(type_url) for name, one in whole.by_name.items()}

    def _whole(self, type_url: str) -> Sequence[Whole]:
        """What the type's resources are made up of; of one name the last counts."""
        if type_url == CDS.type_url:
            return (self.inbound.clusters, self.outbound.clusters)
        if type_url == LDS.type_url:
            return (self.inbound.listeners, self.outbound.listeners)
        return (self.outbound.names,) if type_url == NDS_TYPE_URL else ()

    def _is_named(self, type_url: str) -> bool:
        """Whether the type's resources are made one by one."""
        proxyless = self.outbound.inputs.proxy.proxyless
        return type_url in NAMED or (proxyless and type_url in (CDS.type_url, LDS.type_url))

    def prepare(self, type_url: str, names: Iterable[str]) -> None:
        """Make what takes long, so that it is there when it is looked up."""
        if type_url in WHOLE and not self._is_named(type_url):
            self.all_of(type_url)
        else:
            for name in names:
                self.named(type_url, name)

    def has(self, type_url: str, names: Iterable[str]) -> bool:
        """Whether what may be looked up of a type need not be made."""
        if type_url == EDS.type_url:
            return all(map(self.chosen.has, names))
        if self._is_named(type_url):
            return all(self.outbound.has(type_url, name) for name in names)
        return all(whole.is_made for whole in self._whole(type_url))

    def named(self, type_url: str, name: str) -> Blob | None:
        """One resource; None: there is none of this name."""
        if type_url == EDS.type_url:
            return self.chosen.of(name)
        if self._is_named(type_url):
            return self.outbound.get(type_url, name)
        found = (whole.by_name.get(name) for whole in reversed(self._whole(type_url)))
        return next((one for one in found if one is not None), None)


@dataclass(frozen=True)
class Changed:
    """What a change of the mesh may have changed for proxies, by their scopes; None: anything."""

    outbound: Mapping[Scope, Names | None] = field(default_factory=dict)
    inbound: Mapping[Scope, Names] = field(default_factory=dict)
    chosen: Mapping[Scope, Set[str]] = field(default_factory=dict)

    def of(self, scopes: ProxyScopes) -> Names | None:
        """The names for a proxy of these scopes; None: anything, as where they are new."""
        out, in_ = self.outbound.get(scopes.outbound), self.inbound.get(scopes.inbound)
        chosen = self.chosen.get(scopes.endpoints)
        if out is None or in_ is None or chosen is None:
            return None
        both = {kind: out.get(kind, frozenset()) | in_.get(kind, frozenset()) for kind in WHOLE}
        return {**out, **both, EDS.type_url: chosen}


@dataclass
class Generated:
    """What the proxies of a mesh are sent, at one moment.

    Attributes:
        mesh: at this moment.
        cells: parts that are known.
        endpoints_moved: endpoints are not those with which all parts were made.
    """

    mesh: Mesh
    cells: Cells = field(default_factory=Cells)
    endpoints_moved: bool = False
    _outbound: dict[Scope, Outbound] = field(default_factory=dict)
    _inbound: dict[Scope, Inbound] = field(default_factory=dict)
    _chosen: dict[Scope, Chosen] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.assignments = Assignments(self.mesh)
        self.scopes = Scopes(self.mesh)

    def find(self, scopes: ProxyScopes) -> Scoped | None:
        """The resources of proxies of these scopes; None: nobody has asked yet."""
        outbound = self._outbound.get(scopes.outbound)
        inbound = self._inbound.get(scopes.inbound)
        chosen = self._chosen.get(scopes.endpoints)
        if outbound is None or inbound is None or chosen is None:
            return None
        return Scoped(outbound, inbound, chosen)

    def of(self, proxy: Proxy) -> Scoped:
        """The resources of a proxy."""
        scopes = self.scopes.of(proxy)
        if scopes.outbound not in self._outbound:
            inputs = Inputs.of(self.mesh, proxy)
            self._outbound[scopes.outbound] = Outbound.begin(inputs, self.cells)
        outbound = self._outbound[scopes.outbound]
        inputs = replace(outbound.inputs, proxy=proxy)
        if scopes.inbound not in self._inbound:
            self._inbound[scopes.inbound] = Inbound.begin(inputs, self.cells, scopes.inbound)
        if scopes.endpoints not in self._chosen:
            self._chosen[scopes.endpoints] = Chosen(
                inputs, ScopeCells(self.cells), self.assignments
            )
        return Scoped(outbound, self._inbound[scopes.inbound], self._chosen[scopes.endpoints])

    def prepared(self, proxy: Proxy, type_url: str, names: Iterable[str]) -> Scoped:
        """The resources of a proxy, with those of a type made that it may look up."""
        scoped = self.of(proxy)
        scoped.prepare(type_url, names)
        return scoped

    def after(self, mesh: Mesh, proxies: Iterable[Proxy]) -> tuple[Generated, Changed]:
        """What these proxies are sent of the next mesh, and what may not be the same."""
        later = Generated(mesh, self.cells)
        later.assignments, services = self.assignments.after(mesh)
        same = {PROXY, *mesh.unchanged} - (_OF_ENDPOINTS if self.endpoints_moved else set())
        outbound: dict[Scope, Names | None] = {}
        inbound: dict[Scope, Names] = {}
        chosen: dict[Scope, Set[str]] = {}
        for proxy in proxies:
            scopes, new = later.scopes.of(proxy), later.of(proxy)
            old = self.find(scopes)
            if old is None:
                continue
            if scopes.outbound not in outbound:
                made = old.outbound.after(new.outbound.inputs, same)
                later._outbound[scopes.outbound], outbound[scopes.outbound] = made
            if scopes.inbound not in inbound:
                made_in = old.inbound.after(new.inbound.clusters.inputs, same)
                later._inbound[scopes.inbound], inbound[scopes.inbound] = made_in
            if scopes.endpoints not in chosen:
                choice = old.chosen.after(new.chosen.inputs, later.assignments, services, same)
                later._chosen[scopes.endpoints], chosen[scopes.endpoints] = choice
        self.cells.drop_unused()
        return later, Changed(outbound, inbound, chosen)

    def with_endpoints(self, mesh: Mesh) -> tuple[Generated, Changed]:
        """The same for a mesh in which only endpoints differ, in nothing that decides otherwise."""
        later = Generated(mesh, self.cells, True, self._outbound, self._inbound)
        later.assignments, services = self.assignments.after(mesh)
        chosen: dict[Scope, Set[str]] = {}
        for scope, one in self._chosen.items():
            later._chosen[scope], chosen[scope] = one.at(later.assignments, services)
        nothing: Names = {}
        outbound = dict.fromkeys(self._outbound, nothing)
        return later, Changed(outbound, dict.fromkeys(self._inbound, nothing), chosen)
