"""What is decided on the way of a call, why, and why the alternatives were not taken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Lost:
    """An alternative that was not taken.

    Attributes:
        name: of the listener, chain, route...
        why: what it wants that the call is not.
        resource: as that of a step.
    """

    name: str
    why: str
    resource: str = ""


@dataclass(frozen=True)
class Step:
    """One decision.

    Attributes:
        kind: of what was chosen, such as `route`.
        name: of what was chosen.
        why: what decided.
        lost: the alternatives, in their order.
        resource: `/apis/GROUP/VERSION/namespaces/NAMESPACE/KIND/NAME` of what it was made of, as
            the configuration tells; empty: it tells nothing.
    """

    kind: str
    name: str
    why: str = ""
    lost: Sequence[Lost] = ()
    resource: str = ""


@dataclass
class Path:
    """The way of a call through one proxy.

    Attributes:
        steps: in their order.
        end: how it ends there: the endpoint, an answer, or a refusal.
        refused: whether it ends without reaching an endpoint.
        status: of the answer, when the proxy gives one itself.
    """

    steps: list[Step] = field(default_factory=list)
    end: str = ""
    refused: bool = False
    status: int = 0

    def add(self, step: Step) -> None:
        """A further decision."""
        self.steps.append(step)

    def refuse(self, why: str, status: int = 0) -> None:
        """The call ends here; status 0: the connection is closed."""
        self.end, self.refused, self.status = why, True, status

    def named(self, kind: str) -> str:
        """What was chosen of a kind; empty: nothing was."""
        return next((step.name for step in self.steps if step.kind == kind), "")
