"""What checks know beside the message they look at, and where they report."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lateen.config.paths import Place
from lateen.config.plan import Violation
from lateen.protos import TypeRegistry

if TYPE_CHECKING:
    from envoy.config.bootstrap.v3.bootstrap_pb2 import Bootstrap


@dataclass
class CheckContext:
    """The inputs of every check.

    Attributes:
        types: Envoy's messages.
        bootstrap: the whole configuration.
        strict: what is hardly meant is an error instead of a warning.
        found: what was reported.
    """

    types: TypeRegistry
    bootstrap: Bootstrap
    strict: bool
    found: list[Violation] = field(default_factory=list)

    @functools.cached_property
    def cluster_names(self) -> frozenset[str]:
        """The names of the static clusters."""
        return frozenset(cluster.name for cluster in self.bootstrap.static_resources.clusters)

    def error(self, place: Place, message: str, hint: str = "") -> None:
        """Report what Envoy refuses."""
        self.found.append(Violation(place, message, hint))

    def doubt(self, place: Place, message: str, hint: str = "") -> None:
        """Report what is valid but hardly meant: an error only when strict."""
        self.found.append(Violation(place, message, hint, warning=not self.strict))


# Checks one message of a type, which is at a place. The message's type is that of the registry.
MessageCheck = Callable[..., None]
