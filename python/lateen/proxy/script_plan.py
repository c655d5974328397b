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
    """

    module: str
    file: str
    name: str
    config: str = "{}"
    limit_ms: int = 1000


LoadScript = Callable[[ScriptPlan], int]
"""Loads a filter and gives its number in the workers, the same for the same plan.

Raises ScriptError."""


def load_nothing(plan: ScriptPlan) -> int:
    """Where no filter can be loaded.

    Raises:
        ScriptError: always.
    """
    raise ScriptError(f"nothing loads Python filters here ({plan.name})")
