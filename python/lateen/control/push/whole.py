"""All resources of a type that proxies of one scope are sent without asking for them by name."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING

from lateen.control.push.blob import Blob, blob
from lateen.control.push.cells import ScopeCells
from lateen.control.push.scopes import Scope
from lateen.control.translate.clusters.build import (
    clusters_of_service,
    inbound_clusters,
    unknown_clusters,
)
from lateen.control.translate.listeners.build import inbound_listeners, outbound_listeners
from lateen.control.translate.name_table import name_table
from lateen.control.translate.reuse import Inputs
from lateen.xds.resource_types import NDS_TYPE_URL

if TYPE_CHECKING:
    from envoy.config.cluster.v3.cluster_pb2 import Cluster
    from envoy.config.listener.v3.listener_pb2 import Listener

Blobs = Mapping[str, Blob]
Make = Callable[[Inputs, ScopeCells], Iterable[Blob]]
Unchanged = Collection[Hashable]
"""What is looked up with the same results as in the mesh before (`Lookup.about`)."""


@dataclass
class Whole:
    """All resources of a type, which are sent without being asked for by name.

    Attributes:
        inputs: of the translation, for one proxy of the scope.
        cells: parts that are known.
        make: makes the resources.
        kept: of the mesh before; None: they are to be made.
    """

    inputs: Inputs
    cells: ScopeCells
    make: Make
    kept: Blobs | None = None

    @cached_property
    def by_name(self) -> Blobs:
        """The resources."""
        if self.kept is not None:
            return self.kept
        return {one.name: one for one in self.make(self.inputs, self.cells)}

    @property
    def is_made(self) -> bool:
        """Whether they need not be made."""
        return "by_name" in vars(self) or self.kept is not None

    def after(self, inputs: Inputs, unchanged: Unchanged) -> tuple[Whole, Set[str]]:
        """Those of the next mesh, and the names of what is not the same."""
        if self.cells.hold(unchanged):
            return Whole(inputs, self.cells, self.make, self.by_name), frozenset()
        later = Whole(inputs, self.cells.after(unchanged), self.make)
        return later, differing(self.by_name, later.by_name)


def nothing(inputs: Inputs, cells: ScopeCells) -> Iterable[Blob]:
    """What is asked for by name is not sent as a whole."""
    return ()


def outbound_cluster_blobs(inputs: Inputs, cells: ScopeCells) -> Iterator[Blob]:
    """The clusters of all that a proxy may call; of one name the first service's counts."""
    yield from cells(("unknown clusters",), inputs, _unknown)
    for host in inputs.services:
        yield from cells(("clusters", host), inputs, partial(_of_service, host))


def outbound_listener_blobs(inputs: Inputs, cells: ScopeCells) -> Iterable[Blob]:
    """The listeners of what the application sends."""
    return cells(("outbound listeners",), inputs, _outbound_listeners)


def name_blobs(inputs: Inputs, cells: ScopeCells) -> Iterable[Blob]:
    """The names that the workload's agent answers for."""
    return cells(("names",), inputs, _names)


def inbound_cluster_blobs(scope: Scope, inputs: Inputs, cells: ScopeCells) -> Iterable[Blob]:
    """The clusters of the application itself."""
    return cells(("inbound clusters", scope), inputs, _inbound_clusters)


def inbound_listener_blobs(scope: Scope, inputs: Inputs, cells: ScopeCells) -> Iterable[Blob]:
    """The listeners of what the application is sent."""
    return cells(("inbound listeners", scope), inputs, _inbound_listeners)


def differing(one: Mapping[str, Blob | None], other: Mapping[str, Blob | None]) -> Set[str]:
    """The names that are not the same resource in both."""
    names = one.keys() | other.keys()
    apart = (name for name in names if one.get(name) is not other.get(name))
    return {name for name in apart if _version(one.get(name)) != _version(other.get(name))}


def _version(resource: Blob | None) -> str:
    return resource.version if resource is not None else ""


def _of_service(host: str, inputs: Inputs) -> tuple[Blob, ...]:
    return _clusters(clusters_of_service(host, inputs))


def _unknown(inputs: Inputs) -> tuple[Blob, ...]:
    return _clusters(unknown_clusters(inputs))


def _names(inputs: Inputs) -> tuple[Blob, ...]:
    """One table, which needs no name."""
    made = name_table(inputs.mesh, inputs.proxy, inputs.scope)
    return (blob("", made, NDS_TYPE_URL),)


def _inbound_clusters(inputs: Inputs) -> tuple[Blob, ...]:
    return _clusters(inbound_clusters(inputs))


def _outbound_listeners(inputs: Inputs) -> tuple[Blob, ...]:
    return _listeners(outbound_listeners(inputs))


def _inbound_listeners(inputs: Inputs) -> tuple[Blob, ...]:
    return _listeners(inbound_listeners(inputs))


def _clusters(made: Iterable[Cluster]) -> tuple[Blob, ...]:
    return tuple(blob(one.name, one) for one in made)


def _listeners(made: Iterable[Listener]) -> tuple[Blob, ...]:
    return tuple(blob(one.name, one) for one in made)
