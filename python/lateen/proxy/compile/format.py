"""Format strings: text with commands such as `%REQ(:path):20%`, split into pieces.

Source: Envoy docs, "Access logging", format strings; errors as Envoy 1.40 words them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from lateen.protos.worker_pb2 import (
    Command,
    Format,
    FormatPiece,
    JsonFormat,
    JsonList,
    JsonMember,
    JsonObject,
)
from lateen.proxy.compile import commands
from lateen.proxy.compile.commands import CommandRule
from lateen.proxy.compile.expressions import compile_text
from lateen.proxy.compile.values import JsonValue, to_json

if TYPE_CHECKING:
    from lateen.proxy.compile.context import CompileContext

# %NAME(argument):length%; an argument goes on to the first `)` that makes the rest fit.
_COMMAND = re.compile(r"%([A-Z0-9_]+)(?:\((.*?)\))?(?::([0-9]+))?%")
_LONGEST = 2**32 - 1

NO_COMMANDS: Mapping[str, CommandRule] = MappingProxyType({})


class FormatError(Exception):
    """A format string that Envoy refuses; the message is Envoy's."""


def split_format(text: str, extra: Mapping[str, CommandRule] = NO_COMMANDS) -> list[FormatPiece]:
    """The literals and commands of a format string, in order.

    Args:
        extra: commands that exist besides Envoy's own, from `formatters`.

    Raises:
        FormatError: a `%` begins no command, or a command is unknown or has a wrong argument.
    """
    rules = {**commands.command_rules(), **extra} if "%" in text else {}
    pieces: list[FormatPiece] = []
    literal: list[str] = []
    position = 0
    while position < len(text):
        percent = text.find("%", position)
        if percent < 0:
            literal.append(text[position:])
            break
        literal.append(text[position:percent])
        if text.startswith("%%", percent):
            literal.append("%")
            position = percent + 2
            continue
        _flush(literal, pieces)
        command, position = _command_at(text, percent, rules)
        pieces.append(FormatPiece(command=command))
    _flush(literal, pieces)
    return pieces


def _flush(literal: list[str], pieces: list[FormatPiece]) -> None:
    text = "".join(literal)
    literal.clear()
    if text:
        pieces.append(FormatPiece(literal=text))


def _command_at(text: str, position: int, rules: Mapping[str, CommandRule]) -> tuple[Command, int]:
    match = _COMMAND.match(text, position)
    if match is None:
        byte = len(text[:position].encode())
        raise FormatError(
            f"Incorrect configuration: {text}. Couldn't find valid command at position {byte}"
        )
    name, argument, length = match[1], match[2] or None, match[3]
    limit = min(int(length), _LONGEST) if length is not None else None
    if (reason := commands.check_command(rules, name, argument, limit)) is not None:
        raise FormatError(reason)
    return Command(name=name, argument=argument, max_length=limit), match.end()


def compile_format(
    ctx: CompileContext,
    text: str,
    at: str,
    *,
    omit_empty: bool = False,
    extra: Mapping[str, CommandRule] = NO_COMMANDS,
) -> Format:
    """A format string; what Envoy refuses and what is not implemented is reported."""
    if "%" not in text:
        pieces = [FormatPiece(literal=text)] if text else []
        return Format(pieces=pieces, omit_empty=omit_empty)
    try:
        pieces = split_format(text, extra)
    except FormatError as error:
        ctx.error(at, str(error))
        return Format()
    for piece in pieces:
        name = piece.command.name
        if name in commands.NOT_IMPLEMENTED:
            ctx.error(at, f"the command {name} is not implemented", "remove it")
        elif name in commands.EXPRESSIONS:
            config = extra[name].functions if name in extra else None
            text = piece.command.argument
            expression = compile_text(ctx, text, at, config, with_node=True)
            piece.command.expression.CopyFrom(expression)
    return Format(pieces=pieces, omit_empty=omit_empty)


def compile_json_format(
    ctx: CompileContext,
    value: JsonValue,
    at: str,
    *,
    omit_empty: bool = False,
    extra: Mapping[str, CommandRule] = NO_COMMANDS,
) -> JsonFormat:
    """A JSON format: strings are format strings, everything else stands for itself.

    Members come out in the order of their names, as Envoy 1.40 prints them.
    """
    if isinstance(value, str):
        return JsonFormat(format=compile_format(ctx, value, at, omit_empty=omit_empty, extra=extra))
    if isinstance(value, dict):
        members = [
            JsonMember(
                name=name,
                value=compile_json_format(
                    ctx, value[name], f"{at}.{name}", omit_empty=omit_empty, extra=extra
                ),
            )
            for name in sorted(value)
        ]
        return JsonFormat(object=JsonObject(members=members))
    if isinstance(value, list):
        items = [
            compile_json_format(ctx, item, f"{at}[{index}]", omit_empty=omit_empty, extra=extra)
            for index, item in enumerate(value)
        ]
        return JsonFormat(list=JsonList(items=items))
    return JsonFormat(raw=to_json(value))
