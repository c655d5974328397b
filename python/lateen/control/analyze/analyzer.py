"""What an analyzer is."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from lateen.control.analyze.message import Message
from lateen.control.analyze.snapshot import Snapshot


@dataclass(frozen=True)
class Analyzer:
    """Finds one kind of mistake.

    Attributes:
        name: istioctl's.
        description: what it looks for.
        run: yields what it finds.
        type_name: of Istio's type that does the same, where that is not `name`.
    """

    name: str
    description: str
    run: Callable[[Snapshot], Iterable[Message]]
    type_name: str = ""

    def is_called(self, name: str) -> bool:
        """Whether it is the one that a user names."""
        return name in (self.name, self.type_name)
