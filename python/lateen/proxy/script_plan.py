"""What a configuration says of a Python filter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


class ScriptError(Exception):
    """A filter cannot be loaded; the message says why and where in it.

    Attributes:
        field: of the configuration, whose fault it is.
    """

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True)
class ScriptPlan:
    """Which filter, and its configuration.

    Attributes:
        module: its module, by its dotted name; empty: a file has it.
        file: the path of the file.
        name: of the function or class in it.
        config: JSON of an object.
        limit_ms: how long a call may take; 0: as long as it likes.
        given: the function or class itself, of who runs the proxy in their own process; None:
            a module or file has it.
    """

    module: str
    file: str
    name: str
    config: str = "{}"
    limit_ms: int = 1000
    given: Callable[..., object] | None = None

    @property
    def where(self) -> str:
        """Where the filter is, as messages say it."""
        return self.file or self.module or "this process"


def script_of(text: str) -> ScriptPlan:
    """The filter that `FILE:NAME` names.

    Raises:
        ValueError: it is no such text.
    """
    file, colon, name = text.rpartition(":")
    if not (colon and file and name.isidentifier()):
        raise ValueError(f"'{text}' is not FILE:NAME")
    return ScriptPlan("", file, name)


LoadScript = Callable[[ScriptPlan], int]
"""Loads a filter and gives its number in the workers, the same for the same plan.

Raises ScriptError."""


def load_nothing(plan: ScriptPlan) -> int:
    """Where no filter can be loaded.

    Raises:
        ScriptError: always.
    """
    raise ScriptError(f"nothing loads Python filters here ({plan.name})")
