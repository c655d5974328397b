"""JSON text as plain values, with their positions when asked for.

protobuf's reader, as Envoy uses it, also takes single quotes, unquoted keys and a comma before a
closing bracket. The standard library's fast reader is tried first.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable

from lateen.config.syntax import MAX_DEPTH, ConfigSyntaxError, Tree

Position = tuple[int, int]
Path = tuple[str | int, ...]

_SPACE = re.compile(r"[ \t\r\n]*")
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?")
_WORD = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*")
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_STRING = {quote: re.compile(rf"[^{quote}\\]*") for quote in "\"'"}
_ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_LITERALS: dict[str, bool | None] = {"true": True, "false": False, "null": None}


def parse_json(text: str) -> Tree:
    """The value of `text`.

    Raises:
        ConfigSyntaxError: it is no JSON in the sense above.
    """
    try:
        tree: Tree = json.loads(text, parse_constant=_refuse_constant, strict=False)
    except (ValueError, RecursionError):
        return _Reader(text, None).read()
    if _SURROGATE.search(text) or not _is_shallow(tree, MAX_DEPTH):
        return _Reader(text, None).read()
    return tree


def json_positions(text: str) -> dict[Path, Position]:
    """Line and column, 1-based, of every key or item of a text that parse_json accepts."""
    found: dict[Path, Position] = {}
    _Reader(text, found.__setitem__).read()
    return found


def _is_shallow(tree: Tree, depth: int) -> bool:
    if not isinstance(tree, dict | list):
        return True
    items = tree.values() if isinstance(tree, dict) else tree
    return depth > 0 and all(_is_shallow(item, depth - 1) for item in items)


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


class _Reader:
    """A reader of one text; `note` is told each value's path and position."""

    def __init__(self, text: str, note: Callable[[Path, Position], None] | None) -> None:
        self._text = text
        self._at = 0
        self._note = note

    def read(self) -> Tree:
        value = self._value((), 0)
        self._skip_space()
        if self._at < len(self._text):
            raise self._error("text follows the end of the value")
        return value

    def _value(self, path: Path, depth: int, key_at: int | None = None) -> Tree:
        self._skip_space()
        if self._note:
            self._note(path, self._position(self._at if key_at is None else key_at))
        if depth > MAX_DEPTH:
            raise self._error(f"nested more than {MAX_DEPTH} deep")
        char = self._text[self._at : self._at + 1]
        if char == "{":
            return self._object(path, depth)
        if char == "[":
            return self._array(path, depth)
        if char and char in "\"'":
            return self._string(char)
        if match := _NUMBER.match(self._text, self._at):
            self._at = match.end()
            return float(match[0]) if match[1] or match[2] else int(match[0])
        word = _WORD.match(self._text, self._at)
        if word and word[0] in _LITERALS:
            self._at = word.end()
            return _LITERALS[word[0]]
        raise self._error("a value is missing" if not char else f"unexpected {char!r}")

    def _object(self, path: Path, depth: int) -> dict[str, Tree]:
        items: dict[str, Tree] = {}
        self._at += 1
        while not self._closes("}"):
            key_at = self._at
            key = self._key()
            self._skip_space()
            if self._text[self._at : self._at + 1] != ":":
                raise self._error("':' is missing after a key")
            self._at += 1
            items[key] = self._value((*path, key), depth + 1, key_at)
            self._separator("}")
        return items

    def _array(self, path: Path, depth: int) -> list[Tree]:
        items: list[Tree] = []
        self._at += 1
        while not self._closes("]"):
            items.append(self._value((*path, len(items)), depth + 1))
            self._separator("]")
        return items

    def _closes(self, bracket: str) -> bool:
        self._skip_space()
        if self._text[self._at : self._at + 1] == bracket:
            self._at += 1
            return True
        return False

    def _separator(self, bracket: str) -> None:
        self._skip_space()
        char = self._text[self._at : self._at + 1]
        if char == ",":
            self._at += 1
        elif char != bracket:
            raise self._error(f"',' or {bracket!r} is missing")

    def _key(self) -> str:
        char = self._text[self._at : self._at + 1]
        if char and char in "\"'":
            return self._string(char)
        if word := _WORD.match(self._text, self._at):
            self._at = word.end()
            return word[0]
        raise self._error("a key is missing")

    def _string(self, quote: str) -> str:
        parts = []
        self._at += 1
        while True:
            run = _STRING[quote].match(self._text, self._at)
            parts.append(run[0] if run else "")
            self._at = run.end() if run else self._at
            char = self._text[self._at : self._at + 1]
            if char == quote:
                self._at += 1
                return "".join(parts)
            if not char:
                raise self._error("the string has no end")
            parts.append(self._escape())

    def _escape(self) -> str:
        char = self._text[self._at + 1 : self._at + 2]
        if char != "u":
            self._at += 2
            return _ESCAPES.get(char, char)
        code = self._code_unit()
        if 0xD800 <= code < 0xDC00 and self._text.startswith("\\u", self._at):
            low = self._code_unit()
            if 0xDC00 <= low < 0xE000:
                return chr(0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00))
        if 0xD800 <= code < 0xE000:
            raise self._error("half of a surrogate pair")
        return chr(code)

    def _code_unit(self) -> int:
        digits = self._text[self._at + 2 : self._at + 6]
        if not re.fullmatch(r"[0-9a-fA-F]{4}", digits):
            raise self._error("\\u needs four hexadecimal digits")
        self._at += 6
        return int(digits, 16)

    def _skip_space(self) -> None:
        space = _SPACE.match(self._text, self._at)
        self._at = space.end() if space else self._at

    def _position(self, offset: int) -> Position:
        line_start = self._text.rfind("\n", 0, offset) + 1
        return self._text.count("\n", 0, offset) + 1, offset - line_start + 1

    def _error(self, message: str) -> ConfigSyntaxError:
        return ConfigSyntaxError(message, *self._position(self._at))
