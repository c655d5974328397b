"""Parses flags as Envoy's command line does, without a library that costs memory.

Values follow as the next argument or after `=`. Names are never abbreviated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

Value = TypeVar("Value")
FlagValue = object


class UsageError(Exception):
    """The arguments cannot be understood; the message is one line."""


class ValueProblem(Exception):
    """A value does not fit its flag; the message is the reason."""


@dataclass(frozen=True)
class Flag(Generic[Value]):
    """One flag.

    Attributes:
        names: `-c`, `--config-path`; the last gives the field of the options.
        help: one line.
        parse: reads the value, raises ValueProblem; None: a switch, which takes no value.
        placeholder: stands for the value in the help.
        repeatable: the values are collected in a tuple.
    """

    names: tuple[str, ...]
    help: str
    parse: Callable[[str], Value] | None = None
    placeholder: str = "STRING"
    repeatable: bool = False

    @property
    def field(self) -> str:
        """The name of the option in the parsed values."""
        return self.names[-1].lstrip("-").replace("-", "_")


def parse_flags(flags: Sequence[Flag[FlagValue]], arguments: Sequence[str]) -> dict[str, FlagValue]:
    """The values by field; a flag that is not given has no entry.

    Raises:
        UsageError: an unknown flag, a value that is missing or does not fit, a flag given twice.
    """
    by_name = {name: flag for flag in flags for name in flag.names}
    values: dict[str, FlagValue] = {}
    rest = iter(arguments)
    for argument in rest:
        if argument in ("--", "--ignore_rest"):
            break
        name, equals, attached = argument.partition("=")
        flag = by_name.get(name)
        if flag is None:
            raise UsageError(_unknown(name, by_name))
        if flag.parse is None:
            if equals:
                raise UsageError(f"{name} takes no value")
            values[flag.field] = True
            continue
        value = _parse(flag, name, attached if equals else _next(rest, name))
        if flag.repeatable:
            earlier = values.get(flag.field, ())
            assert isinstance(earlier, tuple)
            values[flag.field] = (*earlier, value)
        elif flag.field in values:
            raise UsageError(f"{name} is given twice")
        else:
            values[flag.field] = value
    return values


def _next(rest: Iterator[str], name: str) -> str:
    value = next(rest, None)
    if value is None:
        raise UsageError(f"{name} needs a value")
    return value


def _parse(flag: Flag[FlagValue], name: str, text: str) -> FlagValue:
    assert flag.parse is not None
    try:
        return flag.parse(text)
    except ValueProblem as problem:
        raise UsageError(f"{name}: {problem}") from None


def _unknown(name: str, known: dict[str, Flag[FlagValue]]) -> str:
    if not name.startswith("-"):
        return f"unexpected argument '{name}'"
    import difflib

    near = difflib.get_close_matches(name, known, n=1)
    return f"unknown flag '{name}'" + (f"; did you mean {near[0]}?" if near else "")


def text(value: str) -> str:
    """Any value."""
    return value


def number(value: str) -> int:
    """A whole number from 0 to 2^32-1.

    Raises:
        ValueProblem: it is none.
    """
    if not (value.isascii() and value.isdigit()) or int(value) >= 2**32:
        raise ValueProblem(f"'{value}' is not a number from 0 to 4294967295")
    return int(value)


def one_of(*choices: str) -> Callable[[str], str]:
    """One of some words."""

    def parse(value: str) -> str:
        if value not in choices:
            raise ValueProblem(f"'{value}' is not one of {', '.join(choices)}")
        return value

    return parse


def help_lines(flags: Sequence[Flag[FlagValue]]) -> Iterator[str]:
    """The flags with their help."""
    heads = [
        ", ".join(flag.names) + ("" if flag.parse is None else f" {flag.placeholder}")
        for flag in flags
    ]
    width = max(len(head) for head in heads if len(head) <= 40)
    for flag, head in zip(flags, heads, strict=True):
        more = " (may be repeated)" if flag.repeatable else ""
        if len(head) > width:
            yield f"  {head}"
            yield f"  {'':{width}}  {flag.help}{more}"
        else:
            yield f"  {head:{width}}  {flag.help}{more}"
