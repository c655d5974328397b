"""What is known of a kind of resource."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar, cast

from lateen.control.resources.field import Field
from lateen.control.resources.meta import Resource

Spec = TypeVar("Spec")


@dataclass(frozen=True)
class Kind:
    """One kind.

    Attributes:
        name: as manifests write it.
        group: the API group; empty for Kubernetes' core.
        versions: of the group, that are read; the first is the current one.
        spec: the type of what it says.
        check: notes what is wrong with a resource, whose value is at a field.
        field: where in the manifest the value is; empty: the manifest is the value.
        namespaced: whether its names are unique within a namespace only.
    """

    name: str
    group: str
    versions: tuple[str, ...]
    spec: type[object]
    check: Callable[[Resource[object], Field], None]
    field: str
    namespaced: bool

    @property
    def api_versions(self) -> tuple[str, ...]:
        """What `apiVersion` may be."""
        return tuple(f"{self.group}/{one}" if self.group else one for one in self.versions)


def kind(
    name: str,
    group: str,
    versions: tuple[str, ...],
    spec: type[Spec],
    check: Callable[[Resource[Spec], Field], None] | None = None,
    *,
    field: str = "spec",
    namespaced: bool = True,
) -> Kind:
    """A kind, whose check is given resources of its own type; None: its types say everything."""

    def checked(resource: Resource[object], at: Field) -> None:
        if check is not None and isinstance(resource.spec, spec):
            check(cast("Resource[Spec]", resource), at)

    return Kind(name, group, versions, spec, checked, field, namespaced)
