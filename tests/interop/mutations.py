"""Breaks good configurations at random, the same way for the same seed.

A mutation is applied to the configuration's tree: a field is removed, misspelt, doubled, or its
value replaced by one of another kind or out of range.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import yaml

SEEDS = Path(__file__).parent / "seeds"

Place = tuple[str | int, ...]
Tree = object

_VALUES: tuple[Tree, ...] = (
    *(None, "", "x", "5", "-1", "0.5", "1s", "-1s", "*", "a\nb", "(", "%", "%NO_SUCH%", "/"),
    *(0, 1, -1, 5, 600, 70000, 2**31, 2**32, 2**63),
    *(True, False, [], {}, [None], [[]], {"value": 5}, {"seconds": 1}, {"no_such_field": 1}),
    *("127.0.0.1", "::1", "no.such.name", "10.0.0.0/8", "type.googleapis.com/no.such.Type"),
)


def seeds() -> dict[str, Tree]:
    """The good configurations by name."""
    return {path.stem: yaml.safe_load(path.read_text()) for path in sorted(SEEDS.glob("*.yaml"))}


def mutations(count: int, seed: int) -> Iterator[tuple[str, str]]:
    """`count` mutated configurations as YAML, each with what was done to it."""
    chooser = random.Random(seed)
    good = seeds()
    names = sorted(good)
    for number in range(count):
        name = names[number % len(names)]
        tree = copy.deepcopy(good[name])
        done, place = change(tree, chooser)
        where = ".".join(str(step) for step in place)
        yield f"{name}: {done} {where}", yaml.safe_dump(tree, sort_keys=False)


def change(tree: Tree, chooser: random.Random) -> tuple[str, Place]:
    """Does something to a tree; what, and where."""
    place = chooser.choice(list(_places(tree)))
    operation = chooser.choice(_OPERATIONS)
    return operation(tree, place, chooser), place


def _places(tree: Tree, here: Place = ()) -> Iterator[Place]:
    if here:
        yield here
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield from _places(value, (*here, key))
    elif isinstance(tree, list):
        for index, value in enumerate(tree):
            yield from _places(value, (*here, index))


def _around(tree: Tree, place: Place) -> Tree:
    for step in place[:-1]:
        tree = tree[step]  # type: ignore[index]
    return tree


def _remove(tree: Tree, place: Place, chooser: random.Random) -> str:
    del _around(tree, place)[place[-1]]  # type: ignore[attr-defined]
    return "remove"


def _misspell(tree: Tree, place: Place, chooser: random.Random) -> str:
    around, key = _around(tree, place), place[-1]
    if not isinstance(around, dict) or not isinstance(key, str):
        return _remove(tree, place, chooser)
    at = chooser.randrange(len(key))
    around[key[:at] + chooser.choice("xyz_A") + key[at + 1 :]] = around.pop(key)
    return "misspell"


def _replace(tree: Tree, place: Place, chooser: random.Random) -> str:
    value = copy.deepcopy(chooser.choice(_VALUES))
    _around(tree, place)[place[-1]] = value  # type: ignore[index]
    return f"replace with {value!r}"


def _wrap(tree: Tree, place: Place, chooser: random.Random) -> str:
    around, key = _around(tree, place), place[-1]
    around[key] = [around[key]]  # type: ignore[index]
    return "wrap in a list"


def _unwrap(tree: Tree, place: Place, chooser: random.Random) -> str:
    around, key = _around(tree, place), place[-1]
    value = around[key]  # type: ignore[index]
    if not isinstance(value, list) or not value:
        return _replace(tree, place, chooser)
    around[key] = value[0]  # type: ignore[index]
    return "unwrap"


def _double(tree: Tree, place: Place, chooser: random.Random) -> str:
    around, key = _around(tree, place), place[-1]
    if isinstance(around, list) and isinstance(key, int):
        around.insert(key, copy.deepcopy(around[key]))
        return "double"
    return _replace(tree, place, chooser)


def _change_text(tree: Tree, place: Place, chooser: random.Random) -> str:
    around, key = _around(tree, place), place[-1]
    value = around[key]  # type: ignore[index]
    if not isinstance(value, str) or not value:
        return _replace(tree, place, chooser)
    changed = chooser.choice((value.lower(), value.upper(), value + "x", value[:-1], f" {value}"))
    around[key] = changed  # type: ignore[index]
    return f"change to {changed!r}"


_OPERATIONS: tuple[Callable[[Tree, Place, random.Random], str], ...] = (
    *(_remove, _misspell, _replace, _replace, _wrap, _unwrap, _double, _change_text),
)
