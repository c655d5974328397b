"""Who wants which resources of one type, found by the resource's name."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from typing import NamedTuple

from lateen.xds.names import XdstpName, normal_name
from lateen.xds.subscription import FetchFailure, Outcome, Resource, Update

_GLOB = "/*"


class Watch:
    """One subscriber's interest.

    Attributes:
        names: of the resources, in order; None for all.
        deliver: takes an update and says what became of it.
        fail: hears that nothing came, and why.
        check: says why no resource may be so, "" if it may; None: everything may.
    """

    __slots__ = ("check", "deliver", "fail", "names", "type_url")

    def __init__(
        self,
        type_url: str,
        deliver: Callable[[Update], Outcome],
        fail: Callable[[FetchFailure, str], None],
        check: Callable[[Resource], str] | None = None,
    ) -> None:
        self.check = check
        self.type_url = type_url
        self.names: tuple[str, ...] | None = ()
        self.deliver = deliver
        self.fail = fail


class Change(NamedTuple):
    """What a change of one watch means for all.

    Attributes:
        added: names that nobody wanted before.
        removed: names that nobody wants any more.
        joined: names that others wanted already: the server has to send them again.
    """

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    joined: tuple[str, ...] = ()


class Watches:
    """All watches of one type.

    Args:
        namespaces: whether a name `a/b` is of interest to who wants `a/` (virtual hosts).
    """

    def __init__(self, *, namespaces: bool = False) -> None:
        self._namespaces = namespaces
        self._all: dict[Watch, None] = {}
        self._wildcards: dict[Watch, None] = {}
        self._by_name: dict[str, tuple[Watch, ...]] = {}
        self._globs = 0

    def __iter__(self) -> Iterator[Watch]:
        return iter(tuple(self._all))

    def __len__(self) -> int:
        return len(self._all)

    @property
    def names(self) -> Collection[str]:
        """All names that are wanted, each once."""
        return self._by_name.keys()

    def is_namespace(self, name: str) -> bool:
        """Whether a name stands for those that begin with it; no server is told of it."""
        return self._namespaces and name.endswith("/")

    @property
    def wildcards(self) -> Collection[Watch]:
        """Who wants everything."""
        return self._wildcards.keys()

    @property
    def collectors(self) -> list[Watch]:
        """Who wants whatever there is, of all or below a name."""
        below = (self._by_name[name] for name in self._by_name if self.is_namespace(name))
        return [*self._wildcards, *(watch for watches in below for watch in watches)]

    def set(self, watch: Watch, names: Collection[str] | None) -> Change:
        """Adds a watch, or changes what one wants; None wants all."""
        before = dict.fromkeys(watch.names or ()) if watch in self._all else {}
        self._all[watch] = None
        if names is None:
            watch.names = None
            self._wildcards[watch] = None
        else:
            watch.names = tuple(dict.fromkeys(names))
            self._wildcards.pop(watch, None)
        after = dict.fromkeys(watch.names or ())
        removed = [name for name in before if name not in after and self._leave(watch, name)]
        new = [name for name in after if name not in before]
        added = [name for name in new if self._join(watch, name)]
        joined = [name for name in new if name not in added] if len(added) < len(new) else ()
        return Change(tuple(added), tuple(removed), tuple(joined))

    def discard(self, watch: Watch) -> Change:
        """Takes a watch away."""
        if watch not in self._all:
            return Change()
        change = self.set(watch, ())
        del self._all[watch]
        return change

    def wants(self, name: str) -> bool:
        """Whether anybody wants this resource."""
        return next(self.of(name), None) is not None

    def of(self, name: str, aliases: Iterable[str] = ()) -> Iterator[Watch]:
        """Who wants a resource by its name or another; some may come twice."""
        yield from self._wildcards
        if XdstpName.is_one(name):
            name = normal_name(name)
        yield from self._by_name.get(name, ())
        for alias in aliases:
            yield from self._by_name.get(alias, ())
        if self._globs:
            yield from self._by_name.get(_collection(name), ())
        if self._namespaces:
            yield from self._by_name.get(name[: name.rfind("/") + 1], ())

    def _join(self, watch: Watch, name: str) -> bool:
        others = self._by_name.get(name, ())
        self._by_name[name] = (*others, watch)
        self._globs += not others and _is_glob(name)
        return not others

    def _leave(self, watch: Watch, name: str) -> bool:
        others = tuple(each for each in self._by_name[name] if each is not watch)
        if others:
            self._by_name[name] = others
            return False
        del self._by_name[name]
        self._globs -= _is_glob(name)
        return True


def _is_glob(name: str) -> bool:
    return name.partition("?")[0].endswith(_GLOB)


def _collection(name: str) -> str:
    """The glob collection that a name is in: the last part of its path is `*`."""
    path, question, context = name.partition("?")
    return f"{path.rpartition('/')[0]}{_GLOB}{question}{context}"
