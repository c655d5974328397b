"""Which Telemetry resources are about a proxy.

Source: Istio, "Telemetry" reference, "Hierarchy of Telemetry Configuration".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal, Protocol, TypeVar

from lateen.control.mesh import Mesh
from lateen.control.model.proxy import Proxy
from lateen.control.resources.meta import Resource
from lateen.control.resources.selectors import selects
from lateen.control.resources.telemetry import ProviderRef, Telemetry, Workload

Side = Literal["CLIENT", "SERVER"]
"""Whose traffic a listener carries: what the workload calls, or what it is called with."""


class Selector(Protocol):
    """What tells a side."""

    @property
    def mode(self) -> Workload:
        """The side, or both."""


Entry = TypeVar("Entry")


def applicable(mesh: Mesh, proxy: Proxy) -> Iterator[Telemetry]:
    """The mesh's, the namespace's, the workload's: what comes later says more.

    On each level the oldest counts alone.
    """
    for namespace in dict.fromkeys((mesh.config.root_namespace, proxy.namespace)):
        for resource in mesh.of(Telemetry):
            if resource.namespace == namespace and not _labels(resource):
                yield resource.spec
                break
    for resource in mesh.of(Telemetry):
        labels = _labels(resource)
        if resource.namespace == proxy.namespace and labels and selects(labels, proxy.labels):
            yield resource.spec
            return


def _labels(resource: Resource[Telemetry]) -> dict[str, str]:
    selector = resource.spec.selector
    return selector.match_labels if selector is not None else {}


def is_about(selector: Selector | None, side: Side) -> bool:
    """Whether an entry is about a side."""
    return selector is None or selector.mode in ("CLIENT_AND_SERVER", side)


def names(providers: Sequence[ProviderRef]) -> tuple[str, ...]:
    """The names of providers."""
    return tuple(one.name for one in providers)
