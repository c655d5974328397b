"""What a part of a translation looked up, and whether it would find the same now."""

from __future__ import annotations

from collections.abc import Callable, Hashable, ItemsView, Iterator, Mapping, ValuesView
from dataclasses import dataclass
from typing import Protocol, TypeVar, cast

from lateen.control.mesh import Mesh
from lateen.control.model.proxy import Proxy
from lateen.control.translate.reuse import Inputs
from lateen.control.translate.scope.sidecar import Egress, SidecarScope

Key = TypeVar("Key")
Value = TypeVar("Value")
Path = tuple[str | int, ...]
"""How an input is reached: attributes, and places in lists."""

PROXY, CALLED = "the proxy", "the services that it may call"
UNKNOWN = "what becomes of calls of hosts that nobody knows"
_NOTHING = object()


class _Caller:
    """Stands for the proxy that a part is made for, among the arguments of a lookup."""


_CALLER = _Caller()


class Lookup(Protocol):
    """One lookup, with what it found."""

    @property
    def path(self) -> Path:
        """Of what was asked."""

    @property
    def key(self) -> Hashable:
        """Tells it from others."""

    @property
    def about(self) -> Hashable:
        """What it belongs to: as `Mesh.unchanged` names it, PROXY, CALLED,
        UNKNOWN, or None.
        """

    def holds(self, inputs: Inputs) -> bool:
        """Whether it finds the same now."""


@dataclass(frozen=True)
class _Attribute:
    """An attribute."""

    path: Path
    found: object

    @property
    def key(self) -> Hashable:
        return self.path

    @property
    def about(self) -> Hashable:
        return _about(self.path)

    def holds(self, inputs: Inputs) -> bool:
        value = _of(inputs, self.path)
        return value is self.found or bool(value == self.found)


@dataclass(frozen=True)
class _Item:
    """What a mapping has for a key."""

    path: Path
    item: object
    found: object

    @property
    def key(self) -> Hashable:
        return (*self.path, "[]", self.item)

    @property
    def about(self) -> Hashable:
        return _about(self.path)

    def holds(self, inputs: Inputs) -> bool:
        mapping = cast("Mapping[object, object]", _of(inputs, self.path))
        value = mapping.get(self.item, _NOTHING)
        return value is self.found or bool(value == self.found)


@dataclass(frozen=True)
class _Call:
    """What a method returned; one of its arguments may be the proxy."""

    path: Path
    arguments: tuple[object, ...]
    found: object

    @property
    def key(self) -> Hashable:
        # Values that are no names are kept by the lookup, so that an id is of one alone.
        which = (one if isinstance(one, str | type) else id(one) for one in self.arguments)
        return (*self.path, "()", *which)

    @property
    def about(self) -> Hashable:
        if self.path == ("mesh", "of"):
            return ("of", self.arguments[0])
        return _about(self.path)

    def holds(self, inputs: Inputs) -> bool:
        ask = cast("Callable[..., object]", _of(inputs, self.path))
        value = ask(*[inputs.proxy if one is _CALLER else one for one in self.arguments])
        return value is self.found or bool(value == self.found)


def _about(path: Path) -> Hashable:
    if path[0] == "mesh":
        return path[1]
    if path == ("scope", "outbound"):
        return UNKNOWN
    return PROXY if path[0] == "proxy" else CALLED if path[0] == "services" else None


def _of(inputs: Inputs, path: Path) -> object:
    value: object = inputs
    for step in path:
        if isinstance(step, str):
            value = getattr(value, step)
        else:
            items = cast("list[object]", value)
            value = items[step] if step < len(items) else _NOTHING
    return value


class Trace:
    """The lookups of one part, each once."""

    def __init__(self) -> None:
        self._lookups: dict[Hashable, Lookup] = {}

    def note(self, lookup: Lookup) -> None:
        """Take a lookup in."""
        self._lookups.setdefault(lookup.key, lookup)

    @property
    def lookups(self) -> tuple[Lookup, ...]:
        """All, in the order in which they were made."""
        return tuple(self._lookups.values())

    def noted(self, inputs: Inputs) -> Inputs:
        """The inputs, which note here what is looked up in them."""
        return Inputs(
            cast(Mesh, _Noted(inputs.mesh, ("mesh",), self)),
            cast(Proxy, _Noted(inputs.proxy, ("proxy",), self)),
            cast(SidecarScope, _Noted(inputs.scope, ("scope",), self)),
            _NotedMapping(inputs.services, ("services",), self),
        )


class _Noted:
    """An input that notes what is looked up in it."""

    def __init__(self, target: object, path: Path, trace: Trace) -> None:
        self._target = target
        self._path = path
        self._trace = trace

    def __getattr__(self, name: str) -> object:
        found = getattr(self._target, name)
        path = (*self._path, name)
        if isinstance(found, Mapping):
            return _NotedMapping(found, path, self._trace)
        if isinstance(found, list) and found and isinstance(found[0], Egress):
            return self._each(found, path)
        if not callable(found):
            self._trace.note(_Attribute(path, found))
            return found

        def ask(*arguments: object) -> object:
            noted = tuple(_CALLER if isinstance(one, _Noted) else one for one in arguments)
            given = (one._target if isinstance(one, _Noted) else one for one in arguments)
            result = found(*given)
            self._trace.note(_Call(path, noted, result))
            return result

        return ask

    def _each(self, found: list[Egress], path: Path) -> list[object]:
        """The items of a list, of which few have something that matters to a part."""
        count = _Call((*path, "__len__"), (), len(found))
        self._trace.note(count)
        return [_Noted(one, (*path, place), self._trace) for place, one in enumerate(found)]


class _NotedMapping(Mapping[Key, Value]):
    """A mapping that notes which keys are looked up, or that all are."""

    def __init__(self, target: Mapping[Key, Value], path: Path, trace: Trace) -> None:
        self._target = target
        self._path = path
        self._trace = trace

    def __getitem__(self, key: Key) -> Value:
        found = self._target.get(key, _NOTHING)
        self._trace.note(_Item(self._path, key, found))
        if found is _NOTHING:
            raise KeyError(key)
        return cast(Value, found)

    def __iter__(self) -> Iterator[Key]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())

    def values(self) -> ValuesView[Value]:
        return self._all().values()

    def items(self) -> ItemsView[Key, Value]:
        return self._all().items()

    def _all(self) -> Mapping[Key, Value]:
        self._trace.note(_Attribute(self._path, self._target))
        return self._target
