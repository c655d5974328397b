"""A field of a manifest while it is checked: its value's place, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

from lateen.config.syntax import Tree
from lateen.control.documents import Path
from lateen.control.resources.report import Report

Key = TypeVar("Key", str, int)
Value = TypeVar("Value")


@dataclass(frozen=True)
class Field:
    """Where a check is in a manifest.

    Attributes:
        report: where problems are noted.
        path: from the manifest's root.
    """

    report: Report
    path: Path

    def __truediv__(self, step: str | int) -> Field:
        """The field or item one step down."""
        return Field(self.report, (*self.path, step))

    def each(self, values: Iterable[Value]) -> Iterator[tuple[Field, Value]]:
        """The items of a list with their places."""
        for index, value in enumerate(values):
            yield self / index, value

    def entries(self, values: Mapping[Key, Value]) -> Iterator[tuple[Field, Key, Value]]:
        """The entries of a map with their places."""
        for key, value in values.items():
            yield self / str(key), key, value

    @property
    def written(self) -> bool:
        """Whether the manifest sets the field, be it to something empty."""
        tree: Tree = self.report.source.tree
        for step in self.path:
            tree = _child(tree, step)
        return tree is not None

    def at_most_one(self, *names: str) -> None:
        """Note it when several of these fields are set."""
        found = [name for name in names if (self / name).written]
        if len(found) > 1:
            self.error(f"{' and '.join(found)} cannot be set together", "keep one of them")

    def error(self, message: str, hint: str = "") -> None:
        """Note what refuses the resource."""
        self.report.error(self.path, message, hint)

    def warn(self, message: str, hint: str = "") -> None:
        """Note what is hardly meant."""
        self.report.warn(self.path, message, hint)


def _child(tree: Tree, step: str | int) -> Tree:
    if isinstance(tree, list):
        return tree[step] if isinstance(step, int) and step < len(tree) else None
    return tree.get(str(step)) if isinstance(tree, dict) else None
