"""Parts of a translation that need not be made again while all that they look at is the same.

A translator names a part and makes it from its inputs alone. Whoever asks for the translation may
keep parts and note what each looked up (`push/cells.py`); offline every part is made afresh.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeVar

from lateen.control.mesh import Mesh
from lateen.control.model.proxy import Proxy
from lateen.control.model.service import Service
from lateen.control.translate.scope.sidecar import SidecarScope, sidecar_scope

Part = TypeVar("Part")


@dataclass(frozen=True)
class Inputs:
    """All that a part may look at.

    Attributes:
        mesh: at this moment.
        proxy: whom it is for.
        scope: what the proxy knows of the mesh.
        services: those that it may call, by host.
    """

    mesh: Mesh
    proxy: Proxy
    scope: SidecarScope
    services: Mapping[str, Service]

    @classmethod
    def of(cls, mesh: Mesh, proxy: Proxy) -> Inputs:
        """For one proxy."""
        scope = sidecar_scope(mesh, proxy)
        return cls(mesh, proxy, scope, scope.services)


class Reuse(Protocol):
    """Gives a part that may have been made before."""

    def __call__(self, key: Hashable, inputs: Inputs, make: Callable[[Inputs], Part], /) -> Part:
        """The part.

        Args:
            key: names the part among those of all translators; `make` depends on nothing else.
            inputs: what it is made from.
            make: makes it.
        """


def afresh(key: Hashable, inputs: Inputs, make: Callable[[Inputs], Part], /) -> Part:
    """Every part is made when it is asked for."""
    return make(inputs)
