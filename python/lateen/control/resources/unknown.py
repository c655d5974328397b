"""Fields of a manifest that its kind does not have: all of them, where msgspec tells the first."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Union, get_args, get_origin

import msgspec

from lateen.config.diagnostics import nearest
from lateen.config.syntax import Tree
from lateen.control.documents import Path


def unknown_fields(tree: Tree, wanted: object, at: Path = ()) -> Iterator[tuple[Path, str]]:
    """The path of each unknown field and a hint that names the nearest known one.

    Args:
        tree: what is written.
        wanted: the type that it is to become.
        at: the path so far.
    """
    wanted = _without_none(wanted)
    if isinstance(tree, list):
        item = next(iter(get_args(wanted)), object)
        for index, value in enumerate(tree):
            yield from unknown_fields(value, item, (*at, index))
    elif isinstance(tree, dict) and get_origin(wanted) is dict:
        for name, value in tree.items():
            yield from unknown_fields(value, get_args(wanted)[1], (*at, name))
    elif isinstance(tree, dict) and isinstance(wanted, type) and issubclass(wanted, msgspec.Struct):
        known = _fields(wanted)
        for name, value in tree.items():
            if name in known:
                yield from unknown_fields(value, known[name], (*at, name))
            elif wanted.__struct_config__.forbid_unknown_fields:
                yield (*at, name), nearest(name, known)


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
