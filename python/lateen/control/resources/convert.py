"""Trees to values of the types that resources have; what does not fit is reported."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from lateen.config.syntax import Tree
from lateen.control.documents import Path
from lateen.control.resources.report import Report
from lateen.control.resources.scalars import decode
from lateen.control.resources.unknown import misfit, null_entries, unknown_fields

Value = TypeVar("Value")


def convert(tree: Tree, wanted: type[Value], at: Path, report: Report) -> Value | None:
    """The tree as a value; what does not fit is reported and gives None."""
    nulls = list(null_entries(tree, wanted))
    for path in nulls:
        report.error((*at, *path), f"{path[-1]!r} is null", "say what it is, or remove it")
    if nulls:
        return None
    tree = _without_nulls(tree)
    strangers = list(unknown_fields(tree, wanted))
    for path, hint in strangers:
        report.error((*at, *path), f"unknown field {path[-1]!r}", hint)
    if strangers:
        return None
    try:
        return msgspec.convert(tree, wanted, str_keys=True, dec_hook=decode)
    except msgspec.ValidationError as error:
        message = str(error).partition(" - at `")[0]
        report.error((*at, *misfit(tree, wanted, _fits)), message[:1].lower() + message[1:])
    return None


def _fits(tree: Tree, wanted: object) -> bool:
    if wanted is object:
        return True
    try:
        msgspec.convert(tree, wanted, str_keys=True, dec_hook=decode)
    except msgspec.ValidationError:
        return False
    return True


def _without_nulls(tree: Tree) -> Tree:
    """A field that is null is one that is not set."""
    if isinstance(tree, dict):
        return {name: _without_nulls(value) for name, value in tree.items() if value is not None}
    return [_without_nulls(item) for item in tree] if isinstance(tree, list) else tree
