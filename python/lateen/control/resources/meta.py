"""What every resource has, whichever kind it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

import msgspec

from lateen.control.documents import Document, Path, Position

Spec = TypeVar("Spec", covariant=True)


class Strict(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A message of Istio's: a field that it does not have is a mistake."""


class Lenient(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A message of Kubernetes', of which only the fields that matter here are named."""


class Key(NamedTuple):
    """Which resource: no two of a mesh have the same.

    Attributes:
        kind: such as `VirtualService`.
        namespace: empty for kinds that have none.
        name: unique within kind and namespace.
    """

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        place = f"{self.namespace}/{self.name}" if self.namespace else self.name
        return f"{self.kind} {place}"


@dataclass(frozen=True)
class Resource(Generic[Spec]):
    """A resource that was read and found valid.

    Attributes:
        key: which one.
        labels: of its metadata.
        annotations: of its metadata.
        spec: what it says, a value of its kind's type.
        created: `creationTimestamp` in seconds since 1970, or 0: where two contradict, the
            oldest wins.
        version: changes whenever the resource does.
        source: where it is written.
    """

    key: Key
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    spec: Spec
    created: float
    version: str
    source: Document

    @property
    def name(self) -> str:
        """Its name."""
        return self.key.name

    @property
    def namespace(self) -> str:
        """Its namespace."""
        return self.key.namespace

    def position(self, path: Path = ()) -> Position:
        """Line and column of a field of the document."""
        return self.source.position(path)
