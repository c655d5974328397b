"""The texts of a configuration: a file and, merged over it, what --config-yaml gives."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from lateen.config import locate
from lateen.config.json_tree import parse_json
from lateen.config.locate import Position, Steps
from lateen.config.syntax import Tree
from lateen.config.yaml_tree import parse_yaml

Format = Literal["yaml", "json", "pb", "pb_text"]

_FORMATS: dict[str, Format] = {
    ".yaml": "yaml",
    ".yml": "yaml",
    ".pb": "pb",
    ".pb_text": "pb_text",
}


def format_of(path: str) -> Format:
    """The format that Envoy reads a file in, by its extension: JSON unless it is known."""
    return _FORMATS.get(os.path.splitext(path)[1], "json")


@dataclass
class Source:
    """One text.

    Attributes:
        name: what diagnostics call it, such as the file's path.
        list_lengths: when another source was merged before this one, how many items each list of
            that one has: the items of this one follow them.
    """

    name: str
    text: str
    format: Format
    list_lengths: dict[Steps, int] = field(default_factory=dict)

    def parse(self) -> Tree:
        """The text as plain values.

        Raises:
            ConfigSyntaxError: it is not well-formed.
        """
        return parse_yaml(self.text) if self.format == "yaml" else parse_json(self.text)

    def positions(self, wanted: Iterable[Steps]) -> dict[Steps, Position]:
        """Line and column of the wanted places that this text writes, and of those around them."""
        if self.format == "yaml":
            return locate.positions_in_yaml(self.text, wanted)
        return locate.positions_in_json(self.text, wanted) if self.format == "json" else {}

    def own_steps(self, steps: Steps) -> Steps | None:
        """A place of the merged configuration as a place of this text; None when not in it."""
        own: list[str | int] = []
        for end, step in enumerate(steps):
            if isinstance(step, int):
                step -= self.list_lengths.get(steps[:end], 0)
                if step < 0:
                    return None
            own.append(step)
        return tuple(own)


def find(sources: list[Source], wanted: list[Steps]) -> dict[Steps, tuple[str, Position]]:
    """For each wanted place the source that writes it, or most of it, and where."""
    best: dict[Steps, tuple[int, str, Position]] = {}
    for source in sources:
        own = {steps: source.own_steps(steps) for steps in wanted}
        found = source.positions({steps for steps in own.values() if steps is not None})
        for steps, inside in own.items():
            end = len(inside) if inside is not None else 0
            while inside is not None and end > 0 and inside[:end] not in found:
                end -= 1
            at = found.get(inside[:end]) if inside is not None else None
            if at is not None and end >= best.get(steps, (-1,))[0]:
                best[steps] = (end, source.name, at)
    return {steps: (name, at) for steps, (_, name, at) in best.items()}


def written(sources: list[Source], wanted: list[Steps]) -> set[Steps]:
    """The wanted places that a source writes, itself and not only what is around them."""
    found: set[Steps] = set()
    for source in sources:
        own = {steps: source.own_steps(steps) for steps in wanted}
        at = source.positions({steps for steps in own.values() if steps is not None})
        found |= {steps for steps, inside in own.items() if inside in at}
    return found
