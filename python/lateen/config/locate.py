"""Finds the line and column of a field, by reading its source again: only diagnostics need it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TypeAlias

from yaml import YAMLError
from yaml.events import (
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from lateen.config.json_tree import json_positions
from lateen.config.paths import Step
from lateen.config.syntax import ConfigSyntaxError, Mark
from lateen.config.yaml_tree import NodeEvent, events_of

Position = tuple[int, int]
Steps = tuple[Step, ...]

# The wanted steps as a tree: for each step, what is wanted below it.
_Wanted: TypeAlias = "dict[Step, _Wanted]"

_STARTS = (MappingStartEvent, SequenceStartEvent)
_ENDS = (MappingEndEvent, SequenceEndEvent)


def positions_in_yaml(text: str, wanted: Iterable[Steps]) -> dict[Steps, Position]:
    """Where the wanted fields are, 1-based: their key, or for a list's item its value.

    A field that is not written has no entry, but what is around it has.
    """
    found: dict[Steps, Position] = {}
    try:
        _Search(text, found).run(_tree_of(wanted))
    except (YAMLError, ConfigSyntaxError):
        return found
    return found


def positions_in_json(text: str, wanted: Iterable[Steps]) -> dict[Steps, Position]:
    """Where the wanted fields and what is around them are, 1-based."""
    try:
        everything = json_positions(text)
    except ConfigSyntaxError:
        return {}
    by_name = {tuple(snake(s) for s in steps): at for steps, at in everything.items()}
    return {
        steps[:end]: by_name[steps[:end]]
        for steps in wanted
        for end in range(len(steps) + 1)
        if steps[:end] in by_name
    }


def snake(step: Step) -> Step:
    """A field's proto name, whichever of its names was written."""
    if isinstance(step, str) and not step.islower():
        return re.sub(r"(?<=[a-z0-9])[A-Z]", lambda match: f"_{match[0].lower()}", step)
    return step


def _tree_of(wanted: Iterable[Steps]) -> _Wanted:
    tree: _Wanted = {}
    for steps in wanted:
        below = tree
        for step in steps:
            below = below.setdefault(step, {})
    return tree


class _Search:
    def __init__(self, text: str, found: dict[Steps, Position]) -> None:
        self._next_event = events_of(text).get_event
        self._found = found

    def run(self, wanted: _Wanted) -> None:
        event = self._next_event()
        if event is not None:
            self._value(event, wanted, ())

    def _note(self, here: Steps, mark: Mark) -> None:
        self._found.setdefault(here, (mark.line + 1, mark.column + 1))

    def _value(self, event: NodeEvent, wanted: _Wanted, here: Steps) -> None:
        self._note(here, event.start_mark)
        if isinstance(event, SequenceStartEvent):
            index = 0
            while not isinstance(item := self._next_event(), SequenceEndEvent):
                self._child(item, wanted.get(index), (*here, index))
                index += 1
            return
        while 0 in wanted:
            # A single value stands for a list of one.
            wanted, here = wanted[0], (*here, 0)
            self._note(here, event.start_mark)
        if isinstance(event, MappingStartEvent):
            self._mapping(wanted, here)

    def _mapping(self, wanted: _Wanted, here: Steps) -> None:
        while not isinstance(key := self._next_event(), MappingEndEvent):
            value = self._next_event()
            name: Step = key.value if isinstance(key, ScalarEvent) else ""
            if name not in wanted:
                name = snake(name)
            if name in wanted:
                self._note((*here, name), key.start_mark)
                self._child(value, wanted[name], (*here, name))
            elif name == "value":
                # What a TypedStruct or a well-known type in an Any holds is one level further in.
                self._child(value, wanted, here)
            else:
                self._child(value, None, here)

    def _child(self, event: NodeEvent, wanted: _Wanted | None, here: Steps) -> None:
        if wanted is not None:
            self._value(event, wanted, here)
        elif isinstance(event, _STARTS):
            self._skip()

    def _skip(self) -> None:
        depth = 1
        while depth:
            event = self._next_event()
            if isinstance(event, _STARTS):
                depth += 1
            elif isinstance(event, _ENDS):
                depth -= 1
