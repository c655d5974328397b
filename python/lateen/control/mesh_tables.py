"""Tables of a mesh that the next mesh takes over where they are the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from lateen.control.destination_rules import DestinationRules
from lateen.control.model.service import Service
from lateen.control.registry.table import Table
from lateen.control.resources.destination_rule import DestinationRule
from lateen.control.resources.meta import Resource
from lateen.control.resources.virtual_service import VirtualService

ByType = Mapping[type[object], Sequence[Resource[object]]]
Bound = Mapping[str, Sequence[Resource[VirtualService]]]
Caller = tuple[str, str, str, tuple[str | None, ...]]


@dataclass(frozen=True)
class KnownRules:
    """The destination rules, with those that were looked up.

    Attributes:
        rules: all.
        labels: of callers, that decide.
        known: by host and namespace of the service, namespace and labels of the caller.
    """

    rules: DestinationRules
    labels: Sequence[str] = ()
    known: dict[Caller, Resource[DestinationRule] | None] = field(default_factory=dict)

    def of(
        self, service: Service, namespace: str, labels: Mapping[str, str]
    ) -> Resource[DestinationRule] | None:
        """The rule of a service for callers with `labels` in a namespace."""
        decisive = tuple(labels.get(name) for name in self.labels)
        place = (service.host, service.namespace, namespace, decisive)
        if place not in self.known:
            self.known[place] = self.rules.of(service, namespace, labels)
        return self.known[place]


@dataclass(frozen=True)
class Kept:
    """What is taken over."""

    by_type: ByType = field(default_factory=dict)
    table: Table = field(default_factory=Table)
    keys: Mapping[str, Sequence[str]] = field(default_factory=dict)
    visible: dict[str, list[Service]] = field(default_factory=dict)
    rules: KnownRules | None = None
    bound: Bound = field(default_factory=dict)


def same_or(
    new: Sequence[Resource[object]], old: Sequence[Resource[object]]
) -> Sequence[Resource[object]]:
    """The old resources where the new ones are the very same."""
    same = len(new) == len(old) and all(a is b for a, b in zip(new, old, strict=True))
    return old if same else new
