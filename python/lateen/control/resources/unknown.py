"""What msgspec does not tell of a manifest.

That is every unknown field, entries that are null, and which value of a map does not fit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, TypeGuard, Union, get_args, get_origin

import msgspec

from lateen.config.diagnostics import nearest
from lateen.config.syntax import Tree
from lateen.control.documents import Path


def unknown_fields(tree: Tree, wanted: object) -> Iterator[tuple[Path, str]]:
    """The path of each unknown field and a hint that names the nearest known one.

    Args:
        tree: what is written.
        wanted: the type that it is to become.
    """
    for path, mapping, kind in _mappings(tree, wanted):
        if _is_message(kind) and kind.__struct_config__.forbid_unknown_fields:
            known = _fields(kind)
            for name in (name for name in mapping if name not in known):
                yield (*path, name), nearest(name, known)


def null_entries(tree: Tree, wanted: object) -> Iterator[Path]:
    """The path of each entry of a map of messages that is null, which is no message.

    Args:
        tree: what is written.
        wanted: the type that it is to become.
    """
    for path, mapping, kind in _mappings(tree, wanted):
        if get_origin(kind) is dict and _is_message(get_args(kind)[1]):
            yield from ((*path, name) for name, value in mapping.items() if value is None)


def misfit(tree: Tree, wanted: object, fits: Callable[[Tree, object], bool], at: Path = ()) -> Path:
    """The path of the innermost value that does not fit, of one that does not.

    Args:
        tree: what is written.
        wanted: the type that it does not fit.
        fits: whether a value fits a type.
        at: the path so far.
    """
    for step, value, kind in _parts(tree, wanted):
        if not fits(value, kind):
            return misfit(value, kind, fits, (*at, step))
    return at


def _mappings(
    tree: Tree, wanted: object, at: Path = ()
) -> Iterator[tuple[Path, dict[str, Tree], object]]:
    """Every mapping of a tree with its path and the type that it is to become."""
    if isinstance(tree, dict):
        yield at, tree, _without_none(wanted)
    for step, value, kind in _parts(tree, wanted):
        yield from _mappings(value, kind, (*at, step))


def _parts(tree: Tree, wanted: object) -> Iterator[tuple[str | int, Tree, object]]:
    """The steps to what a value is made of, with the type that each is to become."""
    wanted = _without_none(wanted)
    if isinstance(tree, list):
        item = get_args(wanted)[0] if get_origin(wanted) is tuple else object
        yield from ((index, value, item) for index, value in enumerate(tree))
    elif isinstance(tree, dict):
        yield from ((name, value, _type_within(wanted, name)) for name, value in tree.items())


def _type_within(wanted: object, name: str) -> object:
    if get_origin(wanted) is dict:
        return get_args(wanted)[1]
    return _fields(wanted).get(name, object) if _is_message(wanted) else object


def _is_message(wanted: object) -> TypeGuard[type[msgspec.Struct]]:
    return isinstance(wanted, type) and issubclass(wanted, msgspec.Struct)


@cache
def _fields(struct: type[msgspec.Struct]) -> dict[str, object]:
    return {one.encode_name: one.type for one in msgspec.structs.fields(struct)}


def _without_none(wanted: object) -> object:
    if get_origin(wanted) is Annotated:
        return _without_none(get_args(wanted)[0])
    if get_origin(wanted) in (Union, UnionType):
        left = [one for one in get_args(wanted) if one is not NoneType]
        return left[0] if len(left) == 1 else object
    return wanted
