"""YAML text as plain values, with the meaning that Envoy's YAML reader gives to scalars.

Envoy reads YAML with yaml-cpp and then treats it as JSON (source/common/protobuf/yaml_utility.cc):

- a quoted or block scalar is a string; an explicit tag other than `!` makes it be read as plain;
- a plain scalar is null, a boolean (y, yes, on, true and so on, in three spellings of case), an
  integer (C notation: 010 is octal, 0x10 hexadecimal; outside 32 bits it becomes a string), or a
  string. There are no floats: `1.5` is the string "1.5", which the JSON mapping takes as a number;
- only the first document counts; a key with the tag `!ignore` is dropped; `<<` is an ordinary key.
"""

from __future__ import annotations

import re
from typing import Protocol, cast

from yaml import YAMLError
from yaml.events import (
    AliasEvent,
    DocumentEndEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    StreamEndEvent,
)

from lateen.config.syntax import MAX_DEPTH, ConfigSyntaxError, Mark, Tree

# Compared by identity: this runs once an event.
_ALIAS: type[object] = AliasEvent
_MAPPING_END: type[object] = MappingEndEvent
_MAPPING_START: type[object] = MappingStartEvent
_SCALAR: type[object] = ScalarEvent
_SEQUENCE_END: type[object] = SequenceEndEvent
_ENDS: tuple[type[object], ...] = (DocumentEndEvent, StreamEndEvent)

_INTEGER = re.compile(r"[+-]?(?:0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)")
_INT32 = range(-(2**31), 2**31)
_INT64 = range(-(2**63), 2**63)
_NUMBER_STARTS = frozenset("0123456789+-")


def _special_words() -> dict[str, bool | None]:
    words: dict[str, bool | None] = dict.fromkeys(("", "~", "null", "Null", "NULL"))
    for text, value in (("y", True), ("yes", True), ("true", True), ("on", True)):
        words |= dict.fromkeys((text, text.upper(), text.capitalize()), value)
    for text, value in (("n", False), ("no", False), ("false", False), ("off", False)):
        words |= dict.fromkeys((text, text.upper(), text.capitalize()), value)
    return words


_SPECIAL = _special_words()


def plain_scalar(text: str) -> bool | int | str | None:
    """The value of an unquoted scalar."""
    if text in _SPECIAL:
        return _SPECIAL[text]
    if text[0] in _NUMBER_STARTS and _INTEGER.fullmatch(text):
        number = _c_integer(text)
        if number in _INT32:
            return number
        if number in _INT64:
            return str(number)
    return text


def _c_integer(text: str) -> int:
    digits = text.lstrip("+-")
    base = 16 if digits[:2].lower() == "0x" else 8 if digits[0] == "0" else 10
    value = int(digits, base)
    return -value if text[0] == "-" else value


class NodeEvent(Protocol):
    """What the start of a value has, whichever kind it is; a collection has no `value`."""

    anchor: str | None
    tag: str | None
    implicit: tuple[bool, bool]
    value: str
    start_mark: Mark


class EventSource(Protocol):
    """A parser that gives one event after the other; the kinds are those of yaml.events."""

    def get_event(self) -> NodeEvent:
        """The next event; None, against the type, after the last."""


def events_of(text: str) -> EventSource:
    """libyaml's events of `text`, starting with the first document's first value."""
    from yaml._yaml import CParser

    source = cast(EventSource, CParser(text.removeprefix("\ufeff")))
    source.get_event()
    source.get_event()
    return source


def parse_yaml(text: str) -> Tree:
    """The first document of `text`.

    Raises:
        ConfigSyntaxError: it is no YAML, an alias has no anchor, or it is nested too deeply.
    """
    try:
        return _Builder(events_of(text)).build()
    except YAMLError as error:
        raise ConfigSyntaxError.from_yaml(error) from None


class _Builder:
    """Turns libyaml's events into plain values."""

    def __init__(self, source: EventSource) -> None:
        self._next_event = source.get_event
        self._anchors: dict[str, Tree] = {}
        self._keys: dict[str, str] = {}

    def build(self) -> Tree:
        event = self._next_event()
        if event is None or event.__class__ in _ENDS:
            return None
        return self._node(event, 0)

    def _node(self, event: NodeEvent, depth: int) -> Tree:
        kind = event.__class__
        value: Tree
        if kind is _SCALAR:
            value = _scalar(event)
        elif kind is _ALIAS:
            return self._alias(event)
        elif depth >= MAX_DEPTH:
            raise ConfigSyntaxError.at(event.start_mark, f"nested more than {MAX_DEPTH} deep")
        elif kind is _MAPPING_START:
            value = self._mapping(depth + 1)
        else:
            value = self._sequence(depth + 1)
        if event.anchor is not None:
            self._anchors[event.anchor] = value
        return value

    def _sequence(self, depth: int) -> list[Tree]:
        items: list[Tree] = []
        next_event = self._next_event
        while (event := next_event()).__class__ is not _SEQUENCE_END:
            items.append(self._node(event, depth))
        return items

    def _mapping(self, depth: int) -> dict[str, Tree]:
        items: dict[str, Tree] = {}
        next_event = self._next_event
        while (event := next_event()).__class__ is not _MAPPING_END:
            key = self._key(event)
            value_event = next_event()
            value: Tree
            if value_event.__class__ is _SCALAR and value_event.anchor is None:
                value = _scalar(value_event)
            else:
                value = self._node(value_event, depth)
            if event.tag != "!ignore":
                items[key] = value
        return items

    def _key(self, event: NodeEvent) -> str:
        if event.__class__ is _ALIAS:
            value = self._alias(event)
            if isinstance(value, str):
                return value
        elif event.__class__ is _SCALAR:
            text = event.value
            if event.anchor is not None:
                self._anchors[event.anchor] = text
            return self._keys.setdefault(text, text)
        raise ConfigSyntaxError.at(event.start_mark, "a key must be a scalar")

    def _alias(self, event: NodeEvent) -> Tree:
        if event.anchor is None or event.anchor not in self._anchors:
            raise ConfigSyntaxError.at(event.start_mark, f"no anchor is called {event.anchor!r}")
        return self._anchors[event.anchor]


def _scalar(event: NodeEvent) -> bool | int | str | None:
    text = event.value
    if event.implicit[0]:
        return plain_scalar(text)
    if event.implicit[1] or event.tag == "!" or _SPECIAL.get(text, True) is None:
        return text
    return plain_scalar(text)
