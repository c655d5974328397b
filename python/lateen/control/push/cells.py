"""Parts of translations with what each looked up: a part is made once while that is the same.

While a part is made, every lookup in the mesh and of the proxy is noted with its result. The part
holds, for any proxy and any later mesh, as long as the same lookups have the same results. So a
cluster is shared by the namespaces whose callers see the same rule, and a changed rule makes anew
what it decides about, with no list of what depends on what.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Hashable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar, cast

from lateen.control.push.lookups import Lookup, Trace
from lateen.control.translate.reuse import Inputs

Part = TypeVar("Part")


@dataclass
class Cell:
    """A part that was made.

    Attributes:
        part: what was made.
        lookups: that it made, by what they belong to.
        used: in which round it was last asked for.
    """

    part: object
    lookups: Mapping[Hashable, list[Lookup]]
    used: int

    def holds(self, inputs: Inputs, unchanged: Collection[Hashable] = ()) -> bool:
        """Whether it would be made the same now.

        Args:
            unchanged: what needs not be looked up again (see `Lookup.about`).
        """
        return all(
            about in unchanged or all(lookup.holds(inputs) for lookup in lookups)
            for about, lookups in self.lookups.items()
        )


@dataclass
class Cells:
    """The parts that are known.

    Attributes:
        round: grows whenever all that is in use is asked for once.
    """

    round: int = 0
    _cells: defaultdict[Hashable, list[Cell]] = field(default_factory=lambda: defaultdict(list))

    def find(self, key: Hashable, inputs: Inputs, make: Callable[[Inputs], object]) -> Cell:
        """The part of this name that was made of the same, or a new one."""
        for cell in self._cells[key]:
            if cell.holds(inputs):
                return cell
        trace = Trace()
        part = make(trace.noted(inputs))
        lookups: defaultdict[Hashable, list[Lookup]] = defaultdict(list)
        for lookup in trace.lookups:
            lookups[lookup.about].append(lookup)
        cell = Cell(part, dict(lookups), self.round)
        self._cells[key].append(cell)
        return cell

    def all(self) -> Mapping[Hashable, list[Cell]]:
        """Every part, by name."""
        return self._cells

    def drop_unused(self) -> None:
        """Forget what nobody asked for in this round, and begin the next."""
        for key, cells in list(self._cells.items()):
            used = [cell for cell in cells if cell.used == self.round]
            if used:
                cells[:] = used
            else:
                del self._cells[key]
        self.round += 1


@dataclass
class ScopeCells:
    """The parts that proxies of one scope use; a `translate.reuse.Reuse`.

    Attributes:
        cells: all parts.
        before: what the scope used in the mesh before.
        unchanged: what is known to be the same as then.
    """

    cells: Cells
    before: Mapping[Hashable, Cell] = field(default_factory=dict)
    unchanged: Collection[Hashable] = ()
    used: dict[Hashable, Cell] = field(default_factory=dict)
    _about: set[Hashable] = field(default_factory=set)

    def __call__(self, key: Hashable, inputs: Inputs, make: Callable[[Inputs], Part], /) -> Part:
        """The part of this name."""
        cell = self.used.get(key) or self.before.get(key)
        if cell is None or not cell.holds(inputs, self.unchanged):
            cell = self.cells.find(key, inputs, make)
        cell.used = self.cells.round
        self.used[key] = cell
        self._about.update(cell.lookups)
        return cast(Part, cell.part)

    def hold(self, unchanged: Collection[Hashable]) -> bool:
        """Whether all of them are known to be the same, with nothing looked up; then they stay."""
        if not self.used or not self._about.issubset(unchanged):
            return False
        for cell in self.used.values():
            cell.used = self.cells.round
        return True

    def after(self, unchanged: Collection[Hashable]) -> ScopeCells:
        """Those of the next mesh, in which some of what is looked up is the same."""
        return ScopeCells(self.cells, self.used, unchanged)
